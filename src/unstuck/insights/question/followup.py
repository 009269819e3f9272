"""A question that goes on from the one before: a typed edit of the last accepted plan."""

from __future__ import annotations

from typing import Any

from unstuck.insights.metric import Anchor, Metric
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Plan, Window
from unstuck.insights.question import periods, shape, special
from unstuck.insights.question.assemble import (
    DEFAULT_DAYS,
    IncompleteError,
    bind_all_words,
    check_dimensions,
    checked_metric,
    finish,
    merged,
    times_of,
)
from unstuck.insights.question.draft import Draft, NoReadingError
from unstuck.insights.question.meaning import Role
from unstuck.insights.question.measure import bind_thresholds
from unstuck.insights.question.periods import Span
from unstuck.insights.question.times import TimeRole

#: Dimensions that "all teams" and the like set free.
ALL_OF = {"team": ("team", "group", "组", "团队"), "priority": ("priorit", "优先")}


def edit(draft: Draft) -> Plan:
    """The last plan as the words change it. Raises `IncompleteError` when they change nothing."""
    before = draft.previous
    assert before is not None
    if draft.free(Role.ASK, "explain"):
        return _explained(draft, before)
    if before.metric is not None and (plan := special.why_of(draft, before, checked_metric(before.metric))) is not None:
        return plan
    draft.bind_all("cue", draft.free(Role.CUE, "and", "only", "change", "how_was"))
    bind_all_words(draft)
    own_metric = draft.metric
    draft.metric = own_metric or before.metric
    if draft.metric is None:
        raise IncompleteError
    metric = checked_metric(draft.metric)
    if own_metric is None:
        bind_thresholds(draft)
    dropped = _dropped(draft)
    moved = _moved(draft, before, metric)
    if draft.free(Role.LIMIT) or draft.free(Role.ORDER):
        draft.by = _ranked_by(draft, before)
    finish(draft, metric)
    if not any(slot not in ("cue", "show") for slot in draft.bound.values()):
        raise IncompleteError
    check_dimensions(draft, metric)
    return _merge(draft, before, metric, moved, dropped, changed=own_metric is not None and own_metric != before.metric)


def _ranked_by(draft: Draft, before: Plan) -> list[str]:
    """ "Top 5" of what was split already, unless the words split it anew."""
    splits = draft.has(Role.DIMENSION) or draft.has(Role.SHAPE, "who")
    return [] if splits else list(before.by)


def _explained(draft: Draft, before: Plan) -> Plan:
    if before.metric is None or any(word.role is Role.METRIC for word in draft.words):
        raise IncompleteError
    draft.bind_all("explain", [*draft.free(Role.ASK, "explain"), *draft.free(Role.CUE)])
    return Plan(kind=Kind.EXPLAIN, metric=before.metric, variant=before.variant, timezone=before.timezone)


def _dropped(draft: Draft) -> tuple[str, ...] | None:
    """Fields whose filters the words lift; None for nothing, empty for all."""
    words = draft.free(Role.CUE, "drop")
    if not words:
        return None
    draft.bind_all("filters", words)
    said = " ".join(draft.said(word) for word in words)
    return tuple(field for field, names in ALL_OF.items() if any(name in said for name in names))


def _moved(draft: Draft, before: Plan, metric: Metric) -> Window | Any | None:
    """The window (or instant) shifted: "the month before", "a week ago" of something that has a window."""
    if draft.free(Role.OPERATOR, *shape.COMPARING):
        _compared(draft, before, metric)
        return None
    for word in draft.free(Role.TIME):
        time = word.meaning.time
        if time is not None and time.role is TimeRole.RELATIVE:
            draft.bind("window", word)
            span = periods.before(_span_of(draft, before, metric), draft.reader, time.unit, time.n)
            if time.compares:
                draft.against, draft.kind = span, Kind.COMPARE
                return None
            return span
    windowed = metric.anchor is not Anchor.AS_OF
    shifts = [point for point in draft.points if point.unit is not None]
    if windowed and len(shifts) == 1 and before.window is not None and before.window.start is not None:
        draft.points.remove(shifts[0])
        unit = shifts[0].unit
        steps = _steps(draft, shifts[0], unit)
        return periods.before(Span(before.window.start, before.window.end), draft.reader, unit, steps)
    return None


def _steps(draft: Draft, point: Span, unit: Grain | None) -> int:
    assert unit is not None
    n = 1
    while draft.reader.ago(unit, n) > point.end and n < 1000:
        n += 1
    return n


def _compared(draft: Draft, before: Plan, metric: Metric) -> None:
    """ "Compare that with March", 跟上个月比: the last window against another."""
    relative = [w for w in draft.free(Role.TIME) if w.meaning.time and w.meaning.time.role is TimeRole.RELATIVE]
    words = draft.free(Role.OPERATOR, *shape.COMPARING)
    if len(draft.spans) == 1 and not relative:
        draft.against, draft.spans = draft.spans[0], []
    elif len(relative) == 1 and not draft.spans and relative[0].meaning.time is not None:
        time = relative[0].meaning.time
        draft.against = periods.before(_span_of(draft, before, metric), draft.reader, time.unit, time.n)
        draft.bind("against", relative[0])
    else:
        return
    draft.bind_all("against", words)
    draft.kind = Kind.COMPARE


