"""Cards from files: JSON lines, plain or .gz, one `{"id","title","text","resolution"?, …}` a line."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from knowledge.cards import PUBLIC, Card
from knowledge.errors import BadRecord
from knowledge.words import language_of


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be used."""

    #: The line's own id, else `line 17`.
    id: str
    #: A code such as `not_json`, `no_id`, `no_text`, `bad_created`.
    reason: str


#: Control characters but for tab and line ends: no database takes a NUL, and a terminal obeys an escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def read_cards(path: Path) -> Iterator[Card | Rejected]:
    """The cards of a file in order, and the lines that cannot be used.

    Raises `BadRecord` (`not_text`, `damaged`) when the file is no text at all or its compression is broken.
    """
    for number, line in numbered_lines(path):
        try:
            yield card_of(_object(line))
        except BadRecord as problem:
            yield Rejected(problem.detail or f"line {number}", problem.reason)


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file. Raises `BadRecord` with the line's number on one that is not."""
    for number, line in numbered_lines(path):
        try:
            yield _object(line)
        except BadRecord as problem:
            raise BadRecord(problem.reason, f"line {number}") from None


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError:
        raise BadRecord("not_text", str(path)) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadRecord("damaged", str(path)) from None


def open_text(path: Path) -> IO[str]:
    """Open a plain or gzipped text file, by content and not by name."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8-sig") if zipped else path.open(encoding="utf-8-sig")


def card_of(record: dict[str, Any]) -> Card:
    """One record as a card. Raises `BadRecord` that names what is wrong; `detail` is the record's id."""
    name = _text(record, "id")
    if not name:
        raise BadRecord("no_id")
    title, body, steps = (_text(record, key) for key in ("title", "text", "resolution"))
    if not (title or body or steps):
        raise BadRecord("no_text", name)
    return Card(
        id=name,
        title=title,
        text=body,
        steps=steps,
        lang=_text(record, "lang") or language_of(title + body + steps),
        url=_text(record, "url") or None,
        created=_moment(name, record, "created"),
        owner=_text(record, "owner") or None,
        team=_text(record, "team") or None,
        product=_text(record, "product") or None,
        visibility=_text(record, "visibility") or PUBLIC,
        valid_until=_moment(name, record, "valid_until"),
    )


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        raise BadRecord("not_json") from None
    if not isinstance(value, dict):
        raise BadRecord("not_an_object")
    return value


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    # Ids are often numbers; anything else that is not text has no business in a card.
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return _CONTROL.sub("", text)


def _moment(name: str, record: dict[str, Any], key: str) -> datetime | None:
    value = record.get(key)
    if value in (None, ""):
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadRecord(f"bad_{key}", name) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
