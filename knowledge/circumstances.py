"""What a ticket says beyond symptom and steps: with what, why, how it ended, until when. By rules, verbatim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.noise import is_automatic, own_sentences, without_noise
from knowledge.solved import Solved

_NUMBERED = (
    "Windows|macOS|iOS|iPadOS|Android|HarmonyOS|Linux|Ubuntu|Chrome|Firefox|Safari|Edge|Opera|iPhone|iPad|Galaxy(?: \\w)?"
    "|Pixel|Huawei(?: \\w+)?|Xiaomi|Redmi|firmware(?: version)?|version|build|release"
    "|鸿蒙|安卓|苹果|火狐|谷歌浏览器|固件(?:版本)?|版本|华为(?:Mate|P|nova)?|小米|荣耀"
)
_ENVIRONMENT = re.compile(
    rf"(?<![A-Za-z])(?:{_NUMBERED})\s?\d+(?:\.\d+)*(?:[A-Za-z]\b)?(?: (?:Pro|Max|Plus|Mini|Ultra)\b)*"
    # A model such as TW-R500. Error codes such as E-104 have one capital, case numbers a name of their own.
    r"|(?<![A-Za-z\d_-])(?-i:(?!ERR|SEC|HTTP|RMA|INV|ORD|INC|REQ)[A-Z]{2,4}-[A-Z]?\d{2,4}[A-Z]?)(?![A-Za-z\d_-])",
    re.IGNORECASE,
)
_MOST_OF_AN_ENVIRONMENT = 6

_CAUSE = re.compile(
    r"\bbecause\b|\bdue to\b|\bcaused by\b|\b(?:root )?(?:cause|reason)\b[^.!?]{0,30}\b(?:is|was)\b|\b(?:cause|reason):"
    r"|原因[^。！？，]{0,6}(?:是|为|在于|[:：])|由于|因为|导致|引起|造成",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"\b(?:cause|reason)\b[^.!?]{0,30}\b(?:is|was) (?:(?:quite|very|rather|actually) )?(?:simple|known|clear|this)\W*$|原因[^。！？，]{0,4}(?:简单|清楚|如下)\W*$",
    re.IGNORECASE,
)
#: A heading or the number of a step.
_LEADS_IN = re.compile(r"[:：]$|^\W*\d*\W*$|^[-•*]")
#: A reason for a delay or a warning is no cause of the problem.
_NO_CAUSE = re.compile(
    r"\b(?:sorry|apolog\w+|wait(?:ed|ing)?|inconvenience)\b|^\s*(?:never|do not|don['’]t|please do not)\b"
    r"|抱歉|久等|不便|谅解|^\s*(?:请勿|不要|切勿)|[?？]\s*$",
    re.IGNORECASE,
)
_GREETING = re.compile(r"^(?:您好|你好|亲|hi|hello)[，,！!～~\s]+", re.IGNORECASE)

_CONFIRMS = re.compile(
    r"\b(?:that|this|it) did (?:it|the trick)\b|\bworks?\b(?: \w+){0,2} (?:now|again|fine|well|perfectly)\b|\bworks\b[.!]?$"
    r"|\b(?:working|running)\b(?: \w+)? (?:now|again|fine)\b|\brunning now\b|\b(?:all|everything(?: is)?|it['’]?s?|is) (?:good|fine|ok(?:ay)?)\b"
    r"|\b(?:solved|fixed|resolved)\b|\bthat help(?:s|ed)\b|^(?:perfect|great|super|excellent|yes)\b.*\bnow\b"
    r"|(?<![填写拍发传备付买寄收])好了|[可能]以?用?了(?!吗)|搞定|解决|弄好|正常了|恢复了|没问题了|可以关单|行了",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\bnot\b|n['’]t\b|\bstill\b|\b(?:came|come|comes) back\b|\breturned\b|\btoo (?:quick|early|soon)\b|\bstarted again\b|\breopen\w*"
    r"|\bno (?:luck|change|difference)\b|没(?!问题|事)|不行|不能|不好|还是|又|谢早|重新打开|未解决",
    re.IGNORECASE,
)
#: What is yet to come is no outcome.
_OPEN = re.compile(r"\b(?:if|whether|will|try|hope|once|when)\b|[?？]|如果|试|告诉|等(?!待)|希望|吗", re.IGNORECASE)
_TESTED = re.compile(
    r"\b(?:I|we)(?:['’]ve| have)? (?:tested|verified|tried)\b.*\b(?:works?|working|fine|ok)\b"
    r"|(?:测试|验证|试)过.{0,10}(?:正常|可以|没问题)",
    re.IGNORECASE,
)

_MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)  # noqa: SIM905
}
_MONTH = r"(?P<{0}>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
_DATES = [
    re.compile(shape, re.IGNORECASE)
    for shape in (
        r"(?P<year>20\d\d)[-/.年]\s?(?P<month>\d{1,2})[-/.月]\s?(?P<day>\d{1,2})日?",
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH.format('name')},? (?P<year>20\d\d)",
        rf"{_MONTH.format('name')} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>20\d\d)",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>20\d\d)",
    )
]
_UNTIL_BEFORE = re.compile(
    r"(?:\b(?:until|till|through|expires?(?: on)?|valid to)\s+(?:the )?|(?:至|到|截止[至到]?)\s?)$", re.IGNORECASE
)
_UNTIL_AFTER = re.compile(r"^\s?(?:之?前|为止|止|截止)")
#: A shop that is closed until a date says nothing about the answer; one of these does.
_HOLDS = re.compile(
    r"\b(?:valid|workaround|temporar\w+|free|offers?|exchange|recall|promotion|applies|for now)\b|有效|临时|暂时|免费|优惠|活动|更换",
    re.IGNORECASE,
)


def circumstances(ticket: Solved, steps: str) -> dict[str, Any]:
    """The values of a card's fields `environment`, `cause`, `outcome`, `verified_by` and `valid_until`."""
    outcome, verified_by = _outcome(ticket)
    return {
        "environment": _environment(ticket),
        "cause": _cause(ticket, steps),
        "outcome": outcome,
        "verified_by": verified_by,
        "valid_until": _valid_until(steps),
    }


