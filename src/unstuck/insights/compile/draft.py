"""What every builder works on: the plan, "now", the parts of time, and the base relations cut to both.

Builders reach tickets only through `known`, so no metric can forget the asker's scope or see what
happened after "now".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from unstuck.insights.compile.parts import Part, business_days
from unstuck.insights.compile.query import Query
from unstuck.insights.metric import Metric
from unstuck.insights.plan import Aggregate, Plan, Scope

NOT_OPEN = "('SOLVED', 'CLOSED', 'DROPPED')"
DONE = "('SOLVED', 'CLOSED')"
#: The second part that may read stays.
LASTING = "known_lasting"


class BusinessClock(Protocol):
    """Business seconds elapsed at an instant; rises and never falls."""

    def business_seconds(self, at: datetime) -> int: ...


@dataclass(slots=True)
class Draft:
    """A plan on its way to SQL."""

    plan: Plan
    metric: Metric
    scope: Scope
    now: datetime
    parts: tuple[Part, ...]
    #: By team name; None is the desk's own.
    calendars: Mapping[str | None, BusinessClock]
    query: Query = field(default_factory=Query)

    @property
    def aggregate(self) -> Aggregate:
        return self.plan.aggregate or self.metric.aggregates[0]

    @property
    def instant(self) -> datetime:
        """The latest instant that is asked about."""
        return max(part.until(self.now) for part in self.parts)

    @property
    def business(self) -> bool:
        return self.plan.clock == "business"

    def uses(self, *dimensions: str) -> tuple[str, ...]:
        """Which of `dimensions` the plan splits or filters by."""
        used = {*self.plan.by, self.plan.compare_by, *(condition.field for condition in self.plan.filters)}
        return tuple(name for name in dimensions if name in used)

    def at(self, instant: datetime) -> str:
        return self.query.bind(instant, "TIMESTAMP")

    def known(self, relation: str) -> str:
        """The part of a base relation that the asker may see and that is known by now."""
        return self._cut(f"known_{relation}", _BASES[relation](self))

    def lasting(self, since: datetime) -> str:
        """Of the known stays those that had not ended by `since`: few, on a desk with a long history."""
        # Said of the bare column, so that whole blocks of old stays are passed over; "now" is never before `since`.
        return self._cut(LASTING, f"{_stays(self)} AND (b.end_at > {self.at(since)} OR b.end_at IS NULL)")

    def _cut(self, name: str, select: str) -> str:
        if name not in self.query:
            visible = self._visible()
            only = f"b.ticket IN (SELECT ticket FROM {visible})" if visible else "TRUE"
            self.query.add_view(name, f"{select} AND {only}")
        return name

    def _visible(self) -> str | None:
        """Tickets that are, or were last known to be, with the asker's teams."""
        if self.scope.teams is None:
            return None
        teams = self.query.bind(list(self.scope.teams), "VARCHAR[]")
        return self.query.add(
            "visible",
            f"""SELECT b.ticket FROM stays b WHERE b.start_at <= {self.at(self.now)} AND b.team IS NOT NULL
            GROUP BY b.ticket HAVING list_contains({teams}, arg_max(b.team, b.seq))""",
        )

    def bounds(self) -> tuple[str, str]:
        """From the first part's start to the last one's end: what lies outside matters to no part."""
        starts, ends = [part.start for part in self.parts], [part.end for part in self.parts]
        return self.at(min(starts)), self.at(max(ends))

    def touched(self, condition: str = "TRUE", name: str = "touched") -> str:
        """Tickets with a stay `t` that begins in any part and meets `condition`."""
        start, end = self.bounds()
        return self.query.add_kept(
            name,
            f"""SELECT DISTINCT t.ticket FROM {self.known("stays")} t
            WHERE t.start_at >= {start} AND t.start_at < {end} AND {condition}""",
        )

    def moments(self) -> str:
        """The parts as a table: number, bounds, what is known of them, business days."""
        untils = [part.until(self.now) for part in self.parts]
        zone = ZoneInfo(self.plan.timezone)
        days = [
            business_days(part.start, until, zone) if self.metric.id == "throughput" else 0.0
            for part, until in zip(self.parts, untils, strict=True)
        ]
        bind = self.query.bind
        return self.query.add(
            "parts",
            f"""SELECT unnest({bind(list(range(len(self.parts))), "INTEGER[]")}) AS part,
            unnest({bind([part.start for part in self.parts], "TIMESTAMP[]")}) AS start_at,
            unnest({bind([part.end for part in self.parts], "TIMESTAMP[]")}) AS end_at,
            unnest({bind(untils, "TIMESTAMP[]")}) AS until_at,
            unnest({bind(days, "DOUBLE[]")}) AS days""",
        )

    def business_at(self, instants: list[datetime], name: str) -> str:
        """A table of business seconds at `instants`: number of the instant, number of the calendar, seconds."""
        rows = [
            (number, calendar, clock.business_seconds(at))
            for calendar, clock in enumerate(self.clocks().values())
            for number, at in enumerate(instants)
        ]
        columns = list(zip(*rows, strict=True))
        unnested = ", ".join(
            f"unnest({self.query.bind(list(column), 'BIGINT[]')}) AS {label}"
            for column, label in zip(columns, ("number", "calendar", "seconds"), strict=True)
        )
        return self.query.add(name, f"SELECT {unnested}")

    def clocks(self) -> dict[str | None, BusinessClock]:
        """Calendars in a fixed order, the desk's own first."""
        rest = sorted((name, clock) for name, clock in self.calendars.items() if name is not None)
        return {None: self.calendars[None], **dict(rest)}


