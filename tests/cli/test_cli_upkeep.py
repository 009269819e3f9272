"""`knowledge upkeep` and `knowledge decide` as a person types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from unstuck import cli

CARDS = [
    {"id": f"c{n}", "title": f"The {part} {fault}", "text": f"It shows E-{100 + n}.", "resolution": f"Exchange {n}."}
    for n, (part, fault) in enumerate(
        (part, fault) for part in ("pump", "valve", "fuse", "belt", "motor") for fault in ("is loud", "leaks", "blinks")
    )
]
OLD = {"id": "old", "title": "Lid rattles", "text": "It rattles.", "resolution": "Hold it for 5 seconds.", "created": "2024-01-01T00:00:00Z"}  # fmt: skip
NEW = {"id": "new", "title": "Lid rattles", "text": "It rattles.", "resolution": "Hold it for 30 seconds.", "created": "2025-01-01T00:00:00Z"}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("UNSTUCK_MODELS", str(tmp_path / "no-models"))

    def command(*words: str, json_output: bool = True) -> tuple[int, Any, str]:
        argv = ["unstuck", "knowledge", *words, "--home", str(tmp_path / "home"), *(["--json"] if json_output else [])]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as stop:
            sys.exit(cli.main())  # type: ignore[func-returns-value]
        out, err = capsys.readouterr()
        printed = json.loads(out) if json_output and out.strip() else out
        return int(stop.value.code or 0), printed, err

    path = tmp_path / "cards.jsonl"
    path.write_text("".join(json.dumps(card) + "\n" for card in [*CARDS, OLD, NEW]), encoding="utf-8")
    command("learn", str(path))
    return command


def test_a_pair_is_shown_settled_and_gone(run: Any) -> None:
    code, found, _ = run("upkeep")
    assert code == 0
    assert set(found) == {"proposals", "gaps", "pairs", "stale", "newest"}
    [pair] = found["pairs"]
    assert (pair["kind"], pair["older"]["id"], pair["newer"]["id"]) == ("value", "old", "new")
    _, shown, _ = run("upkeep", json_output=False)
    assert "unstuck knowledge decide keep|replace|both old new" in shown
    assert run("decide", "replace", "old", "new")[0] == 0
    assert run("upkeep")[1]["pairs"] == []
    code, _, err = run("decide", "replace", "old", "new")
    assert code == 2
    assert "settled already" in err
    assert [hit["id"] for hit in run("search", "lid rattles")[1]["hits"]][:1] == ["new"]
    assert run("decide", "restore", "old")[0] == 0


def test_review_owner_and_retire(run: Any) -> None:
    assert [one["id"] for one in run("upkeep")[1]["stale"]] == ["old", "new"]
    assert run("decide", "review", "old", "--days", "30")[0] == 0
    assert run("decide", "owner", "new", "--owner", "Olga")[0] == 0
    assert [(one["id"], one["owner"]) for one in run("upkeep")[1]["stale"]] == [("new", "Olga")]
    assert run("decide", "retire", "new")[0] == 0
    assert run("upkeep")[1]["stale"] == []


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["keep", "old"], "name both"),
        (["approve", "old", "new"], "leave the second"),
        (["owner", "old"], "--owner"),
        (["approve", "nobody"], "unstuck knowledge upkeep"),
        (["review", "nobody"], "unstuck knowledge upkeep"),
    ],
)
def test_bad_input_says_what_to_do(run: Any, words: list[str], remedy: str) -> None:
    code, _, err = run("decide", *words)
    assert code == 2
    assert remedy in err


def test_it_speaks_chinese(run: Any) -> None:
    _, shown, _ = run("upkeep", "--lang", "zh", json_output=False)
    assert "互相矛盾" in shown
