"""Whose turn it is at the end of 150 conversations that were labelled by hand before the rules were improved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from unstuck.stalls.turn import whose_turn
from unstuck.testing import NOON, a_change
from unstuck.tickets.changes import ChangeKind, Message, StageClass, TicketChange
from unstuck.tickets.timeline import ordered, timeline

STAGES = {stage.value: (stage.value, stage) for stage in StageClass}


@dataclass(frozen=True)
class Ending:
    lang: str
    stage: str
    owner: str
    turn: str
    said: str


def endings(name: str) -> list[Ending]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return [Ending(*line.split("\t")) for line in lines if not line.startswith("#")]


def found(ending: Ending) -> str:
    values = {"status": ending.stage}
    if ending.owner != "none":
        values["team"] = "support"
    if ending.owner == "person":
        values["assignee"] = "ana"
    changes: list[TicketChange] = [a_change(at=0, kind=ChangeKind.CREATED, values=values)]
    for number, said in enumerate(ending.said.split(" ¶ "), 1):
        who, _, body = said.partition(": ")
        at = NOON + timedelta(hours=number)
        changes.append(a_change(at=at, kind=ChangeKind.MESSAGE, actor=who, message=Message(body, who, True)))
    turn = whose_turn(timeline(1, ordered(changes), STAGES))
    assert turn is not None
    return turn.party.kind.value


def wrong(name: str) -> list[str]:
    return [f"{found(one)} instead of {one.turn}: {one.said}" for one in endings(name) if found(one) != one.turn]


@pytest.mark.parametrize("name", ["endings.tsv", "endings_kept_aside.tsv"])
def test_nine_in_ten_endings_are_read_right(name: str) -> None:
    missed = wrong(name)
    assert len(missed) <= len(endings(name)) // 10, "\n".join(missed)


def test_both_languages_are_labelled_alike() -> None:
    for name, each in (("endings.tsv", 50), ("endings_kept_aside.tsv", 25)):
        langs = [one.lang for one in endings(name)]
        assert (langs.count("en"), langs.count("zh")) == (each, each)
