"""Moments at which somebody could have asked "will this be late?", with what was known then, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unstuck.stalls.visits import NEVER, Labels, labels, whole

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Fields of a ticket that may tell something about its pace.
FIELDS = (
    "priority", "type", "product", "category", "subcategory", "customer", "tier", "region", "language", "channel",
)  # fmt: skip
#: Where numbers are cut into steps that have a rate each: seconds of age, and changes so far.
AGES = (60, 3_600, 4 * 3_600, 86_400, 3 * 86_400, 7 * 86_400, 21 * 86_400)
CHANGES = (1, 2, 3, 5, 8, 12, 20)

# `asked`: the moment; `seq`: the stay that the ticket was in. Each query below makes the table `moment`.
ENTRIES = """
SELECT ticket, min(seq) AS seq, min(start_at) AS asked, min(start_at) AS start_at,
    CASE WHEN bool_and(end_at IS NOT NULL) THEN max(end_at) END AS end_at, arg_max(next_class, seq) = 'DROPPED' AS dropped
FROM stays WHERE class IN ('NEW', 'ACTIVE', 'WAIT_CUSTOMER', 'WAIT_INTERNAL', 'WAIT_VENDOR')
    AND stage IS NOT NULL AND stage NOT IN (SELECT stage FROM timers)
GROUP BY ticket, stage, visit
"""
# A ticket that is not solved so long after its opening; it ends when it is solved.
AT_AGE = """
SELECT s.ticket, s.seq, asked, asked AS start_at,
    (SELECT min(x.start_at) FROM stays x WHERE x.ticket = s.ticket AND x.start_at > asked AND x.class IN ('SOLVED', 'CLOSED')) AS end_at,
    coalesce((SELECT bool_or(x.class = 'DROPPED') FROM stays x WHERE x.ticket = s.ticket), FALSE) AS dropped
FROM (SELECT ticket, created_at + to_seconds($age) AS asked FROM tickets) k JOIN stays s
    ON s.ticket = k.ticket AND s.start_at <= asked AND (s.end_at IS NULL OR s.end_at > asked)
WHERE s.class NOT IN ('SOLVED', 'CLOSED', 'DROPPED')
"""

_FACTS = f"""
WITH held AS (
    SELECT *, last_value(team IGNORE NULLS) OVER (PARTITION BY ticket ORDER BY seq) AS holder FROM stays
), counted AS (
    SELECT ticket, "at", max(n) AS n FROM (
        SELECT ticket, "at", row_number() OVER (PARTITION BY ticket ORDER BY seq) AS n FROM changes
    ) GROUP BY ticket, "at"
)
SELECT m.ticket, epoch_us(t.created_at) // 1000000 AS opened_s, epoch_us(m.asked) // 1000000 AS asked_s,
    epoch_us(m.start_at) // 1000000 AS start_s, epoch_us(m.end_at) // 1000000 AS end_s, m.dropped,
    h.stage, h.holder AS team, h.assignee, coalesce(h.prev_stage, '') || ' ' || least(h.visit, 3) AS before,
    coalesce(c.n, 0) AS n, {", ".join(f"f.{name}" for name in FIELDS)}, map_keys(f.custom) AS custom_names, map_values(f.custom) AS custom_values
FROM moment m JOIN held h ON h.ticket = m.ticket AND h.seq = m.seq JOIN tickets t ON t.ticket = m.ticket
ASOF LEFT JOIN fields f ON f.ticket = m.ticket AND m.asked >= f.start_at
ASOF LEFT JOIN counted c ON c.ticket = m.ticket AND m.asked >= c."at"
ORDER BY m.asked, m.ticket, m.seq
"""


@dataclass(frozen=True, slots=True)
class Moments:
    """One row a moment, in order of time; instants in seconds since 1970, UTC."""

    ticket: NDArray[np.int64]
    #: When the ticket was opened, and when somebody asks.
    opened: NDArray[np.int64]
    asked: NDArray[np.int64]
    #: What is waited for began at `start` and ended at `end`; `NEVER` while it lasts.
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    #: By name: `stage`, `team`, `assignee`, `before`, `time`, `age`, `changes`, fields, and custom fields as `custom.NAME`.
    facts: Mapping[str, Labels]

    def __len__(self) -> int:
        return len(self.ticket)

    def where(self, chosen: NDArray[np.bool_]) -> Moments:
        """Only the chosen rows."""
        facts = {name: Labels(fact.words, fact.codes[chosen]) for name, fact in self.facts.items()}
        columns = {name: getattr(self, name)[chosen] for name in ("ticket", "opened", "asked", "start", "end")}
        return replace(self, facts=facts, **columns)


def read(connection: DuckDBPyConnection, moments: str = ENTRIES, **given: Any) -> Moments:
    """The moments of one of the queries above. Those of dropped tickets are left out: their end tells nothing."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE moment AS {moments}", given)
    columns = connection.execute(f"SELECT * FROM ({_FACTS}) WHERE NOT coalesce(dropped, FALSE)").fetchnumpy()
    opened, asked = whole(columns["opened_s"]), whole(columns["asked_s"])
    facts = {name: labels(columns[name]) for name in ("stage", "team", "assignee", "before", *FIELDS)}
    facts |= {
        "time": _time(asked),
        "age": _steps(asked - opened, AGES),
        "changes": _steps(whole(columns["n"]), CHANGES),
    }
    facts |= _custom(columns["custom_names"], columns["custom_values"])
    told = {name: fact for name, fact in facts.items() if name == "stage" or _tells(fact)}
    return Moments(
        ticket=whole(columns["ticket"]),
        opened=opened,
        asked=asked,
        start=whole(columns["start_s"]),
        end=whole(columns["end_s"], NEVER),
        facts=told,
    )


def _tells(fact: Labels) -> bool:
    """Whether it differs between tickets."""
    return len(np.unique(fact.codes)) > 1


def _time(asked: NDArray[np.int64]) -> Labels:
    """Weekday and quarter of the day."""
    # 1970 began on a Thursday.
    slot = (asked // 86_400 + 3) % 7 * 4 + asked % 86_400 // 21_600
    return Labels(tuple(f"{number // 4} {number % 4}" for number in range(28)), slot)


def _steps(numbers: NDArray[np.int64], edges: tuple[int, ...]) -> Labels:
    words = (f"0 {edges[0]}", *(f"{low} {high}" for low, high in pairwise(edges)), f"{edges[-1]} ")
    return Labels(words, np.searchsorted(np.array(edges), numbers, side="right").astype(np.int64))


def _custom(names: NDArray[np.object_], values: NDArray[np.object_]) -> dict[str, Labels]:
    both = zip(np.ma.filled(names, None), np.ma.filled(values, None), strict=True)
    maps = [{} if mine is None else dict(zip(mine, theirs, strict=True)) for mine, theirs in both]
    all_names = sorted({name for one in maps for name in one})
    return {
        f"custom.{name}": labels(np.array([one.get(name) for one in maps] or [None], dtype=object))
        for name in all_names
    }
