"""Which number: the metric that the words name together, its aggregate, and the thresholds that go with it."""

from __future__ import annotations

import re

from unstuck.insights.metric import Anchor, Metric, Unit
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Aggregate, Filter, Op
from unstuck.insights.question.draft import Draft, NoReadingError, UnsupportedError
from unstuck.insights.question.filters import bind_states, bind_threshold, is_from, is_to, status_is_open
from unstuck.insights.question.meaning import Role, Word

#: Superlatives and comparatives that name their metric themselves.
SPEED = {"slowest": True, "slower": True, "fastest": False, "faster": False}
#: "How long …" with an event asks for the time up to it.
TIME_TO = {"solved": "lead_time", "first_response": "first_response", "queue_time": "queue_time"}
#: "How long …" with a state asks for the time spent in it.
TIME_IN = {"wait_customer": "wait_customer", "on_hold": "on_hold", "unassigned": "queue_time"}
#: Of tickets that came in: those that are open now.
STILL_OPEN = Filter(field="still_open", op=Op.AT_LEAST, number=1)
#: The only limit that the reopen rate has.
REOPEN_SECONDS = 7 * 86_400
#: Metrics that only look at part of the backlog: with "open" beside them nothing changes.
OF_THE_BACKLOG = ("age", "stale", "unassigned", "wip")


def bind_measure(draft: Draft) -> None:
    """Fill `draft.metric` if the words name one; raise `NoReadingError` when they name two that do not go together."""
    _bind_counts(draft)
    for rule in (_holds, _comparison_of_two, _speed, _time_to_or_in, _superlative, _named, _state_alone, _by_age):
        if draft.metric is None:
            rule(draft)
    if draft.metric == "net_flow" and draft.has(Role.ASK, "why"):
        draft.metric = "backlog"  # "why is the backlog growing"
    if draft.metric is not None:
        _join_states(draft)
        bind_thresholds(draft)


_DOES_HAVE = re.compile(r"\b(?:does|do) .+ (?:currently |still |now )?have(?: (?:now|right now|today))?\W*$")


def _holds(draft: Draft) -> None:
    """ "How many tickets does Repairs have": what it has now."""
    owner = any(f.field in ("team", "assignee") and f.op is Op.IN for f in draft.filters)
    timeless = not any(word.role is Role.TIME for word in draft.words) and draft.previous is None
    plain = not draft.has(Role.METRIC) and not draft.has(Role.STATE) and draft.has(Role.COUNT, "many")
    if owner and timeless and plain and _DOES_HAVE.search(draft.text.plain):
        draft.metric = "backlog"


def _named_ids(draft: Draft) -> list[str]:
    return list(dict.fromkeys(word.id for word in draft.free(Role.METRIC)))


def _take(draft: Draft, metric: str, *words: Word | None) -> None:
    draft.metric = metric
    draft.bind("metric", *words)


def _comparison_of_two(draft: Draft) -> None:
    """Opened against solved: 进的多还是出的多."""
    ids = _named_ids(draft)
    compares = draft.has(Role.OPERATOR, "than", "compare", "more", "fewer", "or") or draft.has(Role.OPERATOR, "and")
    pair = set(ids) == {"opened", "solved"} and compares
    # "Opened and closed last month" are tickets that were both.
    pair |= set(ids) == {"opened", "closed"} and draft.has(Role.OPERATOR, "than", "compare", "more", "fewer")
    if pair and not draft.has(Role.HOW_LONG):
        words = draft.free(Role.METRIC)
        _take(draft, ids[0], *words)
        draft.against_metric = ids[1]
        between = [
            w
            for w in draft.free(Role.OPERATOR)
            if w.is_a(Role.OPERATOR, "than", "compare", "more", "fewer", "or", "and")
        ]
        draft.bind_all("against_metric", between)


