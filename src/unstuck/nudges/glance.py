"""A glance at tickets: which cannot ask for a nudge yet, told by their rows alone, without their histories.

A ticket cannot stall before it has been there for as long as its threshold and has stood still for the quiet
time, and nobody is nudged outside decent hours. All of that is reckoned from below: whoever is passed over
here is looked at again at the instant named, never too late. Of those that remain only the longest overdue of
each recipient will get through the caps; how long each can be overdue is told here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, exists, select

from unstuck.nudges.desk import Desk
from unstuck.nudges.recipients import Holder
from unstuck.stalls.find import soonest
from unstuck.stalls.turn import PartyKind
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import MESSAGE, TICKET, chunks, stages_of
from unstuck.tickets.stages import Stages, stage_of

#: Rows read from the store at a time.
MANY = 20_000
_CUSTOMERS = MESSAGE.c.ticket_id == TICKET.c.id, MESSAGE.c.author_kind == "customer", MESSAGE.c.public
#: Waits for a customer who has never written a word.
_UNHEARD = and_(TICKET.c.stage_class == StageClass.WAIT_CUSTOMER.value, ~exists().where(*_CUSTOMERS))
_COLUMNS = (
    TICKET.c.id, TICKET.c.created_at, TICKET.c.still_since, TICKET.c.updated_at, TICKET.c.assignee, _UNHEARD,
    TICKET.c.source_id, TICKET.c.status, TICKET.c.team, TICKET.c["values"]["priority"].as_string(),
)  # fmt: skip
_OPEN = tuple(stage.value for stage in StageClass if stage.is_open)
#: Source, status, team and priority: tickets that share them share thresholds and calendar.
Kind = tuple[int, str | None, str | None, str | None]
#: Source and recipient, and the beginning of the day on which they hear.
Whose = tuple[int, str, datetime]
#: Tickets that may well be late, of which only one recipient can hear first, on that day or the next named. Each with
#: how long it is overdue at most, as a multiple of its threshold. Plain tuples: there may be a million of them.
Rivals = dict[tuple[Whose, datetime], list[tuple[float, int]]]
#: A ticket and when to look at it again; None: not before it changes.
Look = tuple[int, datetime | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of all tickets of one kind."""

    calendar: BusinessCalendar
    #: Business seconds: no ticket of the kind is late before, or left alone for less than the other.
    late: int
    quiet: int
    #: They wait for customers, and no rule is about that: nobody hears before the customer has answered.
    needs_answer: bool


@dataclass(frozen=True, slots=True)
class First:
    """Who hears first of a ticket, and when they may; None for who when that depends, or is nobody."""

    who: str | None
    #: Now, or later.
    decent_at: datetime
    #: When their day began, and the first decent hour of the next one.
    day: datetime
    next_day: datetime


#: A ticket of which only the calendar can tell more: created and standing still since, in seconds since 1970.
Unsure = tuple[int, int, int, str | None, Kind, Bounds]


def open_rows(connection: Connection) -> Iterator[Sequence[Any]]:
    """All open tickets, many rows at a time."""
    wanted = select(*_COLUMNS).where(TICKET.c.stage_class.in_(_OPEN)).execution_options(yield_per=MANY)
    yield from connection.execute(wanted).partitions(MANY)


def rows_of(connection: Connection, tickets: Iterable[int]) -> Iterator[Sequence[Any]]:
    """Some tickets."""
    for some in chunks(tickets):
        yield connection.execute(select(*_COLUMNS).where(TICKET.c.id.in_(some))).all()


