"""Numbers and names that a step depends on: durations, sizes, versions, part numbers, ports, paths. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Kinds that name the setting themselves: two ports in two cards about the same are for the same thing.
NAMED = frozenset({"port", "version", "part"})
#: Kinds of which a few common words around them are enough.
CLOSE = frozenset({"address", "path", "temperature"}) | NAMED
#: Kinds of part numbers begin so: those of other letters are other parts.
CODE = "code "


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it stands in a text."""

    kind: str
    #: Comparable within its kind: "1 minute" and "60 s" are the same.
    amount: str
    text: str


_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "零": 0}
_ENGLISH = {
    name: value
    for value, name in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), start=1
    )
} | {"fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60}
_NUMBER = rf"(?P<n>\d+(?:[.,]\d+)?|[一二两三四五六七八九十百零]{{1,5}}|半|\b(?:{'|'.join(_ENGLISH)})\b)"

#: Unit to kind and factor.
_UNITS: tuple[tuple[str, str, float], ...] = (
    (r"s|secs?|seconds?|秒钟?", "time", 1),
    (r"min|mins|minutes?|分钟", "time", 60),
    (r"h|hrs?|hours?|个?小时|个?钟头", "time", 3_600),
    (r"(?:working |business )?days?|个?工作日|天|日", "time", 86_400),
    (r"weeks?|周|个?星期", "time", 604_800),
    (r"months?|个月", "time", 2_592_000),
    (r"years?|年", "time", 31_536_000),
    (r"%|percent|％", "share", 1),
    (r"°C?|℃|degrees?|摄?氏?度", "temperature", 1),
    (r"KB", "size", 1e3), (r"MB|兆", "size", 1e6), (r"GB|G", "size", 1e9), (r"TB", "size", 1e12),
    (r"bar|公斤", "pressure", 1), (r"MPa|兆帕", "pressure", 10),
    (r"mm|毫米", "length", 1), (r"cm|厘米", "length", 10), (r"m|米", "length", 1_000),
    (r"位|个字符|characters|digits", "length of text", 1), (r"次|times", "times", 1),
    (r"l|L|litres?|liters?|升", "volume", 1), (r"ml|毫升", "volume", 0.001),
    (r"V|伏", "voltage", 1), (r"A|安", "current", 1), (r"W|瓦", "power", 1),
)  # fmt: skip
_AMOUNT = [
    (re.compile(rf"{_NUMBER} ?-?(?:{unit})(?![A-Za-z\d])", re.IGNORECASE if len(unit) > 2 else 0), kind, factor)
    for unit, kind, factor in _UNITS
]
_PORT = re.compile(r"(?:\bports?|端口)[^\d\n]{0,12}(\d{2,5})", re.IGNORECASE)
_VERSION = re.compile(
    r"(?:\b(?:firmware|version|release|build)|固件|版本|升级到)[^\d\n]{0,8}v?(\d+(?:\.\d+)+)|\bv(\d+(?:\.\d+)+)\b", re.I
)
_ADDRESS = re.compile(r"https?://[^\s，。；]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|cn|net|org|io|local)(?:\.\w{2})?\b", re.I)
_PATH = re.compile(r"(?<![\w/:.])(?:/[\w.-]+){2,}|\b[A-Z]:\\[\w.\\-]+")
#: A number that something is set to, without a unit: "the retry limit must be 10".
_PLAIN = re.compile(r"(?:\b(?:to|be|is|least|most)|为|成) ?(\d+)(?=[\s，。；;,)]*(?:$|[，。；;,)]))", re.IGNORECASE)
#: Whatever is called a part: "part 7710-A", "型号 8820B".
_PART = re.compile(
    r"(?:\bparts?(?: (?:no\.?|number))?|型号|料号|配件号?) ?((?=[A-Z-]*\d)[A-Z\d][A-Z\d-]{3,})\b", re.IGNORECASE
)
#: Letters, then digits: a part number, a model, an error.
_CODE = re.compile(r"\b([A-Z]{1,5})-?(\d{2,6})\b")


def values_of(text: str) -> Iterator[Value]:
    """The values in `text`, each once."""
    rest = text
    for pattern, kind in ((_ADDRESS, "address"), (_PATH, "path")):
        for match in pattern.finditer(rest):
            yield Value(kind, match.group().lower(), match.group())
        rest = pattern.sub(" ", rest)
    for pattern, kind in ((_PORT, "port"), (_VERSION, "version"), (_PART, "part")):
        for match in pattern.finditer(rest):
            yield Value(kind, next(group for group in match.groups() if group), match.group())
        rest = pattern.sub(" ", rest)
    for match in _CODE.finditer(rest):
        yield Value(f"{CODE}{match[1]}", match[2], match.group())
    for match in _PLAIN.finditer(rest):
        yield Value("number", match[1], match[1])
    for amount, kind, factor in _AMOUNT:
        for match in amount.finditer(rest):
            yield Value(kind, f"{_number(match['n']) * factor:g}", match.group())


def _number(text: str) -> float:
    if text[0].isdigit():
        return float(text.replace(",", "."))
    if text.lower() in _ENGLISH:
        return _ENGLISH[text.lower()]
    if text == "半":
        return 0.5
    return _chinese(text)


def _chinese(text: str) -> float:
    """`十五` is 15, `二十` 20, `一百二十` 120."""
    total = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total += (digit or 1) * (100 if char == "百" else 10)
            digit = 0
    return total + digit
