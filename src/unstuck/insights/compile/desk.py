"""Who asks, when, on which facts: what every kind of question needs to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from unstuck.errors import UsageError
from unstuck.insights.compile.draft import BusinessClock, Draft
from unstuck.insights.compile.execute import TIME_LIMIT_S, fetch
from unstuck.insights.compile.parts import parts_of
from unstuck.insights.compile.query import Query
from unstuck.insights.metric import Metric
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Kind, Plan, Scope

if TYPE_CHECKING:
    import duckdb

#: Tickets that a reader is shown of a list, and that a file may hold.
MOST_ROWS, MOST_SAVED = 50, 20_000
#: Metric of questions that name none: "list them", "show the tickets".
DEFAULT_METRIC = "backlog"


@dataclass(frozen=True, slots=True)
class Desk:
    """Facts, as one asker may see them at one instant."""

    con: duckdb.DuckDBPyConnection
    scope: Scope
    #: "Now", aware.
    now: datetime
    calendars: Mapping[str | None, BusinessClock]
    limit_s: float = TIME_LIMIT_S
    #: Of a list of tickets; what else an answer holds is short.
    most_rows: int = MOST_ROWS

    def draft(self, plan: Plan) -> Draft:
        """A fresh statement for `plan`. Raises `UsageError` when no metric or calendar fits it."""
        metric = metric_of(plan)
        if plan.clock == "business" and None not in self.calendars:
            raise UsageError("no_calendar")
        began = self.began(plan) if plan.kind is Kind.TREND else self.now
        return Draft(plan, metric, self.scope, self.now, parts_of(plan, metric, self.now, began), self.calendars)

    def blank(self, plan: Plan) -> Draft:
        """A statement with no parts of time, for questions about the data itself."""
        return Draft(plan, METRICS[DEFAULT_METRIC], self.scope, self.now, (), {})

    def began(self, plan: Plan) -> datetime:
        """When the history begins; "now" when there is none."""
        draft = self.blank(plan.model_copy(update={"clock": "calendar"}))
        rows, _ = self.fetch(draft.query, f"SELECT min(s.start_at) FROM {draft.known('stays')} s")
        return rows[0][0].replace(tzinfo=UTC) if rows and rows[0][0] is not None else self.now

    def fetch(self, query: Query, select: str) -> tuple[Sequence[tuple[Any, ...]], str]:
        """The rows of a statement, and its text."""
        sql = query.text(select)
        return fetch(self.con, sql, query.values, limit_s=self.limit_s), sql

    def timers(self) -> tuple[str, ...]:
        """Stages that tickets leave by clockwork."""
        rows, _ = self.fetch(Query(), "SELECT DISTINCT t.stage FROM timers t ORDER BY t.stage")
        return tuple(str(stage) for (stage,) in rows)


def metric_of(plan: Plan) -> Metric:
    """Raises `UsageError` when there is no such metric."""
    name = plan.metric or DEFAULT_METRIC
    if name not in METRICS:
        raise UsageError("no_such_metric", metric=name)
    return METRICS[name]
