"""A connection can read the relations and do nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from unstuck.facts import Facts
from unstuck.testing import Databases, a_ticket, store_changes
from unstuck.tickets.store import open_store

secret_of_ours = [("do not tell",)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    # A quote in the path must not end a string of SQL.
    return tmp_path / "it's a cache"


@pytest.fixture
def con(databases: Databases, cache: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    engine = open_store(databases.sqlite())
    store_changes(engine, a_ticket("T-1", (1, "Open")))
    facts = Facts(engine, cache)
    facts.refresh()
    store_changes(engine, a_ticket("T-2"))
    with facts.connect() as connection:
        yield connection
    engine.dispose()


def snapshot_of(cache: Path) -> str:
    return str(next(cache.glob("snapshot-*"))).replace("'", "''")


ATTACKS = [
    "COPY (SELECT 1) TO '{tmp}/evil.csv'",
    "COPY stays TO '{snapshot}' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY stays FROM '/etc/passwd'",
    "EXPORT DATABASE '{tmp}/evil'",
    "IMPORT DATABASE '{tmp}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('{tmp}/x.json')",
    "SELECT * FROM read_parquet('https://example.com/x.parquet')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_duckdb('{snapshot}')",
    "ATTACH '{tmp}/evil.duckdb' AS e",
    "ATTACH '{snapshot}' AS e",
    "ATTACH '{snapshot}' AS e (READ_ONLY)",
    "ATTACH 'https://example.com/x.duckdb' AS e",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{tmp}/x.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '{tmp}'",
    "SET memory_limit = '1TB'",
    "SET log_query_path = '{tmp}/log'",
    "PRAGMA profiling_output = '{tmp}/profile'",
    "CALL enable_logging(storage = 'file', storage_config = {{'path': '{tmp}/log'}})",
    "SELECT * FROM secret_of_ours",
    "SELECT getenv('HOME')",
    "DELETE FROM snap.stays",
    "INSERT INTO snap.timers VALUES ('x', 1, 1)",
    "CREATE TABLE snap.evil AS SELECT 1",
    "DROP TABLE snap.stays",
    "DELETE FROM stays",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_fails_and_leaves_nothing(
    attack: str, con: duckdb.DuckDBPyConnection, cache: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(duckdb.Error):
        con.execute(attack.format(tmp=tmp_path, snapshot=snapshot_of(cache))).fetchall()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert con.execute("SELECT count(*) FROM tickets").fetchall() == [(2,)]


def test_the_snapshot_cannot_be_attached_again_for_writing(con: duckdb.DuckDBPyConnection, cache: Path) -> None:
    [(path,)] = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = 'snap'").fetchall()
    con.execute("DETACH snap")
    for form in ("", "(READ_ONLY)", "(READ_WRITE)"):
        for name in (path, snapshot_of(cache)):
            with pytest.raises(duckdb.Error):
                con.execute(f"ATTACH '{name.replace(chr(39), chr(39) * 2)}' AS again {form}")
    assert not os.path.exists(path)


def test_a_query_that_needs_too_much_memory_fails_by_itself(databases: Databases, tmp_path: Path) -> None:
    engine = open_store(databases.sqlite())
    store_changes(engine, a_ticket("T-1"))
    with Facts(engine, tmp_path, memory="50MB").connect() as con, pytest.raises(duckdb.OutOfMemoryException):
        con.execute("SELECT list(a.range ORDER BY hash(a.range)) FROM range(100000000) a").fetchall()
    engine.dispose()
