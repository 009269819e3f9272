"""`unstuck ask` and `unstuck eval questions` on a small desk, as people and scripts use them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from unstuck.cli import main
from unstuck.testing import NOON, a_ticket, store_changes
from unstuck.tickets.store import open_store
from unstuck.tickets.tables import Audit

AS_OF = "2026-01-20T12:00:00Z"
KEYS = ["status", "restatement", "plan", "sql", "columns", "rows", "n", "unit", "notes"]
#: What an answer that was kept has beside them: its number, to ask for it again.
KEPT = [*KEYS, "number"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with five tickets: three of Group 1 (one solved), two of Group 2."""
    directory = tmp_path_factory.mktemp("home")
    engine = open_store(f"sqlite:///{directory / 'unstuck.db'}")
    tickets = [
        *a_ticket("T-1", (2, "Active"), (30, "Solved"), team="Group 1", assignee="Ana", priority="1 - Critical"),
        *a_ticket("T-2", (2, "Active"), team="Group 1", priority="2 - High"),
        *a_ticket("T-3", (4, "Pending"), team="Group 1", priority="2 - High"),
        *a_ticket("T-4", (5, "Active"), team="Group 2", priority="1 - Critical"),
        *a_ticket("T-5", team="Group 2", priority="2 - High"),
    ]
    store_changes(engine, tickets)
    engine.dispose()
    return directory


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["unstuck", *words, "--home", str(home)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def asked(run: Run, text: str, *words: str) -> dict[str, Any]:
    code, out, err = run("ask", text, "--as-of", AS_OF, "--json", *words)
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def test_an_answer_has_the_keys_of_the_contract(run: Run) -> None:
    document = asked(run, "backlog by team")
    assert list(document) == KEPT
    assert document["status"] == "answer"
    assert document["plan"] == {"kind": "breakdown", "metric": "backlog", "by": ["team"]}
    assert sorted(map(tuple, document["rows"])) == [("Group 1", 2), ("Group 2", 2)]
    assert document["sql"].startswith("WITH")


def test_both_languages_give_the_same_rows(run: Run) -> None:
    english = asked(run, "where are tickets stuck this week")
    for chinese in ("本周工单卡在哪个环节", "本周工单卡在哪里"):
        assert asked(run, chinese)["rows"] == english["rows"]
    assert english["rows"]


def test_a_question_back_has_runnable_options(run: Run) -> None:
    document = asked(run, "open tickets")
    assert document["status"] == "ask"
    assert 2 <= len(document["options"]) <= 3
    assert all(option["label"] and option["plan"]["kind"] for option in document["options"])


def test_a_refusal_names_the_words(run: Run) -> None:
    document = asked(run, "backlog for the Berlin team")
    assert document["status"] == "refuse"
    assert document["unexplained"] == ["Berlin"]
    assert document["rows"] == []


def test_a_conversation_survives_the_process(run: Run) -> None:
    asked(run, "how big is the pile in Group 1", "--thread", "t1")
    document = asked(run, "and Group 2?", "--thread", "t1")
    assert document["rows"] == [[2]]
    assert any("Group 2" in note for note in document["notes"])


def test_a_file_of_questions_is_a_conversation_of_its_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    lines = [
        {"id": "a", "text": "backlog of Group 1", "thread": "x", "as_of": AS_OF},
        {"id": "b", "text": "only P2", "thread": "x", "as_of": AS_OF},
        {"id": "c", "text": "P9 积压", "as_of": AS_OF},
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    for _ in range(2):  # the second run must not go on from the first one's conversation
        code, out, _ = run("ask", "--questions", str(path), "--json")
        assert code == 0
        documents = [json.loads(line) for line in out.splitlines()]
        assert [(one["id"], one["status"]) for one in documents] == [("a", "answer"), ("b", "answer"), ("c", "refuse")]
        assert documents[1]["rows"] == [[2]]


def test_people_read_a_sentence_a_table_and_how_it_was_counted(run: Run) -> None:
    code, out, _ = run("ask", "各组积压", "--as-of", AS_OF)
    assert code == 0
    assert "Group 1" in out
    assert "积压 · 按团队" in out


def test_the_chart_is_a_picture(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "chart.png"
    assert run("ask", "backlog by team", "--as-of", AS_OF, "--chart", str(path))[0] == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_rankings_of_persons_are_closed_to_others(run: Run) -> None:
    code, _, err = run("ask", "who solved the most tickets last week", "--as-of", AS_OF, "--as", "U123", "--json")
    assert code != 0
    assert len(err.strip().splitlines()) == 1


def test_every_answer_is_written_to_the_audit_log(run: Run, home: Path) -> None:
    asked(run, "opened last week", "--as", "ana")
    engine = open_store(f"sqlite:///{home / 'unstuck.db'}")
    with Session(engine) as session:
        row = session.exec(select(Audit).where(Audit.actor == "ana")).one()
    engine.dispose()
    assert row.action == "ask"
    assert {"plan", "sql", "rows", "sha256"} <= set(row.details)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "--questions"),
        (("x", "--questions", "y"), 2, "--questions"),
        (("backlog", "--as-of", "yesterday"), 2, "2016-05-20T12:00:00Z"),
        (("--questions", "/nowhere/at/all.jsonl"), 1, "/nowhere/at/all.jsonl"),
        (("backlog", "--chart", "/tmp/x.png"), 1, "--chart"),
    ],
)
def test_mistakes_are_told_in_one_line(run: Run, words: tuple[str, ...], code: int, says: str) -> None:
    ended, _, err = run("ask", *words)
    assert ended == code
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_malformed_line_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"text": "backlog"}\n{"texxt": 1}\n', encoding="utf-8")
    code, _, err = run("ask", "--questions", str(path), "--json")
    assert code == 1
    assert "2" in err


