"""Caps and digests together: who gets how many messages on a morning."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from unstuck.clock import FrozenClock
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell

RULES = '[[target]]\nwithin = "10h"\n[caps]\nperson_per_day = 2\n'


def test_a_digest_counts_though_what_it_first_waited_for_has_moved(databases: Databases, tmp_path: Path) -> None:
    clock = FrozenClock(NOON)
    with small_desk(databases.sqlite(), tmp_path, rules=RULES, clock=clock) as desk:
        tell(desk, a_ticket("T-0", start=NOON - timedelta(hours=13), assignee="ana"))
        assert sweep(desk).planned == 1  # for tomorrow's digest
        clock.tick(timedelta(hours=9))
        tell(desk, [a_change("T-0", NOON + timedelta(hours=8), status="Solved")])
        assert sweep(desk).moved == 1
        for name, hours in (("T-1", 3), ("T-2", 3), ("T-3", 9)):
            tell(desk, a_ticket(name, start=NOON + timedelta(hours=hours), assignee="ana"))
        clock.tick(timedelta(hours=12))  # nine in the morning
        sweep(desk)
        with desk.engine.connect() as connection:
            due = connection.execute(
                select(NUDGE.c.digest).where(NUDGE.c.state == "due").order_by(NUDGE.c.digest)
            ).all()
    # Two messages today; the other one waits for tomorrow.
    assert [row.digest for row in due if row.digest] == [f"morning:1:person:ana:2026-01-{day}" for day in (15, 16)]
    assert len(due) == 3


def test_no_digest_begins_on_a_day_that_is_full(databases: Databases, tmp_path: Path) -> None:
    clock = FrozenClock(NOON)
    with small_desk(databases.sqlite(), tmp_path, rules=RULES, clock=clock) as desk:
        for name, hours in (("T-1", 0), ("T-2", 0), ("T-3", 11)):
            tell(desk, a_ticket(name, start=NOON + timedelta(hours=hours), assignee="ana"))
        clock.tick(timedelta(hours=21))  # nine in the morning
        # Two that are long overdue go out at once.
        assert sweep(desk).planned == 2
        clock.tick(timedelta(minutes=5))
        # One that is late since a minute ago could stand in this morning's digest, were there room for one.
        assert sweep(desk).planned == 1
        with desk.engine.connect() as connection:
            due = connection.execute(select(NUDGE.c.digest).where(NUDGE.c.state == "due")).scalars().all()
    assert sorted(due, key=str) == [None, None, "morning:1:person:ana:2026-01-16"]
