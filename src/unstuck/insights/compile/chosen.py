"""The rows of a metric that a plan asks for: filtered, and labelled with the keys they are split by."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.errors import UsageError
from unstuck.insights.compile import events, occupancy, rates, spells, states
from unstuck.insights.compile.dimensions import Splitter
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Aggregate, Kind

MOST_DIMENSIONS = 2


def _occupied(condition: str, *keys: str) -> Callable[[Draft], Rows]:
    """Time inside the window for totals, spans that started in it for quantiles."""

    def rows(draft: Draft) -> Rows:
        total = draft.aggregate in (Aggregate.SUM, Aggregate.MEAN)
        share = draft.aggregate is Aggregate.SHARE and draft.plan.within is None
        if (total or share) and draft.plan.kind not in (Kind.LIST, Kind.DISTRIBUTION):
            return occupancy.time_inside(draft, condition)
        return spells.spans(draft, condition, *keys)

    return rows


ROWS: dict[str, Callable[[Draft], Rows]] = {
    "opened": events.opened,
    "solved": events.solved,
    "closed": events.closed,
    "reopened": events.reopened,
    "handoffs": events.handoffs,
    "ping_pong": events.ping_pong,
    "rework": events.rework,
    "backlog": states.backlog,
    "unassigned": states.unassigned,
    "wip": states.wip,
    "age": states.age,
    "stale": states.stale,
    "lead_time": spells.lead_time,
    "cycle_time": spells.cycle_time,
    "first_response": spells.first_response,
    "transition_wait": spells.transition_wait,
    "time_in_stage": _occupied("s.class IS DISTINCT FROM 'DROPPED'", "stage"),
    "wait_customer": _occupied("s.class = 'WAIT_CUSTOMER'"),
    "requester_wait": _occupied("s.class IN ('NEW', 'ACTIVE', 'WAIT_INTERNAL', 'WAIT_VENDOR')"),
    "on_hold": _occupied("s.class IN ('WAIT_INTERNAL', 'WAIT_VENDOR')"),
    "queue_time": _occupied("s.is_open AND s.team IS NOT NULL AND s.assignee IS NULL"),
    "team_time": _occupied("s.is_open AND s.team IS NOT NULL", "team"),
    "net_flow": rates.net_flow,
    "throughput": rates.throughput,
    "reopen_rate": rates.reopen_rate,
    "first_team_rate": rates.first_team_rate,
    "flow_efficiency": occupancy.flow_efficiency,
    "csat": rates.csat,
}


def keys_of(draft: Draft) -> tuple[str, ...]:
    """The dimensions the answer is split by. Raises `UsageError` when that is too many, or persons are closed."""
    by = draft.plan.keys
    if not by and draft.metric.id == "wip" and draft.plan.kind in (Kind.BREAKDOWN, Kind.TOP):
        by = ("assignee",)
    if len(by) > MOST_DIMENSIONS:
        raise UsageError("too_many_splits", most=MOST_DIMENSIONS)
    if "assignee" in by and not draft.scope.persons:
        raise UsageError("persons_closed")
    return by


def choose(draft: Draft, *, ranked: bool = False, share_of_filtered: bool = False) -> tuple[Rows, tuple[str, ...]]:
    """Add `chosen`: the rows with their keys `k1`, `k2`. Returns what they are and the dimensions of the keys.

    Raises `UsageError` for a metric that has no rows of its own.
    """
    if draft.metric.id not in ROWS:
        raise UsageError("no_such_kind", metric=draft.metric.id, kind=draft.plan.kind.value)
    rows = ROWS[draft.metric.id](draft)
    splitter = Splitter(draft, rows)
    keys = keys_of(draft)
    named = "".join(f", {splitter.expression(key)} AS k{number}" for number, key in enumerate(keys, 1))
    conditions = splitter.conditions(draft.plan.filters)
    if share_of_filtered:
        named += f", ({' AND '.join(conditions)}) AS matched"
        conditions = []
    if ranked and keys == ("stage",):
        # Clockwork and finished stages last longest by design: "slowest stage: Closed" is no answer.
        conditions.append(f"r.stage NOT IN (SELECT stage FROM timers) AND r.stage IN ({_open_stages(draft)})")
    draft.query.add(
        "chosen",
        f"""SELECT r.*{named} FROM ({rows.select}) r {" ".join(splitter.joins.values())}
        WHERE {" AND ".join(conditions) or "TRUE"}""",
    )
    return rows, keys


def _open_stages(draft: Draft) -> str:
    return f"SELECT o.stage FROM {draft.known('stays')} o WHERE o.is_open AND o.stage IS NOT NULL"
