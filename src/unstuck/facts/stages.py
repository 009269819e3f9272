"""Time per stage and per step from stage to stage, as process mining has it: finished visits only.

A visit is a run of consecutive stays in one stage; it is finished once the ticket has moved on. Visits
that ended because the ticket was dropped (merged, deleted, spam) are neither finished nor waiting.
Durations are calendar seconds, quantiles nearest-rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from unstuck.facts import timers
from unstuck.facts.timers import utc_plain

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class StageRow:
    """What finished visits to a stage took."""

    stage: str | None
    stage_class: str
    #: Finished visits; the figures below are theirs, in seconds, `None` while there are none.
    n: int
    mean: float | None
    p50: float | None
    p90: float | None
    sum: float
    #: Tickets in the stage at the instant asked about.
    n_open: int
    #: Seconds after which a clock moves tickets on, for stages that are left by clockwork.
    timer: int | None


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """What tickets took in one stage before they moved to another, in seconds."""

    from_stage: str | None
    to_stage: str | None
    n: int
    mean: float
    p50: float
    p90: float
    sum: float


# Visits as they stood at $as_of. The class is that of the visit's last stay, DROPPED ones left out.
_VISITS = """
visits AS (
    SELECT ticket, stage, visit, min(start_at) AS start_at, arg_max(class, seq) AS class,
        CASE WHEN bool_and(end_at IS NOT NULL) THEN max(end_at) END AS end_at,
        arg_max(next_stage, seq) AS next_stage, coalesce(arg_max(next_class, seq), '') AS next_class
    FROM stays_at($as_of::TIMESTAMP) WHERE class <> 'DROPPED' GROUP BY ticket, stage, visit
), finished AS (
    SELECT *, (epoch_us(end_at) - epoch_us(start_at)) / 1e6 AS seconds
    FROM visits WHERE end_at IS NOT NULL AND next_class <> 'DROPPED'
)"""

#: Nearest rank: the value at place ceil(q * n). In integers, because 0.9 * 70 is not quite 63.
_FIGURES = """count(seconds) AS n, avg(seconds) AS mean,
    list(seconds ORDER BY seconds)[(count(seconds) + 1) // 2] AS p50,
    list(seconds ORDER BY seconds)[(9 * count(seconds) + 9) // 10] AS p90, coalesce(sum(seconds), 0) AS sum"""


def stage_table(con: duckdb.DuckDBPyConnection, as_of: datetime) -> list[StageRow]:
    """Every stage that tickets had been in by `as_of`, the one that held them longest first.

    Whether a stage is a timer is judged by what was known then, too.
    """
    rows = con.execute(
        f"""WITH {_VISITS}, figures AS (SELECT stage, {_FIGURES} FROM finished GROUP BY stage),
        stages AS (
            SELECT stage, arg_max(class, start_at) AS class, count(*) FILTER (end_at IS NULL) AS n_open
            FROM visits GROUP BY stage
        )
        SELECT s.stage, s.class, coalesce(f.n, 0), f.mean, f.p50, f.p90, coalesce(f.sum, 0), s.n_open
        FROM stages s LEFT JOIN figures f ON f.stage IS NOT DISTINCT FROM s.stage
        ORDER BY 7 DESC, 8 DESC, 1""",
        {"as_of": utc_plain(as_of)},
    ).fetchall()
    clocks: Mapping[str | None, int] = {timer.stage: timer.seconds for timer in timers.find(con, as_of)}
    return [StageRow(*(*row, clocks.get(row[0]))) for row in rows]


def edge_table(con: duckdb.DuckDBPyConnection, as_of: datetime) -> list[EdgeRow]:
    """Every step from one stage to the next that had happened by `as_of`, the most frequent first."""
    rows = con.execute(
        f"""WITH {_VISITS} SELECT stage, next_stage, {_FIGURES} FROM finished
        GROUP BY stage, next_stage ORDER BY n DESC, sum DESC, 1, 2""",
        {"as_of": utc_plain(as_of)},
    ).fetchall()
    return [EdgeRow(*row) for row in rows]
