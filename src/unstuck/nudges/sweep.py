"""The minute sweep's eyes: which tickets to look at, and what to do about each. Reads, never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Table, select, update
from sqlmodel import SQLModel

from unstuck.clock import iso
from unstuck.nudges.desk import Desk
from unstuck.nudges.ladder import Next, Told, base, next_nudge
from unstuck.stalls.find import Stall, judge, next_look
from unstuck.stalls.histories import Known, histories
from unstuck.stalls.turn import whose_turn
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import TICKET, chunks
from unstuck.tickets.timeline import Timeline

NUDGE: Table = SQLModel.metadata.tables["nudge"]
WATCH: Table = SQLModel.metadata.tables["watch"]
#: The row of `watch` that says up to which revision tickets have been looked at.
CURSOR = 0
#: How soon to look again while a nudge about the ticket is on its way.
IN_FLIGHT = timedelta(minutes=5)
_OPEN = tuple(stage.value for stage in StageClass if stage.is_open)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A nudge that a stall asks for now."""

    ticket: Known
    stall: Stall
    next: Next

    @property
    def overdue(self) -> float:
        """How many times its threshold the ticket has waited."""
        return self.stall.waited / max(self.stall.threshold, 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at one ticket says."""

    stall: Stall | None = None
    next: Next | None = None
    #: When to look again if nothing happens before; None: only a change is worth it.
    look_at: datetime | None = None
    #: The stretch of standing still that the ticket is in, by its occasion; None when it is nobody's turn.
    still: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a sweep found; `plan.plan_nudges` acts on it."""

    now: datetime
    #: Revision up to which tickets were read.
    cursor: int
    wanted: Sequence[Wanted] = ()
    #: Ids of nudges whose ticket has moved since.
    moved: Sequence[int] = ()
    #: (ticket, when to look again) of open tickets, and the tickets that are open no longer.
    looks: Sequence[tuple[int, datetime | None]] = ()
    closed: Sequence[int] = ()


class Past(Protocol):
    """A ticket's history: `stalls.histories.History`, or one that remembers what it folded."""

    @property
    def ticket(self) -> Known: ...

    def at(self, now: datetime) -> Timeline | None: ...


def examine(history: Past, told: Sequence[Told], desk: Desk, now: datetime) -> Verdict:
    """Whether a ticket stalls at `now`, and who hears next. Pure."""
    timeline, source = history.at(now), history.ticket.source_id
    policy = desk.policy(source)
    turn = whose_turn(timeline, policy.bots) if timeline else None
    if timeline is None or turn is None:
        return Verdict()
    still = iso(turn.still_since)
    stall = judge(turn, timeline, policy, now)
    if stall is None:
        return Verdict(look_at=next_look(turn, timeline, policy), still=still)
    upcoming = next_nudge(stall, told, desk.situation(source, stall), now)
    if upcoming is None:
        return Verdict(stall, still=still)
    return Verdict(stall, upcoming, upcoming.at, still)


def look(connection: Connection, desk: Desk, now: datetime) -> Findings:
    """Look at every ticket that changed since the last sweep or whose time has come."""
    cursor = connection.execute(select(WATCH.c.revision).where(WATCH.c.ticket_id == CURSOR)).scalar() or 0
    open_, closed, newest = _changed(connection, cursor)
    open_ |= set(connection.execute(select(WATCH.c.ticket_id).where(WATCH.c.look_at <= now)).scalars()) - closed
    wanted: list[Wanted] = []
    moved = list(_live(connection, closed))
    looks: list[tuple[int, datetime | None]] = []
    for some in chunks(sorted(open_)):
        told = told_of(connection, some)
        for history in histories(connection, some):
            mine = told.get(history.ticket.id, {})
            verdict = examine(history, list(mine.values()), desk, now)
            moved += [nudge for nudge, one in mine.items() if _is_over(one, verdict.still)]
            due = verdict.next is not None and verdict.next.at <= now
            if due and verdict.stall and verdict.next:
                wanted.append(Wanted(history.ticket, verdict.stall, verdict.next))
            waits = due or any(one.state in ("due", "sending") for one in mine.values())
            looks.append((history.ticket.id, now + IN_FLIGHT if waits else verdict.look_at))
    return Findings(now, newest, wanted, moved, looks, sorted(closed))


def _changed(connection: Connection, cursor: int) -> tuple[set[int], set[int], int]:
    """Tickets of a later revision, open and not, and the newest revision there is.

    The first time only open tickets matter: nobody was told about the others.
    """
    later = select(TICKET.c.id, TICKET.c.stage_class, TICKET.c.revision).where(TICKET.c.revision > cursor)
    rows = connection.execute(later if cursor else later.where(TICKET.c.stage_class.in_(_OPEN)))
    open_: set[int] = set()
    closed: set[int] = set()
    for ticket, stage_class, revision in rows:
        (open_ if stage_class in _OPEN else closed).add(ticket)
        cursor = max(cursor, revision)
    return open_, closed, cursor


def look_at_all(connection: Connection, now: datetime) -> None:
    """Have the next sweep look at every open ticket: what late means has changed."""
    connection.execute(update(WATCH).where(WATCH.c.ticket_id != CURSOR).values(look_at=now))


def told_of(connection: Connection, tickets: Sequence[int]) -> dict[int, dict[int, Told]]:
    """All nudges about tickets: by ticket, by `Nudge.id`."""
    columns = (
        "ticket_id", "id", "occasion", "step", "recipient", "state", "due_at", "sent_at", "outcome", "outcome_at",
        "snoozed_until",
    )  # fmt: skip
    told: dict[int, dict[int, Told]] = {}
    for some in chunks(tickets):
        rows = connection.execute(select(*(NUDGE.c[name] for name in columns)).where(NUDGE.c.ticket_id.in_(some)))
        for ticket, nudge, *rest in rows:
            told.setdefault(ticket, {})[nudge] = Told(*rest)
    return told


def _live(connection: Connection, closed: Iterable[int]) -> Iterator[int]:
    """Nudges about closed tickets that are still to be sent, or stand unanswered in Slack."""
    for mine in told_of(connection, sorted(closed)).values():
        yield from (nudge for nudge, one in mine.items() if _is_over(one, None))


def _is_over(one: Told, still: str | None) -> bool:
    """Whether the ticket has moved since a nudge that is still to be sent or stands unanswered."""
    live = one.state == "due" or (one.state == "sent" and one.outcome is None)
    return live and base(one.occasion) != still
