"""Stages that tickets leave by clockwork, found in the shape of their durations.

"Closed automatically after 5 days" is no work and no wait for anybody, yet it fills most of the time in
many logs. Nobody tells us, so we look for its mark: a *cliff*. Visits last less than the clock's setting
only when somebody moved the ticket before; nearly all that get that far leave right there.

A stage is a timer when there is a duration `d` (an hour or more) such that, of its finished visits,

* at least a quarter last between `d` and `d + slack`: they are the ones the clock let go,
* there are at most a tenth as many in the stretch of equal length just before `d`: that is the cliff,
* of those that last `d` or longer the clock let go three in five; or one in three, half of them within a
  sixth of the slack, which is what a month with a broken clock looks like.

`slack` is a quarter of `d`, at most a day: clean-up jobs run hourly or nightly, and those that rest on
weekends let two due days in five slip. People make no cliffs: of a lognormal or exponential spread of
durations not a tenth falls into any such stretch, and durations that always agree within a tenth are
clockwork, whoever the clock is. Records kept in whole hours or days do pile up on round numbers, so the
coarsest unit that nearly all durations are multiples of is the resolution of the stage, and only `d` of
at least four times it counts.

A clock that stood still for a while (a job that failed for a week) smears all of that. So where the whole
history shows no timer but is long, its quarters are looked at, the newest first; what one of them shows is
believed if the cliff still stands in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

_HOUR, _DAY = 3_600, 86_400
#: Fewer finished visits say nothing about a shape.
_MIN_VISITS = 30
_MIN_VISITS_TO_QUARTER = 400
_MIN_SHARE = 0.25
_MAX_BEFORE = 0.10
_MIN_LEAVING = 0.60
#: … or fewer, if they leave sharply: this share of those leaving, within this part of the slack.
_MIN_LEAVING_SHARPLY = 1 / 3
_SHARP_SHARE, _SHARP_PART = 0.5, 1 / 6
_SLACK = 0.25
#: The setting is read off here among those leaving, past the few who would have left anyhow.
_EDGE = 0.025
_RESOLUTIONS = (_DAY, _HOUR, 1_800, 900, 300, 60, 1)
#: A few odd records do not make a log finer than it is.
_MOSTLY = 0.95
_LEAST_STEPS = 4


@dataclass(frozen=True, slots=True)
class Timer:
    """What the clock of a stage is set to."""

    stage: str
    seconds: int
    #: Of the stage's finished visits, the share that the clock ended.
    share: float


def find(con: duckdb.DuckDBPyConnection, as_of: datetime | None = None) -> list[Timer]:
    """The timers among all stages, judged by visits that had ended by `as_of` (default: all)."""
    import numpy as np

    visits = con.execute(finished_visits(), {"as_of": utc_plain(as_of)}).fetchnumpy()
    stages, places = np.unique(np.asarray(visits["stage"], dtype=str), return_inverse=True)
    found = ((str(stage), setting(visits["seconds"][places == place])) for place, stage in enumerate(stages))
    return [Timer(stage, *shape) for stage, shape in found if shape is not None]


def finished_visits() -> str:
    """The query for visits that ended by `$as_of` (NULL: ever) in another way than by being dropped."""
    return """SELECT stage, (epoch_us(max(end_at)) - epoch_us(min(start_at))) / 1e6 AS seconds
        FROM stays WHERE stage IS NOT NULL AND class <> 'DROPPED' GROUP BY ticket, stage, visit
        HAVING bool_and(coalesce(end_at <= coalesce($as_of::TIMESTAMP, 'infinity'), FALSE))
        AND arg_max(next_class, seq) <> 'DROPPED' ORDER BY max(end_at)"""


def utc_plain(at: datetime | None) -> datetime | None:
    """As the relations keep moments: UTC, without the zone."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


def setting(seconds: NDArray[np.float64]) -> tuple[int, float] | None:
    """Seconds that the clock of a stage is set to and the share of visits it ended, if it has a clock.

    `seconds` are the durations of finished visits in the order in which they ended.
    """
    import numpy as np

    found = _cliff(np.sort(seconds))
    if found is not None or len(seconds) < _MIN_VISITS_TO_QUARTER:
        return found
    for quarter in reversed(np.array_split(seconds, 4)):
        found = _cliff(np.sort(quarter))
        if found is not None and _stands(seconds, found[0]):
            return found[0], float(np.mean((seconds >= found[0]) & (seconds < found[0] + _slack(found[0]))))
    return None


def _stands(seconds: NDArray[np.float64], at: float) -> bool:
    slack = _slack(at)
    before, after = (((seconds >= edge) & (seconds < edge + slack)).sum() for edge in (at - slack, at))
    return bool(before <= _MAX_BEFORE * after)


def _slack(seconds: float) -> float:
    return min(seconds * _SLACK, _DAY)


def _cliff(lasted: NDArray[np.float64]) -> tuple[int, float] | None:
    """Where sorted durations have a cliff, and the share of them that ended at it."""
    import numpy as np

    if len(lasted) < _MIN_VISITS:
        return None
    starts = np.unique(lasted)
    starts = starts[starts >= max(_HOUR, _LEAST_STEPS * _resolution(lasted))]
    slack = np.minimum(starts * _SLACK, _DAY)
    shorter = np.searchsorted(lasted, starts)
    leaving = np.searchsorted(lasted, starts + slack) - shorter
    before = shorter - np.searchsorted(lasted, starts - slack)
    at_once = np.searchsorted(lasted, starts + slack * _SHARP_PART) - shorter
    still_there = len(lasted) - shorter
    sharp = (leaving >= _MIN_LEAVING_SHARPLY * still_there) & (at_once >= _SHARP_SHARE * leaving)
    lets_go = sharp | (leaving >= _MIN_LEAVING * still_there)
    cliffs = lets_go & (leaving >= _MIN_SHARE * len(lasted)) & (before <= _MAX_BEFORE * leaving)
    if not cliffs.any():
        return None
    best = int(np.argmax(np.where(cliffs, leaving, -1)))
    let_go = lasted[shorter[best] : shorter[best] + leaving[best]]
    return _rounded(float(np.quantile(let_go, _EDGE))), float(leaving[best] / len(lasted))


def _resolution(lasted: NDArray[np.float64]) -> int:
    """The coarsest unit that nearly all durations are multiples of."""
    import numpy as np

    return next((unit for unit in _RESOLUTIONS if np.mean(lasted % unit == 0) >= _MOSTLY), 1)


def _rounded(seconds: float) -> int:
    """To the full day, hour or minute that is the same within a hundredth: nobody sets 5 days and 7 s."""
    for unit in (_DAY, _HOUR, 60):
        rounded = round(seconds / unit) * unit
        if abs(rounded - seconds) <= 0.01 * seconds:
            return rounded
    return round(seconds)


def store(con: duckdb.DuckDBPyConnection, timers: list[Timer]) -> None:
    """Fill the relation `timers`."""
    con.execute("DELETE FROM timers")
    for timer in timers:
        con.execute("INSERT INTO timers VALUES ($1, $2, $3)", [timer.stage, timer.seconds, timer.share])
