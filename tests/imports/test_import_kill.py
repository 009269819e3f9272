"""Killed at any moment, an import that is run again ends in the store of one that was left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from unstuck.imports.mapping import read_map
from unstuck.testing import Databases, import_file
from unstuck.tickets.store import open_store, reading

MAP = """
[ticket]
id = "id"
created_at = "opened"
priority = "prio"
[change]
at = "at"
status = "status"
team = "team"
assignee = "who"
message = "note"
[time]
timezone = "UTC"
"""
#: Some eight batches.
ROWS = 16_000
#: All that is stored, in its order, without the moments of storing it. Rows are named by what the file calls
#: them: a killed transaction may leave a gap in PostgreSQL's own numbers.
STORED = {
    "change": """SELECT t.ext_id, c.source_id, c.change_key, c.at, c."order", c.kind, c.actor,
        CAST(c."values" AS TEXT), c.ticket_created_at FROM change c JOIN ticket t ON t.id = c.ticket_id ORDER BY c.id""",
    "ticket": """SELECT ext_id, status, stage_class, team, assignee, CAST("values" AS TEXT), created_at, updated_at,
        still_since, solved_at, closed_at, revision FROM ticket ORDER BY id""",
    "message": """SELECT c.change_key, t.ext_id, m.at, m.author, m.author_kind, m.public, m.body
        FROM message m JOIN change c ON c.id = m.change_id JOIN ticket t ON t.id = m.ticket_id ORDER BY m.id""",
    "stage": "SELECT source_id, status, stage, stage_class, set_by FROM stage ORDER BY 1, 2",
    "person": "SELECT ext_id, name, kind FROM person ORDER BY 1",
    "team": "SELECT ext_id, name FROM team ORDER BY 1",
    "cursor": "SELECT stream, value FROM cursor ORDER BY 1",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which tickets interleave."""
    chance = random.Random(7)
    rows = []
    for n in range(ROWS):
        ticket = chance.randrange(n // 8, n // 8 + 50)
        at = f"2026-{1 + n // 2000:02d}-{1 + n // 100 % 20:02d}T{n // 8 % 24:02d}:{n % 60:02d}:00Z"
        status = chance.choice(["New", "Active", "Awaiting customer", "Resolved"])
        note = f"note {n}" if n % 10 == 0 else ""
        who = f"Team {chance.randrange(9)},Ann {chance.randrange(99)}"
        rows.append(f"T{ticket},2026-01-01T00:00:00Z,{at},{status},{who},P1,{note}")
    folder = tmp_path_factory.mktemp("log")
    (folder / "map.toml").write_text(MAP)
    (folder / "log.csv").write_text("id,opened,at,status,team,who,prio,note\n" + "\n".join(rows) + "\n")
    return folder / "log.csv"


def start(log: Path, url: str, home: Path) -> subprocess.Popen[bytes]:
    command = [
        str(Path(sys.executable).with_name("unstuck")),
        "import",
        str(log),
        "--map",
        str(log.parent / "map.toml"),
        "--home",
        str(home),
    ]
    return subprocess.Popen(
        command, env={**os.environ, "UNSTUCK_DATABASE_URL": url}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()


def stored(url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = open_store(url)
    with reading(engine) as connection:
        found = {table: _rows(connection, query) for table, query in STORED.items()}
    engine.dispose()
    return found


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def count(url: str) -> int:
    engine = open_store(url)
    with reading(engine) as connection:
        found = int(connection.execute(text("SELECT count(*) FROM change")).scalar() or 0)
    engine.dispose()
    return found


def kill_and_repeat(log: Path, url: str, home: Path, kills: int, chance: random.Random) -> int:
    """Kill the import so often, each time once it has stored something more; how much the last kill left."""
    left = 0
    for _ in range(kills):
        process = start(log, url, home)
        while process.poll() is None and count(url) <= left:
            time.sleep(0.02)
        time.sleep(chance.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left = count(url)
    finish(start(log, url, home))
    return left


def check(log: Path, database: str, databases: Databases, tmp_path: Path, kills: int) -> None:
    def fresh() -> str:
        return databases.sqlite() if database == "sqlite" else databases.postgresql()

    clean, killed = fresh(), fresh()
    engine = open_store(clean)
    import_file(engine, log, read_map(log.parent / "map.toml"))
    engine.dispose()
    left = kill_and_repeat(log, killed, tmp_path, kills, random.Random(kills))
    assert 0 < left < ROWS, "the last kill came in the middle"
    expected, found = stored(clean), stored(killed)
    assert len(expected["change"]) == ROWS
    for table, rows in expected.items():
        assert found[table] == rows, table


@pytest.fixture
def server(database: str, databases: Databases, request: pytest.FixtureRequest) -> Databases:
    if database == "postgresql":
        databases.server = request.getfixturevalue("postgres_server")
    return databases


def test_a_killed_import_that_is_repeated_is_a_clean_one(
    log: Path, database: str, server: Databases, tmp_path: Path
) -> None:
    check(log, database, server, tmp_path, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_change_nothing(log: Path, database: str, server: Databases, tmp_path: Path) -> None:
    for round_ in range(4):
        check(log, database, server, tmp_path / str(round_), kills=5)
