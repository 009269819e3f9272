"""Stages that more tickets enter this week than they used to by the same weekday and hour: a count test.

The counts of earlier weeks, each up to the same moment of its week, give what to expect. How far a desk's
counts scatter more than chance alone is reckoned with; small numbers are no surge, however rare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import exp, lgamma, log
from statistics import mean, pvariance
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Weeks to compare with, and how few of them are too few to say anything.
WEEKS, FEWEST_WEEKS = 8, 4
#: A surge is at least so many tickets, and so many times the usual.
AT_LEAST, TIMES = 5, 2.0
#: The chance of a false alarm a morning, over all stages together.
ALARMS = 0.01

_ENTRIES = """
WITH marked AS (
    SELECT stage, class, start_at, stage IS DISTINCT FROM lag(stage) OVER (PARTITION BY ticket ORDER BY seq) AS fresh
    FROM stays
)
SELECT stage, start_at FROM marked
WHERE fresh AND class NOT IN ('SOLVED', 'CLOSED', 'DROPPED') AND stage IS NOT NULL
    AND start_at > ?::TIMESTAMP AND start_at <= ?::TIMESTAMP AND stage NOT IN (SELECT stage FROM timers)
"""


@dataclass(frozen=True, slots=True)
class Surge:
    """Many tickets in one stage within days."""

    stage: str
    #: Entered since then, UTC.
    since: datetime
    entered: int
    #: How many do by then, on average.
    usual: float
    #: How likely so many are where nothing is out of the ordinary.
    chance: float


def find(con: DuckDBPyConnection, now: datetime, timezone: str) -> list[Surge]:
    """Surges up to `now`, the least likely first. Weeks begin on Monday in `timezone` (IANA)."""
    since, weeks = spans(now, timezone)
    began = con.execute("SELECT min(start_at) FROM stays").fetchone()
    if began is None or began[0] is None:
        return []
    known = [(start, end) for start, end in weeks if start >= began[0].replace(tzinfo=UTC)]
    if len(known) < FEWEST_WEEKS:
        return []
    bounds = [at.astimezone(UTC).replace(tzinfo=None) for at in (known[-1][0], now)]
    entries: dict[str, list[datetime]] = {}
    for stage, at in con.execute(_ENTRIES, bounds).fetchall():
        entries.setdefault(stage, []).append(at.replace(tzinfo=UTC))
    counted = {stage: [_count(at, *week) for week in [(since, now), *known]] for stage, at in entries.items()}
    return sorted(judge(counted, since), key=lambda one: (one.chance, one.stage))


def spans(now: datetime, timezone: str) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    """Since when this week counts, and the same spans of the weeks before, the latest first.

    On a Monday the week that ends now counts: nothing has happened in the new one yet.
    """
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday() or 7)
    start = datetime.combine(monday, time(), zone)
    # In local time, so that clock changes move no weekday.
    before = [(start - timedelta(weeks=n), local - timedelta(weeks=n)) for n in range(1, WEEKS + 1)]
    return start.astimezone(UTC), [(first.astimezone(UTC), last.astimezone(UTC)) for first, last in before]


def _count(at: Sequence[datetime], start: datetime, end: datetime) -> int:
    return sum(start < one <= end for one in at)


def judge(counted: Mapping[str, Sequence[int]], since: datetime) -> Iterator[Surge]:
    """Surges among stages, each with this week's count and then the earlier weeks'. Pure."""
    for stage, (entered, *before) in counted.items():
        usual = mean(before)
        if entered < AT_LEAST or entered < TIMES * usual:
            continue
        chance = at_least(entered, before)
        # As many stages are asked about as there are: the more, the likelier one of them is odd by chance.
        if chance < ALARMS / len(counted):
            yield Surge(stage, since, entered, usual, chance)


def at_least(entered: int, before: Sequence[int]) -> float:
    """The chance that a week like those before brings at least so many.

    The rate behind the counts is not known either (Gamma with Jeffreys' prior), so the next count is negative
    binomial; counts that scatter more than Poisson's are shrunk by how much more.
    """
    usual = mean(before)
    scatter = max(1.0, pvariance(before, usual) * len(before) / (len(before) - 1) / usual) if usual else 1.0
    n, shape, weeks = int(entered / scatter), sum(before) / scatter + 0.5, len(before)
    below = sum(
        exp(lgamma(shape + k) - lgamma(shape) - lgamma(k + 1) + shape * log(weeks / (weeks + 1)) - k * log(weeks + 1))
        for k in range(n)
    )
    return max(0.0, 1.0 - below)