def _speed(draft: Draft) -> None:
    """Slow and fast mean lead time, unless another duration is named."""
    if draft.has(Role.ORDER, "slowest", "longest") and draft.has(Role.DIMENSION, "stage", "status"):
        _take(draft, "time_in_stage", *draft.free(Role.METRIC, "time_in_stage"))
        return
    words = [word for word in (*draft.free(Role.ORDER), *draft.free(Role.OPERATOR)) if word.id in SPEED]
    if not words or any(METRICS[i].unit is Unit.DURATION for i in _named_ids(draft) if i in METRICS):
        return
    draft.descending = SPEED[words[0].id]
    extra = draft.free(Role.METRIC, "solved")
    _take(draft, "lead_time", *extra)


def _time_to_or_in(draft: Draft) -> None:
    if not draft.free(Role.HOW_LONG) and not draft.has(Role.METRIC, "time_in_stage"):
        return
    words = draft.free(Role.METRIC)
    ids = [word.id for word in words]
    if ids == ["solved"] and _limited(draft):
        draft.bind_all("filter:lead_time", draft.free(Role.HOW_LONG))
        return
    states = [word for word in draft.free(Role.STATE) if word.id in TIME_IN or word.id.startswith("wait_")]
    statuses = [f for f in draft.filters if f.field in ("status", "stage", "class")]
    if not ids and not states and _bind_transition(draft):
        return
    if not ids and not statuses and not states and _by_stage(draft):
        draft.metric = "time_in_stage"
    elif set(ids) <= {"time_in_stage", "queue_time"} and statuses and not states:
        _time_in_status(draft, words, statuses)
    elif len(set(ids)) == 1 and ids[0] in TIME_TO:
        if ids[0] == "solved" and any(_attributive(draft, word) for word in words) and draft.has(Role.TIME):
            draft.variant = "solved"
        _take(draft, TIME_TO[ids[0]], *words)
    elif not set(ids) - {"time_in_stage"} and len(states) == 1 and statuses:
        raise NoReadingError(states[0])  # a ticket in one status waits in no other
    elif not set(ids) - {"time_in_stage"} and len(states) == 1:
        _time_in_state(draft, words, states[0])


def _by_stage(draft: Draft) -> bool:
    """各环节耗时: how long, by stage."""
    stages = draft.free(Role.DIMENSION, "stage", "status")
    leads = [draft.before(word) for word in stages]
    return any(lead is not None and lead.is_a(Role.OPERATOR, "by") for lead in leads)


def _bind_transition(draft: Draft) -> bool:
    """ "How long from New to Resolved": two statuses, one entered after the other."""
    statuses = [word for word in draft.words if word.is_a(Role.VALUE, "status", "stage")]
    if len(statuses) != 2 or not is_from(draft, statuses[0]) or not is_to(draft, statuses[1]):
        return False
    draft.filters = [f for f in draft.filters if f.field not in ("status", "stage")]
    for word, name in zip(statuses, ("from_stage", "to_stage"), strict=True):
        draft.filters.append(Filter(field=name, values=(word.meaning.value,)))
    draft.metric = "transition_wait"
    return True


def _limited(draft: Draft) -> bool:
    """ "How many took more than 3 days to resolve" counts; it does not ask how long."""
    limits = [word for word in draft.free(Role.THRESHOLD) if word.meaning.unit == "seconds" and word.meaning.op]
    return bool(limits) and (draft.has(Role.COUNT, "many") or draft.has(Role.SHAPE, "list"))


def _time_in_status(draft: Draft, words: list[Word], statuses: list[Filter]) -> None:
    """ "How long do tickets sit in New before anyone picks them up": being picked up is how New ends."""
    queued = [word for word in words if word.id == "queue_time"]
    if queued and any(draft.lexicon.classes.get(value) != "NEW" for f in statuses for value in f.values):
        raise NoReadingError(*queued)
    _take(draft, "time_in_stage", *words)


