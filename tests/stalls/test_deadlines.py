"""Deadlines that nobody wrote down: found where there is one, not where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

from unstuck.facts import Facts
from unstuck.facts.timers import Timer
from unstuck.stalls.clocks import working_day
from unstuck.stalls.deadlines import ALL_HOURS, Deadline, find, hopeless
from unstuck.stalls.risk import WEEKDAYS
from unstuck.testing import NOON, a_change, a_ticket, store_changes
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.store import open_store

DAYS = {"P1": 1, "P2": 4, "P3": 9}
OFFICE = BusinessCalendar("UTC", (((9 * 60, 17 * 60),),) * 5 + ((), ()))


def tickets(
    flag_by_time: bool, noise: float = 0.0, clock: BusinessCalendar = WEEKDAYS, n: int = 600
) -> Iterator[TicketChange]:
    chance = Random(3)
    for number in range(n):
        name, priority = f"T-{number}", chance.choice(list(DAYS))
        start = NOON + timedelta(hours=7 * number)
        hours = chance.uniform(1, 24 * 20)
        closed = start + timedelta(hours=hours)
        late = closed > clock.after(start, DAYS[priority] * working_day(clock))
        missed = late if flag_by_time else chance.random() < 0.4
        missed ^= chance.random() < noise
        yield from a_ticket(name, start=start, priority=priority, in_time="yes")
        yield a_change(name, closed, status="Closed", in_time="no" if missed else "yes")


def found(directory: Path, changes: Iterator[TicketChange]) -> list[Deadline]:
    engine = open_store(f"sqlite:///{directory / 'store.db'}")
    store_changes(engine, changes)
    with closing(Facts(engine, directory / "facts").connect()) as con:
        deadlines = find(con)
    engine.dispose()
    return deadlines


def test_a_deadline_by_priority_in_business_days_is_found(tmp_path: Path) -> None:
    [rule] = found(tmp_path, tickets(True, noise=0.01))
    assert (rule.field, rule.missed, rule.until, rule.clock, rule.by) == (
        "in_time",
        "no",
        "closed",
        "weekdays",
        "priority",
    )
    assert rule.within == {name: days * 86_400 for name, days in DAYS.items()}
    assert rule.agreement >= 0.98
    assert rule.hours == ALL_HOURS


def test_the_hours_that_a_business_day_counts_are_found(tmp_path: Path) -> None:
    [rule] = found(tmp_path, tickets(True, noise=0.005, clock=OFFICE, n=1500))
    assert rule.hours == (9, 17)
    assert rule.within == {name: days * 86_400 for name, days in DAYS.items()}
    assert rule.agreement >= 0.99
    # Opened before Thursday's hours begin, Thursday is the first of the four days.
    early = datetime(2026, 3, 5, 6, tzinfo=UTC)
    due = rule.due(np.array([int(early.timestamp())]), ["P2"], None)
    assert datetime.fromtimestamp(int(due[0]), UTC) == datetime(2026, 3, 10, 17, tzinfo=UTC)


def test_a_flag_that_has_nothing_to_do_with_time_is_no_deadline(tmp_path: Path) -> None:
    assert found(tmp_path, tickets(False)) == []


@pytest.mark.parametrize(("until", "vain"), [("closed", ["P1", "P2"]), ("solved", [])])
def test_what_a_clock_alone_takes_cannot_be_met(until: str, vain: list[str]) -> None:
    within = {name: days * 86_400 for name, days in DAYS.items()}
    rule = Deadline("in_time", "no", until, "weekdays", "priority", within, 1.0, 600)
    assert [one.kind for one in hopeless(rule, [Timer("Solved", 5 * 86_400, 0.9)])] == vain