def _stays(draft: Draft) -> str:
    now = draft.at(draft.now)
    gone = f"b.end_at <= {now}"
    following = ", ".join(
        f"CASE WHEN {gone} THEN b.next_{name} END AS next_{name}" for name in ("class", "stage", "team")
    )
    return f"""SELECT b.ticket, b.seq, b.status, b.stage, b.class, b.team, b.assignee, b.start_at, b.visit,
    b.prev_stage, b.prev_class, b.prev_team, b.from_team, b.from_assignee, b.born, {following},
    CASE WHEN {gone} THEN b.end_at END AS end_at, CASE WHEN {gone} THEN b.end_at ELSE {now} END AS until_at,
    coalesce(b.class NOT IN {NOT_OPEN}, TRUE) AS is_open, {_seconds(draft, gone, now)}
    FROM stays b {_clock_joins(draft)} WHERE b.start_at <= {now}"""


def _seconds(draft: Draft, gone: str, now: str) -> str:
    """Length of a stay so far, and with the business clock where on it the stay began and stands."""
    if not draft.business:
        return f"(epoch_us(CASE WHEN {gone} THEN b.end_at ELSE {now} END) - epoch_us(b.start_at)) / 1e6 AS seconds"
    until = f"CASE WHEN {gone} THEN b.business_end ELSE t.seconds END"
    return f"""c.calendar, b.business_start AS tick_start, {until} AS tick_until,
    ({until} - b.business_start)::DOUBLE AS seconds"""


def _clock_joins(draft: Draft) -> str:
    if not draft.business:
        return ""
    names = list(draft.clocks())
    known = draft.query.add(
        "calendars",
        f"""SELECT unnest({draft.query.bind(names, "VARCHAR[]")}) AS team,
        unnest({draft.query.bind(list(range(len(names))), "BIGINT[]")}) AS calendar""",
    )
    ticks = draft.business_at([draft.now], "ticks_now")
    return f"""JOIN {known} c ON coalesce(c.team = b.team, FALSE)
    OR (c.team IS NULL AND (b.team IS NULL OR b.team NOT IN (SELECT k.team FROM {known} k WHERE k.team IS NOT NULL)))
    JOIN {ticks} t ON t.calendar = c.calendar"""


def _fields(draft: Draft) -> str:
    now = draft.at(draft.now)
    return f"SELECT b.* FROM fields b WHERE b.start_at <= {now} AND coalesce(b.end_at > {now}, TRUE)"


def _tickets(draft: Draft) -> str:
    return f"""SELECT b.ticket, b.source, b.ext_id, b.created_at FROM tickets b
    WHERE b.created_at <= {draft.at(draft.now)}"""


def _happened(relation: str, columns: str) -> str:
    # "at" is a reserved word of DuckDB: from here on an instant is called happened_at.
    return f'SELECT b.ticket, b."at" AS happened_at, {columns} FROM {relation} b WHERE b."at" <= '


_BASES: dict[str, Callable[[Draft], str]] = {
    "stays": _stays,
    "fields": _fields,
    "tickets": _tickets,
    "changes": lambda draft: _happened("changes", "b.kind, b.actor_kind, b.activity") + draft.at(draft.now),
    "messages": lambda draft: _happened("messages", "b.author_kind, b.public, b.business_at") + draft.at(draft.now),
    "feedback": lambda draft: _happened("feedback", "b.score") + draft.at(draft.now),
}
