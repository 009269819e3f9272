"""How durations (or hand-offs per ticket) spread."""

from __future__ import annotations

from unstuck.errors import UsageError
from unstuck.insights.compile.chosen import choose
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.results import note
from unstuck.insights.compile.rows import Shape
from unstuck.insights.metric import Anchor
from unstuck.insights.plan import Plan, Result

HOUR, DAY = 3600, 86400
#: Bounds that people think in; the last bin is open.
BOUNDS = (0, HOUR, 4 * HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY)


def distribution(desk: Desk, plan: Plan) -> Result:
    """Rows `from`, `to` (seconds, half-open; the last has no end), finished, still open so far."""
    draft = desk.draft(plan.model_copy(update={"by": ()}))
    rows, _ = choose(draft)
    if rows.shape is not Shape.SPELLS:
        raise UsageError("no_such_kind", metric=draft.metric.id, kind=plan.kind.value)
    bounds = draft.query.bind([float(bound) for bound in BOUNDS], "DOUBLE[]")
    draft.query.add("bins", f"SELECT unnest({bounds}) AS bound")
    found, sql = desk.fetch(
        draft.query,
        """SELECT b.bound, count(r.ticket) FILTER (r.ending = 'finished'), count(r.ticket) FILTER (r.ending = 'open')
        FROM bins b LEFT JOIN (
          SELECT c.*, (SELECT max(i.bound) FROM bins i WHERE i.bound <= c.seconds) AS bound
          FROM chosen c WHERE NOT c.aside
        ) r ON r.bound = b.bound GROUP BY b.bound ORDER BY b.bound""",
    )
    ends = (*BOUNDS[1:], None)
    as_of = draft.metric.anchor is Anchor.AS_OF
    listed = tuple(
        (int(row[0]), end, int(row[1])) if as_of else (int(row[0]), end, int(row[1]), int(row[2]))
        for row, end in zip(found, ends, strict=True)
    )
    return Result(
        columns=("from", "to", "n") if as_of else ("from", "to", "n", "n_open"),
        rows=listed,
        n=sum(int(row[1]) for row in found),
        n_open=None if as_of else sum(int(row[2]) for row in found),
        unit="count",
        sql=sql,
        notes=() if as_of else (note("open_so_far"),),
    )