def test_eval_counts_what_became_of_questions(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "expected.jsonl"
    lines = [
        {"text": "backlog by team", "plan": {"kind": "breakdown", "metric": "backlog"}, "as_of": AS_OF},
        {"text": "backlog by team", "plan": {"metric": "opened"}, "as_of": AS_OF},
        {"text": "打开的工单", "expect": "answer", "as_of": AS_OF},
        {"text": "how much did it cost", "expect": "refuse"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    code, out, _ = run("eval", "questions", str(path), "--json")
    counted = json.loads(out)
    assert code == 0
    assert {name: counted["all"][name] for name in ("n", "right", "asked", "refused", "wrong")} == {
        "n": 4,
        "right": 2,
        "asked": 1,
        "refused": 0,
        "wrong": 1,
    }
    assert counted["lang:zh"]["asked"] == 1
    assert NOON.tzinfo is not None


def test_an_unknown_language_is_named(run: Run) -> None:
    code, out, err = run("ask", "backlog", "--lang", "fr")
    assert (code, out) == (2, "")
    assert "fr" in err


def test_an_answer_is_computed_again_by_its_number(run: Run) -> None:
    first = asked(run, "backlog by team")
    code, out, _ = run("ask", "--replay", str(first["number"]), "--json")
    again = json.loads(out)
    assert code == 0
    assert (again["rows"], again["plan"], again["number"]) == (first["rows"], first["plan"], first["number"])
    assert any("same numbers" in note for note in again["notes"])


def test_an_answer_that_was_never_given_is_not_computed_again(run: Run) -> None:
    code, _, err = run("ask", "--replay", "99999", "--json")
    assert code == 1
    assert "99999" in err


def test_rows_are_saved_for_spreadsheets(run: Run, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    for name in ("rows.csv", "rows.xlsx"):
        asked(run, "backlog by team", "--rows", str(tmp_path / name))
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()[0] == "Team,Backlog"
    sheet = load_workbook(tmp_path / "rows.xlsx").worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["Team", "Backlog"]
    code, _, err = run("ask", "backlog by team", "--rows", str(tmp_path / "rows.pdf"))
    assert (code, ".xlsx" in err) == (2, True)


def test_a_word_of_the_desks_own_is_taught_listed_and_forgotten(run: Run) -> None:
    asked = ("ask", "backlog of fixers", "--as-of", AS_OF, "--json")
    assert json.loads(run(*asked)[1])["status"] == "refuse"
    code, out, _ = run("alias", "add", "fixers", "Group 2", "--by", "Ana", "--json")
    assert (code, json.loads(out)["value"]) == (0, "Group 2")
    answer = json.loads(run(*asked)[1])
    assert (answer["status"], answer["rows"]) == ("answer", [[2]])
    assert "“fixers” = team Group 2, set by Ana on" in answer["restatement"]
    assert "fixers" in run("alias", "list")[1]
    assert run("alias", "add", "closed", "Group 2")[0] == 1
    assert run("alias", "remove", "fixers")[0] == 0
    assert json.loads(run(*asked)[1])["status"] == "refuse"


def test_a_desk_without_tickets_is_told_so_and_not_that_nothing_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, says in (
        ("where are tickets stuck this week", "no tickets here yet"),
        ("本周工单卡在哪里", "还没有工单"),
    ):
        monkeypatch.setattr(sys, "argv", ["unstuck", "ask", text, "--json", "--home", str(tmp_path)])
        with pytest.raises(SystemExit):
            main()
        document = json.loads(capsys.readouterr().out)
        assert document["status"] == "refuse"
        assert says in document["restatement"]
        assert document["rows"] == []
