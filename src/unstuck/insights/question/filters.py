"""Which tickets: live values, states, what is left out, thresholds."""

from __future__ import annotations

import re
from itertools import pairwise

from unstuck.insights.plan import Filter, Op
from unstuck.insights.question.draft import Draft, NoReadingError
from unstuck.insights.question.meaning import EMPTY, Role, Word

#: Classes of the states that a word names.
STATE_CLASSES = {
    "wait_customer": ("WAIT_CUSTOMER",),
    "wait_vendor": ("WAIT_VENDOR",),
    "wait_internal": ("WAIT_INTERNAL",),
    "on_hold": ("WAIT_INTERNAL", "WAIT_VENDOR"),
    "in_progress": ("ACTIVE",),
}
OPEN_CLASSES = ("NEW", "ACTIVE", "WAIT_CUSTOMER", "WAIT_INTERNAL", "WAIT_VENDOR")
#: Between values of one dimension; a comma is not even a word.
_JOINS = ("and", "or")


def bind_values(draft: Draft) -> None:
    """Live values, with the name of their dimension beside them and what excludes or joins them."""
    for word in draft.free(Role.VALUE):
        _bind_dimension_name(draft, word)
    excluded = {place for word in draft.free(Role.OPERATOR, "not") for place in _excluded(draft, word)}
    groups: dict[tuple[str, Op], list[Word]] = {}
    for word in draft.free(Role.VALUE):
        op = Op.NOT_IN if word.place in excluded else Op.IN
        groups.setdefault((word.id, op), []).append(word)
    for (name, op), words in groups.items():
        _bind_joins(draft, words)
        draft.bind_all(f"filter:{name}", words)
        values = tuple(dict.fromkeys(word.meaning.value for word in words))
        draft.filters.append(Filter(field=name, op=op, values=values))
    _bind_by_value(draft)
    _bind_direction(draft)


_FROM = re.compile(r"(?:(?<![a-z])(?:from|out of|by)|从|由) *$")
_TO = re.compile(r"(?:(?<![a-z])(?:to|into)|到|给|往) *$")


def is_from(draft: Draft, word: Word) -> bool:
    return _FROM.search(draft.text.plain[: word.start]) is not None


def is_to(draft: Draft, word: Word) -> bool:
    return _TO.search(draft.text.plain[: word.start]) is not None


def _bind_direction(draft: Draft) -> None:
    """Hand-offs go from one team to another: "from Group 70 to Group 24", 从70组转给24组."""
    if not draft.has(Role.METRIC, "handoffs"):
        return
    teams = [word for word in draft.words if word.is_a(Role.VALUE, "team")]
    kept = [f for f in draft.filters if f.field != "team"]
    found = []
    for word in teams:
        field = "from_team" if is_from(draft, word) else "to_team" if is_to(draft, word) else _side(draft, word)
        if field is not None:
            found.append(Filter(field=field, values=(word.meaning.value,)))
    if found and len(found) == len(teams):
        draft.filters = [*kept, *found]
    elif found or len(teams) > 1:
        raise NoReadingError(*teams)


#: What a team does with its tickets, and what happens to it.
_OUT = frozenset({"转出", "转走", "转去", "转给别的组", "转给", "转派给", "改派给", "移交给", "转交给", "转交", "移交"})
_IN_TO = frozenset({"转入", "转来"})


def _side(draft: Draft, word: Word) -> str | None:
    """70组转给24组, 70组转出, "tickets that Group 70 handed over": the team does it, or has it done to it."""
    for other in draft.words:
        if not other.is_a(Role.METRIC, "handoffs"):
            continue
        said = draft.said(other)
        if said in _IN_TO:
            return "to_team"
        does = said in _OUT and other.place > word.place
        if does or (draft.after(word) is other and said.split(" ")[0].endswith("ed")):
            return "from_team"
    return None


def _bind_dimension_name(draft: Draft, word: Word) -> None:
    """ "Billing team", "priority high", 渠道是电话: the dimension's name goes with the value."""
    for other in (_neighbour(draft, word, -1), _neighbour(draft, word, 1)):
        if other is not None and _describes(word, other) and other.place not in draft.bound:
            if _takes(draft, other):
                continue
            draft.bind(f"filter:{word.id}", other)
            return


#: Fields that say what kind of customer it is: "VIP customers", 欧洲客户.
_OF_CUSTOMERS = ("tier", "region", "language", "customer")


