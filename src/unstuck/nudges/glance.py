"""A glance at tickets: which cannot ask for a nudge yet, told by their rows alone, without their histories.

A ticket cannot stall before it has been there for as long as its threshold and has stood still for the quiet
time, and nobody is nudged outside decent hours. All of that is reckoned from below: whoever is passed over
here is looked at again at the instant named, never too late. Reckoned for many tickets at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from unstuck.nudges.desk import Desk
from unstuck.nudges.hours import next_decent
from unstuck.stalls.find import soonest
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import TICKET, chunks, stages_of
from unstuck.tickets.stages import Stages, stage_of

#: Rows read from the store at a time.
MANY = 20_000
_COLUMNS = (
    TICKET.c.id, TICKET.c.created_at, TICKET.c.still_since, TICKET.c.updated_at,
    TICKET.c.source_id, TICKET.c.status, TICKET.c.team, TICKET.c["values"]["priority"].as_string(),
)  # fmt: skip
_OPEN = tuple(stage.value for stage in StageClass if stage.is_open)
#: Source, status, team and priority: tickets that share them share thresholds and calendar.
Kind = tuple[int, str | None, str | None, str | None]
#: A ticket and when to look at it again; None: not before it changes.
Look = tuple[int, datetime | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of all tickets of one kind."""

    calendar: BusinessCalendar
    #: Business seconds: no ticket of the kind is late before, or left alone for less than the other.
    late: int
    quiet: int
    #: Nobody hears of them before; now, or later.
    decent_at: datetime


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
    _kinds: dict[Kind, Bounds | None] = field(default_factory=dict)
    _stages: dict[int, Stages] = field(default_factory=dict)
    _decent: dict[BusinessCalendar | None, datetime] = field(default_factory=dict)

    def sort_out(self, rows: Sequence[Any], told: set[int]) -> tuple[list[int], list[Look]]:
        """Tickets to look at closely, and the others with when to look at them again.

        `told` are those that somebody has been told about: their ladder goes on by rules of its own.
        """
        closely: list[int] = []
        looks: list[Look] = []
        unsure: dict[BusinessCalendar, list[tuple[int, float, float, Bounds]]] = {}
        for ticket, created_at, still_since, updated_at, *kind in rows:
            # A ticket without a team may have had one, whose calendar counts.
            if ticket in told or updated_at > self.now or kind[2] is None:
                closely.append(ticket)
            elif (bounds := self._bounds(tuple(kind))) is None:
                looks.append((ticket, None))
            else:
                one = ticket, created_at.timestamp(), still_since.timestamp(), bounds
                unsure.setdefault(bounds.calendar, []).append(one)
        for calendar, some in unsure.items():
            self._by_time(calendar, some, closely, looks)
        return closely, looks

    def _by_time(
        self,
        calendar: BusinessCalendar,
        some: Sequence[tuple[int, float, float, Bounds]],
        closely: list[int],
        looks: list[Look],
    ) -> None:
        created, still = (np.array([one[place] for one in some]).astype(np.int64) for place in (1, 2))
        late = _after(calendar, created, [one[3].late for one in some])
        calm = _after(calendar, still, [one[3].quiet for one in some])
        for (ticket, _, _, bounds), at in zip(some, np.maximum(late, calm).tolist(), strict=True):
            earliest = max(datetime.fromtimestamp(at, UTC), bounds.decent_at)
            if earliest > self.now:
                looks.append((ticket, earliest))
            else:
                closely.append(ticket)

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
        own = self.desk.calendars.known(policy.team_name(team))
        if own not in self._decent:
            # Somebody with hours of their own may be disturbed sooner than others.
            early = bool(self.desk.rules.people)
            self._decent[own] = (
                self.now if early else next_decent(self.now, self.desk.rules.hours, own, self.desk.timezone)
            )
        return Bounds(policy.calendar_of(team), soon.late, soon.quiet, self._decent[own])


def _after(calendar: BusinessCalendar, at: NDArray[np.int64], seconds: Sequence[int]) -> NDArray[np.int64]:
    """The first instants at which more than so many business seconds have passed."""
    return calendar.after_of(at, np.array(seconds, dtype=np.int64) + 1)
