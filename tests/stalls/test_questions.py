"""The questions that chances are asked for: what is learned from, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np

from unstuck.facts import Facts
from unstuck.facts.timers import Timer
from unstuck.stalls.deadlines import Deadline
from unstuck.stalls.questions import missing
from unstuck.stalls.risk import PLAIN
from unstuck.testing import NOON, a_change, a_ticket, store_changes
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.store import open_store

DAY = 86_400
RULE = Deadline("in_time", "no", "closed", "calendar", "", {None: 9 * DAY}, 1.0, 300)
CLOCK = Timer("Solved", 5 * DAY, 0.9)
STOOD_STILL = range(100, 200)


def solved_in_time() -> Iterator[TicketChange]:
    """All are solved within three days and closed by a clock five days later; once it stood still for three weeks."""
    dice = Random(1)
    for number in range(300):
        start = NOON + timedelta(hours=5 * number)
        solved = start + timedelta(days=dice.uniform(1.1, 3))
        closed = solved + timedelta(days=26 if number in STOOD_STILL else 5)
        yield from a_ticket(f"T-{number}", start=start)
        yield a_change(f"T-{number}", solved, status="Solved")
        yield a_change(f"T-{number}", closed, status="Closed")


def test_a_closing_clock_that_stood_still_teaches_nothing(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store_changes(engine, solved_in_time())
    with closing(Facts(engine, tmp_path / "facts").connect()) as con:
        by_clock, by_hand = (missing(con, RULE, timers, DAY) for timers in ([CLOCK], []))
    engine.dispose()
    now = int((NOON + timedelta(days=200)).timestamp())
    assert len(by_clock.moments) == len(by_hand.moments) == 300
    # Solved in time is closed in time, four days before the deadline for closing …
    assert not by_clock.cases(now, PLAIN).late.any()
    assert np.array_equal(by_hand.due - by_clock.due, np.full(300, 5 * DAY))
    # … unless people close: then what counts is when they did.
    assert np.flatnonzero(by_hand.cases(now, PLAIN).late).tolist() == list(STOOD_STILL)
