"""`unstuck write` against a stand-in: off by default, shown before it is sent, once."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from unstuck.cli import app
from unstuck.testing import NOON

CONNECTORS = Path(__file__).parent.parent / "connectors"


def stand_ins() -> ModuleType:
    sys.path[:0] = [str(CONNECTORS), str(CONNECTORS / "intercom")]
    return importlib.import_module("standin_intercom")


@pytest.fixture
def intercom() -> Iterator[Any]:
    with stand_ins().IntercomStandIn().serving() as serving:
        serving.happen("1", NOON, "create", "Lamp is dark")
        yield serving


@pytest.fixture
def home(tmp_path: Path, intercom: Any) -> Path:
    file = tmp_path / "sources" / "desk.toml"
    file.parent.mkdir()
    file.write_text(
        f'system = "intercom"\nurl = "{intercom.url}"\ntoken = "{intercom.token}"\n[write]\nnote = true\nreply = true\n'
        "assign = true\n"
    )
    return tmp_path


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["write", "desk", "1", *words, "--home", str(home), "--json"])


def bodies(intercom: Any) -> list[tuple[str, str]]:
    parts = intercom.tickets["1"]["ticket_parts"]["ticket_parts"]
    return [(part["part_type"], part["body"]) for part in parts if part["body"]]


def test_what_is_off_is_refused_before_anything_is_shown(home: Path, intercom: Any) -> None:
    intercom.asked.clear()
    with pytest.raises(Exception, match="write_off"):
        CliRunner().invoke(
            app, ["write", "desk", "1", "status", "resolved", "--home", str(home)], catch_exceptions=False
        )
    assert intercom.asked == []


def test_a_note_is_written_once_and_says_whose_it_is(home: Path, intercom: Any) -> None:
    for _ in range(2):
        answer = run(home, "note", "The part is on its way.", "--by", "Ana", "--key", "k3f9")
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["state"] == "done"
    ((kind, body),) = bodies(intercom)
    assert kind == "note"
    assert "Ana, Unstuck" in body


def test_a_reply_is_shown_and_needs_a_yes(home: Path, intercom: Any) -> None:
    with pytest.raises(Exception, match="no_terminal"):
        CliRunner().invoke(
            app, ["write", "desk", "1", "reply", "On its way.", "--home", str(home)], catch_exceptions=False
        )
    assert bodies(intercom) == []
    answer = run(home, "reply", "On its way.", "--yes", "--key", "k3f9")
    shown, sent = answer.stderr, bodies(intercom)
    assert "On its way." in shown
    assert "[unstuck:k3f9]" in shown, "the marker is part of what the customer sees"
    assert [kind for kind, _ in sent] == ["comment"]


def test_an_unknown_address_is_nobody(home: Path) -> None:
    with pytest.raises(Exception, match="write_nobody"):
        CliRunner().invoke(
            app, ["write", "desk", "1", "assign", "x@acme.example", "--home", str(home)], catch_exceptions=False
        )
