"""What can be named on this desk: live values with their everyday short forms, ticket numbers, the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from unstuck.i18n import LANGS
from unstuck.insights.plan import OwnWord
from unstuck.insights.question.meaning import Item, Meaning, Role
from unstuck.insights.question.normalise import is_chinese, key, on_boundary
from unstuck.insights.question.vocabulary import dimension_words, vocabulary

if TYPE_CHECKING:
    import ahocorasick  # type: ignore[import-not-found]
    from duckdb import DuckDBPyConnection

#: More names than this of one kind are not told apart in words; they can still be filtered by the others.
MOST_VALUES = 50_000
#: Dimensions that need no values of their own.
ALWAYS = frozenset({"weekday", "hour", "class", "from_team", "to_team"})
#: Words for degrees of priority, most urgent first, each with what else people call it.
DEGREES = (
    ("critical", "blocker", "highest", "showstopper", "致命", "严重", "特急"),
    ("urgent", "紧急", "加急"),
    ("high", "major", "高"),
    ("moderate", "medium", "normal", "中", "普通", "一般"),
    ("low", "minor", "低"),
    ("planning", "lowest", "trivial", "最低"),
)
#: Values that say nothing without the name of their field.
_BARE = {
    "true",
    "false",
    "yes",
    "no",
    "none",
    "other",
    "others",
    "unknown",
    "n/a",
    "na",
    "是",
    "否",
    "无",
    "其他",
    "其它",
    "未知",
}
_NUMBERED = re.compile(r"^(?P<word>[^\d]*?)[ _-]*(?P<number>\d+)$")
_TEAM_SUFFIX = re.compile(r"(?: (?:team|group|squad|queue|support group|desk|department|dept)|团队|小组|组|部门|部)$")
#: "Waiting for parts" is also asked for as "wait for parts", 等待仓库 as 等仓库.
_WAITS = re.compile(r"^(?:waiting (?:for|on)|awaiting|pending|on hold (?:for|-)) (?P<what>.+)$")
_WAITS_ZH = re.compile(r"^(?:等待|等候|待)(?P<what>.+?)(?:中)?$")
#: Fields whose values are things, of which there may be several.
_THINGS = ("product", "category", "subcategory", "type")
#: What channels are called in both languages; one desk's "Email" is another's 邮件.
CHANNELS = (
    ("email", "e mail", "mail", "邮件", "电子邮件", "邮箱"),
    ("phone", "telephone", "call", "calls", "phone call", "电话", "热线"),
    ("chat", "live chat", "webchat", "在线聊天", "在线客服", "在线咨询"),
    ("wechat", "微信"),
    ("web form", "webform", "web", "form", "网页表单", "网页", "表单"),
    ("marketplace", "电商平台", "平台"),
    ("self service", "portal", "自助", "自助服务", "门户"),
    ("walk in", "in person", "上门", "现场"),
    ("sms", "text message", "短信"),
    ("app", "应用内"),
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All that a question can refer to on one desk at one snapshot of the facts."""

    #: Normalised name to `(field, value)`s.
    names: Mapping[str, tuple[tuple[str, str], ...]]
    #: Fields that hold at least one value, `custom.…` included.
    fields: frozenset[str]
    #: Status to stage class.
    classes: Mapping[str, str]
    #: Shape of this desk's ticket numbers.
    ticket_ids: re.Pattern[str] | None
    automaton: ahocorasick.Automaton

    def meanings(self, text: str) -> tuple[Meaning, ...]:
        """Everything that `text`, taken whole, can mean."""
        return tuple(self.automaton.get(key(text), (0, ()))[1])

    def find(self, plain: str) -> Iterator[Item]:
        """Every name and word of the vocabulary that occurs in `plain`, overlapping ones included."""
        for last, (length, meanings) in self.automaton.iter(plain):
            start, end = last + 1 - length, last + 1
            if on_boundary(plain, start, end):
                yield Item(start, end, meanings)
        if self.ticket_ids is not None:
            for match in self.ticket_ids.finditer(plain):
                if on_boundary(plain, match.start(), match.end()):
                    yield Item(match.start(), match.end(), (Meaning(Role.TICKET_ID, value=match["id"]),))


def build(con: DuckDBPyConnection, own_words: Iterable[OwnWord] = ()) -> Lexicon:
    """The lexicon of the facts behind `con`, with the workspace's own words."""
    values = {name: _column(con, relation, name) for relation, names in _COLUMNS.items() for name in names}
    values |= _custom(con)
    classes = dict(con.execute("SELECT DISTINCT status, class FROM stays WHERE status IS NOT NULL").fetchall())
    return from_values(values, classes=classes, ticket_ids=_id_shapes(con), own_words=own_words)


