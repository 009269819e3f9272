"""The rules file: what comes with Unstuck, what an administrator changes, what is refused and why."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from unstuck.errors import UserError
from unstuck.nudges import rules
from unstuck.stalls.clocks import Span
from unstuck.stalls.turn import PartyKind


def given(home: Path, text: str) -> rules.Rules:
    (home / rules.FILE).write_text(text, encoding="utf-8")
    return rules.load(home)


def test_without_a_file_the_shipped_rules_hold(tmp_path: Path) -> None:
    shipped = rules.load(tmp_path)
    rule = shipped.rule_for(PartyKind.AGENT)
    assert rule is not None
    assert [step.to for step in rule.steps] == ["owner", "team", "lead", "manager"]
    assert shipped.rule_for(PartyKind.CUSTOMER) is None
    assert shipped.hours.days == frozenset(range(5))


def test_a_file_changes_only_what_it_says(tmp_path: Path) -> None:
    changed = given(tmp_path, '[hours]\nfrom = "08:30"\n[caps]\nperson_per_day = 3\n')
    assert (changed.hours.start, changed.hours.end) == (time(8, 30), time(18))
    assert (changed.person_per_day, changed.ticket_per_day) == (3, 2)


@pytest.mark.parametrize(
    ("text", "span"), [("4h", Span(0, 14400)), ("1d", Span(1)), ("90m", Span(0, 5400)), ("1d 4h", Span(1, 14400))]
)
def test_times(text: str, span: Span) -> None:
    assert rules.span(text) == span


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[late]\nquiet = 5", '"4h"'),
        ("[late]\nquite = '1d'", "late.quite"),
        ("[caps]\nperson_per_day = 0", "person_per_day"),
        ("[hours]\nfrom = '20:00'", "hours"),
        ("[hours]\ndays = ['monday']", "monday"),
        ("[hours]\ntimezone = 'Mars/Base'", "Mars/Base"),
        ("[cap]\nx = 1", "cap"),
        ("[[rule]]\nname = 'x'", "steps"),
        ("[[rule]]\nname = 'x'\nwaiting_on = ['boss']\nsteps = []", "boss"),
        ("[[target]]\npriority = 'P1'", "within"),
        ("not toml", "line 1"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(UserError) as refused:
        given(tmp_path, text)
    assert refused.value.key == "nudge_rules"
    assert names in str(refused.value.params["problem"])
