"""The desk's past visits to stages, as columns: what thresholds are learned from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unstuck.stalls.clocks import Calendars

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Not ended, in seconds since 1970.
NEVER = np.iinfo(np.int64).max

# A visit ends when the ticket leaves the stage or goes to another team; an unknown team between two known
# ones is no hand-off, so the team known last still has it. Visits that are no work are left out.
_SQL = """
WITH held AS (
    SELECT *, last_value(team IGNORE NULLS) OVER (PARTITION BY ticket ORDER BY seq) AS holder FROM stays
), marked AS (
    SELECT *, stage IS DISTINCT FROM lag(stage) OVER w OR holder IS DISTINCT FROM lag(holder) OVER w OR seq = 0 AS fresh
    FROM held WINDOW w AS (PARTITION BY ticket ORDER BY seq)
), numbered AS (
    SELECT *, sum(fresh::INT) OVER (PARTITION BY ticket ORDER BY seq) AS part FROM marked
), visits AS (
    SELECT ticket, part, first(stage ORDER BY seq) AS stage, first(class ORDER BY seq) AS class,
        first(holder ORDER BY seq) AS team, min(start_at) AS start_at, last(end_at ORDER BY seq) AS end_at,
        first(business_start ORDER BY seq) AS business_start, last(business_end ORDER BY seq) AS business_end,
        last(next_class ORDER BY seq) AS next_class
    FROM numbered GROUP BY ticket, part
)
SELECT v.stage, v.team, f.priority, epoch_us(v.start_at) // 1000000 AS start_s, epoch_us(v.end_at) // 1000000 AS end_s,
    v.business_start, v.business_end, v.next_class = 'DROPPED' AS dropped
FROM visits v ASOF LEFT JOIN fields f ON v.ticket = f.ticket AND v.start_at >= f.start_at
WHERE v.class IN ('NEW', 'ACTIVE', 'WAIT_CUSTOMER', 'WAIT_INTERNAL', 'WAIT_VENDOR')
    AND v.stage IS NOT NULL AND v.stage NOT IN (SELECT stage FROM timers)
"""

_WORDS = ("stage", "team", "priority")


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of words as numbers: `codes[i]` is the position of row i's word in `words`."""

    words: tuple[str | None, ...]
    codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Visits:
    """One row a visit; instants in seconds since 1970, UTC."""

    stage: Labels
    team: Labels
    priority: Labels
    start: NDArray[np.int64]
    #: `NEVER` while it lasts.
    end: NDArray[np.int64]
    #: Business seconds at start, and at end where there is one, on the team's calendar.
    business_start: NDArray[np.int64]
    business_end: NDArray[np.int64]
    #: Ended because the ticket was dropped, which tells nothing about how long work takes.
    dropped: NDArray[np.bool_]
    calendars: Calendars

    def seen_at(self, now: datetime) -> Seen:
        """The visits as they were known at `now`."""
        at = int(now.timestamp())
        known = self.start < at
        ended = self.end[known] <= at
        clocks = np.array([self._clock(team, now) for team in self.team.words], dtype=np.int64)
        until = np.where(ended, self.business_end[known], clocks[self.team.codes[known]])
        return Seen(
            stage=self.stage.codes[known],
            team=self.team.codes[known],
            priority=self.priority.codes[known],
            start=self.start[known],
            lasted=np.maximum(until - self.business_start[known], 0),
            ended=ended & ~self.dropped[known],
        )

    def _clock(self, team: str | None, now: datetime) -> int:
        """What `business_end` would be for a visit that ended now."""
        calendar = self.calendars.known(team)
        return calendar.business_seconds(now) if calendar else int(now.timestamp())


@dataclass(frozen=True, slots=True)
class Seen:
    """Visits as known at one instant: labels as codes, how long each has lasted, whether it had ended."""

    stage: NDArray[np.int64]
    team: NDArray[np.int64]
    priority: NDArray[np.int64]
    start: NDArray[np.int64]
    #: Business seconds.
    lasted: NDArray[np.int64]
    ended: NDArray[np.bool_]


def read(connection: DuckDBPyConnection, calendars: Calendars) -> Visits:
    """All visits to stages of open classes, from the relations of `facts`; timers are left out."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE visit AS {_SQL}")
    # The database numbers the words: rows of them as objects would take as much memory again.
    codes = (f"dense_rank() OVER (ORDER BY {name} NULLS LAST) - 1 AS {name}" for name in _WORDS)
    columns = connection.execute(f"SELECT * REPLACE ({', '.join(codes)}) FROM visit").fetchnumpy()
    stage, team, priority = (
        Labels(
            tuple(
                row[0]
                for row in connection.execute(f"SELECT DISTINCT {name} FROM visit ORDER BY 1 NULLS LAST").fetchall()
            ),
            whole(columns[name]),
        )
        for name in _WORDS
    )
    connection.execute("DROP TABLE visit")
    start, end = whole(columns["start_s"]), whole(columns["end_s"], NEVER)
    return Visits(
        stage=stage,
        team=team,
        priority=priority,
        start=start,
        end=end,
        # Teams without a calendar have no business clock: every second counts.
        business_start=np.where(np.ma.getmaskarray(columns["business_start"]), start, whole(columns["business_start"])),
        business_end=np.where(np.ma.getmaskarray(columns["business_end"]), end, whole(columns["business_end"])),
        dropped=np.ma.filled(columns["dropped"], False).astype(np.bool_),
        calendars=calendars,
    )


def whole(column: NDArray[np.int64], missing: int = 0) -> NDArray[np.int64]:
    filled: NDArray[np.int64] = np.ma.filled(column, missing).astype(np.int64)
    return filled


def labels(column: NDArray[np.object_]) -> Labels:
    masked = np.ma.getmaskarray(column)
    plain = [None if hidden else value for value, hidden in zip(np.ma.getdata(column), masked, strict=True)]
    words = tuple(dict.fromkeys(plain))
    position = {word: code for code, word in enumerate(words)}
    return Labels(words, np.array([position[word] for word in plain], dtype=np.int64))
