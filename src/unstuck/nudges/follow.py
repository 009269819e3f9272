"""What became of nudges: when their ticket moved, and whether the customer wrote whom a snooze waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.orm import Session

from unstuck.clock import iso
from unstuck.nudges.desk import Desk
from unstuck.nudges.ladder import base
from unstuck.nudges.plan import look_again
from unstuck.nudges.sweep import NUDGE
from unstuck.stalls.histories import History, histories
from unstuck.stalls.turn import whose_turn
from unstuck.stalls.words import weigh
from unstuck.tickets.changes import ChangeKind
from unstuck.tickets.history import TICKET, chunks

#: A ticket that has not moved in so long is followed no further.
FOLLOWED_FOR = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class _Told:
    id: int
    ticket: int
    #: `Ticket.revision` as it was looked at now.
    revision: int
    occasion: str
    sent_at: datetime
    outcome: str | None
    outcome_at: datetime | None
    until_reply: bool


def follow(session: Session, desk: Desk, now: datetime) -> int:
    """Look at the nudges whose ticket has changed since they were looked at last; how many those are.

    Any number of processes may do so: what they find is the same.
    """
    told = _changed(session.connection(), now)
    by_ticket: dict[int, list[_Told]] = {}
    for one in told:
        by_ticket.setdefault(one.ticket, []).append(one)
    for some in chunks(by_ticket):
        for history in histories(session.connection(), some):
            for one in by_ticket[history.ticket.id]:
                _note(session, one, history, desk, now)
    return len(told)


def _changed(connection: Connection, now: datetime) -> list[_Told]:
    """Nudges that are out (or held back) about tickets that changed."""
    wanted = (
        select(NUDGE, TICKET.c.revision)
        .join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
        .where(NUDGE.c.state.in_(("sent", "held")), NUDGE.c.moved_at.is_(None))
        .where(NUDGE.c.due_at > now - FOLLOWED_FOR, TICKET.c.revision > func.coalesce(NUDGE.c.followed, 0))
    )
    rows: Sequence[Any] = connection.execute(wanted).all()
    return [
        _Told(
            row.id, row.ticket_id, row.revision, row.occasion, row.sent_at, row.outcome, row.outcome_at,
            row.outcome == "snoozed" and bool(row.payload.get("until_reply")) and row.snoozed_until > now,
        )
        for row in rows
    ]  # fmt: skip


def _note(session: Session, one: _Told, history: History, desk: Desk, now: datetime) -> None:
    news: dict[str, Any] = {"followed": one.revision}
    news["moved_at"] = first_move(history, one.occasion, one.sent_at, desk, now)
    waits = news["moved_at"] is None and one.until_reply
    if waits and one.outcome_at and _customer_wrote(history, one.outcome_at, now):
        news["snoozed_until"] = now
        look_again(session.connection(), one.ticket, now)
    session.execute(update(NUDGE).where(NUDGE.c.id == one.id).values(**news))


def first_move(history: History, occasion: str, after: datetime, desk: Desk, now: datetime) -> datetime | None:
    """When the ticket first moved after an instant: as the sweep sees it, so that thanks and field noise do not count."""
    bots = desk.policy(history.ticket.source_id).bots
    for at in history.instants(after, now):
        timeline = history.at(at)
        turn = whose_turn(timeline, bots) if timeline else None
        if turn is None or iso(turn.still_since) != base(occasion):
            return at
    return None


def _customer_wrote(history: History, after: datetime, now: datetime) -> bool:
    """Whether the customer has said something since that counts: more than thanks or an automatic reply."""
    return any(
        change.kind is ChangeKind.MESSAGE and change.message is not None and change.message.public
        and change.message.author_kind == "customer" and weigh(change.message.body).counts
        for change in history.changes
        if after < change.at <= now
    )  # fmt: skip
