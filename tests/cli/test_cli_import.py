"""`unstuck import` as a person or a script runs it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from unstuck.imports.mapping import read_map

UNSTUCK = str(Path(sys.executable).with_name("unstuck"))
LOG = """ticket,at,status,group,agent
1,2026-01-01T10:00:00Z,New,Billing,
1,2026-01-01T11:00:00Z,Awaiting customer,Billing,Ann
2,2026-01-01T10:00:00Z,New,Technik,Bob
2,soon,New,Technik,Bob
"""
MAP = """[ticket]
id = "ticket"
[change]
at = "at"
status = "status"
team = "group"
assignee = "agent"
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    (tmp_path / "map.toml").write_text(MAP)
    return path


def unstuck(*arguments: object, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNSTUCK_")}
    return subprocess.run(
        [UNSTUCK, "import", *map(str, arguments), "--home", str(home)],
        capture_output=True, text=True, timeout=120, env={**kept, **environment}, check=False,
    )  # fmt: skip


def test_json_is_one_document_with_exactly_these_keys(log: Path, tmp_path: Path) -> None:
    done = unstuck(log, "--map", tmp_path / "map.toml", "--json", home=tmp_path / "home")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert list(result) == ["tickets", "changes", "new_changes", "messages", "rejected", "seconds"]
    assert (result["tickets"], result["changes"], result["new_changes"], result["messages"]) == (2, 3, 3, 0)
    assert result["rejected"] == [{"row": 5, "reason": "at: soon is not a time in the expected format."}]
    assert "Awaiting customer = WAIT_CUSTOMER" in done.stderr, "a guess by name is shown"
    again = unstuck(log, "--map", tmp_path / "map.toml", "--json", home=tmp_path / "home")
    assert json.loads(again.stdout)["new_changes"] == 0


def test_people_are_told_in_their_language(log: Path, tmp_path: Path) -> None:
    done = unstuck(log, "--lang", "zh", home=tmp_path / "home")
    assert done.returncode == 0
    assert "2 张工单" in done.stdout
    assert "第 5 行" in done.stdout
    assert "识别为 generic" in done.stderr


def test_a_dry_run_stores_nothing_and_says_what_is_new(log: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    dry = unstuck(log, "--dry-run", "--json", home=home)
    assert json.loads(dry.stdout)["new_changes"] == 3
    assert not home.exists()
    unstuck(log, home=home)
    log.write_text(LOG + "3,2026-01-02T10:00:00Z,New,Billing,Ann\n")
    dry = unstuck(log, "--dry-run", "--json", home=home)
    assert json.loads(dry.stdout)["new_changes"] == 1
    assert _count(home) == 3


def _count(home: Path) -> int:
    with sqlite3.connect(home / "unstuck.db") as connection:
        found: int = connection.execute("SELECT count(*) FROM change").fetchone()[0]
    connection.close()
    return found


def test_the_map_used_can_be_saved_corrected_and_given_back(log: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.toml"
    unstuck(log, "--save-map", saved, "--source", "desk", home=tmp_path / "home")
    assert read_map(saved).classes["Awaiting customer"] == "WAIT_CUSTOMER"
    done = unstuck(log, "--map", saved, "--source", "desk", "--json", home=tmp_path / "home")
    assert json.loads(done.stdout)["new_changes"] == 0


def test_calendars_are_stored(log: Path, tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.toml"
    desk = 'timezone = "Asia/Shanghai"\ncountry = "CN"\n[hours]\nmon = ["09:00-18:00"]\n'
    calendar.write_text(desk + '[team.Billing.hours]\ntue = ["10:00-12:00"]\n')
    assert unstuck(log, "--calendar", calendar, home=tmp_path / "home").returncode == 0
    with sqlite3.connect(tmp_path / "home" / "unstuck.db") as connection:
        names = connection.execute("SELECT name, timezone FROM calendar ORDER BY name").fetchall()
        team = connection.execute("SELECT calendar FROM team WHERE name = 'Billing'").fetchone()
    connection.close()
    assert names == [("Billing", "Asia/Shanghai"), ("default", "Asia/Shanghai")]
    assert team == ("Billing",)


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    return lines[-1]


def test_a_missing_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    line = refused(unstuck(tmp_path / "no.csv", home=tmp_path / "home"), 2)
    assert line == f"{tmp_path}/no.csv: there is no such file. Check the path."
    assert not (tmp_path / "home").exists()


def test_a_file_of_nothing_but_bad_rows_names_the_first(tmp_path: Path, log: Path) -> None:
    log.write_text(LOG.replace("2026-01-01T1", "the "))
    line = refused(unstuck(log, "--map", tmp_path / "map.toml", home=tmp_path / "home"), 1)
    assert "Row 2: at: the 0:00:00Z is not a time in the expected format. Correct the map" in line
    line = refused(unstuck(log, "--map", tmp_path / "map.toml", "--lang", "zh", home=tmp_path / "home"), 1)
    assert "第 2 行：at：the 0:00:00Z 不是约定格式的时间。请修改映射" in line


def test_a_locked_store_is_named(tmp_path: Path, log: Path) -> None:
    home = tmp_path / "home"
    unstuck(log, home=home)
    holder = sqlite3.connect(home / "unstuck.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    line = refused(unstuck(log, home=home), 1)
    holder.close()
    assert "Another program is writing" in line


def test_a_home_that_may_not_be_written_is_named(log: Path, tmp_path: Path) -> None:
    assert "cannot write" in refused(unstuck(log, home=Path("/proc/unstuck")), 1)


def test_a_newer_store_a_dead_server_and_a_wrong_url_are_named(log: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    unstuck(log, home=home)
    with sqlite3.connect(home / "unstuck.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "Update Unstuck" in refused(unstuck(log, home=home), 1)
    dead = unstuck(log, home=home, UNSTUCK_DATABASE_URL="postgresql://ann:secret@127.0.0.1:9/desk")
    assert "does not answer" in refused(dead, 1)
    assert "secret" not in dead.stderr
    assert "database URL" in refused(unstuck(log, home=home, UNSTUCK_DATABASE_URL="nonsense"), 1)
