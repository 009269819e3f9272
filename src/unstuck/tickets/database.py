"""The database itself: opening it, bringing its tables up to date, and its ways with transactions."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.errors import UserError
from unstuck.tickets.failures import in_plain_words, where

#: The newest schema revision; a test holds it equal to the newest file in `migrations/versions`.
HEAD = "0001"

#: How long a writer waits for another one before it gives up.
BUSY_TIMEOUT_S = 15
#: How often it asks whether its turn has come.
ASK_EVERY_S = 0.001
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY})
_CONNECT_TIMEOUT_S = 5
#: Any constant will do, as long as every process of ours takes the same.
_WRITER_LOCK = 7_160_001


def open_store(url: str) -> Engine:
    """An engine on the ticket store at `url`, its tables created or brought up to date.

    Raises `UserError` when a newer version of Unstuck made the tables, and when the file or server
    cannot be used: locked, read-only, unreachable, a wrong password.
    """
    with in_plain_words(url):
        engine = _engine(_with_driver(url))
        try:
            _bring_up_to_date(engine, url)
        except BaseException:
            engine.dispose()
            raise
    return engine


def find_store(url: str) -> Engine | None:
    """An engine on the store at `url` if there is one that can be read as it is; nothing is created or changed.

    Raises `UserError` when the server cannot be reached or a newer version made the tables.
    """
    with in_plain_words(url):
        parsed = _with_driver(url)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").expanduser().exists():
            return None
        engine = _engine(parsed)
        with reading(engine) as connection:
            found = _revision(connection)
        if found == HEAD:
            return engine
        engine.dispose()
        _refuse_newer(found, url)
        return None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads: on SQLite it neither waits for the writer nor holds it up."""
    with engine.connect().execution_options(only_reads=True) as connection:
        yield connection


class Sessions(sessionmaker[Session]):
    """Sessions of which those begun by `begin()` write, and the others only read: on SQLite they never wait for one."""

    def __call__(self, **local: Any) -> Session:
        bind = self.kw["bind"]
        assert isinstance(bind, Engine)
        return super().__call__(**{"bind": bind.execution_options(only_reads=True), **local})

    def begin(self) -> AbstractContextManager[Session]:
        return super().__call__()._maker_context_manager()


def lock_for_writing(connection: Connection) -> None:
    """Make other writers wait until this transaction ends.

    Revisions must be visible in the order they were given out, or a reader that catches up by them
    would skip the slower of two writers. On SQLite every transaction of ours holds the lock already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert of the connection's own kind of database: it can say what to do where the row is there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _with_driver(url: str) -> URL:
    """The URL with psycopg 3 named, however the administrator wrote it."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg2"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    def as_json(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    # At DEBUG it would log the rows that it reads: what customers wrote.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_pre_ping=True,
            json_serializer=as_json,
            hide_parameters=True,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_S},
        )
    if url.database:
        Path(url.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, json_serializer=as_json, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's driver opens transactions too late (at the first write); `_begin_sqlite` does it instead.
    connection.isolation_level = None
    # Of several that open a new file at once all but one are told that it is locked, without any wait.
    _insist(connection, "PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, without waiting, when somebody else
    # wrote in between. Taking the write lock at the start makes it wait its turn instead.
    if connection.get_execution_options().get("only_reads", False):
        connection.exec_driver_sql("BEGIN")
    else:
        _wait_for_turn(connection)


def _wait_for_turn(connection: Connection) -> None:
    """Begin to write as soon as nobody else does; raises what SQLite says after `BUSY_TIMEOUT_S`.

    SQLite's own wait asks ever more rarely, every 100 ms in the end: where others write one after the other, whoever
    has waited longest gets the lock last.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        _insist(raw, "BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN IMMEDIATE", None, error) from error
    finally:
        raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")


def _insist(raw: Any, statement: str) -> None:
    """Try until nobody else holds the lock; raises what SQLite says after `BUSY_TIMEOUT_S`."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            raw.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY or time.monotonic() >= until:
                raise
        time.sleep(ASK_EVERY_S)


def _bring_up_to_date(engine: Engine, url: str) -> None:
    with reading(engine) as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        lock_for_writing(connection)
        if _revision(connection) != HEAD:  # another process may have been faster
            _migrate(connection, url)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection, url: str) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    _refuse_newer(_revision(connection), url)
    command.upgrade(config, "head")


def _refuse_newer(found: str | None, url: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found is not None and found not in known:
        raise UserError("store_newer", where=where(url), found=found, known=HEAD)


def alembic_config() -> Any:
    """Alembic's configuration for our migrations, without an ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
