"""`unstuck stages` and `unstuck map` as a person or a script runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unstuck.testing import a_ticket, store_changes
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.store import open_store

UNSTUCK = str(Path(sys.executable).with_name("unstuck"))
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    engine = open_store(f"sqlite:///{home / 'unstuck.db'}")
    changes: list[TicketChange] = []
    for n in range(40):
        start = START + timedelta(hours=n)
        changes += a_ticket(f"T-{n}", (n * 0.7 + 1, "Solved"), (n * 0.7 + 121.1, "Closed"), start=start)
    store_changes(engine, [*changes, *a_ticket("T-99", start=START)])
    engine.dispose()
    return home


def unstuck(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNSTUCK_")}
    return subprocess.run(
        [UNSTUCK, *map(str, arguments), "--home", str(home)],
        capture_output=True, text=True, timeout=120, env=environment, check=False,
    )  # fmt: skip


def test_stages_as_json(home: Path) -> None:
    done = unstuck("stages", "--as-of", "2026-03-01T00:00:00Z", "--json", home=home)
    assert done.returncode == 0
    assert done.stderr == ""
    rows = {row["stage"]: row for row in json.loads(done.stdout)["rows"]}
    assert list(rows["New"]) == ["stage", "class", "n", "mean", "p50", "p90", "sum", "n_open", "timer"]
    assert rows["Solved"] == {
        "stage": "Solved", "class": "SOLVED", "n": 40, "mean": 432360.0, "p50": 432360.0, "p90": 432360.0,
        "sum": 40 * 432360.0, "n_open": 0, "timer": True,
    }  # fmt: skip
    assert (rows["New"]["n"], rows["New"]["n_open"], rows["New"]["timer"]) == (40, 1, False)


def test_as_of_hides_what_came_later(home: Path) -> None:
    done = unstuck("stages", "--as-of", "2026-01-05T09:30:00Z", "--json", home=home)
    assert [(row["stage"], row["n"], row["n_open"]) for row in json.loads(done.stdout)["rows"]] == [("New", 0, 2)]


def test_map_as_json(home: Path) -> None:
    done = unstuck("map", "--as-of", "2026-03-01T00:00:00Z", "--json", home=home)
    rows = json.loads(done.stdout)["rows"]
    assert [(row["from"], row["to"], row["n"]) for row in rows] == [("Solved", "Closed", 40), ("New", "Solved", 40)]
    assert list(rows[0]) == ["from", "to", "n", "mean", "p50", "p90", "sum"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["Finished visits", "Solved ⏱", "solved", "5 days", "is left by a clock after 5 days", "Still there"]),
        ("zh", ["已结束的停留", "Solved ⏱", "已解决", "5 天", "停留满 5 天", "仍停留"]),
    ],
)
def test_people_read_durations_in_words_and_which_stage_is_a_clock(home: Path, lang: str, words: list[str]) -> None:
    done = unstuck("stages", "--as-of", "2026-03-01T00:00:00Z", "--lang", lang, home=home)
    assert done.returncode == 0
    for word in words:
        assert word in done.stdout


def test_people_read_the_map(home: Path) -> None:
    done = unstuck("map", "--as-of", "2026-03-01T00:00:00Z", "--lang", "zh", home=home)
    assert "流转" in done.stdout
    assert "5 天" in done.stdout


def test_a_desk_without_history_says_what_to_do(tmp_path: Path) -> None:
    done = unstuck("stages", home=tmp_path / "empty")
    assert done.returncode == 0
    assert "unstuck import" in done.stdout
    as_json = unstuck("map", "--json", home=tmp_path / "empty")
    assert json.loads(as_json.stdout) == {"rows": []}


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--as-of", "yesterday"], "2016-05-20T12:00:00Z"), (["--lang", "fr"], "zh")]
)
def test_bad_usage_is_one_line_and_exit_2(home: Path, arguments: list[str], word: str) -> None:
    done = unstuck("stages", *arguments, home=home)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert word in done.stderr
