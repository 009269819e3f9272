"""In which form: split by what, ranked, over time, compared, as a list."""

from __future__ import annotations

import re
from datetime import timedelta

from unstuck.insights.compile.dimensions import WEEKDAYS
from unstuck.insights.metric import Anchor, Metric, Unit
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Op
from unstuck.insights.question import periods
from unstuck.insights.question.draft import DoubtError, Draft, NoReadingError
from unstuck.insights.question.meaning import EMPTY, Role, Word
from unstuck.insights.question.measure import SPEED, shares
from unstuck.insights.question.periods import Span
from unstuck.insights.question.times import TimeRole

#: Rows of a ranking when no number is said.
RANKING = 10
COMPARING = ("than", "compare", "more", "fewer", "faster", "slower")


def bind_times(draft: Draft) -> None:
    """Windows and instants, in the order they were said."""
    for word in draft.free(Role.TIME):
        time = word.meaning.time
        assert time is not None
        if time.role is TimeRole.SPAN and time.span is not None:
            (draft.points if time.span.point else draft.spans).append(time.span)
            draft.bind("window", word)


def bind_comparison(draft: Draft, metric: Metric) -> None:
    """Two windows, a window and the one before it, or two values of one dimension."""
    relative = [
        word for word in draft.free(Role.TIME) if word.meaning.time and word.meaning.time.role is TimeRole.RELATIVE
    ]
    words = draft.free(Role.OPERATOR, *COMPARING)
    instants = [*draft.spans, *[point for point in draft.points if point.end != draft.reader.now]]
    if (
        metric.anchor is Anchor.AS_OF
        and len(instants) == 1
        and _than(words)
        and not relative
        and draft.previous is None
    ):
        now = draft.reader.now
        instants = [Span(now, now, point=True), *instants]  # "is the backlog larger than last week"
    if len(draft.spans) == 2 or (len(instants) == 2 and words):
        _bind_two_spans(draft, words, instants)
    elif len(relative) == 1 and (words or _compares(relative[0])) and draft.previous is None:
        _bind_relative(draft, words, relative[0])
    elif words and draft.against_metric is None and _is_the_one_before(draft, metric, words):
        _bind_current(draft, words)
    elif words and draft.against_metric is None:
        _bind_two_values(draft, words)
    elif len(relative) == 1 and metric.anchor is Anchor.AS_OF and not instants and draft.previous is None:
        _bind_earlier(draft, relative[0])


def _is_the_one_before(draft: Draft, metric: Metric, words: list[Word]) -> bool:
    """ "Are we faster than last month": only the period before the current one is named."""
    if metric.anchor is Anchor.AS_OF or len(draft.spans) != 1 or draft.points or draft.previous is not None:
        return False
    unit = draft.spans[0].unit
    several = any(len(f.values) > 1 and f.field != "class" for f in draft.filters)
    return _than(words) and not several and unit is not None and draft.spans[0] == draft.reader.this(unit, 1)


def _bind_current(draft: Draft, words: list[Word]) -> None:
    before = draft.spans[0]
    assert before.unit is not None
    draft.spans, draft.against = [draft.reader.this(before.unit)], before
    draft.bind_all("against", words)
    draft.kind = Kind.COMPARE


def _bind_earlier(draft: Draft, relative: Word) -> None:
    """去年同期积压: the state a year ago."""
    time = relative.meaning.time
    if time is None or time.unit is None or time.compares:
        return
    draft.points.append(Span(None, draft.reader.ago(time.unit, time.n), point=True))
    draft.bind("window", relative)


def _than(words: list[Word]) -> bool:
    return any(word.is_a(Role.OPERATOR, "than") for word in words)


def _compares(word: Word) -> bool:
    return word.meaning.time is not None and word.meaning.time.compares


def _bind_two_spans(draft: Draft, words: list[Word], spans: list[Span]) -> None:
    if not words:
        raise NoReadingError(*(word for word in draft.words if word.role is Role.TIME))
    draft.spans, draft.against = [spans[0]], spans[1]
    draft.points = []
    draft.bind_all("against", words)
    draft.bind_all("against", draft.free(Role.OPERATOR, "and"))
    draft.kind = Kind.COMPARE


