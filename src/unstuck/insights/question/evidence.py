"""Words that must not be guessed (METRICS.md, section 4), and what in the question settles them."""

from __future__ import annotations

import re
from dataclasses import replace

from unstuck.insights.question.meaning import Item, Meaning, Role
from unstuck.insights.question.normalise import Text
from unstuck.insights.question.times import TimeRole

#: A name that is also an ordinary word is a status where it stands "in" something or beside the word status.
_IN = re.compile(
    r"(?:^|[^a-z])(?:in|in the|into|status|state|stage|status is|status of|with status|in status|in state) $"
)
_IN_ZH = re.compile(r"(?:状态为|状态是|处于|停在|卡在|在|状态|停留在|待在)\s*$")
#: "How long from New to Resolved": both ends are statuses.
_FROM_TO = re.compile(r"(?=.*(?:how long|time|take)).*\bfrom \S+.* to |(?=.*(?:多久|多长|时长|时间|耗时)).*从.+到")
_STATUS_AFTER = re.compile(r"^(?: (?:status|state|stage)\b| ?(?:状态|环节|阶段))")
_HAS = re.compile(r"(?<![a-z])(?:has|have|still|remain|remaining)(?![a-z])|还|仍")


def narrowed(asked: Text, items: tuple[Item, ...], *, follow: bool) -> list[tuple[Meaning, ...]]:
    """The meanings of each item that the rest of the question leaves open."""
    return [_meanings(asked, items, item, follow=follow) for item in items]


def _meanings(asked: Text, items: tuple[Item, ...], item: Item, *, follow: bool) -> tuple[Meaning, ...]:
    meanings, raw = item.meanings, _raw_status(item)
    if any(meaning.shy for meaning in meanings):
        meanings = _as_status(asked, item)
    if len(meanings) > 1 and not follow:
        meanings = tuple(m for m in meanings if m.role is not Role.CUE) or meanings
    settled = _settled(asked, items, meanings)
    if settled is not None:
        return (*raw, *settled) if len(settled) > 1 else settled
    readings = tuple(reading for meaning in meanings for reading in _readings(meaning))
    return (*raw, *readings) if any(reading.doubtful for reading in readings) else readings


def _raw_status(item: Item) -> tuple[Meaning, ...]:
    """ "Pending" and the like are first of all the status of that name, where the desk has one."""
    riddles = any(m.role is Role.STATE and m.id in ("pending", "active", "open") for m in item.meanings)
    return tuple(replace(m, shy=False, doubtful=True) for m in item.meanings if riddles and m.shy)


def _settled(asked: Text, items: tuple[Item, ...], meanings: tuple[Meaning, ...]) -> tuple[Meaning, ...] | None:
    """The meanings that the rest of the question leaves to a word that is a riddle alone; None for all others."""
    states = {m.id for m in meanings if m.role is Role.STATE}
    if "in_hand" in states:
        return _in_hand(items)
    if "waited" in states and not _has_length(items):
        return _readings(Meaning(Role.STATE, "waiting"))
    if "wait_time" in states and _waits_on(items):
        return (Meaning(Role.HOW_LONG),)
    if "open" in states:
        return _open(asked, items)
    metrics = {m.id for m in meanings if m.role is Role.METRIC}
    if "closed" in metrics and any(m.role is Role.HOW_LONG for other in items for m in other.meanings):
        return (replace(Meaning(Role.METRIC, "solved"), doubtful=True),)  # "how long to close": to solve?
    if "backlog" in metrics and (cohort := _still_open(asked, items, meanings)) is not None:
        return cohort
    if any(m.role is Role.TICKET_ID for other in items for m in other.meanings):
        return meanings
    return (*meanings, Meaning(Role.METRIC, "bottleneck")) if _slow_stage(items, meanings) else None


_STILL = re.compile(r"(?<![a-z])(?:still|yet)(?![a-z])|还")
_ONCE = re.compile(r"(?<![a-z])(?:was|were|had)(?![a-z])|当时|那时")
_OF_THEN = re.compile(r"(?<![a-z])(?:from|of|opened|created|raised|logged)(?: the)? $")
_THEIRS = re.compile(r"^(?:'s|s')? (?:tickets?|cases?|incidents?|issues?|requests?|ones)(?![a-z])|^的(?:工单|单|案)")


def _still_open(asked: Text, items: tuple[Item, ...], meanings: tuple[Meaning, ...]) -> tuple[Meaning, ...] | None:
    """ "Last week's tickets still open": those of then that are open now. "Still open last week" may be either."""
    if not _STILL.search(asked.plain) or any(m.role is Role.METRIC and m.id != "backlog" for m in _all(items)):
        return None
    past = [item for item in items if any(_is_stretch(m) for m in item.meanings)]
    if len(past) != 1 or _ONCE.search(asked.plain):
        return None
    of_then = Meaning(Role.METRIC, "opened", "still_open")
    if _OF_THEN.search(asked.plain[: past[0].start]) or _THEIRS.match(asked.plain[past[0].end :]):
        return (of_then,)
    return (*(replace(m, doubtful=True) for m in meanings), replace(of_then, doubtful=True))


def _is_stretch(meaning: Meaning) -> bool:
    span = meaning.time.span if meaning.time is not None and meaning.time.role is TimeRole.SPAN else None
    return span is not None and not span.point