@dataclass(slots=True)
class Glance:
    """Sorts tickets out at one instant."""

    connection: Connection
    desk: Desk
    now: datetime
    #: To look at closely; to look at later; and, by recipient, those of which only the longest overdue will be heard.
    closely: list[int] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    rivals: Rivals = field(default_factory=dict)
    _kinds: dict[Kind, Bounds | None] = field(default_factory=dict)
    _stages: dict[int, Stages] = field(default_factory=dict)
    _firsts: dict[tuple[int, str | None, str | None], First] = field(default_factory=dict)

    def sort_out(self, rows: Sequence[Any], told: set[int]) -> None:
        """Add tickets to those to look at closely, to those to look at later, or to the rivals.

        `told` are those that somebody has been told about: their ladder goes on by rules of its own.
        """
        unsure: dict[BusinessCalendar, list[Unsure]] = {}
        for ticket, created_at, still_since, updated_at, assignee, unheard, *rest in rows:
            kind: Kind = tuple(rest)
            # A ticket without a team may have had one, whose calendar counts.
            if ticket in told or updated_at > self.now or kind[2] is None:
                self.closely.append(ticket)
            elif (bounds := self._bounds(kind)) is None or (unheard and bounds.needs_answer):
                self.looks.append((ticket, None))
            else:
                one = ticket, int(created_at.timestamp()), int(still_since.timestamp()), assignee, kind, bounds
                unsure.setdefault(bounds.calendar, []).append(one)
        for calendar, some in unsure.items():
            self._by_time(calendar, some)

    def _by_time(self, calendar: BusinessCalendar, some: Sequence[Unsure]) -> None:
        _, since, since_still, _, _, kinds = zip(*some, strict=True)
        created, still = (np.array(seconds, dtype=np.int64) for seconds in (since, since_still))
        late = np.array([bounds.late for bounds in kinds], dtype=np.int64)
        quiet = np.array([bounds.quiet for bounds in kinds], dtype=np.int64)
        earliest = np.maximum(calendar.after_of(created, late + 1), calendar.after_of(still, quiet + 1))
        waited = calendar.business_seconds(self.now) - calendar.business_seconds_of(created.astype(np.float64))
        found = zip(some, earliest.tolist(), (waited / np.maximum(late, 1)).tolist(), strict=True)
        for (ticket, _, _, assignee, kind, _), at, at_most in found:
            first = self._first(kind[0], kind[2], assignee)
            stalls_at = max(datetime.fromtimestamp(at, UTC), first.decent_at)
            if stalls_at > self.now:
                self.looks.append((ticket, stalls_at))
            elif first.who is None:
                self.closely.append(ticket)
            else:
                queue = (kind[0], first.who, first.day), first.next_day
                self.rivals.setdefault(queue, []).append((at_most, ticket))

    def _first(self, source: int, team: str | None, assignee: str | None) -> First:
        """Who hears first of such a ticket, by whichever rule."""
        key = source, team, assignee
        if key not in self._firsts:
            ways = {tuple(step.to for step in rule.steps) for rule in self.desk.rules.rules if rule.enabled}
            place = self.desk.situation(source, Holder(team, assignee))
            whom = {next((who for rung in way if (who := place.who(rung))), None) for way in ways}
            who = whom.pop() if len(whom) == 1 else None
            if who is None:
                self._firsts[key] = First(None, self.now, self.now, self.now)
            else:
                day, next_day = place.day(self.now, who)[0], place.next_day(self.now, who)
                self._firsts[key] = First(who, place.decent(self.now, who), day, next_day)
        return self._firsts[key]

    def _bounds(self, kind: Kind) -> Bounds | None:
        """None when tickets of this kind cannot be late, because there is nothing to compare them with."""
        if kind not in self._kinds:
            self._kinds[kind] = self._reckon(*kind)
        return self._kinds[kind]

    def _reckon(self, source: int, status: str | None, team: str | None, priority: str | None) -> Bounds | None:
        if source not in self._stages:
            self._stages[source] = stages_of(self.connection, source)
        policy = self.desk.policy(source)
        stage, stage_class = stage_of(status, self._stages[source])
        soon = soonest(stage or stage_class.value, stage_class, priority, team, policy)
        if soon is None:
            return None
        needs_answer = stage_class is StageClass.WAIT_CUSTOMER and not self.desk.rules.rule_for(PartyKind.CUSTOMER)
        return Bounds(policy.calendar_of(team), soon.late, soon.quiet, needs_answer)