def _time_in_state(draft: Draft, words: list[Word], state: Word) -> None:
    if state.id in TIME_IN:
        _take(draft, TIME_IN[state.id], state, *words)
        return
    bind_states(draft)
    _take(draft, "time_in_stage", *words)


def _named(draft: Draft) -> None:
    words = draft.free(Role.METRIC)
    ids = _named_ids(draft)
    if len(ids) > 1:
        words, ids = _combined(draft, words, ids)
    if ids == ["time_in_stage"] and _by_team(draft):
        ids = ["team_time"]
        _take(draft, "team_time", *words)
    elif ids == ["backlog"] and _moves(draft):
        _take(draft, "net_flow", *words, *draft.free(Role.OPERATOR, "more", "fewer", "compare"))
    elif len(ids) == 1:
        variants = [word.meaning.value for word in words if word.id == ids[0] and word.meaning.value]
        draft.variant = variants[0] if variants else draft.variant
        _take(draft, ids[0], *(word for word in words if word.id == ids[0]))
        if ids == ["opened"] and draft.variant == "still_open":
            draft.variant = None
            draft.filters.append(STILL_OPEN)


def _by_team(draft: Draft) -> bool:
    """工单在各组停留多久: the time with each team, whatever the status."""
    leads = [draft.before(word) for word in draft.free(Role.DIMENSION, "team")]
    return any(lead is not None and lead.is_a(Role.OPERATOR, "by") for lead in leads)


def _moves(draft: Draft) -> bool:
    """ "Did the backlog go up last week": its change over a window, not a comparison of two things."""
    words = draft.free(Role.OPERATOR, "more", "fewer", "compare")
    if draft.has(Role.SHAPE, "trend"):
        return False  # "how did the backlog develop": the backlog itself, over time
    times = [word for word in draft.words if word.role is Role.TIME]
    several = any(len(f.values) > 1 for f in draft.filters)
    return (
        bool(words)
        and not draft.has(Role.OPERATOR, "than")
        and not draft.has(Role.ASK, "why")
        and len(times) <= 1
        and not several
        and not draft.previous
    )


def _combined(draft: Draft, words: list[Word], ids: list[str]) -> tuple[list[Word], list[str]]:
    """Metrics that say one thing together; any other pair has no meaning here."""
    named = set(ids)
    missing = [name for name in ids if name not in METRICS]
    if missing:
        raise UnsupportedError(missing[0])
    if named == {"reopened", "solved"} and draft.free(Role.SHARE):
        _bind_reopened_share(draft)
        return [], ["reopen_rate"]
    if named == {"lead_time", "solved"}:
        draft.variant = "solved" if _cohort_of_solved(draft, words) else None
        draft.bind_all("variant", draft.free(Role.METRIC, "solved"))
        return draft.free(Role.METRIC), ["lead_time"]
    if "backlog" in named and len(named) == 2:
        other = next(i for i in ids if i != "backlog")
        if other == "opened" and _windowed(draft):
            draft.filters.append(STILL_OPEN)  # "opened last week and not solved yet"
            draft.bind_all("filter:still_open", draft.free(Role.METRIC, "backlog"))
            return draft.free(Role.METRIC, "opened"), ["opened"]
        if other in OF_THE_BACKLOG:
            draft.bind_all("metric", draft.free(Role.METRIC, "backlog"))
            return draft.free(Role.METRIC), [other]
        if other == "reopened":
            draft.filters.append(Filter(field="reopens", op=Op.AT_LEAST, number=1))
            draft.bind_all("filter:reopens", draft.free(Role.METRIC, other))
            return draft.free(Role.METRIC), ["backlog"]
    if "bottleneck" in named and named == {"bottleneck", "time_in_stage"}:
        draft.bind_all("metric", draft.free(Role.METRIC, "time_in_stage"))
        return draft.free(Role.METRIC), ["bottleneck"]
    raise NoReadingError(*words[1:])


