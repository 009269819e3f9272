"""Surges of a stage: found when there are many more than by chance, and not when there are a few, or it is a habit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from unstuck.nudges.surges import ALARMS, at_least, find, judge, spans
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell

SINCE = datetime(2026, 1, 12, tzinfo=UTC)


def surging(*counts: int) -> bool:
    return bool(list(judge({"Waiting for parts": counts}, SINCE)))


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ((12, 4, 3, 5, 4, 4, 3, 5, 4), True),
        ((6, 4, 3, 5, 4, 4, 3, 5, 4), False),
        ((4, 0, 0, 0, 0, 0, 0, 0, 0), False),
        ((6, 0, 0, 0, 0, 0, 0, 0, 0), True),
        # Twice as many as usual, but one week in four was like that.
        ((20, 4, 22, 5, 4, 19, 3, 5, 4), False),
        ((400, 300, 310, 290, 305), False),
    ],
)
def test_many_more_than_usual_are_a_surge(counts: tuple[int, ...], found: bool) -> None:
    assert surging(*counts) == found


def test_the_chance_agrees_with_draws_from_the_same_model() -> None:
    before = [4, 3, 5, 4, 4, 3, 5, 4]
    dice = np.random.default_rng(3)
    rates = dice.gamma(sum(before) + 0.5, 1 / len(before), 400_000)
    drawn = float((dice.poisson(rates) >= 10).mean())
    assert at_least(10, before) == pytest.approx(drawn, rel=0.05)


def test_quiet_weeks_raise_few_alarms() -> None:
    dice = np.random.default_rng(5)
    weeks = dice.poisson(dice.uniform(0.5, 30, size=(4000, 1)), size=(4000, 9))
    assert sum(surging(*map(int, counts)) for counts in weeks) <= 2 * ALARMS * len(weeks)


def test_weeks_are_compared_up_to_the_same_weekday_and_hour_across_clock_changes() -> None:
    # Summer time began in Berlin on Sunday 29 March 2026.
    now = datetime(2026, 4, 1, 10, tzinfo=UTC)
    since, weeks = spans(now, "Europe/Berlin")
    assert since == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert weeks[0] == (datetime(2026, 3, 22, 23, tzinfo=UTC), datetime(2026, 3, 25, 11, tzinfo=UTC))
    monday = datetime(2026, 1, 12, 9, tzinfo=UTC)
    assert spans(monday, "UTC")[0] == monday.replace(hour=0) - timedelta(days=7)


def test_entries_are_counted_by_stage(databases: Databases, tmp_path: Path) -> None:
    changes = []
    for week in range(9):
        for number in range(12 if week == 0 else 3):
            start = NOON - timedelta(weeks=week, hours=30 + number)
            changes += a_ticket(f"T-{week}-{number}", (1, "Waiting for parts"), (2, "Closed"), start=start)
    with small_desk(databases.sqlite(), tmp_path / "home") as desk:
        tell(desk, changes)
        with desk.facts.connect() as con:
            found = {one.stage: (one.entered, one.usual) for one in find(con, NOON, "UTC")}
            # Three weeks of history are too few to say what is usual.
            assert find(con, NOON - timedelta(weeks=5), "UTC") == []
    assert found["Waiting for parts"] == (12, 3)