def _describes(word: Word, dimension: Word) -> bool:
    return dimension.is_a(Role.DIMENSION, word.id) or (
        word.id in _OF_CUSTOMERS and dimension.is_a(Role.DIMENSION, "customer")
    )


def _takes(draft: Draft, dimension: Word) -> bool:
    """Whether the dimension's name is needed elsewhere: "by team", "which team"."""
    lead = draft.before(dimension)
    return (lead is not None and lead.is_a(Role.OPERATOR, "by")) or (
        lead is not None and lead.is_a(Role.SHAPE, "which")
    )


def _neighbour(draft: Draft, word: Word, step: int) -> Word | None:
    place = word.place + step
    while 0 <= place < len(draft.words) and draft.words[place].role is Role.FUNCTION:
        place += step
    return draft.words[place] if 0 <= place < len(draft.words) else None


def _excluded(draft: Draft, negation: Word) -> list[int]:
    """The values a negation stands before (all of an enumeration) or, in Chinese, behind (P3以外)."""
    after = _run(draft, negation, 1)
    before = _run(draft, negation, -1) if draft.said(negation) in ("以外", "之外", "外") else []
    values = after or before
    if not values:
        return []
    draft.bind("filter", negation)
    return [word.place for word in values]


def _run(draft: Draft, word: Word, step: int) -> list[Word]:
    """The values in an enumeration that begins next to `word`."""
    found: list[Word] = []
    place = word.place + step
    while 0 <= place < len(draft.words):
        other = draft.words[place]
        if other.role is Role.VALUE and (not found or other.id == found[0].id):
            found.append(other)
        elif other.role not in EMPTY and not other.is_a(Role.DIMENSION) and not other.is_a(Role.OPERATOR, *_JOINS):
            break
        place += step
    return found


def _bind_joins(draft: Draft, words: list[Word]) -> None:
    for first, last in pairwise(words):
        for word in draft.words[first.place + 1 : last.place]:
            if word.is_a(Role.OPERATOR, *_JOINS):
                draft.bind("filter", word)


def _bind_by_value(draft: Draft) -> None:
    """ "Solved by Group 70": this "by" names who, it splits nothing."""
    for word in draft.free(Role.OPERATOR, "held_by"):
        following = draft.after(word)
        if following is not None and following.is_a(Role.VALUE, "team", "assignee"):
            draft.bind("filter", word)
    for word in draft.free(Role.OPERATOR, "by"):
        following = draft.after(word)
        if following is not None and following.role is Role.VALUE and draft.said(word) == "by":
            if following.id not in ("team", "assignee", *_OF_CUSTOMERS):
                raise NoReadingError(word)
            draft.bind("filter", word)


def bind_null(draft: Draft) -> None:
    """ "With no owner", 没有处理人: a dimension that holds nothing."""
    for word in draft.free(Role.OPERATOR, "not"):
        following = draft.after(word)
        if following is not None and following.is_a(Role.DIMENSION) and following.place not in draft.bound:
            draft.bind("filter", word, following)
            draft.filters.append(Filter(field=following.id, op=Op.IS_NULL))


def bind_states(draft: Draft) -> list[str]:
    """States that are filters on their own (waiting for the customer, unassigned, never replied to)."""
    found: list[str] = []
    for word in draft.free(Role.STATE):
        if word.id in STATE_CLASSES:
            draft.filters.append(Filter(field="class", values=STATE_CLASSES[word.id]))
        elif word.id == "unassigned":
            draft.filters.append(Filter(field="assignee", op=Op.IS_NULL))
        elif word.id == "never_replied":
            draft.filters.append(Filter(field="agent_replies", op=Op.AT_MOST, number=0))
        else:
            continue
        negation = draft.before(word)
        if negation is not None and negation.is_a(Role.OPERATOR, "not") and negation.place not in draft.bound:
            raise NoReadingError(negation, word)
        draft.bind("filter", word)
        found.append(word.id)
    return found


def status_is_open(draft: Draft, value: str) -> bool:
    return draft.lexicon.classes.get(value, "ACTIVE") in OPEN_CLASSES


def bind_threshold(draft: Draft, word: Word, name: str, default: Op = Op.AT_LEAST) -> None:
    """A threshold as a filter on a measure of the ticket."""
    meaning = word.meaning
    assert meaning.number is not None
    if meaning.unit == "business":
        raise NoReadingError(word)
    draft.bind(f"filter:{name}", word)
    draft.filters.append(Filter(field=name, op=meaning.op or default, number=meaning.number))
