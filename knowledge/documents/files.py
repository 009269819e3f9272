"""One file to cards, by what its name says it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.cards import Card
from knowledge.corpus import Rejected, read_cards
from knowledge.documents import markdown, pages, sections, tables
from knowledge.documents.reading import read_text


def is_known(path: Path) -> bool:
    """Whether `read` understands a file of this name."""
    return _kind(path) in _READERS


def read(path: Path, name: str) -> Iterator[Card | Rejected]:
    """The cards of a file, whose ids begin with `name`, and what in it cannot be used.

    Raises `BadRecord` when the file cannot be used at all; what came before that is not to be used either.
    """
    return _READERS[_kind(path)](path, name)


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _title(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).stem.replace("_", " ").replace("-", " ")


def _markdown(path: Path, name: str) -> Iterator[Card | Rejected]:
    about, body = markdown.split_front_matter(read_text(path))
    title = about.pop("title", "") or _title(path)
    yield from sections.cards(name, markdown.sections(body, title), about)


def _plain_text(path: Path, name: str) -> Iterator[Card | Rejected]:
    about, body = markdown.split_front_matter(read_text(path))
    title = about.pop("title", "") or _title(path)
    yield from sections.cards(name, [sections.Section((title,), body)], about)


def _page(path: Path, name: str) -> Iterator[Card | Rejected]:
    html = read_text(path)
    about = pages.about_page(html)
    title = about.pop("title", "") or _title(path)
    yield from sections.cards(name, pages.sections_of(html, title), about)


def _table(path: Path, name: str) -> Iterator[Card | Rejected]:
    return tables.read_rows(read_text(path), name)


def _json_lines(path: Path, _name: str) -> Iterator[Card | Rejected]:
    return read_cards(path)


_READERS: dict[str, Callable[[Path, str], Iterator[Card | Rejected]]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _page,
    ".htm": _page,
    ".xhtml": _page,
    ".txt": _plain_text,
    ".csv": _table,
    ".tsv": _table,
    ".jsonl": _json_lines,
}
