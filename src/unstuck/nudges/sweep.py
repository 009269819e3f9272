"""The minute sweep's eyes: which tickets to look at, and what to do about each. Reads, never writes."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, update
from sqlmodel import SQLModel

from unstuck.clock import iso
from unstuck.nudges.desk import Desk
from unstuck.nudges.garbage import searched_rarely
from unstuck.nudges.glance import Glance, Look, Rivals, Whose, open_rows, rows_of
from unstuck.nudges.ladder import Next, Situation, Told, base, next_nudge
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
#: A recipient of one source.
Whom = tuple[int, str]
#: Rivals of one recipient that are looked at in one go.
AT_A_TIME = 8
_OPEN = tuple(stage.value for stage in StageClass if stage.is_open)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A nudge that a stall asks for now."""

    ticket: Known
    stall: Stall
    next: Next

    @property
    def whom(self) -> Whom:
        return self.ticket.source_id, self.next.recipient

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
    #: (ticket, when to look again) of the other open tickets, and the tickets that are open no longer.
    looks: Sequence[Look] = ()
    closed: Sequence[int] = ()
    #: How many of the looks are at stalls left for another day: their recipient has enough that are longer overdue.
    crowded_out: int = 0


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


@searched_rarely()
def look(connection: Connection, desk: Desk, now: datetime) -> Findings:
    """Look at every ticket that changed since the last sweep or whose time has come; at all when asked to."""
    cursor, everything = _mark(connection, now)
    open_, closed, newest = _changed(connection, cursor)
    if everything:
        told = _told_about(connection, None)
        batches = open_rows(connection)
    else:
        open_ |= set(connection.execute(select(WATCH.c.ticket_id).where(WATCH.c.look_at <= now)).scalars()) - closed
        told = _told_about(connection, sorted(open_))
        batches = rows_of(connection, sorted(open_))
    glance, close = Glance(connection, desk, now), _Close(connection, desk, now)
    for rows in batches:
        glance.sort_out(rows, told)
    close.look(sorted(glance.closely), told)
    close.look_at_rivals(glance.rivals)
    moved = [*_live(connection, closed), *close.moved]
    looks = [*glance.looks, *close.looks, *close.crowded_out]
    return Findings(now, newest, close.wanted.best(), moved, looks, sorted(closed), len(close.crowded_out))


@dataclass(slots=True)
class _Close:
    """Looks at tickets closely, their histories read."""

    connection: Connection
    desk: Desk
    now: datetime
    moved: list[int] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    #: Stalls that are left for another day.
    crowded_out: list[Look] = field(default_factory=list)
    wanted: Longest = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = Longest(self.desk.rules.most_at_once)

    def look(self, tickets: Sequence[int], told: Container[int]) -> None:
        for some in chunks(tickets):
            earlier = told_of(self.connection, [ticket for ticket in some if ticket in told])
            for history in histories(self.connection, some):
                self._look(history, earlier.get(history.ticket.id, {}))

    def look_at_rivals(self, queues: Rivals) -> None:
        """Of each recipient's tickets, the longest overdue: the others are left for another day unseen."""
        for rivals in queues.values():
            rivals.sort()
        while queues:
            some: list[int] = []
            for (whose, next_day), rivals in list(queues.items()):
                for _ in range(min(len(rivals), AT_A_TIME)):
                    at_most, ticket = rivals.pop()
                    if not self.wanted.has_room(whose, at_most):
                        self.crowded_out += [(one, next_day) for one in (ticket, *(one for _, one in rivals))]
                        rivals.clear()
                        break
                    some.append(ticket)
                if not rivals:
                    del queues[whose, next_day]
            self.look(sorted(some), ())

    def _look(self, history: Past, told: Mapping[int, Told]) -> None:
        verdict = examine(history, list(told.values()), self.desk, self.now)
        self.moved += [nudge for nudge, one in told.items() if _is_over(one, verdict.still)]
        if verdict.stall and verdict.next and verdict.next.at <= self.now:
            one = Wanted(history.ticket, verdict.stall, verdict.next)
            if (least := self.wanted.add(one, self._place(one).day(self.now, one.next.recipient)[0])) is not None:
                next_day = self._place(least).next_day(self.now, least.next.recipient)
                self.crowded_out.append((least.ticket.id, next_day))
            return
        under_way = any(one.state in ("due", "sending") for one in told.values())
        self.looks.append((history.ticket.id, self.now + IN_FLIGHT if under_way else verdict.look_at))

    def _place(self, one: Wanted) -> Situation:
        return self.desk.situation(one.ticket.source_id, one.stall)