_COLUMNS = {
    "stays": ("status", "stage", "team", "assignee"),
    "fields": (
        "priority",
        "type",
        "product",
        "category",
        "subcategory",
        "customer",
        "tier",
        "region",
        "language",
        "channel",
    ),
    "tickets": ("source",),
}


def _column(con: DuckDBPyConnection, relation: str, name: str) -> list[str]:
    rows = con.execute(f"SELECT DISTINCT {name} FROM {relation} WHERE {name} IS NOT NULL LIMIT {MOST_VALUES}")
    return sorted(str(row[0]) for row in rows.fetchall())


def _custom(con: DuckDBPyConnection) -> dict[str, list[str]]:
    rows = con.execute(
        f"""SELECT DISTINCT e.key, e.value FROM
        (SELECT unnest(map_entries(custom)) AS e FROM (SELECT DISTINCT custom FROM fields)) WHERE e.value IS NOT NULL
        LIMIT {MOST_VALUES}"""
    ).fetchall()
    values: dict[str, list[str]] = {}
    for name, value in rows:
        values.setdefault(f"custom.{name}", []).append(str(value))
    return {name: sorted(found) for name, found in values.items()}


def _id_shapes(con: DuckDBPyConnection) -> list[str]:
    """Ticket numbers with their digits blurred (`INC#######`), the commonest first."""
    rows = con.execute(
        """SELECT regexp_replace(ext_id, '[0-9]', '#', 'g') AS shape, count(*) AS n FROM tickets
        GROUP BY shape ORDER BY n DESC LIMIT 12"""
    ).fetchall()
    return [str(row[0]) for row in rows if row[0]]


def from_values(
    values: Mapping[str, Iterable[str]],
    *,
    classes: Mapping[str, str] | None = None,
    ticket_ids: Iterable[str] = (),
    own_words: Iterable[OwnWord] = (),
) -> Lexicon:
    """A lexicon of the given values by field; `ticket_ids` are shapes such as `INC#######`."""
    names: dict[str, dict[tuple[str, str], None]] = {}
    present = {field: list(found) for field, found in values.items()}
    for field, found in present.items():
        for name, value in _names(field, found):
            names.setdefault(name, {})[field, value] = None
    plain = {name: _without_twins(tuple(found)) for name, found in names.items()}
    fields = frozenset(field for field, found in present.items() if found) | ALWAYS
    return Lexicon(plain, fields, dict(classes or {}), _id_pattern(ticket_ids), _automaton(plain, fields, own_words))


