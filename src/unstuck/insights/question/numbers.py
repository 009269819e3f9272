"""Numbers with what hangs on them: "top 5", "more than 3 days", 转了5次以上, "at least 20 tickets"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from unstuck.insights.plan import Grain, Op
from unstuck.insights.question import times_en, times_zh
from unstuck.insights.question.meaning import Item, Meaning, Role
from unstuck.insights.question.normalise import on_boundary
from unstuck.insights.question.periods import FIXED
from unstuck.insights.question.vocabulary import limits

#: Months and years as lengths of time are 30 and 365 days; the restatement shows the days.
SECONDS = {grain: length.total_seconds() for grain, length in FIXED.items()} | {
    Grain.MONTH: 30 * 86_400.0,
    Grain.QUARTER: 90 * 86_400.0,
    Grain.YEAR: 365 * 86_400.0,
}
_EN_NUMBER = r"\d{1,6}(?:\.\d+)?|once|twice|" + "|".join(
    sorted(set(times_en.NUMBERS) - {"a", "an", "hundred"}, key=len, reverse=True)
)
_ZH_NUMBER = times_zh.NUMERAL
_NUMBER = rf"(?P<n>{_EN_NUMBER}|{_ZH_NUMBER})"
_A_UNIT = r"(?P<a>an?) (?=\w)"
_UNITS = (
    ("business", r"(?:business|working|work) (?:days?|hours?)|个?工作(?:日|天|小时)"),
    (Grain.HOUR, r"hours?|hrs?|hr|h|个?小时|个?钟头"),
    (Grain.DAY, r"days?|d|天|日"),
    (Grain.WEEK, r"weeks?|wks?|w|个?(?:周|星期|礼拜)"),
    (Grain.MONTH, r"months?|mths?|个月"),
    (Grain.QUARTER, r"quarters?|个?季度"),
    (Grain.YEAR, r"years?|yrs?|年"),
    ("minutes", r"minutes?|mins?|min|分钟"),
    (
        "tickets",
        r"(?:(?:re)?solved )?(?:tickets?|cases?|incidents?|issues?)(?: (?:re)?solved)?"
        r"|个?(?:工单|单子|单)|张(?:工单|单子|单)?",
    ),
    ("times", r"times|x|hand ?offs?|hand ?overs?|transfers?|reassignments?|次|回"),
)
_MORE_AFTER = r"(?: or (?:more|longer|older|above)|\+| plus| and (?:more|above|over)|以上|及以上|或以上|多|开外)"
_LESS_AFTER = r"(?: or (?:less|fewer|shorter|under)|以下|及以下|以内|之内|内)"
#: Ranks: "top 5", 前十名, 后三.
_RANK = re.compile(rf"(?:top|first|best)[ -]?{_NUMBER}|前{_NUMBER.replace('?P<n>', '?P<n2>')}(?:名|位|大|个|强)?")
_RANK_LOW = re.compile(rf"(?:bottom|lowest|last)[ -]?{_NUMBER}|后{_NUMBER.replace('?P<n>', '?P<n2>')}(?:名|位|个)")
_PLAIN = re.compile(_NUMBER)
_PERCENTILE = re.compile(r"p(50|75|90)|(50|75|90)(?:th|%)? ?(?:percentile|pct|百?分位数?)")


def find(plain: str) -> Iterator[Item]:
    """Every number of the question with its surroundings; the lattice takes the longest."""
    yield from _ranks(plain)
    for match in _amount().finditer(plain):
        meaning = _threshold(match)
        if meaning is not None and on_boundary(plain, match.start(), match.end()):
            yield Item(match.start(), match.end(), (meaning,))
    for match in _PERCENTILE.finditer(plain):
        if on_boundary(plain, match.start(), match.end()):
            yield Item(match.start(), match.end(), (Meaning(Role.AGGREGATE, f"p{match[1] or match[2]}"),))
    for match in _PLAIN.finditer(plain):
        if on_boundary(plain, match.start(), match.end()):
            yield Item(match.start(), match.end(), (Meaning(Role.NUMBER, number=_number(match["n"])),))


def _ranks(plain: str) -> Iterator[Item]:
    for pattern, name in ((_RANK, "most"), (_RANK_LOW, "least")):
        for match in pattern.finditer(plain):
            number = _number(match["n"] or match["n2"])
            if on_boundary(plain, match.start(), match.end()) and number == int(number) > 0:
                yield Item(match.start(), match.end(), (Meaning(Role.LIMIT, name, number=number),))


@cache
def _amount() -> re.Pattern[str]:
    """`[comparator] number unit [or more]`; a comparator or a unit must be there."""
    words = limits()
    groups = "|".join(
        f"(?P<{name}>{'|'.join(map(re.escape, words[name]))})" for name in ("at_least", "at_most", "more", "less")
    )
    before = rf"(?:(?:(?<![a-z0-9])(?:for|since|已经?|有) ?)?(?:{groups}) ?)?"
    units = "|".join(f"(?P<u{place}>{pattern})" for place, (_, pattern) in enumerate(_UNITS))
    after = rf"(?:(?P<more_after>{_MORE_AFTER})|(?P<less_after>{_LESS_AFTER}))?"
    number = rf"(?:{_NUMBER}|{_A_UNIT})"
    return re.compile(rf"{before}{number}(?P<middle>多)?[ -]?(?:(?:{units})(?![a-z]))?{after}")


def _threshold(match: re.Match[str]) -> Meaning | None:
    op = _op(match)
    unit = next((name for place, (name, _) in enumerate(_UNITS) if match[f"u{place}"]), None)
    if match["n"] in ("once", "twice"):
        return Meaning(Role.THRESHOLD, op=op, number=_number(match["n"]), unit="times") if op and not unit else None
    if op is None and (unit is None or unit in ("tickets", "times")):
        return None
    number = 1.0 if match["a"] else _number(match["n"])
    if unit is None:
        return Meaning(Role.THRESHOLD, op=op, number=number)
    if isinstance(unit, Grain):
        return Meaning(Role.THRESHOLD, op=op, number=number * SECONDS[unit], unit="seconds")
    if unit == "minutes":
        return Meaning(Role.THRESHOLD, op=op, number=number * 60, unit="seconds")
    return Meaning(Role.THRESHOLD, op=op, number=number, unit=unit)


def _op(match: re.Match[str]) -> Op | None:
    """The comparator around the number; two that disagree are none (and the words stay unexplained)."""
    before = next((Op(name) for name in ("at_least", "at_most", "more", "less") if match[name]), None)
    if match["more_after"] or match["middle"]:
        # 5次以上 counts five itself, as "5 or more" does; 3天多 does not matter to the second.
        return before if before in (Op.MORE, Op.AT_LEAST) else Op.AT_LEAST if before is None else None
    if match["less_after"]:
        return before if before in (Op.LESS, Op.AT_MOST) else Op.AT_MOST if before is None else None
    return before


def _number(text: str) -> float:
    if text in ("once", "twice"):
        return 1.0 if text == "once" else 2.0
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    return float(times_en.NUMBERS[text] if text in times_en.NUMBERS else times_zh.number(text))