def _windowed(draft: Draft) -> bool:
    spans = [word.meaning.time.span for word in draft.words if word.meaning.time is not None]
    return any(span is not None and not span.point for span in spans)


def _bind_reopened_share(draft: Draft) -> None:
    """ "What share of the solved came back within a week" is the reopen rate; it knows no other limit."""
    limits = [word for word in draft.free(Role.THRESHOLD) if word.meaning.unit == "seconds"]
    if any(word.meaning.number != REOPEN_SECONDS for word in limits):
        raise NoReadingError(*limits)
    draft.bind_all("metric", [*limits, *draft.free(Role.SHARE), *draft.free(Role.METRIC)])


def _cohort_of_solved(draft: Draft, words: list[Word]) -> bool:
    """ "Resolution time of the tickets solved in April" takes those solved then, not those created then."""
    solved = [word for word in words if word.id == "solved"]
    return bool(solved) and draft.has(Role.TIME)


def _attributive(draft: Draft, word: Word) -> bool:
    """ "Tickets solved last month", 上个月解决的单: which tickets, not what is done to them."""
    beside = [draft.words[place] for place in (word.place - 1, word.place + 1) if 0 <= place < len(draft.words)]
    participle = draft.said(word).endswith(("ed", "的"))
    return participle and any(other.role is Role.TICKET for other in beside)


def _bind_counts(draft: Draft) -> None:
    """ "Handed over more than 5 times", 转了5次以上: which tickets, whatever is asked about them."""
    for metric, name in (("handoffs", "handoffs"), ("reopened", "reopens")):
        words = draft.free(Role.METRIC, metric)
        times = [word for word in draft.free(Role.THRESHOLD) if word.meaning.unit == "times"]
        if words and len(times) == 1 and times[0].meaning.op is not None:
            bind_threshold(draft, times[0], name)
            draft.bind_all(f"filter:{name}", words)
            draft.bind_all(f"filter:{name}", draft.free(Role.OPERATOR, "and"))


def _by_age(draft: Draft) -> None:
    """ "Older than 30 days" is said of open tickets."""
    words = [word for word in draft.free(Role.THRESHOLD) if draft.said(word).startswith(("older", "younger", "newer"))]
    if words and not draft.free(Role.METRIC):
        draft.metric = "backlog"


def _superlative(draft: Draft) -> None:
    """Oldest, busiest: superlatives that need no metric beside them."""
    if draft.has(Role.ORDER, "oldest", "newest"):
        draft.descending = draft.has(Role.ORDER, "oldest")
        _take(draft, "age", *draft.free(Role.METRIC, "backlog", "age"), *draft.free(Role.STATE, "open"))
    elif draft.has(Role.ORDER, "busiest", "quietest"):
        draft.descending = draft.has(Role.ORDER, "busiest")
        _take(draft, "opened", *draft.free(Role.METRIC, "opened"))


def _state_alone(draft: Draft) -> None:
    """Words for a state, or an open status, ask for the backlog in it."""
    if draft.previous is not None and not draft.free(Role.STATE):
        return
    found = bind_states(draft)
    if found == ["unassigned"] and draft.previous is None and not draft.has(Role.THRESHOLD):
        draft.filters = [f for f in draft.filters if (f.field, f.op) != ("assignee", Op.IS_NULL)]
        draft.metric = "unassigned"
        return
    if found:
        draft.metric = "backlog"
        return
    statuses = [f for f in draft.filters if f.field in ("status", "stage") and f.op is Op.IN]
    if statuses and draft.previous is None and _read_like_events(draft):
        return
    if statuses and draft.previous is None and not draft.free(Role.HOW_LONG):
        if not all(status_is_open(draft, value) for f in statuses for value in f.values):
            raise NoReadingError
        draft.metric = "backlog"
    elif any(f.op is Op.IS_NULL for f in draft.filters) and draft.previous is None:
        draft.metric = "backlog"


