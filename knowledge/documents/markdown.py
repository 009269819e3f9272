"""Markdown to sections, and the front matter that says what a document is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import yaml
from markdown_it import MarkdownIt

from knowledge.documents.pages import sections_of
from knowledge.documents.sections import Section
from knowledge.errors import BadRecord

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE)
#: Front matter names to those of JSON lines.
_NAMES = {
    "title": "title",
    "product": "product",
    "url": "url",
    "date": "created",
    "created": "created",
    "lang": "lang",
    "visibility": "visibility",
    "owner": "owner",
    "team": "team",
    "valid_until": "valid_until",
}


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """What the front matter says, and the document below it.

    Raises `BadRecord` (`bad_front_matter`) when it is broken: it may say who may read the document.
    """
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    try:
        said = yaml.safe_load(found.group(1)) or {}
    except (yaml.YAMLError, ValueError):
        raise BadRecord("bad_front_matter") from None
    if not isinstance(said, Mapping):
        raise BadRecord("bad_front_matter")
    return _known(said), text[found.end() :]


def sections(text: str, title: str) -> Iterator[Section]:
    """The sections of a Markdown text; HTML in it counts as HTML."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    yield from sections_of(markdown.render(text), title)


def _known(said: Mapping[Any, Any]) -> dict[str, str]:
    named = {str(name).strip().lower(): value for name, value in said.items()}
    return {
        ours: value.isoformat() if isinstance(value, date) else str(value).strip()
        for name, ours in _NAMES.items()
        if isinstance(value := named.get(name), str | int | float | date)
    }