def _bind_relative(draft: Draft, words: list[Word], relative: Word) -> None:
    time = relative.meaning.time
    assert time is not None
    if len(draft.spans) != 1 or draft.spans[0].start is None:
        raise DoubtError("window")
    draft.against = periods.before(draft.spans[0], draft.reader, time.unit, time.n)
    draft.bind("against", relative, *words)
    draft.kind = Kind.COMPARE


def _bind_two_values(draft: Draft, words: list[Word]) -> None:
    several = [f for f in draft.filters if f.op is Op.IN and len(f.values) > 1 and f.field != "class"]
    if len(several) != 1:
        return
    draft.compare_by = several[0].field
    draft.bind_all("compare_by", words)
    draft.bind_all("compare_by", [*draft.free(Role.OPERATOR, "and", "or"), *draft.free(Role.SHAPE, "which")])
    draft.kind = Kind.COMPARE


def bind_dimensions(draft: Draft) -> None:
    """By which dimensions the number is split."""
    ranked = bool(draft.free(Role.ORDER) or draft.free(Role.LIMIT)) or draft.kind is Kind.COMPARE
    for word in draft.free(Role.DIMENSION):
        lead = draft.before(word)
        if lead is not None and lead.role is Role.NUMBER and ranked:
            lead = draft.before(lead)  # "which 5 categories"
        if (lead is not None and (lead.is_a(Role.OPERATOR, "by") or lead.is_a(Role.SHAPE, "which"))) or (
            lead is not None and lead.is_a(Role.OPERATOR, "and") and _splits(draft, draft.before(lead))
        ):
            draft.bind("by", lead, word)
        elif (
            word.id in ("from_team", "to_team")
            or ranked
            or draft.has(Role.CUE)
            or (draft.previous is not None and len(draft.left()) == 1)
        ):
            draft.bind("by", word)
        else:
            number = draft.after(word)
            raise NoReadingError(word, *([number] if number is not None and number.role is Role.NUMBER else []))
        if word.id not in draft.by:
            draft.by.append(word.id)
    if draft.metric == "team_time" and not draft.by and not any(f.field == "team" for f in draft.filters):
        draft.by.append("team")  # the time with a team is a question about each of them
    _bind_who_and_where(draft)
    _bind_order_of_by(draft)


def _splits(draft: Draft, word: Word | None) -> bool:
    return word is not None and draft.bound.get(word.place) == "by"


def _bind_who_and_where(draft: Draft) -> None:
    for word in draft.free(Role.SHAPE, "who"):
        if not draft.free(Role.ORDER) and not draft.free(Role.LIMIT):
            raise NoReadingError(word)
        draft.bind("by", word)
        if "assignee" not in draft.by:
            draft.by.append("assignee")
    if draft.metric in ("bottleneck", "time_in_stage"):
        for word in draft.free(Role.SHAPE, "where"):
            draft.bind("by", word)
            if draft.metric == "time_in_stage" and not draft.by:
                draft.by.append("stage")


def _bind_order_of_by(draft: Draft) -> None:
    """ "Top 5 groups by backlog": this "by" names what ranks them."""
    for word in draft.free(Role.OPERATOR, "by"):
        following, leading = draft.after(word), draft.before(word)
        if following is not None and following.role in (Role.METRIC, Role.AGGREGATE, Role.STATE) and draft.by:
            draft.bind("order", word)
        elif draft.said(word) == "分" and leading is not None and _splits(draft, leading):
            draft.bind("by", word)  # 按组分


def bind_ranking(draft: Draft) -> None:
    """Superlatives and "top n"."""
    orders = draft.free(Role.ORDER)
    limits = [*draft.free(Role.LIMIT), *_counts(draft, orders)]
    if not orders and not limits:
        return
    if draft.kind is Kind.TREND:
        raise NoReadingError(*orders, *limits)  # a trend has no first and last
    if draft.kind is Kind.LIST or (draft.metric == "age" and not draft.by):
        draft.kind = Kind.LIST
    elif not draft.by and draft.metric == "bottleneck":
        pass
    elif not draft.by and not limits and _extreme(draft, orders):
        return
    elif not draft.by:
        raise NoReadingError(*orders, *limits)
    elif draft.kind is None:
        draft.kind = Kind.TOP
        _bind_extreme_age(draft, orders)
    _bind_direction(draft, orders)
    for word in limits:
        if word.is_a(Role.LIMIT, "least"):
            draft.descending = False
        draft.limit = int(word.meaning.number or RANKING)
        draft.bind("limit", word)
    if draft.limit is None and not set(draft.by) & {"weekday", "hour"} and draft.metric != "bottleneck":
        draft.limit = RANKING