@dataclass(slots=True)
class Longest:
    """The nudges wanted, of each recipient only as many as may go out in a day: the longest overdue."""

    most: int
    _by_whom: dict[Whose, list[tuple[float, int, Wanted]]] = field(default_factory=dict)

    def add(self, one: Wanted, day: datetime) -> Wanted | None:
        """Keep it for the day that begins then; one that is overdue for less has to give way, and is returned."""
        mine = self._by_whom.setdefault((*one.whom, day), [])
        heapq.heappush(mine, (one.overdue, -one.ticket.id, one))
        return heapq.heappop(mine)[2] if len(mine) > self.most else None

    def has_room(self, whose: Whose, overdue: float) -> bool:
        """Whether a ticket as overdue as that could still get in."""
        mine = self._by_whom.get(whose, [])
        return len(mine) < self.most or overdue >= mine[0][0]

    def best(self) -> list[Wanted]:
        return [one for mine in self._by_whom.values() for _, _, one in mine]


def _mark(connection: Connection, now: datetime) -> tuple[int, bool]:
    """Up to which revision tickets have been looked at, and whether all of them are to be."""
    found = connection.execute(select(WATCH.c.revision, WATCH.c.look_at).where(WATCH.c.ticket_id == CURSOR)).first()
    if found is None or not found.revision:
        return 0, True
    return found.revision, found.look_at is not None and found.look_at <= now


def _changed(connection: Connection, cursor: int) -> tuple[set[int], set[int], int]:
    """Tickets of a later revision, open and not, and the newest revision there is.

    The first time there is no need: all that are open are looked at, and nobody was told about the others.
    """
    if not cursor:
        return set(), set(), connection.execute(select(func.max(TICKET.c.revision))).scalar() or 0
    later = select(TICKET.c.id, TICKET.c.stage_class, TICKET.c.revision).where(TICKET.c.revision > cursor)
    open_: set[int] = set()
    closed: set[int] = set()
    for ticket, stage_class, revision in connection.execute(later):
        (open_ if stage_class in _OPEN else closed).add(ticket)
        cursor = max(cursor, revision)
    return open_, closed, cursor


def look_at_all(connection: Connection, now: datetime) -> None:
    """Have the next sweep look at every open ticket."""
    connection.execute(update(WATCH).where(WATCH.c.ticket_id == CURSOR).values(look_at=now))


def look_anew(connection: Connection, before: Desk | None, desk: Desk, now: datetime) -> None:
    """Have the next sweep look at whatever a change of rules, calendars or people may concern.

    `before` is the desk by which tickets were looked at until now; None: nobody knows.
    """
    if before is None or not desk.differs_in_people_alone(before):
        look_at_all(connection, now)
        return
    for source in desk.directories:
        people, teams = desk.directory(source).moved_since(before.directory(source))
        for column, ids in ((TICKET.c.assignee, people), (TICKET.c.team, teams)):
            for some in chunks(sorted(ids)):
                _look_at_those(connection, and_(TICKET.c.source_id == source, column.in_(some)), now)
        if teams:
            # The team that had it last may be one of them.
            _look_at_those(connection, and_(TICKET.c.source_id == source, TICKET.c.team.is_(None)), now)


def _look_at_those(connection: Connection, concerned: ColumnElement[bool], now: datetime) -> None:
    tickets = select(TICKET.c.id).where(concerned, TICKET.c.stage_class.in_(_OPEN))
    waits = or_(WATCH.c.look_at.is_(None), WATCH.c.look_at > now)
    connection.execute(update(WATCH).where(WATCH.c.ticket_id.in_(tickets), waits).values(look_at=now))


def _told_about(connection: Connection, tickets: Sequence[int] | None) -> set[int]:
    """Which of the tickets, or of all open ones, somebody has been or is about to be told about."""
    about = select(NUDGE.c.ticket_id).distinct()
    if tickets is None:
        open_ = about.join(TICKET, TICKET.c.id == NUDGE.c.ticket_id).where(TICKET.c.stage_class.in_(_OPEN))
        return set(connection.execute(open_).scalars())
    return {
        ticket
        for some in chunks(tickets)
        for ticket in connection.execute(about.where(NUDGE.c.ticket_id.in_(some))).scalars()
    }


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