def _all(items: tuple[Item, ...]) -> list[Meaning]:
    return [meaning for item in items for meaning in item.meanings]


def _readings(meaning: Meaning) -> tuple[Meaning, ...]:
    """A word that must not be guessed as all that it can mean; taking one of them always needs asking."""
    several = AMBIGUOUS.get((meaning.role, meaning.id))
    return (meaning,) if several is None else tuple(replace(one, doubtful=True) for one in several)


def _in_hand(items: tuple[Item, ...]) -> tuple[Meaning, ...]:
    """手上的单: in somebody's hands where a person is asked about; of a team it may mean its backlog."""
    others = [m for item in items for m in item.meanings]
    if any(m.role in (Role.DIMENSION, Role.VALUE) and m.id == "assignee" for m in others) or any(
        m.is_a_person for m in others
    ):
        return (Meaning(Role.METRIC, "wip"),)
    if any(m.role is Role.METRIC and m.id == "backlog" for m in others):
        return (Meaning(Role.METRIC, "backlog"),)
    return (
        replace(Meaning(Role.METRIC, "backlog"), doubtful=True),
        replace(Meaning(Role.METRIC, "wip"), doubtful=True),
    )


def _has_length(items: tuple[Item, ...]) -> bool:
    return any(m.role is Role.THRESHOLD and m.unit == "seconds" for item in items for m in item.meanings)


def _waits_on(items: tuple[Item, ...]) -> bool:
    """Whether the question says on whom is waited: then "wait time" is no riddle."""
    states = (m.id for item in items for m in item.meanings if m.role is Role.STATE)
    return any(name in ("wait_customer", "wait_vendor", "wait_internal", "unassigned") for name in states)


def _slow_stage(items: tuple[Item, ...], meanings: tuple[Meaning, ...]) -> bool:
    """ "Which stage takes longest": the longest visits, or the most time lost?"""
    stages = any(m.role is Role.DIMENSION and m.id in ("stage", "status") for item in items for m in item.meanings)
    named = any(m.role is Role.METRIC for item in items for m in item.meanings)
    return stages and not named and any(m.role is Role.ORDER and m.id in ("slowest", "longest") for m in meanings)


def _as_status(asked: Text, item: Item) -> tuple[Meaning, ...]:
    before, after = asked.plain[: item.start], asked.plain[item.end :]
    moves = _FROM_TO.search(asked.plain) and re.search(r"(?:from|to|从|到) ?$", before)
    named = moves or _IN.search(before) or _IN_ZH.search(before) or _STATUS_AFTER.match(after) or before.endswith('"')
    ticket_follows = re.match(r" (?:tickets?|cases?|incidents?|ones|backlog|p\d)\b|的?(?:工单|单)", after)
    if named and not ticket_follows:
        return tuple(meaning for meaning in item.meanings if meaning.shy)
    return tuple(meaning for meaning in item.meanings if not meaning.shy)


def _open(asked: Text, items: tuple[Item, ...]) -> tuple[Meaning, ...]:
    """ "Open tickets": the backlog, or what was opened? Settled where only a state makes sense."""
    backlog = Meaning(Role.METRIC, "backlog")
    others = [meaning for item in items for meaning in item.meanings]
    settled = any(
        meaning.role in (Role.TICKET_ID, Role.ASK)
        or (meaning.role is Role.VALUE and meaning.id == "assignee" and not meaning.shy)
        or meaning.is_a_state_word
        or (
            meaning.role is Role.TIME
            and meaning.time is not None
            and meaning.time.role is TimeRole.SPAN
            and meaning.time.span is not None
            and meaning.time.span.point
        )
        for meaning in others
    )
    windowed = any(
        meaning.role is Role.TIME
        and meaning.time is not None
        and meaning.time.span is not None
        and not meaning.time.span.point
        for meaning in others
    )
    if settled or (_HAS.search(asked.plain) and not windowed):
        return (backlog,)
    if any(meaning.role is Role.METRIC for meaning in others):
        return (backlog,)
    return (backlog, Meaning(Role.METRIC, "opened"))


#: Readings of words that mean several things; the plan of each becomes a button.
AMBIGUOUS: dict[tuple[Role, str], tuple[Meaning, ...]] = {
    (Role.STATE, "done"): (Meaning(Role.METRIC, "solved"), Meaning(Role.METRIC, "closed")),
    (Role.STATE, "response"): (Meaning(Role.METRIC, "first_response"), Meaning(Role.METRIC, "next_response")),
    (Role.STATE, "overdue"): (Meaning(Role.METRIC, "stale"), Meaning(Role.METRIC, "sla_breach")),
    (Role.STATE, "waiting"): (
        Meaning(Role.STATE, "wait_customer"),
        Meaning(Role.STATE, "unassigned"),
        Meaning(Role.STATE, "on_hold"),
    ),
    (Role.STATE, "wait_time"): (
        Meaning(Role.METRIC, "wait_customer"),
        Meaning(Role.METRIC, "requester_wait"),
        Meaning(Role.METRIC, "queue_time"),
    ),
    (Role.STATE, "pending"): (Meaning(Role.STATE, "wait_customer"), Meaning(Role.STATE, "on_hold")),
    (Role.STATE, "active"): (Meaning(Role.METRIC, "backlog"), Meaning(Role.STATE, "in_progress")),
}