_EVENT_NAME = re.compile(r"^\w+ed\b|^已")
_BE_IN = re.compile(r"(?:^|[^a-z])(?:in|still|sitting|stuck|are|is|were|was)(?: the)? $|(?:在|处于|停在|是)\s*$")


def _read_like_events(draft: Draft) -> bool:
    """ "Approved tickets last month": those that stood there at its end, or those that were approved in it?"""
    stretch = any(word.role is Role.TIME and _is_stretch(word) for word in draft.words)
    names = [word for word in draft.words if word.is_a(Role.VALUE, "status", "stage")]
    return stretch and any(
        _EVENT_NAME.match(draft.said(word)) and not _BE_IN.search(draft.text.plain[: word.start]) for word in names
    )


def _is_stretch(word: Word) -> bool:
    span = word.meaning.time.span if word.meaning.time is not None else None
    return span is not None and not span.point


def _join_states(draft: Draft) -> None:
    """States beside a metric narrow it where it looks at a state too; "open" adds nothing to the backlog."""
    metric = METRICS.get(draft.metric or "")
    if metric is not None and metric.anchor is Anchor.EVENT and draft.free(Role.STATE, "never_replied"):
        draft.filters.append(Filter(field="agent_replies", op=Op.AT_MOST, number=0))
        draft.bind_all("filter:agent_replies", draft.free(Role.STATE, "never_replied"))
    if draft.metric == "bottleneck" and _counts_those_in_a_stage(draft):
        draft.metric = "backlog"  # "list those stuck in Waiting for parts for more than a week"
        metric = METRICS["backlog"]
    states = [word for word in draft.free(Role.STATE) if word.id not in ("open", "waited")]
    if not states:
        return
    if draft.metric == "bottleneck" and (draft.has(Role.COUNT, "many") or draft.has(Role.SHAPE, "list")):
        draft.metric = "backlog"  # "how many are stuck waiting for the customer"
        bind_states(draft)
        return
    if draft.metric == "unassigned" and all(word.id == "unassigned" for word in states):
        draft.bind_all("metric", states)
        return
    if metric is None or metric.anchor is not Anchor.AS_OF:
        raise NoReadingError(*states)
    bind_states(draft)


def _counts_those_in_a_stage(draft: Draft) -> bool:
    stages = [f for f in draft.filters if f.field in ("status", "stage") and f.op is Op.IN]
    return bool(stages) and (draft.has(Role.COUNT, "many") or draft.has(Role.SHAPE, "list"))


#: 2025年 is a year, not 2,025 of them.
LONGEST_S = 100 * 365 * 86_400


def bind_thresholds(draft: Draft) -> None:
    for word in draft.free(Role.THRESHOLD):
        unit = word.meaning.unit
        if unit == "seconds" and (word.meaning.number or 0) <= LONGEST_S:
            _bind_duration(draft, word)


def _bind_duration(draft: Draft, word: Word) -> None:
    """What a duration limits depends on what is asked: age, waiting, silence, or how long solving took."""
    op, metric = word.meaning.op, METRICS.get(draft.metric or "")
    if draft.metric == "stale":
        bind_threshold(draft, word, "idle")
    elif metric is not None and metric.unit is Unit.DURATION and metric.anchor is not Anchor.AS_OF:
        _bind_limit_of_share(draft, word)
    elif draft.metric == "solved" and op is not None:
        if shares(draft):
            draft.metric = "lead_time"
            _bind_limit_of_share(draft, word)
        else:
            bind_threshold(draft, word, "lead_time")
    elif metric is not None and metric.anchor is Anchor.AS_OF:
        if _limits_solving(draft, word):
            raise NoReadingError(word)
        older = draft.said(word).startswith("older")
        bind_threshold(draft, word, "age" if older else _kind_of_age(draft))


_UNSOLVED = re.compile(r"not|n't|un(?:re)?solved|without|没|未")


