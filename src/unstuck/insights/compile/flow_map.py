"""How tickets flow: moves from stage to stage in a window, and how long they waited before each."""

from __future__ import annotations

from unstuck.errors import UsageError
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.dimensions import Splitter
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.events import FLOW, among_tickets, clock_dimensions, happened
from unstuck.insights.compile.results import note, number
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Plan, Result

#: Stage classes in the order in which tickets pass them.
CLASSES = "['NEW', 'ACTIVE', 'WAIT_CUSTOMER', 'WAIT_INTERNAL', 'WAIT_VENDOR', 'SOLVED', 'CLOSED', 'DROPPED']"
#: Moves shown, the commonest first.
MOST_MOVES = 40
COLUMNS = ("from_stage", "to_stage", "n", "p50", "sum")


def flow_map(desk: Desk, plan: Plan) -> Result:
    """Rows: from, to, how often, median and total time in the stage before the move. It is not split any further."""
    if plan.by:
        raise UsageError("no_such_split", metric=plan.metric or "", dimension=plan.by[0])
    draft = desk.draft(plan)
    _choose(draft)
    found, sql = desk.fetch(
        draft.query,
        """SELECT c.from_stage, c.stage, count(*) AS n, quantile_disc(c.seconds, 0.5), sum(c.seconds)
        FROM chosen c GROUP BY c.from_stage, c.stage ORDER BY n DESC, c.from_stage, c.stage""",
    )
    order, _ = desk.fetch(
        draft.query,
        f"""SELECT s.stage FROM {draft.known("stays")} s WHERE s.stage IS NOT NULL GROUP BY s.stage
        ORDER BY coalesce(list_position({CLASSES}, mode(s.class)), 2), count(*) DESC, s.stage""",
    )
    notes = (note("more_moves", n=len(found) - MOST_MOVES),) if len(found) > MOST_MOVES else ()
    return Result(
        columns=COLUMNS,
        rows=tuple(
            (str(row[0]), str(row[1]), int(row[2]), number(row[3]), number(row[4])) for row in found[:MOST_MOVES]
        ),
        n=sum(int(row[2]) for row in found),
        unit="seconds",
        sql=sql,
        order=tuple(str(stage) for (stage,) in order),
        notes=notes,
    )


def _choose(draft: Draft) -> None:
    """Add the part `chosen`: moves of the window that fit the filters, with the time in the stage before each."""
    stays = draft.known("stays")
    # A visit is all stays of one stage in a row; the move out of it ends it.
    visits = f"""SELECT s.*, s.seq - row_number() OVER (PARTITION BY s.ticket, s.stage ORDER BY s.seq) AS island
    FROM {stays} s WHERE {among_tickets(draft.touched())}"""
    spent = draft.query.add(
        "visits",
        f"""SELECT v.ticket, v.stage, v.island, max(v.seq) AS last_seq, sum(v.seconds) AS seconds
        FROM ({visits}) v GROUP BY v.ticket, v.stage, v.island""",
    )
    moves = f"""SELECT s.ticket, s.team, s.assignee, s.status, s.stage, s.class, s.prev_stage AS from_stage,
    s.start_at AS happened_at, v.seconds, FALSE AS aside
    FROM {stays} s JOIN {spent} v ON v.ticket = s.ticket AND v.last_seq = s.seq - 1
    WHERE s.prev_stage IS NOT NULL AND s.stage IS NOT NULL AND s.stage <> s.prev_stage"""
    rows = Rows(happened(draft, moves), FLOW | clock_dimensions(draft))
    splitter = Splitter(draft, rows)
    conditions = splitter.conditions(draft.plan.filters)
    draft.query.add(
        "chosen",
        f"""SELECT r.* FROM ({rows.select}) r {" ".join(splitter.joins.values())}
        WHERE {" AND ".join(conditions) or "TRUE"}""",
    )
