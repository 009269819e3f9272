"""Lists of tickets: at most 50 rows, and how many there are."""

from __future__ import annotations

from unstuck.insights.compile.chosen import choose
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.results import moment, note, number
from unstuck.insights.compile.rows import Rows, Shape
from unstuck.insights.compile.thresholds import measure
from unstuck.insights.metric import Anchor
from unstuck.insights.plan import Plan, Result

COLUMNS = ("ticket", "status", "team", "assignee", "priority", "created_at")


def ticket_list(desk: Desk, plan: Plan) -> Result:
    # Splits and shares have no meaning in a list; the words that asked for a split are covered by its columns.
    draft = desk.draft(plan.model_copy(update={"by": (), "compare_by": None, "aggregate": None}))
    rows, _ = choose(draft)
    name, statement = _statement(draft, rows, desk.most_rows)
    found, sql = desk.fetch(draft.query, statement)
    listed = [(*row[:5], moment(row[5]), moment(row[6]) if name == "at" else number(row[6])) for row in found]
    total = int(found[0][7]) if found else 0
    return Result(
        columns=(*COLUMNS, name),
        rows=tuple(listed),
        n=total,
        unit="seconds" if name not in ("at", "times") else "text",
        sql=sql,
        notes=(note("more_rows", n=total - len(listed)),) if total > len(listed) else (),
    )


def _statement(draft: Draft, rows: Rows, most: int) -> tuple[str, str]:
    """Name of what the list is ordered by, and its SELECT."""
    name, value, join = _order(draft, rows)
    at = draft.at(draft.instant if draft.metric.anchor is Anchor.AS_OF else draft.now)
    draft.query.add(
        "picked",
        f"SELECT r.ticket, {value} AS value FROM chosen r {join} WHERE NOT r.aside GROUP BY r.ticket",
    )
    direction = "DESC" if draft.plan.descending else "ASC"
    limit = draft.query.bind(min(draft.plan.limit or most, most), "BIGINT")
    return (
        name,
        f"""SELECT k.ext_id, s.status, s.team, s.assignee, f.priority, k.created_at, p.value, count(*) OVER ()
    FROM picked p JOIN {draft.known("tickets")} k ON k.ticket = p.ticket
    LEFT JOIN {draft.known("stays")} s ON s.ticket = p.ticket AND s.start_at <= {at} AND coalesce(s.end_at > {at}, TRUE)
    LEFT JOIN {draft.known("fields")} f ON f.ticket = p.ticket
    ORDER BY p.value {direction} NULLS LAST, k.ext_id LIMIT {limit}""",
    )


def _order(draft: Draft, rows: Rows) -> tuple[str, str, str]:
    """What the list shows and is ordered by: name, SQL aggregate, join."""
    if rows.shape is Shape.SPELLS:
        return ("age" if draft.metric.id == "age" else "seconds"), "max(r.seconds)", ""
    if draft.metric.anchor is Anchor.AS_OF:
        measured = _threshold(draft)
        join, value = measure(draft, measured)
        return measured, f"max({value})", join
    if draft.metric.id == "handoffs":
        return "times", "count(*)", ""
    return "at", "max(r.happened_at)", ""


def _threshold(draft: Draft) -> str:
    """Open tickets are listed by what the question asked about: idle time, time in the stage, else age."""
    if draft.metric.id == "stale":
        return "idle"
    asked = [one.field for one in draft.plan.filters if one.field in ("idle", "stage_age")]
    return asked[0] if asked else "age"
