"""Questions with a form of their own: why a number changed, what if, the map of moves, the heat map."""

from __future__ import annotations

from datetime import timedelta

from unstuck.insights.compile.what_if import OF_A_WAIT
from unstuck.insights.compile.why import AVERAGED, COUNTED
from unstuck.insights.metric import Anchor, Metric
from unstuck.insights.plan import Filter, Kind, Op, Plan, Window
from unstuck.insights.question import periods, shape
from unstuck.insights.question.draft import Draft, NoReadingError
from unstuck.insights.question.filters import bind_null, bind_states, bind_values
from unstuck.insights.question.meaning import Role, Word
from unstuck.insights.question.periods import Reader, Span

#: Stretch that is compared with the one before it where no time is said.
DAYS = 30
#: "Why is it so slow": which way it went is in the answer, whatever the question takes for granted.
_WHICH_WAY = ("more", "fewer", "faster", "slower", "compare", "than")
_HEAT = ["weekday", "hour"]


def bind_why(draft: Draft, metric: Metric) -> None:
    words = draft.free(Role.ASK, "why")
    if not words:
        return
    if metric.id not in (*COUNTED, *AVERAGED) or draft.kind not in (None, Kind.COMPARE) or _is_split(draft):
        raise NoReadingError(*words)
    if any(one.field == "assignee" for one in draft.filters):
        raise NoReadingError(*words)  # a person is not judged
    draft.kind = Kind.WHY
    draft.bind_all("why", [*words, *draft.free(Role.OPERATOR, *_WHICH_WAY), *draft.free(Role.HOW_LONG)])


def _is_split(draft: Draft) -> bool:
    return bool(draft.by) or draft.compare_by is not None or draft.against_metric is not None


def windows_of_why(window: Window | None, at: object, against: Window | None, reader: Reader) -> dict[str, object]:
    """The stretch asked about and the one it is held against: where none is named, the one before."""
    if window is None:
        end = at or reader.now
        window = Window(start=end, end=end, stated=at is not None)
    if against is None:
        against = _before(window, reader)
    return {"window": window, "at": None, "against": against}


def _before(window: Window, reader: Reader) -> Window:
    if window.start is None:
        raise NoReadingError
    if window.start == window.end:  # a state, and the state then
        then = window.end - timedelta(days=DAYS)
        return Window(start=then, end=then)
    span = periods.before(Span(window.start, window.end), reader)
    return Window(start=span.start, end=span.end)


def why_of(draft: Draft, before: Plan, metric: Metric) -> Plan | None:
    """ "Why?" after an answer: the change of what was just told."""
    words = draft.free(Role.ASK, "why")
    if not words or any(word.role in (Role.METRIC, Role.VALUE, Role.TIME) for word in draft.words):
        return None
    if metric.id not in (*COUNTED, *AVERAGED) or before.against_metric is not None:
        raise NoReadingError(*words)
    draft.bind_all("why", [*words, *draft.free(Role.CUE), *draft.free(Role.OPERATOR, *_WHICH_WAY)])
    window = before.window
    if metric.anchor is Anchor.AS_OF and before.kind is not Kind.COMPARE:
        window = None
    times = windows_of_why(window, before.at, before.against, draft.reader)
    fresh = {"kind": Kind.WHY, "by": (), "grain": None, "limit": None, "aggregate": None, "within": None}
    return before.model_copy(update={**fresh, **times})


def bind_heat(draft: Draft) -> None:
    """A heat map is of weekday by hour, whether or not the question says so ("by weekday and hour", 按星期和小时)."""
    words = draft.free(Role.SHAPE, "heat")
    if not words:
        return
    draft.bind_all("by", [*words, *draft.free(Role.DIMENSION, *_HEAT), *draft.free(Role.GRAIN, "week", "hour")])
    others = draft.free(Role.DIMENSION)
    if others:
        raise NoReadingError(*others)
    draft.bind_all("by", draft.free(Role.OPERATOR, "by", "and"))
    draft.by = list(_HEAT)


def bind_map(draft: Draft) -> bool:
    """ "Show me the process map of Repairs last month"."""
    words = draft.free(Role.ASK, "map")
    if not words:
        return False
    draft.bind_all("kind", [*words, *draft.free(Role.SHAPE, "list")])
    _bind_which(draft)
    draft.metric, draft.kind = "time_in_stage", Kind.MAP
    return True


def _bind_which(draft: Draft) -> None:
    bind_null(draft)
    bind_values(draft)
    shape.bind_day_kind(draft)
    shape.bind_times(draft)


def bind_what_if(draft: Draft) -> bool:
    """ "What if waiting for parts took 3 days at most", "… if we left out Repairs"."""
    words = draft.free(Role.ASK, "what_if")
    if not words:
        return False
    draft.bind_all("kind", words)
    _bind_which(draft)
    bind_states(draft)
    draft.bind_all("metric", [*draft.free(Role.METRIC, "lead_time"), *draft.free(Role.HOW_LONG)])
    limits = [word for word in draft.free(Role.THRESHOLD) if word.meaning.unit == "seconds"]
    _bind_cap(draft, limits)
    waits = [one for one in draft.filters if one.field in OF_A_WAIT]
    if draft.within is None and not _leaves_out(draft.filters):
        raise NoReadingError(*words)
    if (draft.within is None) != (not waits) or len(waits) > 1 or any(one.op is not Op.IN for one in waits):
        raise NoReadingError(*words, *limits)
    draft.metric, draft.kind = "lead_time", Kind.WHAT_IF
    return True


def _bind_cap(draft: Draft, limits: list[Word]) -> None:
    if len(limits) == 1 and limits[0].meaning.op in (None, Op.AT_MOST, Op.LESS):
        draft.within = limits[0].meaning.number
        draft.bind("within", limits[0])


def _leaves_out(filters: list[Filter]) -> bool:
    return any(one.op is Op.NOT_IN for one in filters)
