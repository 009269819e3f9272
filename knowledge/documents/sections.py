"""A document's parts to cards: a section under its headings, or a question with its answer."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowledge import redact
from knowledge.cards import Card
from knowledge.corpus import card_of

#: Letters of one card: what the embedding model reads at once (512 tokens; a Chinese character is one or two).
_LONGEST = 2_000
_HAN_WEIGHT = 3
_HAN = re.compile("[\u3400-\u9fff]")
_QUESTION = re.compile(
    r"[?？]\s*$|^(?:Q\d*|问题?\d*)\s*[:：.、]|^(?:how (?:do|can|to|should)|what|why|where|when|can i|is it|do i)\b"
    r"|怎么|如何|为什么|怎样|为何|[吗呢]$",
    re.IGNORECASE,
)
_MARKED = re.compile(r"^(?:Q\d*|问题?\d*)\s*[:：.、]\s*", re.IGNORECASE)
#: "Q: … A: …" written as plain paragraphs.
_PAIR = re.compile(
    r"^(?:Q\d*|问\d*)[:：.][ \t]*(?P<question>[^\n]+)\n+(?:A\d*|答\d*)[:：.][ \t]*(?P<answer>.+?)(?=\n+(?:Q\d*|问\d*)[:：.]|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+|\n")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, or one question of a list."""

    #: From the document's title down.
    headings: tuple[str, ...]
    text: str
    #: Set for a question: `text` is its answer then.
    question: str = ""
    #: The heading's own anchor on the page.
    anchor: str = ""


def cards(name: str, sections: Iterable[Section], about: Mapping[str, Any]) -> Iterator[Card]:
    """The cards of a document called `name`. `about`: what holds for all of them, as in JSON lines.

    Ids are made of the name and the headings, so that a section keeps its id when others come and go.
    Raises `BadRecord` when `about` holds what no card can.
    """
    seen: Counter[str] = Counter()
    for section in sections:
        for record in _records(section):
            own = f"{name}#{'/'.join(map(slug, filter(None, [*section.headings, section.question])))}"
            seen[own] += 1
            url = f"{about['url']}#{section.anchor}" if about.get("url") and section.anchor else about.get("url")
            yield card_of({**about, **record, "url": url, "id": own if seen[own] == 1 else f"{own}~{seen[own]}"})


def is_question(heading: str) -> bool:
    """Whether a heading asks something, so that what follows is the answer."""
    return _QUESTION.search(heading.strip()) is not None


def _records(section: Section) -> Iterator[dict[str, str]]:
    title = " › ".join(section.headings)
    if section.question:
        yield {"title": _MARKED.sub("", section.question), "text": title, "resolution": section.text}
        return
    pairs = list(_PAIR.finditer(section.text))
    for pair in pairs:
        yield {"title": pair["question"], "text": title, "resolution": pair["answer"].strip()}
    rest = _PAIR.sub("", section.text) if pairs else section.text
    for number, part in enumerate(_parts(rest), start=1):
        yield {"title": title if number == 1 else f"{title} ({number})", "text": part}


def _parts(text: str) -> Iterator[str]:
    """The text in pieces of a sensible size, cut between paragraphs; within one only when it is too long itself."""
    piece = ""
    for paragraph in _paragraphs(text):
        if piece and _size(piece) + _size(paragraph) > _LONGEST:
            yield piece.strip()
            piece = ""
        piece += paragraph
    if piece.strip():
        yield piece.strip()


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"(?<=\n\n)", text):
        if _size(paragraph) <= _LONGEST:
            yield paragraph
            continue
        for sentence in _keeping_ends(paragraph):
            yield from (sentence[at : at + _LONGEST] for at in range(0, len(sentence), _LONGEST))


def _keeping_ends(paragraph: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(paragraph):
        yield paragraph[start : end.end()]
        start = end.end()
    yield paragraph[start:]


def _size(text: str) -> int:
    return len(text) + (_HAN_WEIGHT - 1) * len(_HAN.findall(text))


def slug(heading: str) -> str:
    """The part of an id that a heading makes. Ids are shown and logged, so it is masked as the heading is."""
    return re.sub(r"\W+", "-", unicodedata.normalize("NFKC", redact.text(heading)).casefold()).strip("-")[:80]
