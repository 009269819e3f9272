"""Snapshots: the folded history of all tickets as one immutable DuckDB file, and how it is replaced.

The directory is a cache and may be deleted at any time. It holds one `current.json`, which names the
snapshot in use, and the file that it names. Both appear by rename, whole or not at all; a writer that
is killed leaves a `building-…` file that nobody reads. Nothing locks: processes that build at the same
time each publish a good snapshot, and the last one stays.

DuckDB's own format rather than Parquet: it opens in milliseconds instead of being loaded, an open file
outlives its deletion, and, opened the way `attach` does it, no SQL can write to it (docs/why.md).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unstuck.facts import timers
from unstuck.facts.fold import Row, Rows, epoch_seconds
from unstuck.facts.names import Key
from unstuck.facts.relations import LAYOUT, LEARNED, PER_TICKET, Columns, create_table

if TYPE_CHECKING:
    import duckdb

_CURRENT = "current.json"
#: What killed writers left behind is removed once it is this much older than the newest snapshot.
_LEFTOVER_S = 3600


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `current.json` says."""

    file: str
    #: Which store it was made from.
    store: str
    #: The highest `Ticket.revision` it covers.
    revision: int
    tickets: int
    #: Every look-up of a name that it depends on.
    used: tuple[tuple[Key, str], ...]
    layout: int = LAYOUT


def read(directory: Path) -> Snapshot | None:
    """The current snapshot; `None` when there is none, or none that this version can use."""
    try:
        stated = json.loads((directory / _CURRENT).read_text(encoding="utf-8"))
        if stated["layout"] != LAYOUT:
            return None
        used = tuple(((what, source, ext_id), value) for (what, source, ext_id), value in stated.pop("used"))
        return Snapshot(**stated, used=used)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def attach(con: duckdb.DuckDBPyConnection, directory: Path, snapshot: Snapshot) -> None:
    """Attach the snapshot's file read-only as `snap`.

    DuckDB lets SQL attach again whatever was attached once, also for writing. So it is given a name that
    is gone a moment later; the file stays open. Raises `FileNotFoundError` when the snapshot was replaced
    meanwhile, `duckdb.Error` when this version of DuckDB cannot read it.
    """
    path = directory / snapshot.file
    passing: Path | None = None
    try:
        passing = Path(tempfile.mkdtemp(prefix="open-", dir=directory))
        os.link(path, passing / "snapshot")
        path = passing / "snapshot"
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without hard links, or a read-only directory: the plain name has to do.
        pass
    finally:
        if passing is not None and path.parent != passing:
            passing.rmdir()
    try:
        con.execute(f"ATTACH '{_quoted(path)}' AS snap (READ_ONLY)")
    finally:
        if passing is not None:
            shutil.rmtree(passing, ignore_errors=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@dataclass(slots=True)
class Building:
    """A snapshot that is being written; `publish` makes it the current one."""

    directory: Path
    path: Path
    con: duckdb.DuckDBPyConnection

    def add(self, rows: Rows) -> None:
        """Add the rows of some tickets."""
        load(self.con, rows)

    def add_all_but(self, old: Snapshot, tickets: Sequence[int]) -> None:
        """Take over from another snapshot whatever is not about `tickets`."""
        self.con.execute(f"ATTACH '{_quoted(self.directory / old.file)}' AS old (READ_ONLY)")
        load_numbers(self.con, "changed", tickets)
        for relation in PER_TICKET:
            self.con.execute(f"INSERT INTO {relation} SELECT * FROM old.{relation} ANTI JOIN changed USING (ticket)")
        self.con.execute("DROP TABLE changed")
        self.con.execute("DETACH old")

    def publish(self, store: str, revision: int, used: Iterable[tuple[Key, str]]) -> Snapshot:
        """Learn what is learned from all tickets, and make this the current snapshot."""
        timers.store(self.con, timers.find(self.con))
        [(tickets,)] = self.con.execute("SELECT count(*) FROM tickets").fetchall()
        self.con.close()
        replaced = read(self.directory)
        snapshot = Snapshot(f"snapshot-{revision}-{uuid.uuid4().hex[:8]}.duckdb", store, revision, tickets, tuple(used))
        self.path.rename(self.directory / snapshot.file)
        self._point_to(snapshot)
        _clean_up(self.directory, snapshot, replaced)
        return snapshot

    def _point_to(self, snapshot: Snapshot) -> None:
        draft = self.directory / f"building-{uuid.uuid4().hex[:8]}.json"
        draft.write_text(json.dumps(asdict(snapshot), ensure_ascii=False), encoding="utf-8")
        draft.replace(self.directory / _CURRENT)


@contextmanager
def building(directory: Path) -> Iterator[Building]:
    """A new, empty snapshot; gone again unless it is published."""
    import duckdb

    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"building-{uuid.uuid4().hex[:8]}.duckdb"
    con = duckdb.connect(str(path), config={"memory_limit": "1GB", "threads": 2})
    try:
        for name, columns in {**PER_TICKET, **LEARNED}.items():
            con.execute(create_table(name, columns))
        yield Building(directory, path, con)
    finally:
        con.close()
        for leftover in directory.glob(f"{path.name}*"):
            leftover.unlink(missing_ok=True)


def _clean_up(directory: Path, current: Snapshot, replaced: Snapshot | None) -> None:
    """Remove the snapshot that was replaced, and what killed writers left. Readers have their file open."""
    if replaced is not None and replaced.file != current.file:
        (directory / replaced.file).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        newest = (directory / _CURRENT).stat().st_mtime
        for leftover in directory.iterdir():
            old = leftover.stat().st_mtime < newest - _LEFTOVER_S
            if old and leftover.name not in (_CURRENT, current.file) and leftover.name.startswith(_OURS):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)