def _without_twins(found: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """A status that is also the stage of the same name is one thing, not two."""
    return tuple((field, value) for field, value in found if field != "stage" or ("status", value) not in found)


def _names(field: str, values: list[str]) -> Iterator[tuple[str, str]]:
    """Each value under its own name and under what people shorten it to."""
    ranked = _ranked(values) if field == "priority" else {}
    for value in values:
        name = key(value)
        if not name:
            continue
        if len(name) > 1 and name not in _BARE and not name.isdigit():
            yield name, value
        else:  # says nothing without the name of its field
            label = key(field.removeprefix("custom."))
            yield from (
                (f"{word} {name}", value) for word in {label, *dimension_words(field)} if not is_chinese(word[0])
            )
        if field == "priority":
            yield from ((alias, value) for alias in _priority_names(name, ranked.get(value)))
        if field == "team":
            yield from ((alias, value) for alias in _team_names(name))
        yield from ((alias, value) for alias in _other_names(field, name))
    if field == "assignee":
        yield from _first_names(values)


def _other_names(field: str, name: str) -> Iterator[str]:
    """What people also call a value, by what kind of thing it is."""
    if field in ("status", "stage"):
        yield from _waits(name)
    elif field == "channel":
        yield from next((names for names in CHANNELS if name in names), ())
    elif field in ("region", "language"):
        yield from _of_the_world(field, name)
    elif field in _THINGS and name.isascii() and len(name) > 2:
        yield name.removesuffix("s") if name.endswith("s") else f"{name}s"


def _waits(name: str) -> Iterator[str]:
    if found := _WAITS.match(name):
        leads = ("waiting for", "waiting on", "wait for", "wait on", "waits for", "waits on", "awaiting", "pending")
        yield from (f"{lead}{article}{found['what']}" for lead in leads for article in (" ", " the ", " a "))
    if found := _WAITS_ZH.match(name):
        yield from (f"{lead}{found['what']}" for lead in ("等", "在等", "等待", "待"))


def _of_the_world(field: str, name: str) -> Iterator[str]:
    """Countries and languages given by their codes or in one language, in both."""
    from babel import Locale

    listed = [getattr(Locale(lang), "territories" if field == "region" else "languages") for lang in LANGS]
    code = name if field == "language" else name.upper()
    codes = [code] if code in listed[0] else [c for names in listed for c, word in names.items() if key(word) == name]
    found = [key(str(names[c])) for c in dict.fromkeys(codes) for names in listed if c in names]
    yield from found
    if field == "region":
        yield from (f"{word}区" for word in found if is_chinese(word[0]))


def _first_names(values: list[str]) -> Iterator[tuple[str, str]]:
    """People by their first name alone, where it is no other word; of two Anas it is asked which."""
    for value in values:
        first, _, rest = key(value).partition(" ")
        if rest and len(first) > 2 and first.isalpha() and first not in _all_words():
            yield first, value


def _ranked(values: list[str]) -> dict[str, int]:
    """Rank of each priority, 1 the most urgent: by its own digit, else by the degree it names."""
    digits = {value: int(found[0]) for value in values if (found := re.search(r"\d+", value))}
    if digits:
        return digits
    degrees = {value: place for value in values for place, words in enumerate(DEGREES) if _degree(key(value)) == place}
    return {value: rank for rank, value in enumerate(sorted(degrees, key=lambda v: degrees[v]), start=1)}


def _degree(name: str) -> int | None:
    return next((place for place, words in enumerate(DEGREES) if any(_has_word(name, word) for word in words)), None)


def _has_word(name: str, word: str) -> bool:
    return word in name if is_chinese(word[0]) else re.search(rf"\b{word}\b", name) is not None


def _priority_names(name: str, rank: int | None) -> Iterator[str]:
    if rank is not None:
        yield from (f"{word}{rank}" for word in ("p", "p ", "prio ", "prio", "priority ", "sev", "sev ", "优先级"))
        yield from (f"{rank}级", f"p{rank}级", f"p{rank}s")
    degree = _degree(name)
    for word in DEGREES[degree] if degree is not None else ():
        if is_chinese(word[0]):
            yield from (
                f"{word}优先级",
                f"{word}级",
                f"优先级{word}",
                *([word] if len(word) > 1 and word != "一般" else []),
            )
        else:
            yield from (word, f"{word} priority", f"{word} prio", f"priority {word}") if _has_word(name, word) else ()
    if degree == 0:  # one desk's "critical" is another's 紧急
        yield from ("紧急", "最紧急")


def _team_names(name: str) -> Iterator[str]:
    numbered = _NUMBERED.match(name)
    words = dimension_words("team")
    if numbered and (not numbered["word"].strip() or key(numbered["word"]) in words):
        number = numbered["number"]
        yield from (f"{word} {number}" for word in words if not is_chinese(word[0]))
        yield from (f"{number}{word}" for word in words if is_chinese(word[0]))
        yield from (
            f"{lead}{number}{word}" for lead in ("第", "") for word in ("号组", "号团队", "组") if lead or word != "组"
        )
        yield from (f"{word}{number}" for word in ("组", "小组", "团队"))
    short = _TEAM_SUFFIX.sub("", name)
    if len(short) > 1 and short != name and not short.isdigit():
        yield short


@cache
def _all_words() -> frozenset[str]:
    return frozenset(vocabulary())


_OWN_ROLES = {"value": Role.VALUE, "metric": Role.METRIC, "dimension": Role.DIMENSION}


def _automaton(
    names: Mapping[str, tuple[tuple[str, str], ...]], fields: frozenset[str], own_words: Iterable[OwnWord]
) -> ahocorasick.Automaton:
    import ahocorasick

    automaton = ahocorasick.Automaton()
    words = vocabulary()
    custom: dict[str, tuple[Meaning, ...]] = {}
    for field in fields:
        if field.startswith("custom."):
            name = key(field.removeprefix("custom."))
            for word in {name, f"{name}s"}:
                custom[word] = (*custom.get(word, ()), Meaning(Role.DIMENSION, field))
    own = {key(word.said): Meaning(_OWN_ROLES[word.role], word.field, word.value, own=word) for word in own_words}
    for name in {*words, *custom, *names, *own}:
        meanings = words.get(name, ())
        extra = tuple(meaning for meaning in custom.get(name, ()) if not meanings)
        shy = bool(meanings)
        values = tuple(Meaning(Role.VALUE, field, value, shy=shy) for field, value in names.get(name, ()))
        taught = (own[name],) if name in own else ()
        automaton.add_word(name, (len(name), meanings + extra + values + taught))
    automaton.make_automaton()
    return automaton


def _id_pattern(shapes: Iterable[str]) -> re.Pattern[str] | None:
    """`INC#######` as it may be typed; bare numbers only behind "#", "ticket" or 工单."""
    patterns = []
    for shape in shapes:
        text = re.escape(key(shape)).replace(r"\#", "#")
        text = re.sub("#+", lambda run: rf"\d{{{len(run[0])}}}", text)
        patterns.append(
            text if any(c.isalpha() for c in shape) else rf"(?:(?<=#)|(?<=ticket )|(?<=工单)|(?<=工单 )){text}"
        )
    return re.compile(rf"(?P<id>{'|'.join(patterns)})") if patterns else None
