"""What became of nudges: kept once it is known; a snooze until the customer replies ends when they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from unstuck import nudges
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.nudges.desk import read_desk
from unstuck.nudges.follow import follow
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, a_change, a_ticket
from unstuck.testing_nudges import mark_sent, small_desk, sweep, tell
from unstuck.tickets.changes import ChangeKind, Message

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, clock: FrozenClock) -> Iterator[Deps]:
    with small_desk(database_url, tmp_path / "home", clock=clock) as built:
        tell(built, a_ticket("T-1", start=NOON - 48 * HOUR, assignee="ana"))
        sweep(built)
        mark_sent(built)
        yield built


def followed(desk: Deps) -> int:
    with desk.sessions.begin() as session:
        return follow(session, read_desk(session.connection(), desk.settings, {}), desk.clock.now())


def column(desk: Deps, name: str) -> Any:
    with desk.engine.connect() as connection:
        return connection.execute(select(NUDGE.c[name])).scalars().first()


def says(at: Any, body: str, kind: str = "customer") -> Any:
    return a_change("T-1", at, kind=ChangeKind.MESSAGE, actor="cust", message=Message(body, kind))


def test_the_first_move_is_kept_and_looked_at_once(desk: Deps, clock: FrozenClock) -> None:
    clock.tick(5 * HOUR)
    tell(desk, [says(NOON + HOUR, "Thanks!"), a_change("T-1", NOON + 2 * HOUR, status="Closed")])
    assert (followed(desk), followed(desk)) == (1, 0)
    assert column(desk, "moved_at") == NOON + 2 * HOUR


def test_a_ticket_that_has_not_moved_is_looked_at_again_only_after_a_change(desk: Deps, clock: FrozenClock) -> None:
    clock.tick(HOUR)
    assert (followed(desk), followed(desk)) == (1, 0)
    assert column(desk, "moved_at") is None
    tell(desk, [a_change("T-1", NOON + HOUR / 2, actor="ana", status="Active")])
    assert followed(desk) == 1
    assert column(desk, "moved_at") == NOON + HOUR / 2


@pytest.mark.parametrize(("words", "wakes"), [("It still leaks, see photo", True), ("Thanks!", False)])
def test_a_snooze_ends_when_the_customer_replies(desk: Deps, clock: FrozenClock, words: str, wakes: bool) -> None:
    with desk.sessions.begin() as session:
        nudges.snooze(session, 1, "U1", NOON, NOON + 30 * 24 * HOUR, or_reply=True)
    clock.tick(5 * HOUR)
    followed(desk)
    assert sweep(desk).planned == 0
    tell(desk, [says(NOON + 4 * HOUR, words)])
    followed(desk)
    clock.tick(timedelta(seconds=2))
    assert sweep(desk).planned == int(wakes)
