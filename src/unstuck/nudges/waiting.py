"""The tickets that wait for one person: those they have been told about and that have not moved since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from unstuck.clock import parse_instant
from unstuck.nudges.desk import Desk
from unstuck.nudges.recipients import PERSON
from unstuck.nudges.sweep import NUDGE
from unstuck.tickets.history import TICKET


@dataclass(frozen=True, slots=True)
class WaitingTicket:
    """One ticket that waits for the reader."""

    nudge_id: int
    ticket: str
    title: str | None
    url: str | None
    stage: str
    #: Business seconds, by now.
    waited: int
    #: `mine` when they have said so, `snoozed`, or None.
    outcome: str | None


def waiting_for(
    connection: Connection, desk: Desk, now: datetime, *, slack_id: str, email: str | None
) -> list[WaitingTicket]:
    """What waits for the person with that Slack id or e-mail, longest first; each ticket once."""
    me = or_(PERSON.c.slack_id == slack_id, func.lower(PERSON.c.email) == (email or "").lower())
    mine = connection.execute(select(PERSON.c.source_id, PERSON.c.ext_id).where(me)).all()
    told = {(source, f"{kind}:{ext_id}") for source, ext_id in mine for kind in ("person", "lead")}
    rows = connection.execute(
        select(
            NUDGE.c.id, NUDGE.c.recipient, NUDGE.c.payload, NUDGE.c.outcome,
            TICKET.c.id, TICKET.c.source_id, TICKET.c.ext_id, TICKET.c.title, TICKET.c.url,
        )
        .join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
        .where(NUDGE.c.state == "sent", NUDGE.c.recipient.in_({recipient for _, recipient in told}))
        .where(or_(NUDGE.c.outcome.is_(None), NUDGE.c.outcome.in_(("mine", "snoozed"))))
        .order_by(NUDGE.c.id)
    )  # fmt: skip
    found: dict[int, WaitingTicket] = {}
    for nudge, recipient, said, outcome, ticket, source, ext_id, title, url in rows:
        if (source, recipient) in told:
            calendar = desk.policy(source).calendar_of(said["team"])
            waited = calendar.between(parse_instant(said["since"]), now)
            found[ticket] = WaitingTicket(nudge, ext_id, title, url, said["stage"], waited, outcome)
    return sorted(found.values(), key=lambda one: -one.waited)