_OURS = ("building-", "snapshot-", "open-")


def clear(directory: Path) -> None:
    """Forget every snapshot; the next connection builds one."""
    (directory / _CURRENT).unlink(missing_ok=True)
    for file in directory.glob("snapshot-*.duckdb"):
        file.unlink(missing_ok=True)


def load(con: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Append rows to the relations' tables."""
    for relation, listed in rows.tables.items():
        load_rows(con, relation, PER_TICKET[relation], listed)


def load_rows(con: duckdb.DuckDBPyConnection, name: str, columns: Columns, rows: Sequence[Row]) -> None:
    """Append rows to a table. Column-wise through NumPy: hundreds of times faster than `executemany`."""
    if not rows:
        return
    arrays = {
        column: _array(values, kind)
        for (column, kind), values in zip(columns.items(), zip(*rows, strict=True), strict=True)
    }
    con.register("incoming", arrays)
    picked = ", ".join(_picked(column, kind) for column, kind in columns.items())
    con.execute(f"INSERT INTO {name} SELECT {picked} FROM incoming")
    con.unregister("incoming")


def load_numbers(con: duckdb.DuckDBPyConnection, name: str, tickets: Sequence[int]) -> None:
    """Make a table of ticket ids."""
    columns = {"ticket": "BIGINT"}
    con.execute(create_table(name, columns))
    load_rows(con, name, columns, [(ticket,) for ticket in tickets])


def _picked(column: str, kind: str) -> str:
    return f'"{column}"::JSON::{kind}' if kind.startswith("MAP") else f'"{column}"'


def _array(values: tuple[Any, ...], kind: str) -> Any:
    import numpy as np

    if kind == "TIMESTAMP":
        return np.round(epoch_seconds(values) * 1e6).astype("datetime64[us]")
    if kind in ("BIGINT", "INTEGER", "DOUBLE"):
        missing = np.array([value is None for value in values])
        filled = [0 if value is None else value for value in values]
        return np.ma.array(np.array(filled, dtype=np.float64 if kind == "DOUBLE" else np.int64), mask=missing)
    if kind == "BOOLEAN":
        return np.array(values, dtype=bool)
    return np.array(values, dtype=object)
