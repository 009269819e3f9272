"""An import from start to end: look at the file, read it row by row, store it batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from unstuck.errors import UsageError, UserError
from unstuck.imports.cells import RejectedRowError
from unstuck.imports.files import TicketFile, inspect
from unstuck.imports.late import LateLabels
from unstuck.imports.mapping import ColumnMap, as_toml, check_columns, checked_zone
from unstuck.imports.recognise import recognise
from unstuck.imports.rows import Row, reading_rows
from unstuck.imports.seen import Seen, digest
from unstuck.imports.sinks import Sink
from unstuck.imports.times import NoTimezoneError
from unstuck.imports.updates import Updates
from unstuck.imports.whole_tickets import WholeTickets
from unstuck.tickets.changes import StageClass, TicketChange
from unstuck.tickets.store import BATCH, Applied

#: Rows that recognition looks at.
_SAMPLE = 500
#: When not one of so many rows could be read, the rest will not be better.
_HOPELESS = 1000
_ROWS_PER_STEP = 500

#: Called now and then with the bytes read so far.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """A file that can be imported, and how its columns are read."""

    file: TicketFile
    mapping: ColumnMap
    #: Columns that nothing is made of.
    left_out: Sequence[str]

    @property
    def stream(self) -> str:
        """Names this content read in this way, for the cursor."""
        return f"file:{self.file.fingerprint}:{digest(self.mapping.kind, as_toml(self.mapping))}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out."""

    row: int
    #: A key of the locales' `[import]`, and what it mentions.
    reason: str
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did."""

    tickets: int
    applied: Applied
    rejected: list[Rejected]
    #: Statuses whose class was told by their names alone.
    guessed: dict[str, StageClass]
    #: Columns whose first row already equals the last.
    late: list[str]


def plan(path: Path, mapping: ColumnMap | None = None, timezone: str | None = None) -> Plan:
    """Look at a file and decide how to read it; without a map its columns must be recognised.

    `timezone` is that of times without an offset. Raises `UsageError` or `UserError` when the file
    cannot be read or does not fit the map.
    """
    file = inspect(path)
    with reading_rows(file) as rows:
        if mapping is None:
            mapping = recognise(rows.columns, list(islice(rows.rows, _SAMPLE)), path)
        check_columns(mapping, rows.columns, path)
        columns = rows.columns
    if timezone is not None:
        mapping = replace(mapping, timezone=checked_zone(timezone))
    used = {column.split(".")[0] for column in mapping.columns()} | mapping.columns()
    return Plan(file, mapping, [column for column in columns if column and column.split(".")[0] not in used])


def run(plan: Plan, sink: Sink, progress: Progress = lambda _: None) -> Report:
    """Read the file into the sink. Raises `UserError` when not one row can be taken."""
    seen, late = Seen(), LateLabels(plan.mapping)
    reader: _Reader = (Updates if plan.mapping.is_event_log else WholeTickets)(plan.mapping, seen)
    loading = _Loading(sink, sink.rows_done())
    try:
        with reading_rows(plan.file) as rows:
            for count, row in enumerate(rows.rows):
                loading.take(row, _changes(reader, row, plan))
                for change in loading.latest:
                    late.watch(change)
                if loading.is_hopeless:
                    break
                if count % _ROWS_PER_STEP == 0:
                    progress(rows.bytes_read())
            loading.flush()
        loading.check(plan.file.path)
        progress(plan.file.size)
        return Report(seen.tickets, loading.applied, loading.rejected, sink.finish(), late.found())
    finally:
        seen.close()


class _Reader(Protocol):
    def changes(self, row: Row) -> list[TicketChange]: ...


def _changes(reader: _Reader, row: Row, plan: Plan) -> list[TicketChange] | Rejected:
    if row.problem is not None:
        return Rejected(row.number, row.problem)
    try:
        return reader.changes(row)
    except RejectedRowError as error:
        return Rejected(row.number, error.reason, error.params)
    except NoTimezoneError as error:
        raise UsageError("no_timezone", path=plan.file.path, example=str(error)) from None


class _Loading:
    """The batch being gathered, and what has become of those before."""

    def __init__(self, sink: Sink, skip: int) -> None:
        self._sink = sink
        self._skip = skip
        self._batch: list[TicketChange] = []
        self._row = 0
        self.latest: list[TicketChange] = []
        self.applied = Applied()
        self.rejected: list[Rejected] = []

    def take(self, row: Row, result: list[TicketChange] | Rejected) -> None:
        self._row = row.number
        if isinstance(result, Rejected):
            self.latest = []
            self.rejected.append(result)
            return
        self.latest = result
        if row.number <= self._skip:
            messages = sum(change.message is not None for change in result)
            self.applied += Applied(changes=len(result), messages=messages)
            return
        self._batch += result
        if len(self._batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self._batch:
            self.applied += self._sink.put(self._batch, last_row=self._row)
            self._batch = []

    @property
    def is_hopeless(self) -> bool:
        return len(self.rejected) >= _HOPELESS and not self.applied.changes and not self._batch

    def check(self, path: Path) -> None:
        """Raises `UserError` when there were rows and none of them could be taken, or none at all."""
        if self.applied.changes:
            return
        if not self.rejected:
            raise UserError("no_rows", path=path)
        first = self.rejected[0]
        raise AllRejectedError(path, first)


class AllRejectedError(UserError):
    """Not one row could be taken."""

    def __init__(self, path: Path, first: Rejected) -> None:
        super().__init__("all_rejected", path=path, row=first.row, reason=first.reason)
        #: The first row's reason stands for the others'.
        self.first = first
