"""`unstuck nudges` as people and scripts see it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from unstuck.clock import iso
from unstuck.testing import NOON, a_ticket, days_of_work
from unstuck.testing_nudges import HASTY, small_desk, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

UNSTUCK = Path(sys.executable).with_name("unstuck")
FIELDS = [
    "ticket", "rule", "waiting_on", "party", "stage", "waited", "threshold", "step", "recipient", "reason",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    with small_desk(f"sqlite:///{home / 'unstuck.db'}", home) as desk:
        people = [PersonRecord("ana", "Ana Silva", "agent", "ana@example.com")]
        start = NOON - timedelta(days=2)
        tickets = [a_ticket("T-1", start=start, assignee="ana"), a_ticket("T-2", start=start, team="t1")]
        tell(desk, [change for ticket in tickets for change in ticket], people, [TeamRecord("t1", "Repairs")])
    (home / "nudges.toml").write_text(HASTY, encoding="utf-8")
    return home


def run(home: Path, *words: str, as_of: datetime = NOON) -> subprocess.CompletedProcess[str]:
    command = [str(UNSTUCK), "nudges", *words, "--home", str(home), "--as-of", iso(as_of)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_preview_prints_one_json_document(home: Path) -> None:
    done = run(home, "preview", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [list(row) for row in rows] == [FIELDS, FIELDS]
    first, second = rows
    assert (first["ticket"], first["waiting_on"], first["party"], first["step"]) == ("T-1", "agent", "Ana Silva", 0)
    assert (first["waited"], first["threshold"]) == (2 * 86400, 3600)
    assert (second["waiting_on"], second["recipient"], second["step"]) == ("team", "Repairs", 1)


def test_preview_reads_well_in_both_languages(home: Path) -> None:
    english, chinese = run(home, "preview").stdout, run(home, "preview", "--lang", "zh").stdout
    assert "Ana Silva" in english
    assert "2 nudges due at 14 Jan 2026, 12:00 (UTC)." in english
    assert "2026年1月14日 12:00 (UTC) 应发 2 条提醒。" in chinese


def test_rehearsal_counts(home: Path) -> None:
    done = run(home, "rehearse", "--days", "7", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["after_moved"] == 0
    assert {one["recipient"] for one in told["recipients"]} >= {"Ana Silva", "Repairs"}
    assert told["sent"] == sum(one["n"] for one in told["recipients"]) == sum(told["by_step"].values())
    assert told["messages"] == sum(one["messages"] for one in told["recipients"])
    assert told["messages"] - told["digests"] == told["sent"] - told["lines"]


def test_rehearsal_tells_of_digests_in_both_languages(home: Path) -> None:
    rules = home / "nudges.toml"
    rules.write_text('[[target]]\nwithin = "1h"\n[digest]\nbelow = 1000.0\n', encoding="utf-8")
    try:
        english, chinese = run(home, "rehearse").stdout, run(home, "rehearse", "--lang", "zh").stdout
    finally:
        rules.write_text(HASTY, encoding="utf-8")
    assert "Morning messages among them: 1, lines in these: 1." in " ".join(english.split())
    assert "其中 1 条是早上的汇总，共列出 1 条提醒" in chinese.replace("\n", "")


def test_rules_that_cannot_be_read_are_named(home: Path) -> None:
    rules = home / "nudges.toml"
    rules.write_text("[caps]\nperson_per_day = 'many'\n", encoding="utf-8")
    try:
        done = run(home, "preview")
    finally:
        rules.write_text(HASTY, encoding="utf-8")
    assert done.returncode == 1
    assert "nudges.toml" in done.stderr
    assert "person_per_day" in done.stderr
    assert "Traceback" not in done.stderr


def test_days_off_that_history_tells_of_are_shown_and_what_to_do_about_them(tmp_path: Path) -> None:
    rested = {date(2026, 4, 3), date(2026, 4, 20), date(2026, 4, 21), date(2026, 5, 1)}
    with small_desk(f"sqlite:///{tmp_path / 'unstuck.db'}", tmp_path) as desk:
        tell(desk, days_of_work(date(2026, 3, 2), date(2026, 5, 27), rested))
    as_of = datetime(2026, 5, 27, 15, tzinfo=UTC)
    said = run(tmp_path, "found", as_of=as_of).stdout
    assert "Mon, 20 Apr 2026 (between a day off and a weekend)" in said
    assert "Thu, 4 Jun 2026 (Corpus Christi, Brazil)" in said
    assert 'country = "BR"' in said
    assert "巴西假日“Corpus Christi”" in run(tmp_path, "found", "--lang", "zh", as_of=as_of).stdout
    found = json.loads(run(tmp_path, "found", "--json", as_of=as_of).stdout)["days_off"]
    assert [one["day"] for one in found["past"]] == [day.isoformat() for day in sorted(rested)]
    assert found["ahead"][0]["day"] == "2026-06-04"
    # Before there was anything but Good Friday no country is named.
    early = run(tmp_path, "found", as_of=datetime(2026, 4, 17, 12, tzinfo=UTC)).stdout
    assert "Fri, 3 Apr 2026 (Good Friday in some countries)" in early
    assert "country =" not in early
    assert "Days on which" not in run(tmp_path, "found", as_of=datetime(2026, 4, 2, 12, tzinfo=UTC)).stdout


def test_preview_says_what_waits_for_the_morning(tmp_path: Path) -> None:
    rules = '[[target]]\nwithin = "2h"\n'
    with small_desk(f"sqlite:///{tmp_path / 'unstuck.db'}", tmp_path, rules=rules) as desk:
        people = [PersonRecord("ana", "Ana Silva", "agent", "ana@example.com")]
        mild = a_ticket("mild", start=NOON - timedelta(hours=2.5), assignee="ana")
        overdue = a_ticket("overdue", start=NOON - timedelta(days=3), assignee="ana")
        tell(desk, [*mild, *overdue], people)
    rows = {row["ticket"]: row.get("morning") for row in json.loads(run(tmp_path, "preview", "--json").stdout)}
    assert rows == {"overdue": None, "mild": "2026-01-15T09:00:00Z"}
    said = run(tmp_path, "preview").stdout
    assert "1 nudges due at 14 Jan 2026, 12:00 (UTC)." in said
    assert "1 can wait, and stand in people's next morning message" in said