def _span_of(draft: Draft, before: Plan, metric: Metric) -> Span:
    if metric.anchor is Anchor.AS_OF:
        at = before.at or draft.reader.now
        return Span(at, at)
    if before.window is None or before.window.start is None:
        raise NoReadingError(*(word for word in draft.words if word.role is Role.TIME))
    return Span(before.window.start, before.window.end)


def _merge(
    draft: Draft, before: Plan, metric: Metric, moved: Any, dropped: tuple[str, ...] | None, *, changed: bool
) -> Plan:
    kind = _kind(draft, before)
    by = tuple(draft.by) or (() if kind in (Kind.VALUE, Kind.LIST, Kind.TREND) else before.by)
    if before.kind is Kind.COMPARE and kind is Kind.COMPARE and not draft.by:
        by = before.by
    window, at = _times(draft, before, metric, kind, moved)
    fields: dict[str, Any] = {
        "kind": kind,
        "metric": draft.metric,
        "variant": draft.variant or (None if changed else before.variant),
        "aggregate": draft.aggregate or _kept_aggregate(before, metric, kind),
        "by": by,
        "filters": _filters(draft, before, metric, dropped),
        "window": window,
        "at": at,
        "grain": _grain(draft, before, kind, window),
        "descending": draft.descending if draft.bound_to("order", "limit", "metric") else before.descending,
        "limit": draft.limit or (before.limit if kind is before.kind and not draft.by else None),
        "min_n": draft.min_n or (before.min_n if kind is before.kind else None),
        "within": draft.within or (None if changed else before.within),
        "clock": _clock(draft, before, metric, changed=changed),
        "against": _against(draft, before, kind),
        "compare_by": draft.compare_by or (before.compare_by if kind is Kind.COMPARE else None),
        "against_metric": draft.against_metric
        or (before.against_metric if kind is Kind.COMPARE and not changed else None),
        "timezone": before.timezone,
    }
    return Plan(**fields)


def _clock(draft: Draft, before: Plan, metric: Metric, *, changed: bool) -> str:
    """As said, else as before; a metric that is new in the thread starts with the usual one."""
    return draft.clock if draft.bound_to("clock") else shape.usual_clock(draft, metric) if changed else before.clock


def _kind(draft: Draft, before: Plan) -> Kind:
    if draft.against is not None or draft.compare_by is not None:
        return Kind.COMPARE
    if draft.metric == "bottleneck":
        return Kind.BOTTLENECK
    if draft.kind is not None:
        return draft.kind
    if draft.by:
        return before.kind if before.kind in (Kind.TOP, Kind.COMPARE) else Kind.BREAKDOWN
    if draft.bound_words(Role.COUNT) or before.kind is Kind.BOTTLENECK:
        return Kind.VALUE
    if before.kind in (Kind.EXPLAIN, Kind.TICKET, Kind.DATA_QUALITY, Kind.HELP, Kind.WHY, Kind.WHAT_IF):
        return Kind.VALUE
    return before.kind


def _times(draft: Draft, before: Plan, metric: Metric, kind: Kind, moved: Any) -> tuple[Window | None, Any]:
    if isinstance(moved, Span):
        if metric.anchor is Anchor.AS_OF and kind is not Kind.TREND:
            return None, moved.end
        return Window(start=moved.start, end=moved.end), None
    if draft.spans or any(point.end != draft.reader.now for point in draft.points):
        return times_of(draft, metric, kind)
    if metric.anchor is Anchor.AS_OF and kind not in (Kind.TREND, Kind.COMPARE):
        return None, before.at
    if before.window is not None:
        return before.window, None
    now = draft.reader.now
    if metric.anchor is Anchor.AS_OF and kind is Kind.COMPARE:
        at = before.at or now
        return Window(start=at, end=at), None
    from datetime import timedelta

    return Window(start=now - timedelta(days=DEFAULT_DAYS), end=now, stated=False), None


def _filters(draft: Draft, before: Plan, metric: Metric, dropped: tuple[str, ...] | None) -> tuple[Filter, ...]:
    """New conditions replace those on the same field."""
    replaced = {f.field for f in draft.filters}
    if dropped is not None:
        replaced |= set(dropped) if dropped else {f.field for f in before.filters}
    kept = [f for f in before.filters if f.field not in replaced]
    probe = Draft(draft.text, draft.words, draft.reader, draft.lexicon, filters=kept)
    check_dimensions(probe, metric)
    return merged([*kept, *draft.filters])


def _kept_aggregate(before: Plan, metric: Metric, kind: Kind) -> Aggregate | None:
    if kind is Kind.LIST or before.aggregate not in metric.aggregates:
        return None
    return before.aggregate


def _grain(draft: Draft, before: Plan, kind: Kind, window: Window | None) -> Grain | None:
    if kind is not Kind.TREND:
        return None
    if draft.grain or before.grain:
        return draft.grain or before.grain
    return Grain.WEEK if window is None else shape.grain_for(Span(window.start, window.end))


def _against(draft: Draft, before: Plan, kind: Kind) -> Window | None:
    if draft.against is not None:
        return Window(start=draft.against.start, end=draft.against.end)
    return before.against if kind is Kind.COMPARE else None
