"""After how long a ticket counts as late in a stage: learned from the desk's own history, or set by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from unstuck.stalls.clocks import AN_HOUR, Span
from unstuck.stalls.survival import Reached, quantile
from unstuck.stalls.visits import Seen, Visits
from unstuck.tickets.calendars import BusinessCalendar

#: Longer than this share of comparable visits is late.
LATE = 0.9
#: Fewer finished visits than this are no comparison; a coarser group is asked.
ENOUGH = 30
#: How far back a visit is still comparable: desks change.
WINDOW = timedelta(days=180)

#: What visits have in common, finest first. A team's pace says little about a rarer priority, so the team
#: goes first when there are too few.
LEVELS: tuple[tuple[str, ...], ...] = (("stage", "priority", "team"), ("stage", "priority"), ("stage",))

Group = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a visit is late, and by what it was measured."""

    #: Business seconds.
    seconds: int
    #: Share of comparable visits that were over by then; None when the threshold was set by hand.
    share: float | None
    #: Comparable visits, finished and still open.
    finished: int
    still_open: int
    #: What they have in common (`stage+priority`), or `fixed`.
    compared_by: str


@dataclass(frozen=True, slots=True)
class Target:
    """A threshold set by hand; an empty field fits everything."""

    within: Span
    stage: str | None = None
    priority: str | None = None
    team: str | None = None

    def fits(self, stage: str, priority: str | None, team: str | None) -> bool:
        wanted = ((self.stage, stage), (self.priority, priority), (self.team, team))
        return all(mine is None or mine == theirs for mine, theirs in wanted)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as late, by group."""

    learned: Mapping[Group, Threshold] = field(default_factory=dict)
    #: The first that fits overrules what was learned.
    targets: Sequence[Target] = ()
    #: No visit is late before this, whatever was learned.
    floor: Span = AN_HOUR

    def find(self, stage: str, priority: str | None, team: str | None, calendar: BusinessCalendar) -> Threshold | None:
        """The threshold of a visit by its nearest comparables; None when there are none to compare with."""
        for target in self.targets:
            if target.fits(stage, priority, team):
                return Threshold(target.within.on(calendar), None, 0, 0, "fixed")
        finest = (stage, priority, team)
        found = next((found for level in LEVELS if (found := self.learned.get(finest[: len(level)]))), None)
        floor = self.floor.on(calendar)
        return found if found is None or found.seconds >= floor else replace(found, seconds=floor)


def learn(
    visits: Visits,
    now: datetime,
    *,
    window: timedelta = WINDOW,
    enough: int = ENOUGH,
) -> dict[Group, Threshold]:
    """Thresholds from what was known at `now`: visits of the window before it, open ones counted as such.

    Groups with fewer than `enough` finished visits, and those of which a share of `LATE` never ended, are
    left to a coarser group; at the coarsest the longest visit that ended has to do.
    """
    seen = visits.seen_at(now)
    recent = seen.start >= int((now - window).timestamp())
    labels = {"stage": visits.stage, "priority": visits.priority, "team": visits.team}
    codes = {"stage": seen.stage, "priority": seen.priority, "team": seen.team}
    learned: dict[Group, Threshold] = {}
    for level in LEVELS:
        for rows in _groups([codes[name] for name in level], recent):
            key = tuple(labels[name].words[codes[name][rows[0]]] for name in level)
            found = _threshold(seen, rows, level, enough)
            if found is not None:
                learned[key] = found
    return learned


def _groups(columns: Sequence[NDArray[np.int64]], chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each combination of codes."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return
    order = rows[np.lexsort([column[rows] for column in columns])]
    new = np.zeros(len(order), dtype=np.bool_)
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    yield from np.split(order, np.flatnonzero(new))


def _threshold(seen: Seen, rows: NDArray[np.int64], level: tuple[str, ...], enough: int) -> Threshold | None:
    ended = seen.ended[rows]
    finished = int(ended.sum())
    if finished < enough:
        return None
    reached: Reached | None = quantile(seen.lasted[rows], ended, LATE)
    if reached is None or (reached.share < LATE - 1e-9 and level != LEVELS[-1]):
        return None
    return Threshold(reached.value, reached.share, finished, len(rows) - finished, "+".join(level))
