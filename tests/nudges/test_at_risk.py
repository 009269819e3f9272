"""Tickets at risk: found among the open ones, and said in words in both languages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from unstuck.i18n import Lang
from unstuck.nudges.at_risk import as_json, at_risk, fact_words, reason_words
from unstuck.stalls.moments import FIELDS
from unstuck.stalls.risk import Reason
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import TeamRecord


def test_open_tickets_of_the_slow_team_are_at_risk(databases: Databases, tmp_path: Path) -> None:
    dice = Random(5)
    changes = []
    for number in range(600):
        start, team = NOON - timedelta(hours=2 * (640 - number)), dice.choice(["quick", "slow"])
        # One in six of the slow team's takes three days, all others one to four hours.
        lasts = 72 if team == "slow" and dice.random() < 0.16 else dice.uniform(1, 4)
        changes += a_ticket(f"T-{number}", (lasts, "Closed"), start=start, team=team)
    for team in ("quick", "slow"):
        changes += a_ticket(f"open-{team}", start=NOON - timedelta(hours=3.5), team=team)
    with small_desk(databases.sqlite(), tmp_path / "home") as desk:
        tell(desk, changes, teams=[TeamRecord("quick", "Quick"), TeamRecord("slow", "Slow")])
        found = at_risk(desk.facts, NOON, least=0.4)
    # Of those that have lasted three hours and a half, half of the slow team's go on for three days.
    assert "open-slow" in [one.ticket for one in found]
    assert "open-quick" not in [one.ticket for one in found]
    one = next(one for one in found if one.ticket == "open-slow")
    said = as_json(one, "en")
    assert {"fact": "team", "value": "Slow"} in said["group"]
    assert said["comparables"] > 200
    assert "team Slow" in said["says"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_fact_has_words(lang: Lang) -> None:
    values = {"time": "0 1", "age": "60 3600", "changes": "20 ", "before": "New 2"}
    for name in ("stage", "team", "assignee", "before", "time", "age", "changes", "custom.site", *FIELDS):
        assert "risk." not in fact_words(name, values.get(name, "x"), lang)
    for name in ("team", "assignee", "custom.site", *FIELDS):
        assert "risk." not in fact_words(name, "", lang)
    reason = Reason("team+category", "Hardware + Printer", 0.31, 42)
    assert "42" in reason_words(reason, lang)
    assert "31%" in reason_words(reason, lang)


def test_a_reason_reads_as_a_sentence() -> None:
    assert (
        reason_words(Reason("time", "0 1", 0.5, 10), "en")
        == "Monday, 6:00-12:00 UTC: 50% of 10 comparable tickets were late"
    )
    assert reason_words(Reason("time", "0 1", 0.5, 10), "zh") == "周一 6:00–12:00（UTC）：10 张同类工单中有 50% 超时"
