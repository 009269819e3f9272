"""Error codes, part numbers and model names: what a question names must be what the answer is about.

To a model of meaning E-104 and E-105 are the same, and they share every other word too. So a card that
names the question's code goes first, and one that names another code of the same kind instead is never
the answer. Numbers that merely occur (years, counts, Windows 10) are no codes. A version is one only where
it is all that tells two cards apart: most fixes hold for more versions than the one they were found in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from knowledge.cards import Card
from knowledge.rank import Ranked

#: A question that names more pastes a log, whose numbers nobody asks about.
_MOST_ASKED = 4
_LONGEST = 20_000
_VERSION = "version"

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_START, _END = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"
#: Letters and digits, joined by what joins the parts of a code; dots join digits alone.
_TOKEN = re.compile(_START + r"[A-Za-z0-9]+(?:(?:[-_]|(?<=\d)\.(?=\d))[A-Za-z0-9]+)*" + _END)
_RUN = re.compile(r"[a-z]+|\d+")
_VERSION_MARK = re.compile(r"^v(?=\d)")
_HEX = re.compile(r"0x[0-9a-f]{4,}")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_SAYS_VERSION = re.compile(r"(?i)(?:\bversion|\bfirmware|\bfw|\bv|固件|版本)(?:版本|号|[ .:：])*$")
_SAYS_ERROR = re.compile(
    r"(?i)(?:\b(?:errors?|err|fault|alarm|code|status)|错误|代码|报错|故障|异常|报警)"
    r"(?:[ .:：#=\"“「(（]|code|number|no\.|is|代码|码|编号|号|为|是|提示)*$"
)
_ERROR_FOLLOWS = re.compile(r"(?i)\s?(?:\berrors?\b|错误|报错|异常)")
_SAYS_PART = re.compile(
    r"(?i)(?:\b(?:parts?|item|sku|article|model|serial|p/n)|型号|机型|料号|零件|配件|货号|件号)"
    r"(?:[ .:：#]|number|no\.|is|号|编号|为|是)*$"
)
#: What stands before a number without making a code of it.
_NAMES = frozenset(
    "in no v ver utf covid iso usb ipv wifi win windows ios android ie php java python sha aes md mp ps x top step day"  # noqa: SIM905
    " page part week room floor phase level jan feb mar apr may jun jul aug sep oct nov dec q fy h".split()
)
_SHORT_NAMES = frozenset({"x"})


@dataclass(frozen=True, slots=True)
class Code:
    """A code in a text."""

    #: Two codes of one kind exclude each other: `e` of E-104, `0x`, `error` of error 404.
    kind: str
    #: The same for `E-104`, `e104` and `Ｅ－１０４`.
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a card has to do with the codes of a question."""

    #: Share of them that it names.
    named: float = 0.0
    #: It names others in their place.
    contradicts: bool = False


def codes(text: str) -> frozenset[Code]:
    """The codes that `text` names."""
    return _read(text)[0]


def judge(question: str, cards: Mapping[int, Card]) -> dict[int, Verdict]:
    """Each card's verdict by number; empty when the question names no code, or the cards none of its kind."""
    asked = codes(question)
    if not asked or len(asked) > _MOST_ASKED:
        return {}
    versions = any(code.kind == _VERSION for code in asked)
    alike = Counter(_without_numbers(card.symptom) for card in cards.values() if versions)
    found = {
        number: _verdict(asked, f"{card.symptom}\n{card.steps}", alike[_without_numbers(card.symptom)] > 1)
        for number, card in cards.items()
    }
    return found if any(verdict != Verdict() for verdict in found.values()) else {}


def prefer(ranked: Sequence[Ranked], verdicts: Mapping[int, Verdict]) -> list[Ranked]:
    """Cards that name what the question names before the others.

    Those that contradict it keep their places: when none names it, the nearest one says what is known instead.
    """
    if not any(verdict.named for verdict in verdicts.values()):
        return list(ranked)
    weighed = [replace(row, score=(row.score + verdicts[row.candidate.number].named) / 2) for row in ranked]
    return sorted(weighed, key=lambda row: -row.score)


def plain(piece: str) -> str:
    """A piece of text with letters and digits taken apart, so that every spelling of a code is one word."""
    return "-".join(_RUN.findall(_VERSION_MARK.sub("", piece.lower())))


def _verdict(asked: frozenset[Code], text: str, is_one_of_many: bool) -> Verdict:
    held, values = _read(text)
    counted = [code for code in asked if code.kind != _VERSION or is_one_of_many]
    missing = [code for code in counted if code.value not in values]
    kinds = {code.kind for code in held}
    if not counted:
        return Verdict()
    return Verdict(1 - len(missing) / len(counted), any(code.kind in kinds for code in missing))


@lru_cache(maxsize=4_096)
def _read(text: str) -> tuple[frozenset[Code], frozenset[str]]:
    """The codes of a text, and everything in it that might be one."""
    said = unicodedata.normalize("NFKC", text[:_LONGEST]).translate(_DASHES)
    found: set[Code] = set()
    values: set[str] = set()
    for match in _TOKEN.finditer(said):
        token = match.group()
        if not ("_" in token or any(char.isdigit() for char in token)):
            continue
        values.add(plain(token))
        kind = _kind(token, said[max(match.start() - 24, 0) : match.start()], said[match.end() : match.end() + 8])
        if kind is not None:
            found.add(Code(kind, plain(token)))
    return frozenset(found), frozenset(values)


def _kind(token: str, before: str, after: str) -> str | None:
    lower = token.lower()
    if _HEX.fullmatch(lower):
        return "0x"
    if _CONSTANT.fullmatch(token):
        return token.split("_")[0].lower() + "_"
    runs = plain(token).split("-")
    digits = sum(len(run) for run in runs if run.isdigit())
    if all(run.isdigit() for run in runs):
        return _kind_of_number(token, digits, before, after)
    named = _is_named(runs, digits, is_joined="-" in token or "_" in token, is_upper=token.upper() == token)
    if named or (runs[0].isalpha() and _SAYS_ERROR.search(before)):
        return str(next(run for run in runs if run.isalpha()))
    return None


def _kind_of_number(token: str, digits: int, before: str, after: str) -> str | None:
    dots = token.count(".")
    if (dots >= 2 or (dots and _SAYS_VERSION.search(before))) and "-" not in token:
        return _VERSION
    if digits >= 2 and (_SAYS_ERROR.search(before) or (digits == 3 and _ERROR_FOLLOWS.match(after))):
        return "error"
    return "part" if digits >= 3 and _SAYS_PART.search(before) else None


def _is_named(runs: Sequence[str], digits: int, *, is_joined: bool, is_upper: bool) -> bool:
    """Whether letters and digits together look like a code and not like a word with a number."""
    first = runs[0]
    if first.isdigit():
        # 3M-7741, but neither 24-hour nor 128GB.
        return is_joined and is_upper and digits >= 3
    if first in _NAMES or len(first) > 6:
        return first in _SHORT_NAMES and digits >= 3
    if is_joined:
        return digits >= 2 or len(first) == 1
    if len(first) == 1:
        return digits >= 2 or first in "ef"
    return digits >= 3


@lru_cache(maxsize=4_096)
def _without_numbers(text: str) -> str:
    return re.sub(r"[\W\d_]+", " ", text[:_LONGEST].lower()).strip()
