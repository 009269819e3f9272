"""`Facts`: from the ticket store to a connection that questions can be asked of."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from unstuck.errors import UserError
from unstuck.facts import snapshot as snapshots
from unstuck.facts.fold import Rows, fold
from unstuck.facts.histories import (
    BATCH,
    Standing,
    all_tickets,
    changed_since,
    customers_among,
    histories,
    standing,
)
from unstuck.facts.names import Names, read_names
from unstuck.facts.relations import LEARNED, LIVE, PER_TICKET, create_table, macros
from unstuck.facts.snapshot import Snapshot
from unstuck.tickets.history import chunks
from unstuck.tickets.store import reading

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)

#: A new snapshot is written once more tickets than this, and more than this share, have changed.
_MOST_CHANGED = 1000
_MOST_CHANGED_SHARE = 0.05
#: How often a snapshot may be replaced by others while we are about to open it.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Delta:
    """Tickets changed since a snapshot, folded."""

    file: str
    standing: Standing
    changed: list[int]
    rows: list[Rows]
    names: Names


class Facts:
    """The history of all tickets in columns, kept up at a cost that is proportional to change.

    `directory` is a cache: a snapshot of all tickets, from which each connection takes those that have not
    changed since. Delete it at any time. Threads and processes may share it.
    """

    def __init__(self, engine: Engine, directory: Path, *, memory: str = "4GB", threads: int | None = None) -> None:
        self._engine = engine
        self._directory = directory
        self._limits = {"memory_limit": memory, "threads": threads or min(os.cpu_count() or 1, 4)}
        #: The last delta, so that a busy process folds each change once. Replaced whole, never changed.
        self._last: _Delta | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection to the relations (`facts.relations`) as the store stands now.

        It is the caller's to close, and can do nothing but read: SQL on it reaches no file, no network, no
        variable of ours and no setting. Raises `UserError` when the directory cannot be written.
        """
        for _ in range(_ATTEMPTS):
            with reading(self._engine) as connection:
                names, now = read_names(connection), standing(connection)
                try:
                    current, delta = self._caught_up(connection, names, now)
                except FileNotFoundError:
                    continue  # the directory was deleted while a snapshot was being written
            con = self._opened(current, delta, now)
            if con is not None:
                _fill(con, delta, names)
                return con
        raise UserError("facts_unstable", path=self._directory)

    def _opened(self, current: Snapshot, delta: _Delta, now: Standing) -> duckdb.DuckDBPyConnection | None:
        """A connection with the snapshot attached; `None` when it is gone, damaged or no longer true."""
        import duckdb

        con = _empty(self._limits)
        try:
            snapshots.attach(con, self._directory, current)
            if _adds_up(con, current, delta, now):
                return con
            problem = "tickets have left the store"
        except (FileNotFoundError, duckdb.Error) as error:
            problem = str(error)
        log.info("building the facts anew: %s", problem)
        con.close()
        self._forget(current)
        return None

    def refresh(self) -> None:
        """Bring the snapshot up to date if any ticket has changed: for a quiet moment, so that questions wait less."""
        with reading(self._engine) as connection:
            names, now = read_names(connection), standing(connection)
            current = self._usable(names, now)
            if current is None:
                self._build(connection, names, now)
            elif current.revision < now.revision:
                self._advance(connection, current, names, now)

    def clear(self) -> None:
        """Forget every snapshot, as when tickets were erased from the store."""
        self._last = None
        snapshots.clear(self._directory)

    def _forget(self, current: Snapshot) -> None:
        """Drop a snapshot that cannot be used, unless somebody has replaced it already."""
        found = snapshots.read(self._directory)
        if found is not None and found.file == current.file:
            self.clear()

    def _caught_up(self, connection: Connection, names: Names, now: Standing) -> tuple[Snapshot, _Delta]:
        current = self._usable(names, now) or self._build(connection, names, now)
        changed = changed_since(connection, current.revision)
        if len(changed) > max(_MOST_CHANGED, _MOST_CHANGED_SHARE * current.tickets):
            current = self._advance(connection, current, names, now)
            changed = changed_since(connection, current.revision)
        return current, self._delta(connection, current, changed, names, now)

    def _usable(self, names: Names, now: Standing) -> Snapshot | None:
        """The current snapshot, if it is of this store and every name in it still holds."""
        found = snapshots.read(self._directory)
        if found is None or found.store != self._store() or found.revision > now.revision:
            return None
        return found if names.agree_with(found.used) else None

    def _store(self) -> str:
        url = self._engine.url.render_as_string(hide_password=True)
        return hashlib.sha256(url.encode()).hexdigest()[:16]

    def _delta(
        self, connection: Connection, current: Snapshot, changed: list[int], names: Names, now: Standing
    ) -> _Delta:
        last = self._last
        same = last is not None and (last.file, last.standing, last.changed) == (current.file, now, changed)
        if last is not None and same and names.agree_with(last.names.used.items()):
            return last
        delta = _Delta(current.file, now, changed, list(_folded(connection, changed, names)), names)
        self._last = delta
        return delta

    def _build(self, connection: Connection, names: Names, now: Standing) -> Snapshot:
        """Fold every ticket into a new snapshot."""
        import duckdb

        try:
            with snapshots.building(self._directory) as new:
                for tickets in all_tickets(connection):
                    for rows in _folded(connection, tickets, names):
                        new.add(rows)
                return new.publish(self._store(), now.revision, names.used.items())
        except FileNotFoundError:
            raise
        except (OSError, duckdb.IOException) as error:
            raise UserError("facts_not_writable", path=self._directory) from error

    def _advance(self, connection: Connection, current: Snapshot, names: Names, now: Standing) -> Snapshot:
        """Write a new snapshot out of the current one and the tickets changed since."""
        import duckdb

        changed = changed_since(connection, current.revision)
        try:
            with snapshots.building(self._directory) as new:
                new.add_all_but(current, changed)
                for rows in _folded(connection, changed, names):
                    new.add(rows)
                return new.publish(self._store(), now.revision, {**dict(current.used), **names.used}.items())
        except (OSError, duckdb.Error) as error:
            log.info("building the facts anew: %s", error)  # replaced or damaged meanwhile
            return self._build(connection, names, now)


