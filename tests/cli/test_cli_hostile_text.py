"""A ticket's words reach the terminal as words: no colours, links, titles or cursor moves of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from unstuck.cli import main

MAP = '[ticket]\nid = "id"\n[change]\nat = "at"\nstatus = "status"\nteam = "team"\n[time]\ntimezone = "UTC"\n'
ROWS = """id,at,status,team
T1,2026-01-01T00:00:00Z,[red]New\x1b[31m,[link=https://evil.example]Team\x1b]0;owned\x07[/link]
T1,2026-01-02T00:00:00Z,Solved,[link=https://evil.example]Team\x1b]0;owned\x07[/link]
"""


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["unstuck", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert not ended.value.code, printed.err
    return printed.out + printed.err


def test_a_hostile_log(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "log.csv").write_text(ROWS, encoding="utf-8")
    home = ("--home", str(tmp_path / "home"))
    said = run(capsys, monkeypatch, "import", str(tmp_path / "log.csv"), "--map", str(tmp_path / "map.toml"), *home)
    for command in (("stages",), ("map",), ("ask", "opened by team since 2025"), ("nudges", "preview")):
        said += run(capsys, monkeypatch, *command, *home, "--as-of", "2026-01-03T00:00:00Z")
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[red]New" in said
    assert "[link=https://evil.example]Team" in said


def test_a_hostile_resolution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {
        "id": "k1",
        "title": "[bold]Pump\x1b[2J",
        "text": "The pump hums\x9b2J",
        "resolution": "Open\x1b[H the valve.",
    }
    (tmp_path / "cards.jsonl").write_text(json.dumps(card), encoding="utf-8")
    home = ("--home", str(tmp_path / "home"))
    said = run(capsys, monkeypatch, "knowledge", "learn", str(tmp_path / "cards.jsonl"), *home)
    said += run(capsys, monkeypatch, "knowledge", "search", "pump", *home)
    said += run(capsys, monkeypatch, "answer", "pump hums", *home)
    assert not {"\x1b", "\x9b"} & set(said)
    assert "[bold]Pump" in said
