"""Values, breakdowns, rankings, trends, comparisons: rows of a metric summed up by part and key."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.errors import UsageError
from unstuck.insights.compile import kaplan
from unstuck.insights.compile.chosen import choose
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.rows import Rows, Shape
from unstuck.insights.plan import Aggregate, Kind

#: More groups than this are not fetched; the largest (or smallest, when asked) come first.
MOST_GROUPS = 10_000
QUANTILES = {Aggregate.P50: 0.5, Aggregate.P75: 0.75, Aggregate.P90: 0.9}
COUNTS = ("count(*)", "count(DISTINCT r.ticket)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT and what its columns are: `part`, the keys, the numbers, then n, n_open, longest, aside."""

    select: str
    keys: tuple[str, ...]
    #: Names of the numbers, the value first.
    numbers: tuple[str, ...]
    rows: Rows


def summed_up(draft: Draft) -> Statement:
    filtered = draft.aggregate is Aggregate.SHARE and not draft.plan.by and bool(draft.plan.filters)
    filtered = filtered and draft.plan.within is None and _plain_share(draft)
    rows, keys = choose(draft, ranked=draft.plan.kind is Kind.TOP, share_of_filtered=filtered)
    numbers = _numbers(draft, rows, filtered)
    group = ("part", *(f"k{number}" for number in range(1, len(keys) + 1)))
    draft.query.add("counted", f"SELECT r.* FROM chosen r{' WHERE NOT r.aside' if rows.aside_note else ''}")
    source, counts = _source(draft, rows, group)
    named = ", ".join(f"{sql} AS v{number}" for number, sql in enumerate(numbers.values()))
    draft.query.add(
        "numbers", f"SELECT {', '.join(group)}, {named}, {counts} FROM {source} GROUP BY {', '.join(group)}"
    )
    return Statement(_final(draft, rows, group, len(numbers)), keys, tuple(numbers), rows)


def _plain_share(draft: Draft) -> bool:
    """Whether the share is of a count or of time, not one with a definition of its own."""
    return draft.metric.id not in ("reopen_rate", "first_team_rate", "flow_efficiency", "csat", "ping_pong")


def _source(draft: Draft, rows: Rows, group: tuple[str, ...]) -> tuple[str, str]:
    if rows.shape is Shape.SPELLS:
        steps = kaplan.curve(draft.query, "spells", "counted", group)
        counts = f"{kaplan.FINISHED} AS n, {kaplan.STILL_OPEN} AS n_open, {kaplan.LONGEST} AS longest"
        return f"{steps} c", f"{counts}, {kaplan.DROPPED} AS dropped"
    tickets = "count(*)" if rows.once else "count(DISTINCT r.ticket)"
    return "counted r", f"{tickets} AS n, NULL AS n_open, NULL AS longest, 0 AS dropped"


def _final(draft: Draft, rows: Rows, group: tuple[str, ...], width: int) -> str:
    values = ", ".join(f"n.v{number}" for number in range(width))
    # Counting what was set aside reads the rows a second time.
    aside = "(SELECT count(*) FROM chosen x WHERE x.aside)" if rows.aside_note else "0"
    rest = f"n.n, n.n_open, n.longest, n.dropped, {aside} AS aside"
    if len(group) == 1:
        parts = draft.moments()
        return f"SELECT p.part, {values}, {rest} FROM {parts} p LEFT JOIN numbers n ON n.part = p.part ORDER BY p.part"
    keys = ", ".join(f"n.{key}" for key in group)
    direction = "DESC NULLS FIRST" if draft.plan.descending else "ASC NULLS LAST"
    return f"""SELECT {keys}, {values}, {rest} FROM numbers n
    ORDER BY n.v0 {direction}, n.n_open DESC, {keys} LIMIT {MOST_GROUPS}"""


def _numbers(draft: Draft, rows: Rows, filtered: bool) -> dict[str, str]:
    """Names of the numbers to their SQL; the first is the answer."""
    if rows.shape is Shape.SPELLS:
        return _of_spells(draft)
    if rows.shape is Shape.TIME:
        return _of_time(draft, filtered)
    if draft.aggregate is Aggregate.SHARE and rows.value in COUNTS:
        return {"share": _share(draft, rows.value, filtered), draft.metric.id: _matched(rows.value, filtered)}
    return {draft.metric.id: rows.value, **rows.beside}


def _matched(value: str, filtered: bool) -> str:
    return f"{value} FILTER (r.matched)" if filtered else value


def _share(draft: Draft, value: str, filtered: bool) -> str:
    if filtered:
        return f"{value} FILTER (r.matched) / nullif({value}, 0)"
    del draft
    return f"{value} / nullif(sum({value}) OVER (PARTITION BY part), 0)"


def _of_time(draft: Draft, filtered: bool) -> dict[str, str]:
    only = " FILTER (r.matched)" if filtered else ""
    total = f"coalesce(sum(r.seconds){only}, 0)"
    tickets = f"count(DISTINCT r.ticket){only}"
    mean = f"sum(r.seconds){only} / nullif({tickets}, 0)"
    if draft.aggregate is Aggregate.SHARE:
        whole = "sum(r.seconds)" if filtered else "sum(sum(r.seconds)) OVER (PARTITION BY part)"
        return {"share": f"{total} / nullif({whole}, 0)", "sum": total, "tickets": tickets}
    if draft.aggregate is Aggregate.MEAN:
        return {"mean": mean, "sum": total, "tickets": tickets}
    return {"sum": total, "mean": mean, "tickets": tickets}


def _of_spells(draft: Draft) -> dict[str, str]:
    if draft.aggregate is Aggregate.SHARE:
        if draft.plan.within is None:
            raise UsageError("share_needs_limit", metric=draft.metric.id)
        return {"share": kaplan.within(draft.query.bind(float(draft.plan.within), "DOUBLE"))}
    known = {name.value: kaplan.quantile(share) for name, share in QUANTILES.items()}
    known |= {"mean": kaplan.MEAN, "max": kaplan.MOST, "min": kaplan.LEAST}
    asked = draft.aggregate.value if draft.aggregate.value in known else Aggregate.P50.value
    second = "p90" if asked == "p50" else "p50"
    return {asked: known[asked], second: known[second]}
