"""What a sentence may not change: numbers with their units, codes, links, addresses, names. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from knowledge.words import is_chinese, stem

_LINK = re.compile(r"https?://[^\s<>\"'，。；！？（）【】“”]+", re.ASCII)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_PATH = re.compile(r"(?<![\w/.])(?:[A-Za-z]:\\|[/\\])[\w.-]+(?:[/\\][\w.-]+)*", re.ASCII)
_HOST_OR_FILE = re.compile(r"(?<![\w@/.-])(?:[A-Za-z0-9-]{2,}\.)+[A-Za-z][A-Za-z0-9]+(?![\w@])", re.ASCII)
_WITH_DIGIT = re.compile(
    r"(?=[A-Za-z_]*\d|[A-Za-z0-9_]+(?:[-_.:/,][A-Za-z0-9]+)*\d)[A-Za-z0-9_]+(?:[-_.:/,][A-Za-z0-9_]+)*"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ENDS = ".,;:!?)]}'\""

#: Each unit and how it is written. Single letters mean a unit only in this case.
_UNITS = {
    "working day": r"(?i:working days?|business days?|workdays?)|个?工作日",
    "second": r"(?i:seconds?|secs?)|s|秒钟?",
    "minute": r"(?i:minutes?|mins?)|分钟|分(?!之|[公米])",
    "hour": r"(?i:hours?|hrs?)|h|个?小时|个?钟头",
    "day": r"(?i:days?)|天",
    "week": r"(?i:weeks?)|周|个?星期",
    "month": r"(?i:months?)|个月",
    "year": r"(?i:years?)|年",
    "percent": r"%|(?i:per ?cent)",
    "degree": r"°C?|(?i:degrees?)|℃|摄氏度|度",
    "bar": r"(?i:bar)|巴",
    "millimetre": r"(?i:millimet(?:re|er)s?)|mm|毫米",
    "centimetre": r"(?i:centimet(?:re|er)s?)|cm|厘米|公分",
    "kilometre": r"(?i:kilomet(?:re|er)s?)|km|公里|千米",
    "metre": r"(?i:met(?:re|er)s?)|m|米",
    "kilogram": r"(?i:kilo(?:gram)?s?)|kg|公斤|千克",
    "gram": r"(?i:grams?)|g|克",
    "millilitre": r"(?i:millilit(?:re|er)s?)|ml|mL|毫升",
    "litre": r"(?i:lit(?:re|er)s?)|l|L|升",
    "volt": r"(?i:volts?)|V|伏特?",
    "ampere": r"(?i:amps?|amperes?)|A|安培?",
    "kilowatt": r"(?i:kilowatts?)|kW|千瓦",
    "watt": r"(?i:watts?)|W|瓦特?",
    "hertz": r"(?i:hertz)|Hz|赫兹?",
    "kilobyte": r"KB|kB",
    "megabyte": r"MB",
    "gigabyte": r"GB",
    "terabyte": r"TB",
    "euro": r"€|(?i:euros?|EUR)|欧元",
    "dollar": r"(?i:dollars?|USD)|美元",
    "yuan": r"(?i:yuan|CNY|RMB)|元|块钱?",
    "time": r"(?i:times)|次|遍",
}
_UNIT = "|".join(f"(?P<u{at}>{shape})" for at, shape in enumerate(_UNITS.values()))
_NAMES_OF_UNITS = tuple(_UNITS)
_VALUE = re.compile(rf"(?P<value>\d+(?:\.\d+)?)[ \u00a0-]?(?:(?:{_UNIT})(?![A-Za-z]))?")
_WORD_VALUES = {
    word: str(value)
    for value, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)  # noqa: SIM905
} | {"a": "1", "an": "1", "half an": "0.5", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40"}
_WORD_VALUES |= {"forty-five": "45", "fifty": "50", "sixty": "60", "ninety": "90", "a hundred": "100"}
_WORDS = "|".join(sorted(_WORD_VALUES, key=len, reverse=True))
_IN_WORDS = re.compile(rf"\b(?P<value>(?i:{_WORDS}))[ -](?:{_UNIT})(?![A-Za-z])")
_IN_CHINESE = re.compile(rf"(?P<value>[半一二两三四五六七八九十]+)(?:{_UNIT})")
_HAN_DIGITS = {char: value for value, char in enumerate("一二三四五六七八九", 1)} | {"两": 2}
_ONCE = {"once": "1", "twice": "2"}
_ONCE_OR_TWICE = re.compile(r"(?i)\b(once|twice)\b(?=[.,;!?]|\s*$)")

_QUOTED = re.compile(r"[“「『\"]([^“”「」『』\"]{1,40})[”」』\"]")
#: Nouns that point at what was said before.
_GENERIC = frozenset(["问题", "情况", "时候", "方法", "步骤", "原因", "机器", "设备", "客户", "用户", "结果", "即可"])
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’+-]*[A-Za-z]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;]\s)[\s\"'“‘(\[]*$")


def is_kept(sentence: str, source: str, question: str) -> bool:
    """Whether every number, code, link and name of the sentence is one of the source's, to the letter.

    Names may also be the asker's own words: how they call the thing is no claim about it.
    """
    said, known = _plain(sentence), _plain(source)
    return (
        _codes(said) <= _codes(known)
        and set(quantities(said)) <= _quantities_and_bare(known)
        and all(_is_known(name, _latin_words(f"{known}\n{_plain(question)}")) for name in _names(said))
    )


def names_new_things(sentence: str, known: str) -> bool:
    """Whether it quotes a label, or names in Chinese a thing, that is not in `known`, a text of the same language."""
    if any(_squeezed(label) not in _squeezed(known) for label in _QUOTED.findall(sentence)):
        return True
    return any(noun not in known for noun in _chinese_nouns(sentence)) if is_chinese(sentence) else False


def quantities(text: str) -> Iterator[tuple[str, str]]:
    """Each number with the unit that follows it, in one form for both languages: "两分钟" is ("2", "minute")."""
    bare = _without_codes(_plain(text))
    for match in _VALUE.finditer(bare):
        yield _number(match["value"]), _unit_of(match)
    for match in _IN_WORDS.finditer(bare):
        yield _WORD_VALUES[match["value"].lower()], _unit_of(match)
    for match in _IN_CHINESE.finditer(bare):
        yield _chinese_number(match["value"]), _unit_of(match)
    for match in _ONCE_OR_TWICE.finditer(bare):
        yield _ONCE[match[1].lower()], "time"


def _quantities_and_bare(text: str) -> set[tuple[str, str]]:
    """As `quantities`; each number also counts where nobody names its unit."""
    found = set(quantities(text))
    return found | {(value, "") for value, _ in found}


def _plain(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text))


def _codes(text: str) -> set[str]:
    """Links, addresses, paths, hosts, file names, and everything with a digit that is no plain quantity."""
    found: set[str] = set()
    for pattern in (_LINK, _ADDRESS, _PATH, _HOST_OR_FILE):
        found |= {match.group().rstrip(_ENDS).lower() for match in pattern.finditer(text)}
        text = pattern.sub(" ", text)
    return found | {token.lower() for token in _WITH_DIGIT.findall(text) if _is_code(token)}


def _without_codes(text: str) -> str:
    for pattern in (_LINK, _ADDRESS, _PATH, _HOST_OR_FILE):
        text = pattern.sub(" ", text)
    return _WITH_DIGIT.sub(lambda match: " " if _is_code(match.group()) else match.group(), text)


def _is_code(token: str) -> bool:
    """`E-104`, `5.3.1`, `7010-201`; not `5`, `1.5`, `30s`."""
    match = _VALUE.fullmatch(token)
    return match is None


def _unit_of(match: re.Match[str]) -> str:
    found = next((name for name, text in match.groupdict().items() if name != "value" and text), None)
    return _NAMES_OF_UNITS[int(found[1:])] if found else ""


def _number(value: str) -> str:
    return f"{float(value):g}" if _NUMBER.fullmatch(value) else value


def _chinese_number(value: str) -> str:
    if value == "半":
        return "0.5"
    if "十" in value:
        tens, _, ones = value.partition("十")
        return str(10 * _HAN_DIGITS.get(tens, 1) + _HAN_DIGITS.get(ones, 0))
    return "".join(str(_HAN_DIGITS.get(char, char)) for char in value)


def _chinese_nouns(text: str) -> Iterator[str]:
    # English has its capitals and stems; in Chinese a part of another name shares characters with the right one.
    import rjieba

    for word, kind in rjieba.tag(text):
        if kind[:1] == "n" and len(word) > 1 and word not in _GENERIC:
            yield word


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


def _names(text: str) -> Iterator[str]:
    """What looks like a name: capitals inside a sentence, capitals inside a word, foreign letters in Chinese."""
    foreign = is_chinese(text)
    text = _without_codes(text)
    for match in _LATIN.finditer(text):
        word = match.group()
        starts = _SENTENCE_START.search(text[: match.start()]) is not None
        if foreign or word[1:] != word[1:].lower() or (word[0].isupper() and not starts):
            yield word


def _is_known(name: str, known: Collection[str]) -> bool:
    return _bare(name) in known or stem(_bare(name)) in known


def _latin_words(text: str) -> set[str]:
    words = {_bare(match.group()) for match in _LATIN.finditer(text)}
    parts = {_bare(part) for match in _LATIN.finditer(text) for part in re.split(r"[-+'’]", match.group()) if part}
    return words | parts | {stem(word) for word in words | parts}


def _bare(word: str) -> str:
    """`Wi-Fi` is `WiFi`; `router's` is `router`."""
    return re.sub(r"[^a-z]", "", re.sub(r"['’]s$", "", word).lower())