def _extreme(draft: Draft, orders: list[Word]) -> bool:
    """ "Longest resolution time": the largest single one."""
    metric = METRICS.get(draft.metric or "")
    ids = {word.id for word in orders}
    if metric is None or metric.unit is not Unit.DURATION or draft.kind is not None:
        return False
    wanted = Aggregate.MAX if ids == {"longest"} else Aggregate.MIN if ids == {"shortest"} else None
    if wanted is None or wanted not in metric.aggregates or draft.free(Role.AGGREGATE):
        return False
    draft.aggregate = wanted
    draft.bind_all("aggregate", orders)
    return True


def _counts(draft: Draft, orders: list[Word]) -> list[Word]:
    """A bare number beside a superlative, a dimension or the tickets says how many rows."""
    if not orders and not draft.has(Role.SHAPE, "list"):
        return []
    return [
        word
        for word in draft.free(Role.NUMBER)
        if word.meaning.number and word.meaning.number == int(word.meaning.number)
    ]


def _bind_extreme_age(draft: Draft, orders: list[Word]) -> None:
    """ "The oldest by team" is the age of each team's oldest ticket, not of its usual one."""
    extremes = {"oldest": Aggregate.MAX, "newest": Aggregate.MIN}
    wanted = {extremes[word.id] for word in orders if word.id in extremes}
    if draft.metric == "age" and len(wanted) == 1 and not draft.free(Role.AGGREGATE):
        draft.aggregate = wanted.pop()


def _bind_direction(draft: Draft, orders: list[Word]) -> None:
    directions = {"most": True, "oldest": True, "busiest": True, "longest": True} | SPEED
    directions |= {"least": False, "newest": False, "quietest": False, "shortest": False}
    wanted = {directions[word.id] for word in orders if word.id not in ("most",)} or {True}
    if len(wanted) > 1:
        raise NoReadingError(*orders)
    draft.descending = wanted.pop()
    draft.bind_all("order", orders)


def bind_distribution(draft: Draft, metric: Metric) -> None:
    """How durations spread; of counts only over the groups they are split by."""
    words = draft.free(Role.SHAPE, "distribution")
    if words and draft.by:
        draft.bind_all("by", words)
    elif words and metric.unit is Unit.DURATION and draft.kind is None:
        draft.kind = Kind.DISTRIBUTION
        draft.bind_all("kind", words)


_END = re.compile(r"\bend\b|[底末]$")


def bind_trend(draft: Draft) -> None:
    grains = draft.free(Role.GRAIN)
    if len({word.id for word in grains}) > 1:
        raise NoReadingError(*grains)
    trends = draft.free(Role.SHAPE, "trend")
    if not grains and not trends:
        return
    if draft.kind is Kind.COMPARE and draft.compare_by is not None and draft.against is None and not draft.by:
        draft.by, draft.compare_by, draft.kind = [draft.compare_by], None, None  # a line for each value
    if draft.kind is not None:
        raise NoReadingError(*grains, *trends)
    ends = [word for word in grains if _END.search(draft.said(word))]
    if ends and METRICS[draft.metric or ""].anchor is not Anchor.AS_OF:
        raise NoReadingError(*ends)  # what was opened "at the end of each month" is no month's total
    draft.grain = Grain(grains[0].id) if grains else None
    draft.kind = Kind.TREND
    draft.bind_all("grain", [*grains, *trends])
    # "How did it develop" compares nothing.
    draft.bind_all("grain", [w for w in draft.free(Role.OPERATOR, "compare") if draft.said(w).startswith("how ")])