def _environment(ticket: Solved) -> str:
    told = [ticket.title, ticket.description, *(said.body for said in ticket.public("customer"))]
    found = (match.group() for body in told for match in _ENVIRONMENT.finditer(without_noise(body)))
    return ", ".join(list(dict.fromkeys(found))[:_MOST_OF_AN_ENVIRONMENT])


def _cause(ticket: Solved, steps: str) -> str:
    """The first sentence that names one: in the solution, else in the latest answer that has one."""
    answers = (without_noise(said.body) for said in reversed(ticket.public("agent")) if not is_automatic(said.body))
    told = [sentence for text in [steps, *answers] for sentence in own_sentences(text)]
    # "The reason is quite simple." says nothing, the sentence after it does.
    named = (
        after if _ANNOUNCES.search(one) else one
        for one, after in zip(told, [*told[1:], ""], strict=True)
        if _CAUSE.search(one) and not _NO_CAUSE.search(one) and not (_ANNOUNCES.search(one) and _LEADS_IN.search(after))
    )
    return _GREETING.sub("", next(named, ""))


def _outcome(ticket: Solved) -> tuple[str, str | None]:
    """How it ended, and who says so: the customer's last verdict, else an agent who has tried it."""
    denied = False
    for said in reversed(ticket.public("customer")):
        if is_automatic(said.body):
            continue
        sentences = own_sentences(said.body)
        if any(_DENIES.search(one) for one in sentences):
            denied = True
            break
        if (confirmed := next(filter(_is_confirmed, sentences), None)) is not None:
            return confirmed, "customer"
    tested = (
        one for said in reversed(ticket.public("agent")) for one in own_sentences(said.body) if _TESTED.search(one)
    )
    outcome = next(tested, "") if ticket.owner and not denied else ""
    return outcome, ticket.owner if outcome else None


def _is_confirmed(sentence: str) -> bool:
    return _CONFIRMS.search(sentence) is not None and not _OPEN.search(sentence)


def _valid_until(steps: str) -> datetime | None:
    """The end of the last day on which it holds, where a date is named."""
    held = (sentence for sentence in own_sentences(steps) if _HOLDS.search(sentence))
    return max((day + timedelta(days=1) for sentence in held for day in _last_days(sentence)), default=None)


def _last_days(sentence: str) -> Iterator[datetime]:
    for match in _found(_DATES, sentence):
        if _UNTIL_BEFORE.search(sentence[: match.start()]) or _UNTIL_AFTER.search(sentence[match.end() :]):
            named = match.groupdict()
            month = _MONTHS[named["name"][:3].lower()] if named.get("name") else int(named["month"])
            try:
                yield datetime(int(named["year"]), month, int(named["day"]), tzinfo=UTC)
            except ValueError:
                continue  # a 31st of June is a slip of the pen


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    for pattern in patterns:
        yield from pattern.finditer(text)
