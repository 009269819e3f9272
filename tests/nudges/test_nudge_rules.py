"""The rules file: what comes with Unstuck, what an administrator changes, what is refused and why."""

from __future__ import annotations

import tomllib
from datetime import time
from importlib.resources import files
from pathlib import Path

import pytest

from unstuck.errors import UserError
from unstuck.i18n import LANGS, t
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
    ("text", "line", "names"),
    [
        ("[late]\nquiet = 5", 2, '"4h"'),
        ("# mine\n[late]\n\nquite = '1d'", 4, "late.quite"),
        ("[caps]\nperson_per_day = 0", 2, "caps.person_per_day"),
        ("[hours]\nfrom = '20:00'", 1, "20:00 – 18:00"),
        ("[hours]\nto = '9 o clock'", 2, '"09:00"'),
        ("[hours]\ndays = ['monday']", 2, "monday"),
        ("[hours]\ntimezone = 'Mars/Base'", 2, "Mars/Base"),
        ("[cap]\nx = 1", 1, "cap"),
        ("caps = 3", 1, "[caps]"),
        ("[[rule]]\nname = 'x'\nwaiting_on = ['agent']", 1, "rule.steps"),
        ("[[rule]]\nname = 'x'\nwaiting_on = ['boss']\nsteps = []", 3, "boss"),
        ("[[rule]]\nname = 'a b'\nwaiting_on = ['agent']\nsteps = []", 2, "a b"),
        ("[[rule]]\nname = 'x'\nwaiting_on = ['agent']\nsteps = [{ to = 'boss' }]", 4, '{ to = "owner" }'),
        ("[[target]]\nwithin = '1h'\n[[target]]\npriority = 'P1'", 3, "within"),
        ("[[person]]\nfrom = '08:00'", 1, "who"),
        ("[[person]]\nwho = 'a'\n[[person]]\nwho = 'b'\nto = '08:00'", 3, "09:00 – 08:00"),
        ("[snooze]\noffer = ['year']", 2, '"reply"'),
        ("[digest]\nbelow = 0.5", 2, "1.5"),
        ("[digest]\nurgent = 'P1'", 2, '["P1", "P2"]'),
        ("[contract]\nhand_back = 'yes'", 2, "true"),
        ("[trial]\nhold_out = 0.8", 2, "0.1"),
        ("[channels]\n'Repairs' = '#repairs'", 2, "C0123ABCD"),
        ("not toml", None, "line 1"),
    ],
)
def test_what_cannot_be_read_is_named_with_line_and_remedy(
    tmp_path: Path, text: str, line: int | None, names: str
) -> None:
    with pytest.raises(UserError) as refused:
        given(tmp_path, text)
    error = refused.value
    assert error.params.get("line") == line
    for lang in LANGS:
        assert names in t(f"errors.{error.key}", lang, **error.params)


def test_hours_of_one_person_keep_what_they_leave_out(tmp_path: Path) -> None:
    changed = given(tmp_path, '[[person]]\nwho = "Ana@Example.com"\nto = "15:00"\ntimezone = "Asia/Shanghai"\n')
    hers = changed.hours_of(None, "U1", "ana@example.com")
    assert (hers.start, hers.end, hers.timezone) == (time(9), time(15), "Asia/Shanghai")
    assert changed.hours_of("U1", "ben@example.com") == changed.hours


def test_every_section_can_be_set(tmp_path: Path) -> None:
    text = """
[snooze]
offer = ["hour", "reply"]
[digest]
enabled = false
urgent = ["P1"]
[contract]
hand_back = true
[trial]
hold_out = 0.25
[early]
enabled = false
[channels]
"Repairs" = "C012"
"""
    changed = given(tmp_path, text)
    assert changed.snoozes == ("hour", "reply")
    assert (changed.digest.enabled, changed.digest.below, changed.digest.urgent) == (False, 1.5, frozenset({"P1"}))
    assert (changed.contract.hand_back, changed.trial.hold_out, changed.early) == (True, 0.25, False)
    assert changed.channels == {"Repairs": "C012"}


def test_every_section_and_field_is_in_the_documentation() -> None:
    shipped = tomllib.loads((files("unstuck.nudges") / "rules.toml").read_text(encoding="utf-8"))
    told = (Path(__file__).parents[2] / "docs" / "nudges.md").read_text(encoding="utf-8")
    for section, table in [*shipped.items(), ("person", {}), ("target", {})]:
        assert f"[{section}]" in told
        for name in table[0] if isinstance(table, list) else table:
            assert f"`{name}`" in told, f"{section}.{name}"
