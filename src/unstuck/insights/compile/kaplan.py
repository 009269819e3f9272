"""Kaplan-Meier in SQL: quantiles of spells of which some are still running.

Equal to the nearest-rank empirical quantile where nothing is censored.
"""

from __future__ import annotations

from unstuck.insights.compile.query import Query

#: Survival is a product of fractions: a step that is meant to reach a quantile exactly must not miss it by rounding.
ROUNDING = 1e-9


def curve(query: Query, name: str, source: str, keys: tuple[str, ...]) -> str:
    """A table of steps: `keys`, `seconds`, how spells of that length ended, `survival` after it.

    `source` has `keys` (at least one), `seconds` and `ending`.
    """
    listed = ", ".join(keys)
    steps = query.add(
        f"{name}_steps",
        f"""SELECT {listed}, seconds, count(*) AS leaving, count(*) FILTER (ending = 'finished') AS finished,
        count(*) FILTER (ending = 'open') AS still_open, count(*) FILTER (ending = 'dropped') AS dropped
        FROM {source} GROUP BY {listed}, seconds""",
    )
    at_risk = query.add(
        f"{name}_at_risk",
        f"""SELECT *, sum(leaving) OVER (PARTITION BY {listed} ORDER BY seconds DESC) AS at_risk FROM {steps}""",
    )
    return query.add(
        f"{name}_curve",
        f"""SELECT *, product(1 - finished / at_risk) OVER (PARTITION BY {listed} ORDER BY seconds) AS survival
        FROM {at_risk}""",
    )


def quantile(share: float) -> str:
    """Aggregate over steps `c`: the shortest length that `share` of the spells do not outlast; null if never."""
    return f"min(c.seconds) FILTER (c.survival <= {1 - share + ROUNDING!r})"


def within(limit: str) -> str:
    """Aggregate over steps `c`: the share of spells that finished within `limit` seconds."""
    return f"1 - coalesce(min(c.survival) FILTER (c.seconds <= {limit}), 1)"


MEAN = "sum(c.seconds * c.finished) / nullif(sum(c.finished), 0)"
MOST = "max(c.seconds) FILTER (c.finished > 0)"
LEAST = "min(c.seconds) FILTER (c.finished > 0)"
FINISHED = "sum(c.finished)::BIGINT"
STILL_OPEN = "sum(c.still_open)::BIGINT"
DROPPED = "sum(c.dropped)::BIGINT"
#: Longest time anybody was seen to wait: what "more than" says where a quantile is not reached.
LONGEST = "max(c.seconds)"
