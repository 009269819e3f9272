"""Stages that are left by a clock are told from stages that people leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unstuck.facts.timers import setting

HOUR, DAY = 3600.0, 86400.0
SEEDS = range(5)


def shuffled(random: np.random.Generator, *parts: NDArray[np.float64]) -> NDArray[np.float64]:
    return random.permutation(np.concatenate(parts))


def leave_early(random: np.random.Generator, n: int, before: float) -> NDArray[np.float64]:
    return random.exponential(before / 4, n) % before


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("days", [0.25, 2, 5, 30])
def test_an_hourly_clock_is_found_among_people_who_leave_before(seed: int, days: float) -> None:
    random = np.random.default_rng(seed)
    clock = days * DAY + random.uniform(0, min(HOUR, days * HOUR), 300)
    found = setting(shuffled(random, leave_early(random, 300, days * DAY), clock))
    assert found is not None
    assert found[0] == pytest.approx(days * DAY, rel=0.05)
    assert found[1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_nightly_clock_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = setting(shuffled(random, leave_early(random, 60, 3 * DAY), 5 * DAY + random.uniform(0, DAY, 200)))
    assert found is not None
    assert found[0] == pytest.approx(5 * DAY, rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("job", [HOUR, DAY])
def test_a_clock_that_rests_on_weekends_is_found(seed: int, job: float) -> None:
    random = np.random.default_rng(seed)
    entered = random.integers(0, 60, 400) * DAY + random.uniform(8 * HOUR, 18 * HOUR, 400)
    entered = entered[(entered // DAY) % 7 < 5]
    due = np.ceil((entered + 5 * DAY) / job) * job
    while (weekend := (due // DAY) % 7 >= 5).any():
        due[weekend] = (due[weekend] // DAY + 1) * DAY
    found = setting(due - entered)
    assert found is not None
    assert found[0] == pytest.approx(5 * DAY, rel=0.15)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("typical", [HOUR, DAY, 20 * DAY])
def test_people_are_no_clock(seed: int, spread: float, typical: float) -> None:
    random = np.random.default_rng(seed)
    assert setting(random.lognormal(np.log(typical), spread, 500)) is None
    assert setting(random.exponential(typical, 500)) is None
    assert setting(random.gamma(1 / spread, typical, 500)) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("unit", [900.0, HOUR, DAY])
def test_rounded_records_are_no_clock(seed: int, unit: float) -> None:
    random = np.random.default_rng(seed)
    for lasted in (random.exponential(1.5 * unit, 500), random.lognormal(np.log(3 * unit), 0.8, 500)):
        assert setting(np.round(lasted / unit) * unit) is None
        assert setting(np.ceil(lasted / unit) * unit) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_kept_in_whole_days_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    early = random.integers(0, 3, 100) * DAY
    assert setting(shuffled(random, early, np.full(200, 7 * DAY))) == (7 * DAY, pytest.approx(2 / 3))


def test_people_who_look_in_once_a_day_are_no_clock() -> None:
    random = np.random.default_rng(1)
    entered = random.uniform(0, 60 * DAY, 500)
    assert setting((entered // DAY + 1) * DAY + 9 * HOUR - entered) is None


def test_a_clock_that_failed_for_a_while_is_still_one() -> None:
    random = np.random.default_rng(1)
    good, late = 5 * DAY + random.uniform(0, HOUR, 300), random.uniform(5 * DAY, 15 * DAY, 1100)
    found = setting(np.concatenate([good, late]))
    assert found is not None
    assert found[0] == 5 * DAY


def test_few_visits_say_nothing() -> None:
    assert setting(np.full(29, 5 * DAY)) is None
    assert setting(np.full(30, 5 * DAY)) == (5 * DAY, 1.0)
    assert setting(np.zeros(0)) is None
    assert setting(np.zeros(500)) is None