def grain_for(window: Span) -> Grain:
    """A grain that gives a readable number of buckets."""
    length = window.end - window.start if window.start else timedelta(days=365)
    if length <= timedelta(days=2):
        return Grain.HOUR
    if length <= timedelta(days=31):
        return Grain.DAY
    return Grain.WEEK if length <= timedelta(days=190) else Grain.MONTH


def bind_list(draft: Draft) -> None:
    words = draft.free(Role.SHAPE, "list")
    if not words:
        return
    split = draft.free(Role.OPERATOR, "by") or draft.free(Role.GRAIN) or draft.free(Role.SHAPE, "trend")
    shows = all(
        draft.said(word) in ("show", "show me", "display", "find", "pull up", "can i see", "find me") for word in words
    )
    if shows and (split or draft.free(Role.ORDER) or draft.has(Role.COUNT) or not _names_tickets(draft)):
        draft.bind_all("show", words)  # "show me the backlog by team": any answer shows
        return
    if draft.kind is None:
        draft.kind = Kind.LIST
        draft.bind_all("kind", words)


def _names_tickets(draft: Draft) -> bool:
    return any(word.role is Role.TICKET for word in draft.words)


def bind_clock(draft: Draft, metric: Metric) -> None:
    for word in draft.free(Role.CLOCK):
        if metric.unit not in (Unit.DURATION, Unit.HOURS):
            raise NoReadingError(word)
        draft.clock = word.id
        draft.bind("clock", word)
    if not draft.bound_to("clock"):
        draft.clock = usual_clock(draft, metric)


def usual_clock(draft: Draft, metric: Metric) -> str:
    """The clock of a question that names none: the desk's own hours, where it keeps a calendar.

    A length that the question names is one of every hour ("within 2 days"), so that all of it is.
    """
    named = draft.within is not None or any(one.number is not None for one in draft.filters)
    if draft.kind is Kind.LIST:
        return "calendar"  # the oldest ticket is the one that was created first, whoever has it
    measures = metric.unit in (Unit.DURATION, Unit.HOURS)
    return "business" if draft.reader.business and measures and not named else "calendar"


_DAYS = {"weekend": WEEKDAYS[5:], "workday": WEEKDAYS[:5]}


def bind_day_kind(draft: Draft) -> None:
    """ "On weekends": a filter on the day of the week."""
    for word in draft.free(Role.DAY_KIND):
        days = _DAYS.get(word.id) or (word.id.capitalize(),)
        draft.filters.append(Filter(field="weekday", values=days))
        draft.bind("filter:weekday", word)


def bind_min_n(draft: Draft) -> None:
    """ "At least 20 tickets": how many a group needs to be ranked."""
    for word in draft.free(Role.THRESHOLD):
        meaning = word.meaning
        solved = "solved" in draft.said(word) and draft.metric not in ("lead_time", "solved")
        if (
            meaning.unit == "tickets"
            and not solved
            and draft.by
            and meaning.op in (Op.AT_LEAST, Op.MORE)
            and meaning.number
        ):
            draft.min_n = int(meaning.number) + (meaning.op is Op.MORE)
            draft.bind("min_n", word)


def bind_share(draft: Draft, metric: Metric) -> None:
    """ "Share of the backlog by priority", or what share of it one filter picks (占比, P1占多少)."""
    words = shares(draft)
    picked = len(draft.filters) == 1 and metric.unit is Unit.COUNT and draft.kind is None
    possible = draft.by or picked or metric.id == "ping_pong"
    if words and possible and Aggregate.SHARE in metric.aggregates and draft.aggregate in (None, Aggregate.SHARE):
        draft.aggregate = Aggregate.SHARE
        draft.bind_all("aggregate", words)


def bind_and(draft: Draft) -> None:
    """ "And" between two things that are both bound says nothing more than both."""
    for word in draft.free(Role.OPERATOR, "and"):
        sides = [_side(draft, word, -1), _side(draft, word, 1)]
        if all(side is not None and side.place in draft.bound for side in sides):
            draft.bind("and", word)


def _side(draft: Draft, word: Word, step: int) -> Word | None:
    place = word.place + step
    while 0 <= place < len(draft.words):
        if draft.words[place].role not in EMPTY:
            return draft.words[place]
        place += step
    return None
