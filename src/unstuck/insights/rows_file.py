"""The rows of an answer as a file that a spreadsheet opens: CSV or XLSX, with how it was counted."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from unstuck.errors import UsageError

if TYPE_CHECKING:
    from unstuck.insights.ask import Told
    from unstuck.insights.labels import Cell

#: A spreadsheet takes a cell that begins so for a formula; a ticket's words must not be one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def content(told: Told, suffix: str) -> bytes:
    """The file. Raises `UsageError` on a suffix that is neither `.csv` nor `.xlsx`."""
    match suffix.lower():
        case ".csv":
            return _csv(told)
        case ".xlsx":
            return _xlsx(told)
    raise UsageError("rows_format", suffix=suffix)


def _rows(told: Told) -> list[list[Cell]]:
    """Heads as they are read, cells as scripts read them: durations are seconds."""
    return [list(told.columns), *([_harmless(cell) for cell in row] for row in told.result.rows)]


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _csv(told: Told) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(_rows(told))
    return text.getvalue().encode("utf-8-sig")  # the mark tells spreadsheets that Chinese letters are UTF-8


def _xlsx(told: Told) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in _rows(told):
        sheet.append(row)
    sheet.freeze_panes = "A2"
    notes = book.create_sheet("notes")
    for line in (told.sentence, told.restatement, *told.notes):
        notes.append([_harmless(line)])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()