def _folded(connection: Connection, tickets: list[int], names: Names) -> Iterator[Rows]:
    for some in chunks(tickets, BATCH):
        batch = histories(connection, some)
        yield fold(batch, names, customers_among(connection, batch))


def _empty(limits: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """An in-memory database that loads no extension and spills nothing to disk."""
    import duckdb

    closed: dict[str, Any] = {
        "autoinstall_known_extensions": False, "autoload_known_extensions": False,
        "allow_community_extensions": False, "temp_directory": "",
    }  # fmt: skip
    return duckdb.connect(":memory:", config={**closed, **limits})


def _adds_up(con: duckdb.DuckDBPyConnection, current: Snapshot, delta: _Delta, now: Standing) -> bool:
    """Whether snapshot and delta hold as many tickets as the store: not so after tickets were erased."""
    snapshots.load_numbers(con, "changed", delta.changed)
    [(replaced,)] = con.execute("SELECT count(*) FROM snap.tickets SEMI JOIN changed USING (ticket)").fetchall()
    fresh = sum(len(rows.tables["tickets"]) for rows in delta.rows)
    return bool(current.tickets - replaced + fresh == now.tickets)


def _fill(con: duckdb.DuckDBPyConnection, delta: _Delta, names: Names) -> None:
    """Make the relations and macros, and lock the door."""
    _make_per_ticket(con, delta)
    for relation in LEARNED:
        con.execute(f"CREATE VIEW {relation} AS SELECT * FROM snap.{relation}")
    _make_live(con, names)
    for statement in macros():
        con.execute(statement)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET python_enable_replacements = false")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _make_per_ticket(con: duckdb.DuckDBPyConnection, delta: _Delta) -> None:
    if not delta.changed:
        for relation in PER_TICKET:
            con.execute(f"CREATE VIEW {relation} AS SELECT * FROM snap.{relation}")
        return
    con.execute("CREATE SCHEMA delta")
    for relation, columns in PER_TICKET.items():
        con.execute(create_table(f"delta.{relation}", columns))
        for rows in delta.rows:
            snapshots.load_rows(con, f"delta.{relation}", columns, rows.tables[relation])
        con.execute(
            f"""CREATE VIEW {relation} AS SELECT * FROM snap.{relation} ANTI JOIN main.changed USING (ticket)
            UNION ALL SELECT * FROM delta.{relation}"""
        )


def _make_live(con: duckdb.DuckDBPyConnection, names: Names) -> None:
    people = [
        (ext_id, name, kind, names.teams.get((source, team or ""), (team,))[0])
        for (source, ext_id), (name, kind, team) in sorted(names.people.items())
    ]
    teams = [(ext_id, name, calendar) for (_, ext_id), (name, calendar) in sorted(names.teams.items())]
    for relation, found in (("people", people), ("teams", teams)):
        con.execute(create_table(relation, LIVE[relation]))
        snapshots.load_rows(con, relation, LIVE[relation], found)
