"""Readers: a file as numbered rows of named values, one at a time, whatever the file's size."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import IO, Any

from unstuck.errors import UsageError
from unstuck.imports.files import Format, TicketFile, is_workbook, text_of, unpacked
from unstuck.imports.xes import xes_rows

#: Longer texts are no ticket's; a stray quotation mark would otherwise swallow the rest of the file.
MAX_FIELD = 1_000_000
_MAX_LINE = 8_000_000
_SNIFFED = 64 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One record: a row of a table, a line of JSON, an event of an XES log."""

    #: As a spreadsheet counts: the heading is row 1. JSON lines and XES events count from 1.
    number: int
    #: Column to text, date, list (of a repeated column) or whatever JSON held; empty when `problem` is set.
    values: dict[str, Any]
    #: Why the row cannot be read, as a key of the locales' `[import]`.
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A file being read."""

    #: All columns of a table, those of the first rows where each row names its own.
    columns: list[str]
    rows: Iterator[Row]
    #: How many of the file's bytes have been read.
    bytes_read: Callable[[], int]


@contextmanager
def reading_rows(file: TicketFile) -> Iterator[Rows]:
    """The rows of a file. Raises `UsageError` when it is not what its name or first bytes promise."""
    with unpacked(file.path, file.gzipped) as (stream, bytes_read), _opened(file, stream) as (columns, rows):
        yield Rows(columns, rows, bytes_read)


@contextmanager
def _opened(file: TicketFile, stream: IO[bytes]) -> Iterator[tuple[list[str], Iterator[Row]]]:
    if file.format is Format.XLSX:
        with _workbook(file, stream) as table:
            yield table
    elif file.format is Format.XES:
        yield _self_named(Row(number, values) for number, values in enumerate(xes_rows(stream, file.path), start=1))
    else:
        text = text_of(stream, file.encoding)
        try:
            yield _csv(text) if file.format is Format.CSV else _self_named(_json_lines(text))
        finally:
            text.detach()  # the stream is not ours to close


def _self_named(rows: Iterator[Row]) -> tuple[list[str], Iterator[Row]]:
    """Rows that name their own columns; `group.name` stands for a name inside an object."""
    first = list(islice(rows, 1000))
    columns: dict[str, None] = {}
    for row in first:
        for name, value in row.values.items():
            columns |= dict.fromkeys(
                [name, *(f"{name}.{inner}" for inner in value)] if isinstance(value, dict) else [name]
            )
    return list(columns), chain(first, rows)


def _csv(text: io.TextIOWrapper) -> tuple[list[str], Iterator[Row]]:
    start = text.read(_SNIFFED) + text.readline(_MAX_LINE)
    csv.field_size_limit(MAX_FIELD)
    lines = chain(io.StringIO(start, newline=""), _bounded(text))
    reader = csv.reader(lines, delimiter=_delimiter(start))
    header = next(reader, [])
    return _named(header), _table_rows(header, _csv_records(reader))


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines, the endless ones cut: what is left is still too long for a field and is rejected as such."""
    while line := text.readline(_MAX_LINE):
        yield line
        while len(line) == _MAX_LINE and not line.endswith("\n"):
            line = text.readline(_MAX_LINE)


def _delimiter(start: str) -> str:
    """The separator that occurs most often in the heading, outside quotation marks."""
    heading = start.lstrip("\ufeff").split("\n", 1)[0]
    unquoted = "".join(heading.split('"')[::2])
    return max(",;\t|", key=unquoted.count)


def _csv_records(reader: Any) -> Iterator[list[str] | None]:
    """Records, `None` for one with a field beyond all measure: the reader goes on with the next line."""
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _named(header: Iterable[Any]) -> list[str]:
    """Column names, each once: Jira repeats `Comment` for every further comment."""
    return list(dict.fromkeys(_title(name) for name in header))


def _title(name: object) -> str:
    return str(name).strip() if name is not None else ""


def _table_rows(header: list[Any], records: Iterator[Any]) -> Iterator[Row]:
    titles = [_title(name) for name in header]
    repeated = {name for name in titles if titles.count(name) > 1}
    width = len(titles)
    for number, record in enumerate(records, start=2):
        if record is None:
            yield Row(number, {}, "field_too_long")
        elif not any(record):
            continue  # a blank line is nobody's ticket
        elif len(record) != width:
            yield Row(number, {}, "column_count")
        else:
            yield Row(number, _values(titles, record, repeated) if repeated else dict(zip(titles, record, strict=True)))


def _values(titles: list[str], record: list[Any], repeated: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: [] if name in repeated else None for name in titles}
    for name, value in zip(titles, record, strict=True):
        if name not in repeated:
            values[name] = value
        elif value not in ("", None):
            values[name].append(value)
    return values


def _json_lines(text: io.TextIOWrapper) -> Iterator[Row]:
    for number, line in enumerate(_bounded(text), start=1):
        if line.isspace():
            continue
        try:
            values = json.loads(line)
        except ValueError:
            yield Row(number, {}, "not_json" if len(line) < _MAX_LINE else "field_too_long")
            continue
        yield Row(number, values) if isinstance(values, dict) else Row(number, {}, "not_json")


@contextmanager
def _workbook(file: TicketFile, stream: IO[bytes]) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """The first sheet of a workbook that has a heading. A packed one is unpacked to a file first: zip needs to seek."""
    import openpyxl

    with tempfile.TemporaryFile() as copy:
        source = stream
        if file.gzipped:
            shutil.copyfileobj(stream, copy)
            source = copy
        if not is_workbook(source):
            raise UsageError("file_not_xlsx", path=file.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl remarks on styles, which we do not read
            try:
                book = openpyxl.load_workbook(source, read_only=True, data_only=True)
            except (KeyError, ValueError, SyntaxError, zipfile.BadZipFile) as error:  # what a damaged book raises
                raise UsageError("file_not_xlsx", path=file.path) from error
            try:
                yield _sheet_rows(book, file)
            finally:
                book.close()


def _sheet_rows(book: Any, file: TicketFile) -> tuple[list[str], Iterator[Row]]:
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # exporters state them wrongly, and rows beyond would be lost
        records = sheet.iter_rows(values_only=True)
        header = next(records, None)
        if header and any(header):
            width = max(place for place, name in enumerate(header, start=1) if name is not None)
            cells = (_cells(record, width) for record in records)
            return _named(header[:width]), _table_rows(list(header[:width]), cells)
    raise UsageError("file_empty", path=file.path)


def _cells(record: tuple[Any, ...], width: int) -> list[Any]:
    """A sheet's row as texts and dates, as wide as the heading: sheets leave out empty cells at the end."""
    cells = [_cell(value) for value in record[:width]]
    return cells + [""] * (width - len(cells)) if len(record) <= width or not any(record[width:]) else list(record)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, (str, datetime)) else str(value)
