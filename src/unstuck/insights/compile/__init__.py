"""Plan to number: one parametrised SELECT over the facts, read back before it runs.

    result = run(con, plan, scope, now)

`scope` and `now` are bound into every base relation (`draft.py`), values are always parameters
(`query.py`), and `guard.py` refuses anything but a SELECT over those relations. One file per way of
meeting a window: `events`, `states`, `spells`, `occupancy`; `chosen` filters and labels their rows,
`grouped` sums them up, `answers` and the others make the `Result` of each kind of question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from unstuck.insights.compile import about, answers
from unstuck.insights.compile.bottleneck import bottleneck
from unstuck.insights.compile.desk import MOST_ROWS, Desk
from unstuck.insights.compile.distribution import distribution
from unstuck.insights.compile.draft import BusinessClock
from unstuck.insights.compile.execute import TIME_LIMIT_S
from unstuck.insights.compile.flow_map import flow_map
from unstuck.insights.compile.lists import ticket_list
from unstuck.insights.compile.what_if import what_if
from unstuck.insights.compile.why import why
from unstuck.insights.plan import Kind, Plan, Result, Scope

if TYPE_CHECKING:
    import duckdb

KINDS: dict[Kind, Callable[[Desk, Plan], Result]] = {
    Kind.VALUE: answers.value,
    Kind.BREAKDOWN: answers.breakdown,
    Kind.TOP: answers.ranking,
    Kind.TREND: answers.trend,
    Kind.COMPARE: answers.comparison,
    Kind.DISTRIBUTION: distribution,
    Kind.LIST: ticket_list,
    Kind.BOTTLENECK: bottleneck,
    Kind.MAP: flow_map,
    Kind.WHY: why,
    Kind.WHAT_IF: what_if,
    Kind.TICKET: about.ticket,
    Kind.DATA_QUALITY: about.data_quality,
    Kind.EXPLAIN: about.definition,
    Kind.HELP: about.help_,
}


def run(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    scope: Scope,
    now: datetime,
    *,
    calendars: Mapping[str | None, BusinessClock] | None = None,
    limit_s: float = TIME_LIMIT_S,
    most_rows: int = MOST_ROWS,
) -> Result:
    """Compute `plan` as known at `now`, within what the asker may see.

    `calendars` are business clocks by team name, None being the desk's own; only plans in business
    time need them. A list shows `most_rows` tickets. Raises `UsageError` for a plan that no metric fits, `UserError` when it takes
    longer than `limit_s` seconds.
    """
    desk = Desk(con, scope, now, calendars or {}, limit_s, most_rows)
    if plan.metric == "bottleneck" and plan.kind not in (Kind.LIST, Kind.EXPLAIN, Kind.WHY, Kind.WHAT_IF, Kind.MAP):
        return bottleneck(desk, plan)
    return KINDS[plan.kind](desk, plan)


__all__ = ["run"]