def _limits_solving(draft: Draft, word: Word) -> bool:
    """ "Not solved within 3 days" is about how long solving took; the backlog's age says nothing of it."""
    within = draft.said(word).startswith(("within", "in under", "inside")) or draft.said(word).endswith("内")
    named = [w for w in draft.words if w.is_a(Role.METRIC, "backlog")]
    return within and any(_UNSOLVED.search(draft.said(w)) for w in named)


def shares(draft: Draft) -> list[Word]:
    """Words for a share. A "rate" is none: the resolution rate is no share of the solved."""
    return [word for word in draft.free(Role.SHARE) if draft.said(word) not in ("rate", "率", "比率")]


def _bind_limit_of_share(draft: Draft, word: Word) -> None:
    """ "Share solved within 24 h"; the share over a limit would be the rest, and is not offered."""
    counted = draft.has(Role.COUNT, "many") or draft.has(Role.SHAPE, "list")
    if word.meaning.op not in (Op.AT_MOST, Op.LESS) or counted:
        raise NoReadingError(word)
    draft.within = word.meaning.number
    draft.aggregate = Aggregate.SHARE
    draft.bind("within", word, *shares(draft))


def _kind_of_age(draft: Draft) -> str:
    waited = draft.free(Role.STATE, "waited")
    draft.bind_all("filter:stage_age", waited)
    narrowed = any(f.field in ("class", "status", "stage") for f in draft.filters)
    opened = draft.metric == "age" or any(word.is_a(Role.METRIC, "backlog") for word in draft.words)
    if waited or (narrowed and not opened):
        return "stage_age"
    if any(f.op is Op.IS_NULL for f in draft.filters) or draft.metric == "unassigned":
        # Unassigned for two days, or two days old and unassigned?
        raise NoReadingError
    return "age"


def bind_aggregate(draft: Draft, metric: Metric) -> None:
    words = draft.free(Role.AGGREGATE)
    for word in words:
        wanted = Aggregate(word.id)
        if metric.unit is Unit.COUNT and wanted is Aggregate.SUM:
            draft.bind("aggregate", word)  # "in total": a count is one
            continue
        if wanted not in metric.aggregates or draft.aggregate not in (None, wanted):
            raise NoReadingError(word)
        draft.aggregate = wanted
        draft.bind("aggregate", word)


#: "How long do tickets wait" asks for the usual wait; 花了多长时间 and "how many hours" for all of it.
_EACH = re.compile(
    r"how (?:long|fast|quickly|soon) (?:do|does|did|is|are|until|before|it)|(?:要|需要|得|等|才|通常|一般)?多久"
)
_ALL = re.compile(r"花了|用了|耗了|总共|一共|总计|合计|total|altogether|in all")


def _usual(draft: Draft) -> Aggregate | None:
    asked = _EACH.search(draft.text.plain) and not _ALL.search(draft.text.plain)
    return Aggregate.P50 if asked else None


def bind_question_words(draft: Draft, metric: Metric) -> None:
    """ "How many" must meet a count and "how long" a duration; "how much" meets either."""
    duration = metric.unit in (Unit.DURATION, Unit.HOURS)
    if metric.anchor is Anchor.OCCUPANCY and metric.unit is Unit.DURATION and draft.aggregate is None:
        draft.aggregate = _usual(draft)
    draft.bind_all("metric", draft.free(Role.COUNT, "much"))
    if metric.unit is Unit.COUNT:
        draft.bind_all("metric", draft.free(Role.COUNT, "many"))
    if metric.id in ("handoffs", "reopened", "ping_pong", "rework"):
        draft.bind_all("metric", draft.free(Role.COUNT, "times"))
    if duration or draft.metric == "bottleneck":
        draft.bind_all("metric", draft.free(Role.HOW_LONG))
    if metric.unit is Unit.SHARE:
        draft.bind_all("metric", draft.free(Role.SHARE))
