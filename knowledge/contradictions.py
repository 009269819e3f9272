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
_NEARLY_ALL = 0.8
#: Share of words around two values of one kind that must be common; less where the kind names the setting.
_SAME_SETTING, _SAME_NAMED = 0.5, 0.25


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

_ON = r"enabled?|activated?|allow(?:ed)?|tick(?:ed)?|permit(?:ted)?|(?:turn|switch)(?:ed)? on|打开|开启|启用|允许|勾选|开通|开着"
_OFF = (
    r"disabled?|deactivated?|block(?:ed)?|untick(?:ed)?|uncheck(?:ed)?|forbid(?:den)?|den(?:y|ied)"
    r"|(?:turn|switch)(?:ed)? off|取消勾选|关闭|关掉|关着|停用|禁用|禁止"
)
_SWITCH = re.compile(rf"(?<![a-z])(?:(?P<off>{_OFF})|(?P<on>{_ON}))", re.IGNORECASE)
#: "Turn the relay off", "keep the door closed", "it has to be on".
_APART = re.compile(
    r"\b(?:turn|switch|leave|keep|set)\b (?P<what>[^.;]{2,40}?) (?P<to>on|off|open|closed|shut)\b"
    r"|\b(?:must|has to|have to|should|needs? to) be (?P<be>on|off|open|closed|shut)\b",
    re.IGNORECASE,
)
_CLOSED = frozenset({"off", "closed", "shut"})
#: What comes before goes on: "disable it", "enable them again".
_AGAIN = re.compile(r"\b(?:it|them)\b|它", re.IGNORECASE)
#: Words that ask without saying for what.
_MODAL = re.compile(r"必须|需要|应该|应当|可以|能够|务必|现在|记得|建议|先|请", re.IGNORECASE)
#: To switch it both ways is to restart it.
_BOTH = re.compile(r"\boff(?:,? and|,? then) (?:back )?on\b(?: again)?", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|never|must not|mustn['’]t|should not|shouldn['’]t|cannot|avoid)\b"
    r"|(?:请勿|切勿|不要|不用|不能|不可以?|不得|不应|不需要?|不必|不允许|严禁|无需|无须|勿|别(?=[再用在把]))",
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
    """Whether the other card says the same as well: "turn it off, wait, turn it on"."""
    return any(other.sign == told.sign and _is_like(told, other) for other in others)


def _is_like(told: _Told, other: _Told) -> bool:
    if told.switches != other.switches:
        return False
    shared = told.topic & other.topic
    if told.switches:
        return _share(shared, told.topic, other.topic) >= _SAME_TOPIC
    return len(shared) >= _NEARLY_ALL * len(told.topic)


def _told(steps: str) -> Iterator[_Told]:
    before: frozenset[str] = frozenset()
    for clause in _clauses(_BOTH.sub("", steps)):
        told = _read(clause, before)
        if told is not None:
            yield told
            before = told.topic


def _read(clause: str, before: frozenset[str]) -> _Told | None:
    """The instruction of a clause. `before`: what the one before it was about."""
    apart, negated = _APART.search(clause), _NOT.search(clause)
    # What is closed and opened in one breath is restarted.
    ways = {bool(match["off"]) for match in _SWITCH.finditer(clause)}
    switch = _SWITCH.search(clause) if len(ways) == 1 else None
    sign, rest, deed = (-1 if negated else 1), clause, clause[negated.end() :] if negated else clause
    if apart is not None:
        sign *= -1 if (apart["to"] or apart["be"]).lower() in _CLOSED else 1
        rest = f"{clause[: apart.start()]} {apart['what'] or ''} {clause[apart.end() :]}"
    elif switch is not None:
        sign *= -1 if switch["off"] else 1
        rest = f"{clause[: switch.start()]} {clause[switch.end() :]}"
    switches = bool(apart or switch)
    topic = frozenset(_topic(_bare(rest)))
    if switches and _AGAIN.search(rest) and before:
        topic = before
    deeds = _topic(_bare(deed))
    return _Told(clause, topic, sign, switches, deeds[0] if deeds else "") if topic else None


def _bare(text: str) -> str:
    return _MODAL.sub(" ", _NOT.sub(" ", text))


# -- over ------------------------------------------------------------------------------------------

_OVER = re.compile(
    r"\b(?:no longer|any ?more|deprecated|obsolete|discontinued|retired|superseded|instead of|as of|since (?:version )?v?\d"
    r"|(?:was|were|has been|have been|is|are) (?:removed|replaced|abolished|withdrawn|dropped))\b"
    r"|不再|不用再|停止(?:服务|使用|受理|支持)|已停产|已下架|已失效|无需再|已停用|已取消|已下线|已废弃|已作废|作废|已淘汰|已改(?:为|成|用)|改用|不支持|(?:自|从)[^，。]{1,12}(?:起|开始)",
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


#: Words that stand around values of every setting.
_GENERAL = frozenset(
    [
        "set",
        "replac",
        "chang",
        "everi",
        "use",
        "press",
        "hold",
        "wait",
        "order",
        "take",
        "least",
        "most",
        "period",
        "valid",
        "work",
        "must",
        "right",
        "更换",
        "换一",
        "一次",
        "设为",
        "改为",
        "设置",
        "每次",
        "至少",
        "最多",
        "需要",
        "期限",
        "周期",
        "调到",
    ]
)


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
            around = frozenset(_topic(_bare(_without_values(near))))
            found.append(_Placed(value, around - _GENERAL or around))
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
