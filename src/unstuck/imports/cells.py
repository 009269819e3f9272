"""Cells as values: what is empty, what is text, and why a cell cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from unstuck.imports.mapping import ColumnMap
from unstuck.imports.rows import MAX_FIELD
from unstuck.imports.times import NoTimezoneError, time_reader

#: Where JSON exports keep the readable part of an object.
_NAMES = ("name", "display_name", "displayName", "value", "score", "channel", "title")
#: Cells up to this length are remembered, and so many of them.
_SHORT, _REMEMBERED = 100, 50_000


class RejectedRowError(ValueError):
    """One row cannot be taken; the rest of the file can."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(reason, params)
        #: A key of the locales' `[import]`, and what it mentions.
        self.reason = reason
        self.params = params


class Cells:
    """Reads the cells of a file's rows as its map says."""

    def __init__(self, mapping: ColumnMap) -> None:
        self._nulls = mapping.nulls | {""}
        self._read_time = time_reader(mapping.time_format, mapping.timezone)
        #: Raw to clean text: an export says the same few things on most of its rows.
        self._clean: dict[str, str | None] = {}

    def text(self, row: Mapping[str, Any], column: str) -> str | None:
        """A cell's text, `None` when it is empty or a null of the map."""
        value = row.get(column) if column in row else _inside(row, column)
        if not isinstance(value, str) or len(value) > _SHORT:
            return self._cleaned(value)
        if value not in self._clean:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean[value] = self._cleaned(value)
        return self._clean[value]

    def _cleaned(self, value: Any) -> str | None:
        text = value.strip() if isinstance(value, str) else _as_text(value)
        if text is None or text in self._nulls:
            return None
        if len(text) > MAX_FIELD:
            raise RejectedRowError("field_too_long")
        return text if text.isascii() and text.isprintable() else _storable(text)

    def texts(self, row: Mapping[str, Any], columns: list[tuple[str, str]]) -> dict[str, str | None]:
        """Field to text, for pairs of field and column."""
        clean = self._clean
        return {
            name: clean[value]
            if isinstance(value := row.get(column), str) and value in clean
            else self.text(row, column)
            for name, column in columns
        }

    def time(self, row: Mapping[str, Any], column: str) -> datetime | None:
        """A cell's moment in UTC, `None` when it is empty."""
        value = row.get(column)
        if isinstance(value, datetime):
            return self._read_time(value)
        text = self.text(row, column)
        return None if text is None else self.moment(text, column)

    def moment(self, text: str, column: str) -> datetime:
        try:
            return self._read_time(text)
        except NoTimezoneError:
            raise
        except ValueError:
            raise RejectedRowError("bad_time", column=column, value=text[:60]) from None


def reader_of(column: str | None) -> Callable[[Mapping[str, Any]], Any]:
    """A function from a row to the raw cell of a column, dotted paths included."""
    if column is None:
        return lambda _row: None
    return lambda row: row[column] if column in row else _inside(row, column)


def _inside(row: Mapping[str, Any], column: str) -> Any:
    """`group.name`: the name inside the object that the column `group` holds."""
    value: Any = row
    for step in column.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return next((_as_text(value[name]) for name in _NAMES if value.get(name) is not None), None)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := _as_text(item)))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


#: Control characters but for tab and line ends: no database takes a NUL, and a terminal obeys an escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _storable(text: str) -> str:
    """Text without control characters. Half a character (a lone surrogate) cannot be mended."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedRowError("bad_text") from None
    return _CONTROL.sub("", text)
