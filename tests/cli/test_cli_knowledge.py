"""The knowledge commands as a person runs them: real processes' output, real files, both languages."""

from __future__ import annotations

import gzip
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from unstuck import cli
from unstuck.testing import NOON, a_ticket, store_changes
from unstuck.tickets.store import open_store

CARDS = [
    {
        "id": f"c{n}",
        "title": f"The {part} {fault}",
        "text": f"It shows E-{100 + n}.",
        "resolution": f"Exchange spare {n}.",
    }
    for n, (part, fault) in enumerate(
        (part, fault)
        for part in ("pump", "valve", "fuse", "belt", "motor", "hinge", "hose", "lamp")
        for fault in ("is loud", "leaks water", "stays cold", "blinks red")
    )
]


class Shell:
    """Runs commands in this process; keeps what they print."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._home, self._monkeypatch, self._capsys = home, monkeypatch, capsys

    def run(self, *words: str, json_output: bool = True) -> tuple[int, list[Any], str]:
        """(exit code, JSON lines, stderr)."""
        argv = ["unstuck", *words, "--home", str(self._home), *(["--json"] if json_output else [])]
        self._monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as stop:
            sys.exit(cli.main())  # type: ignore[func-returns-value]
        out, err = self._capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()] if json_output else out.splitlines()
        return int(stop.value.code or 0), lines, err


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    # Words alone: these tests are about the commands, and must not need a model.
    monkeypatch.setenv("UNSTUCK_MODELS", str(tmp_path / "no-models"))
    return Shell(tmp_path / "home", monkeypatch, capsys)


def lines(path: Path, *values: object) -> str:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return str(path)


def test_learn_search_and_answer(shell: Shell, tmp_path: Path) -> None:
    code, (learned,), _ = shell.run("knowledge", "learn", lines(tmp_path / "cards.jsonl", *CARDS))
    assert (code, set(learned)) == (0, {"learned", "skipped", "folded", "seconds"})
    assert (learned["learned"], learned["skipped"], learned["folded"]) == (len(CARDS), [], 0)

    _, (found,), _ = shell.run("knowledge", "search", "pump leaks water", "-k", "2")
    assert [set(hit) for hit in found["hits"]] == [{"id", "title", "score", "rank"}] * 2
    assert found["hits"][0] == {"id": "c1", "title": "The pump leaks water", "score": 1.0, "rank": 1}

    _, (answer,), _ = shell.run("answer", "The pump leaks water and shows E-101")
    assert answer["answered"] is True
    assert 0.9 < answer["confidence"] <= 1
    assert answer["text"] == "Exchange spare 1."
    assert answer["citations"] == [{"id": "c1", "title": "The pump leaks water", "url": None, "quote": answer["text"]}]
    assert answer["lang"] == "en"


def test_many_questions_and_only_some_candidates(shell: Shell, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "cards.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(card) + "\n" for card in CARDS)
    shell.run("knowledge", "learn", str(tmp_path / "cards.jsonl.gz"))
    queries = lines(tmp_path / "q.jsonl", {"id": "q1", "text": "pump is loud"}, {"id": "q2", "text": "lamp blinks red"})
    among = lines(
        tmp_path / "a.jsonl", {"query-id": "q1", "candidates": ["c1", "c4"]}, {"query-id": "q2", "candidates": []}
    )
    _, found, _ = shell.run("knowledge", "search", "--queries", queries, "--among", among)
    assert [(one["query_id"], [hit["id"] for hit in one["hits"]]) for one in found] == [
        ("q1", ["c1", "c4"]),
        ("q2", []),
    ]
    _, answers, _ = shell.run("answer", "--queries", queries)
    assert [one["query_id"] for one in answers] == ["q1", "q2"]


def test_only_one_product_or_what_is_new(shell: Shell, tmp_path: Path) -> None:
    dated = [{**card, "product": "X1" if n % 2 else "X2", "created": f"20{n:02}-05-01"} for n, card in enumerate(CARDS)]
    shell.run("knowledge", "learn", lines(tmp_path / "cards.jsonl", *dated))
    query = "what blinks red, or leaks water"
    _, (found,), _ = shell.run("knowledge", "search", query, "--product", "x1", "--since", "2027-01-01")
    assert {hit["id"] for hit in found["hits"]} == {"c27", "c29", "c31"}
    _, (answer,), _ = shell.run("answer", "The pump leaks water and shows E-101", "--product", "X2")
    assert "c1" not in [one["id"] for one in answer["citations"]]
    code, _, err = shell.run("answer", "pump", "--since", "yesterday")
    assert code == 2
    assert "2024-03-31" in err


@pytest.mark.parametrize(("lang", "says"), [("en", "I don't know"), ("zh", "这个我不知道")])
def test_not_knowing_is_said_in_the_askers_language(shell: Shell, lang: str, says: str) -> None:
    code, (answer,), _ = shell.run("answer", "How do I bake bread?", "--lang", lang)
    assert code == 0
    assert (answer["answered"], answer["reason"], answer["lang"]) == (False, "nothing_known", lang)
    assert answer["text"].startswith(says)


def test_a_chinese_question_is_answered_in_chinese(shell: Shell) -> None:
    _, printed, _ = shell.run("answer", "水泵漏水怎么办", json_output=False)
    assert printed[0].startswith("这个我不知道")


def test_bad_lines_are_skipped_with_a_reason(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "cards.jsonl"
    lines(path, CARDS[0], {"id": "x"}, {"title": "no id"}, [1], {**CARDS[1], "created": "yesterday"})
    path.write_text(path.read_text() + "{half\n", encoding="utf-8")
    code, (learned,), _ = shell.run("knowledge", "learn", str(path))
    assert (code, learned["learned"]) == (0, 1)
    assert learned["skipped"] == [
        {"id": "x", "reason": "no_text"},
        {"id": "line 3", "reason": "no_id"},
        {"id": "line 4", "reason": "not_an_object"},
        {"id": "c1", "reason": "bad_created"},
        {"id": "line 6", "reason": "not_json"},
    ]


def test_a_folder_of_documents_is_learned_and_bad_files_are_named(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump\n\n## How do I vent it?\n\nOpen the red valve.\n", encoding="utf-8")
    (folder / "faq.csv").write_text("问题,答案\n水泵漏水怎么办,更换垫圈\n", encoding="gb18030")
    (folder / "broken.md").write_text("---\ntitle: [\n---\nText.\n", encoding="utf-8")
    lines(folder / "cards.jsonl", CARDS[0], {"id": "x"})
    code, (learned,), _ = shell.run("knowledge", "learn", str(folder))
    assert (code, learned["learned"]) == (0, 3)
    assert learned["skipped"] == [
        {"id": "broken.md", "reason": "bad_front_matter"},
        {"id": "x", "reason": "no_text"},
    ]
    _, (found,), _ = shell.run("knowledge", "search", "how to vent the pump", "-k", "1")
    assert found["hits"][0]["id"] == "handbook/pump.md#pump/how-do-i-vent-it"
    _, (found,), _ = shell.run("knowledge", "search", "水泵漏水", "-k", "1")
    assert found["hits"][0]["title"] == "水泵漏水怎么办"
    _, said, _ = shell.run("knowledge", "learn", str(folder), "--lang", "zh", json_output=False)
    assert "broken.md" in said[1]
    assert "不是有效的 YAML" in said[1]


def _bad_files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "binary.jsonl").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "prose.jsonl").write_text("Dear all,\n", encoding="utf-8")
    (tmp_path / "half.gz").write_bytes(gzip.compress(b'{"id": "1"}\n' * 999)[:40])
    (tmp_path / "colours.csv").write_text("Colour,Weight\nred,2\n", encoding="utf-8")
    (tmp_path / "empty.md").touch()
    (tmp_path / "broken.md").write_text("---\ntitle: [\n---\nText.\n", encoding="utf-8")
    (tmp_path / "photos").mkdir()
    names = ("missing.jsonl", "empty.jsonl", "binary.jsonl", "prose.jsonl", "half.gz")
    return {name: tmp_path / name for name in (*names, "colours.csv", "empty.md", "broken.md", "photos")}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("missing.jsonl", "Check the path"),
        ("empty.jsonl", "Write one JSON object a line"),
        ("binary.jsonl", "Save it as JSON lines"),
        ("prose.jsonl", "Write one JSON object a line"),
        ("half.gz", "Copy it again"),
        ("colours.csv", "Found: Colour, Weight. Needed: question (or title) and answer (or text)"),
        ("empty.md", "Check that it is the right file"),
        ("broken.md", "not valid YAML"),
        ("photos", "holds nothing to learn"),
    ],
)
def test_a_bad_file_gets_one_line_that_names_the_remedy(shell: Shell, tmp_path: Path, name: str, remedy: str) -> None:
    code, _, err = shell.run("knowledge", "learn", str(_bad_files(tmp_path)[name]))
    said = [line for line in err.splitlines() if "no embedding model" not in line]
    assert code in (1, 2)
    assert len(said) == 1
    assert remedy in said[0]


@pytest.mark.parametrize("words", [[], ["two", "--queries", "x.jsonl"]])
def test_one_question_or_a_file_of_them(shell: Shell, words: list[str]) -> None:
    code, _, err = shell.run("answer", *words)
    assert code == 2
    assert "--queries" in err


def test_an_unknown_asker_is_named(shell: Shell) -> None:
    code, _, err = shell.run("answer", "pump is loud", "--as", "nobody@example.com")
    assert code == 2
    assert "nobody@example.com" in err


def test_eval_answers_measures_a_base_of_its_own(shell: Shell, tmp_path: Path) -> None:
    corpus = lines(tmp_path / "corpus.jsonl", *CARDS)
    queries = lines(
        tmp_path / "q.jsonl", {"id": "q1", "text": "pump is loud E-100"}, {"id": "q2", "text": "lamp blinks red"}
    )
    unanswerable = lines(tmp_path / "u.jsonl", {"id": "u1", "text": "bake bread"})
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tc0\t1\nq2\tc31\t1\n", encoding="utf-8")
    options = [
        "--corpus",
        corpus,
        "--queries",
        queries,
        "--qrels",
        str(tmp_path / "qrels.tsv"),
        "--unanswerable",
        unanswerable,
    ]
    code, (report,), _ = shell.run("eval", "answers", *options)
    assert code == 0
    assert (report["queries"], report["unanswerable"], report["hit_1"], report["ndcg_10"]) == (2, 1, 1.0, 1.0)
    assert (report["false_answers"], report["auroc"]) == (0.0, 1.0)
    _, (searched,), _ = shell.run("knowledge", "search", "pump")
    assert searched["hits"] == []  # the desk's own base is untouched


def test_eval_answers_is_told_by_language_and_product(shell: Shell, tmp_path: Path) -> None:
    corpus = lines(tmp_path / "corpus.jsonl", *CARDS)
    asked = [{"id": "q1", "text": "pump is loud E-100", "product": "X1"}, {"id": "q2", "text": "水泵 lamp blinks red"}]
    queries = lines(tmp_path / "q.jsonl", *asked)
    (tmp_path / "qrels.tsv").write_text("q1\tc0\t1\nq2\tc31\t1\n", encoding="utf-8")
    options = ["--corpus", corpus, "--queries", queries, "--qrels", str(tmp_path / "qrels.tsv")]
    _, (report,), _ = shell.run("eval", "answers", *options)
    assert {name: one["queries"] for name, one in report["by_language"].items()} == {"en": 1, "zh": 1}
    assert {name: one["recall_10"] for name, one in report["by_product"].items()} == {"": 1.0, "X1": 1.0}
    _, printed, _ = shell.run("eval", "answers", *options, "--lang", "zh", json_output=False)
    assert "已回答" in printed[0]
    code, _, err = shell.run("eval", "answers", "--corpus", corpus)
    assert code == 2
    assert "--qrels" in err


def test_eval_answers_asks_the_desks_own_newest_tickets(shell: Shell, tmp_path: Path) -> None:
    code, _, err = shell.run("eval", "answers")
    assert code == 1
    assert "nothing can be held out" in err
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'unstuck.db'}")
    for number, card in enumerate(CARDS * 2):
        fixed = {
            "title": card["title"],
            "resolution": f"{card['resolution']} Then press the red reset key {number % 7}.",
        }
        changes = a_ticket(f"T-{number}", (2, "Solved"), start=NOON + timedelta(days=number), **fixed)
        store_changes(store, changes)
    store.dispose()
    code, (report,), _ = shell.run("eval", "answers", "--tickets", "10")
    assert code == 0
    assert report["held_out"]["asked"] == 10
    assert report["held_out"]["known"] + report["held_out"]["left_out"] == 2 * len(CARDS) - 10
    assert report["queries"] + report["unanswerable"] == 10
    assert "says what the asked ticket's says" in report["definition"]
    assert set(report["by_language"]) == {"en"}
    _, (searched,), _ = shell.run("knowledge", "search", "pump")
    assert searched["hits"] == []  # the desk's own base is untouched
    assert [path.name for path in (tmp_path / "home" / "evaluations").iterdir()] == []
