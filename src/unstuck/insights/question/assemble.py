"""From the words of one reading to a plan, or to the words that do not fit."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, cast

from unstuck.insights.metric import Anchor, Metric
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Filter, Grain, Kind, Plan, Window
from unstuck.insights.question import shape, special
from unstuck.insights.question.draft import DoubtError, Draft, NoReadingError, UnsupportedError
from unstuck.insights.question.filters import bind_null, bind_values
from unstuck.insights.question.meaning import Role, Word
from unstuck.insights.question.measure import bind_aggregate, bind_measure, bind_question_words
from unstuck.insights.question.periods import Span

DEFAULT_DAYS = 30
#: Dimensions that only some metrics can be split or filtered by (`Metric.dimensions` says which).
SPECIAL = {
    "team",
    "assignee",
    "status",
    "stage",
    "class",
    "weekday",
    "hour",
    "from_team",
    "to_team",
    "from_stage",
    "to_stage",
}


class IncompleteError(Exception):
    """Nothing says which number is wanted."""


def assemble(draft: Draft) -> Plan:
    """The plan of a question that stands on its own."""
    for alone in (_ticket, _explain, _data_quality, _help):
        plan = alone(draft)
        if plan is not None:
            return plan
    if special.bind_map(draft) or special.bind_what_if(draft):
        return plan_of(draft, checked_metric(draft.metric or ""))
    bind_all_words(draft)
    if draft.metric is None:
        raise IncompleteError
    metric = checked_metric(draft.metric)
    finish(draft, metric)
    return plan_of(draft, metric)


def bind_all_words(draft: Draft) -> None:
    """Every rule that does not need to know the metric, then the metric."""
    bind_null(draft)
    bind_values(draft)
    bind_measure(draft)
    shape.bind_day_kind(draft)
    shape.bind_times(draft)


def finish(draft: Draft, metric: Metric) -> None:
    """The rules that depend on the metric."""
    shape.bind_list(draft)
    shape.bind_comparison(draft, metric)
    special.bind_heat(draft)
    shape.bind_dimensions(draft)
    special.bind_why(draft, metric)
    shape.bind_distribution(draft, metric)
    shape.bind_trend(draft)
    shape.bind_ranking(draft)
    shape.bind_min_n(draft)
    bind_aggregate(draft, metric)
    bind_question_words(draft, metric)
    shape.bind_share(draft, metric)
    shape.bind_clock(draft, metric)
    draft.bind_all("metric", draft.free(Role.STATE, "open") if metric.anchor is Anchor.AS_OF else [])
    shape.bind_and(draft)


def checked_metric(name: str) -> Metric:
    if name not in METRICS:
        raise UnsupportedError(name)
    return METRICS[name]


def plan_of(draft: Draft, metric: Metric) -> Plan:
    kind = kind_of(draft)
    if kind is not Kind.WHAT_IF:  # it names the wait that it caps
        check_dimensions(draft, metric)
    window, at = times_of(draft, metric, kind)
    plan = Plan(
        kind=kind,
        metric=draft.metric,
        variant=draft.variant,
        aggregate=draft.aggregate,
        by=tuple(draft.by),
        filters=merged(draft.filters),
        window=window,
        against=None if draft.against is None else Window(start=draft.against.start, end=draft.against.end),
        compare_by=draft.compare_by,
        against_metric=draft.against_metric,
        at=at,
        grain=_grain(draft, kind, window),
        descending=draft.descending,
        limit=draft.limit,
        min_n=draft.min_n,
        within=draft.within,
        clock=cast(Literal["calendar", "business"], draft.clock),
        timezone=draft.reader.timezone,
    )
    if kind is not Kind.WHY:
        return plan
    return plan.model_copy(update=special.windows_of_why(plan.window, plan.at, plan.against, draft.reader))


def _grain(draft: Draft, kind: Kind, window: Window | None) -> Grain | None:
    if kind is not Kind.TREND:
        return None
    if draft.grain is not None or window is None:
        return draft.grain or Grain.WEEK
    return shape.grain_for(Span(window.start, window.end))


def kind_of(draft: Draft) -> Kind:
    if draft.kind in (Kind.WHY, Kind.MAP, Kind.WHAT_IF):
        return draft.kind
    if draft.against_metric is not None and draft.kind is Kind.TREND:
        return Kind.TREND
    if draft.against_metric is not None or draft.against is not None or draft.compare_by is not None:
        return Kind.COMPARE
    if draft.metric == "bottleneck" and draft.kind in (None, Kind.TOP):
        return Kind.BOTTLENECK
    if draft.kind is not None:
        return draft.kind
    return Kind.BREAKDOWN if draft.by else Kind.VALUE


def check_dimensions(draft: Draft, metric: Metric) -> None:
    """A split or filter must exist on this desk and mean something for this metric."""
    if len(draft.by) > 2:
        raise NoReadingError
    for name in (*draft.by, *(f.field for f in draft.filters)):
        if name in SPECIAL and name not in metric.dimensions:
            raise NoReadingError(*(word for word in draft.words if word.id == name))
    for name in draft.by:
        if name not in draft.lexicon.fields:
            raise NoReadingError(*(word for word in draft.words if word.is_a(Role.DIMENSION, name)))
    if draft.kind is Kind.LIST and metric.id not in LISTABLE:
        raise NoReadingError(*(word for word in draft.words if word.is_a(Role.SHAPE, "list")))


#: Metrics whose tickets can be listed: those that count tickets.
LISTABLE = {"opened", "solved", "closed", "reopened", "backlog", "unassigned", "wip", "age", "stale"}


def times_of(draft: Draft, metric: Metric, kind: Kind) -> tuple[Window | None, object]:
    """Window and instant: a date means its end for states, the last 30 days are the default for the rest."""
    now = draft.reader.now
    points = [point for point in draft.points if point.end != now]
    if metric.anchor is Anchor.AS_OF and kind not in (Kind.TREND,):
        if len(draft.spans) + len(points) > 1:
            raise NoReadingError(*(word for word in draft.words if word.role is Role.TIME))
        if kind in (Kind.COMPARE, Kind.WHY) and (draft.against is not None or (kind is Kind.WHY and draft.spans)):
            first = (draft.spans or points)[0]
            return Window(start=first.start, end=first.end), None
        instants = [span.end for span in (*draft.spans, *points)]
        return None, instants[0] if instants and instants[0] < now else None
    if points or len(draft.spans) > 1:
        raise DoubtError("window")
    if draft.points and metric.id != "bottleneck" and not draft.spans:
        raise DoubtError("window")  # "solved now": today, this week, in all?
    if draft.spans:
        return Window(start=draft.spans[0].start, end=draft.spans[0].end), None
    return Window(start=now - timedelta(days=DEFAULT_DAYS), end=now, stated=False), None


def merged(filters: list[Filter]) -> tuple[Filter, ...]:
    return tuple(dict.fromkeys(filters))


# --- kinds that need no metric ---


def _ticket(draft: Draft) -> Plan | None:
    word = draft.first(Role.TICKET_ID)
    if word is None:
        return None
    draft.bind("ticket", word)
    draft.bind_all("ticket", [other for other in draft.words if _asks_about_it(other)])
    return Plan(kind=Kind.TICKET, ticket=word.meaning.value.upper(), timezone=draft.reader.timezone)


#: What the state and history of one ticket answer.
_OF_A_TICKET: dict[Role, tuple[str, ...]] = {
    Role.DIMENSION: ("status", "stage", "assignee", "team", "priority"),
    Role.SHAPE: ("where", "who", "which", "when", "list"),
    Role.METRIC: ("opened", "solved", "closed", "reopened", "backlog", "handoffs", "bottleneck", "time_in_stage"),
    Role.STATE: (),
    Role.CUE: (),
    Role.HOW_LONG: (),
}


def _asks_about_it(word: Word) -> bool:
    ids = _OF_A_TICKET.get(word.role)
    now = word.meaning.time is not None and word.meaning.time.span is not None and word.meaning.time.span.point
    return now or (ids is not None and (not ids or word.id in ids))


def _explain(draft: Draft) -> Plan | None:
    words = draft.free(Role.ASK, "explain")
    if not words:
        return None
    named = [word for word in draft.words if word.role is Role.METRIC]
    states = [word for word in draft.words if word.role is Role.STATE]
    ids = list(dict.fromkeys(word.id for word in named)) or [_STATE_METRIC.get(word.id, "") for word in states]
    if len(set(ids)) != 1 or not ids[0]:
        raise IncompleteError
    checked_metric(ids[0])
    draft.bind_all("explain", [*words, *named, *states])
    draft.bind_all("explain", [word for word in draft.free(Role.AGGREGATE, "mean") if draft.said(word) == "mean"])
    draft.bind_all("explain", [*draft.free(Role.HOW_LONG), *draft.free(Role.COUNT), *draft.free(Role.SHARE)])
    return Plan(kind=Kind.EXPLAIN, metric=ids[0], timezone=draft.reader.timezone)


_STATE_METRIC = {"unassigned": "unassigned", "wait_customer": "wait_customer", "on_hold": "on_hold"}


def _data_quality(draft: Draft) -> Plan | None:
    words = draft.free(Role.ASK, "data_quality")
    if not words:
        return None
    draft.bind_all("kind", words)
    draft.bind_all("kind", draft.free(Role.TIME))
    return Plan(kind=Kind.DATA_QUALITY, timezone=draft.reader.timezone)


def _help(draft: Draft) -> Plan | None:
    words = draft.free(Role.ASK, "help")
    if not words or any(word.role not in (Role.ASK, Role.SHAPE, Role.CUE) for word in draft.content()):
        return None
    draft.bind_all("kind", list(draft.content()))
    return Plan(kind=Kind.HELP, timezone=draft.reader.timezone)
