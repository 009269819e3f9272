"""Whether two cards about the same tell people to do different things. By rules, in English and Chinese. Pure.

Three ways to clash: opposite instructions (enable and disable, do and do not), different values for the same
setting (10 and 30 seconds, two part numbers), and a later card that says that the earlier one's way is over.
Two ways to the same end are no clash, however different their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge.cards import Card
from knowledge.values import CLOSE, CODE, NAMED, Value, values_of
from knowledge.words import words

Kind = Literal["opposite", "value", "obsolete"]

#: Least share of the shorter instruction's words that stand in the other too.
_SAME_TOPIC = 0.5
#: As much of what is forbidden must be what the other one asks for.
_SAME_DEED = 0.6
#: Share of words around two values of one kind that must be common; less where the kind names the setting.
_SAME_SETTING, _SAME_NAMED = 0.7, 0.25


@dataclass(frozen=True, slots=True)
class Clash:
    """Where two cards differ."""

    kind: Kind
    #: The words of either card.
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class _Told:
    """One instruction."""

    text: str
    #: What it is about: words without those that switch or forbid.
    topic: frozenset[str]
    #: To be on or to be done: 1; to be off or left: -1.
    sign: int
    #: Switches something, and is not a deed of its own.
    switches: bool
    #: First word of what is told: the deed.
    deed: str


def compare(one: Card, other: Card) -> Clash | None:
    """The clearest clash of two cards about the same, or `None`."""
    older, newer = sorted((one, other), key=lambda card: (card.created is not None, card.created or 0, card.id))
    if older.created is None and newer.created is not None:
        older, newer = one, other
    return _opposite(one, other) or _obsolete(older, newer) or _value(one, other)


# -- opposite instructions -------------------------------------------------------------------------

_ON = r"enabled?|activated?|allow(?:ed)?|tick(?:ed)?|permit(?:ted)?|(?:turn|switch)(?:ed)? on|打开|开启|启用|允许|勾选|开通"
_OFF = (
    r"disabled?|deactivated?|block(?:ed)?|untick(?:ed)?|uncheck(?:ed)?|forbid(?:den)?|den(?:y|ied)"
    r"|(?:turn|switch)(?:ed)? off|取消勾选|关闭|关掉|停用|禁用|禁止"
)
_SWITCH = re.compile(rf"(?<![a-z])(?:(?P<off>{_OFF})|(?P<on>{_ON}))", re.IGNORECASE)
#: "Turn the relay off", "leave it on".
_APART = re.compile(r"\b(?:turn|switch|leave|keep|set)\b (?P<what>[^.;]{2,40}?) (?P<to>on|off)\b", re.IGNORECASE)
#: To switch it both ways is to restart it.
_BOTH = re.compile(r"\boff(?:,? and|,? then) (?:back )?on\b(?: again)?", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|never|must not|mustn['’]t|should not|shouldn['’]t|cannot|avoid)\b"
    r"|(?:请勿|切勿|不要|不用|不能|不可以?|不得|不应|严禁|无需|不必|勿|别(?=[再用在把]))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<=[a-z\d])[.!?](?=\s|$)|[;\n。！？；，：]|[:,](?=\s)|\b(?:and|then|but)\b", re.IGNORECASE)


def _opposite(one: Card, other: Card) -> Clash | None:
    left, right = list(_told(one.steps)), list(_told(other.steps))
    for a in left:
        for b in right:
            if a.sign != b.sign and _same(a, b) and not _takes_back(a, right) and not _takes_back(b, left):
                return Clash("opposite", a.text, b.text)
    return None


def _same(a: _Told, b: _Told) -> bool:
    """Whether two instructions are about the same thing."""
    if a.switches != b.switches:
        return False
    shared = a.topic & b.topic
    if a.switches:
        return bool(shared) and _share(shared, a.topic, b.topic) >= _SAME_TOPIC
    forbidden, asked = (a, b) if a.sign < 0 else (b, a)
    return forbidden.deed in asked.topic and len(shared) >= max(2, _SAME_DEED * len(forbidden.topic))


def _takes_back(told: _Told, others: Sequence[_Told]) -> bool:
    """Whether the other card says the same as well: "turn it off and on again"."""
    return any(other.sign == told.sign and _same_words(told, other) for other in others)


def _same_words(a: _Told, b: _Told) -> bool:
    return a.switches == b.switches and bool(a.topic) and len(a.topic & b.topic) >= 0.8 * len(a.topic)


def _told(steps: str) -> Iterator[_Told]:
    for clause in _clauses(_BOTH.sub("", steps)):
        apart = _APART.search(clause)
        switch = _SWITCH.search(clause)
        negated = _NOT.search(clause)
        sign = -1 if negated else 1
        if apart is not None:
            sign *= 1 if apart["to"].lower() == "on" else -1
            rest = clause[: apart.start()] + " " + apart["what"] + " " + clause[apart.end() :]
        elif switch is not None:
            sign *= -1 if switch["off"] else 1
            rest = clause[: switch.start()] + " " + clause[switch.end() :]
        else:
            rest = clause[negated.end() :] if negated else clause
        rest = _NOT.sub(" ", rest)
        topic = _topic(rest)
        if topic:
            yield _Told(clause.strip(), frozenset(topic), sign, bool(apart or switch), topic[0])


# -- over ------------------------------------------------------------------------------------------

_OVER = re.compile(
    r"\b(?:no longer|any ?more|deprecated|obsolete|discontinued|retired|superseded|instead of|as of|since (?:version )?v?\d"
    r"|(?:was|were|has been|have been|is|are) (?:removed|replaced|abolished|withdrawn|dropped))\b"
    r"|不再|不用再|无需再|已停用|已取消|已下线|已废弃|已作废|作废|已淘汰|已改(?:为|成|用)|改用|不支持|(?:自|从)[^，。]{1,12}(?:起|开始)",
    re.IGNORECASE,
)


def _obsolete(older: Card, newer: Card) -> Clash | None:
    known = set(_topic(newer.symptom)) | set(_topic(older.symptom))
    way = set(_topic(older.steps)) - known
    for clause in _clauses(newer.steps):
        if not _OVER.search(clause):
            continue
        # What both cards' problems are called anyway says nothing about the older way.
        shared = (set(_topic(_OVER.sub(" ", clause))) & way) - set(_topic(_kept(newer.steps)))
        if shared:
            return Clash("obsolete", older.steps, clause)
    return None


def _kept(steps: str) -> str:
    """What does not speak of the past."""
    return "\n".join(clause for clause in _clauses(steps) if not _OVER.search(clause))


# -- values ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Placed:
    """A value and the words around it."""

    value: Value
    around: frozenset[str]


def _value(one: Card, other: Card) -> Clash | None:
    left, right = _placed(one.steps), _placed(other.steps)
    for kind in dict.fromkeys(placed.value.kind for placed in left):
        ours = [placed for placed in left if placed.value.kind == kind]
        theirs = [placed for placed in right if placed.value.kind == kind]
        if {placed.value.amount for placed in ours} & {placed.value.amount for placed in theirs}:
            continue
        # A kind that names its setting needs no words around it, as long as there is one of it.
        single = kind in NAMED and len(ours) == len(theirs) == 1
        for a in ours:
            for b in theirs:
                if single or _share(a.around & b.around, a.around, b.around) >= _least(kind):
                    return Clash("value", a.value.text, b.value.text)
    return None


def _least(kind: str) -> float:
    return _SAME_NAMED if kind in CLOSE or kind.startswith(CODE) else _SAME_SETTING


def _placed(steps: str) -> list[_Placed]:
    found = []
    for clause in _clauses(steps):
        for value in values_of(clause):
            # A part number stands where it likes: "Replace the cartridge. The right part is FX-310."
            near = steps if value.kind.startswith(CODE) else clause
            found.append(_Placed(value, frozenset(_topic(_without_values(near)))))
    return found


def _without_values(text: str) -> str:
    for value in values_of(text):
        text = text.replace(value.text, " ")
    return text


# -- words -----------------------------------------------------------------------------------------


def _clauses(steps: str) -> list[str]:
    return [part.strip() for part in _CLAUSE.split(steps) if part and part.strip()]


def _topic(text: str) -> list[str]:
    """The words that carry meaning: stems, and pairs of Chinese characters."""
    return [word for word in words(text) if len(word) > 1 or not "\u3400" <= word <= "\u9fff"]


def _share(shared: frozenset[str], one: frozenset[str], other: frozenset[str]) -> float:
    least = min(len(one), len(other))
    return len(shared) / least if least else 0.0
