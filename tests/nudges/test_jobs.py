"""The round that runs every minute: learn what late means, sweep, deliver; and the loop around it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from unstuck import jobs
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.nudges.rules import FILE
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import PersonRecord

CAREFUL = "[caps]\nperson_per_day = 100\n"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def desk(databases: Databases, tmp_path: Path, clock: FrozenClock) -> Iterator[Deps]:
    with small_desk(databases.sqlite(), tmp_path / "home", rules=CAREFUL, clock=clock) as deps:
        yield deps


def history(desk: Deps, n: int) -> None:
    """`n` tickets that were taken up after 1 to `n` hours, three months ago."""
    start = NOON - timedelta(days=90)
    for hours in range(1, n + 1):
        tell(desk, a_ticket(f"H-{hours}", (hours, "Active"), (hours + 1, "Closed"), start=start))


def planned_for(desk: Deps) -> list[str]:
    with desk.engine.connect() as connection:
        return [key.split("/")[1].split(":")[0] for key in connection.execute(select(NUDGE.c.key)).scalars()]


def test_late_is_learned_from_history(desk: Deps) -> None:
    history(desk, 40)
    tell(desk, a_ticket("T-late", start=NOON - timedelta(hours=48), assignee="ana"))
    tell(desk, a_ticket("T-fine", start=NOON - timedelta(hours=30), assignee="ana"))
    jobs.run_once(desk)
    assert planned_for(desk) == ["T-late"]


def test_without_history_nobody_is_nudged(desk: Deps) -> None:
    tell(desk, a_ticket("T-1", start=NOON - timedelta(days=30), assignee="ana"))
    assert jobs.run_once(desk).planned == 0


def test_what_late_means_is_learned_anew_and_all_tickets_looked_at(desk: Deps, clock: FrozenClock) -> None:
    tell(desk, a_ticket("T-1", start=NOON - timedelta(days=30), assignee="ana"))
    work = jobs.Jobs(desk)
    assert work.run_once().planned == 0
    history(desk, 40)
    clock.tick(timedelta(minutes=11))
    assert work.run_once().planned == 1


def test_other_rules_are_heeded_at_once(desk: Deps, clock: FrozenClock) -> None:
    tell(desk, a_ticket("T-1", start=NOON - timedelta(hours=5), assignee="ana"))
    work = jobs.Jobs(desk)
    assert work.run_once().planned == 0
    clock.tick(timedelta(minutes=1))
    assert work.run_once().looked_at == 0
    (desk.settings.directory / FILE).write_text('[[target]]\nwithin = "2h"\n', encoding="utf-8")
    assert work.run_once().planned == 1


def test_somebody_who_comes_or_goes_concerns_their_own_tickets(desk: Deps) -> None:
    for name, owner in (("T-1", "ana"), ("T-2", "ben")):
        tell(desk, a_ticket(name, start=NOON - timedelta(hours=5), assignee=owner, team="t1"))
    work = jobs.Jobs(desk)
    assert work.run_once().looked_at == 2
    tell(desk, [], [PersonRecord("ana", "Ana", "agent", "ana@example.com", active=False)])
    assert work.run_once().looked_at == 1


def test_the_loop_runs_by_itself_and_survives_a_failure(
    desk: Deps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "SWEEP_EVERY", timedelta(seconds=1))
    rounds, twice = 0, threading.Event()

    def deliver() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise RuntimeError("Slack is on fire")
        twice.set()

    clock = desk.clock
    assert isinstance(clock, FrozenClock)
    with caplog.at_level(logging.ERROR, "unstuck.jobs"), jobs.running(desk, deliver, know=False):
        assert twice.wait(30)
    assert "job sweep failed" in caplog.text
