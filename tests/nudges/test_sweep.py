"""Sweeps on a real store: what is found, written once, withdrawn, put off; and what the buttons do to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck import nudges
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.errors import UserError
from unstuck.nudges import outbox, plan
from unstuck.nudges.desk import read_desk
from unstuck.nudges.sweep import NUDGE, WATCH
from unstuck.nudges.waiting import waiting_for
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import HASTY, mark_sent, small_desk, sweep, tell
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord
from unstuck.tickets.database import reading
from unstuck.tickets.tables import Audit

START = NOON - timedelta(days=2)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, clock: FrozenClock) -> Iterator[Deps]:
    with small_desk(database_url, tmp_path / "home", clock=clock) as deps:
        yield deps


def stalled(desk: Deps, *names: str, start: datetime = START, **values: str) -> None:
    for name in names:
        tell(desk, a_ticket(name, start=start, **{"assignee": "ana", "team": "t1", **values}))


def rows(desk: Deps, *columns: str) -> list[Any]:
    with reading(desk.engine) as connection:
        wanted = select(*(NUDGE.c[name] for name in columns)).order_by(NUDGE.c.id)
        return [tuple(row) if len(columns) > 1 else row[0] for row in connection.execute(wanted)]


def test_a_stall_becomes_one_row_however_often_it_is_found(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    assert sweep(desk).planned == 1
    with desk.sessions.begin() as session:
        session.execute(update(WATCH).values(revision=0))
    assert sweep(desk).planned == 0
    assert rows(desk, "key", "state") == [("overdue:test/T-1:2026-01-12T12:00:00Z:0", "due")]


def test_a_sweep_looks_only_where_something_happened(desk: Deps, clock: FrozenClock) -> None:
    for number in range(20):
        tell(desk, a_ticket(f"T-{number}", start=NOON - timedelta(minutes=number), assignee="ana"))
    assert sweep(desk).looked_at == 20
    assert sweep(desk).looked_at == 0
    tell(desk, [a_change("T-3", NOON, status="Active")])
    assert sweep(desk).looked_at == 1
    clock.tick(timedelta(minutes=45, seconds=1))
    assert sweep(desk).planned == 5  # those that are older than an hour by now: 15 to 19
    clock.tick(timedelta(hours=5))
    assert sweep(desk).looked_at == 20


def test_closed_tickets_are_left_alone(desk: Deps) -> None:
    tell(desk, a_ticket("T-1", (1, "Closed"), start=START))
    assert sweep(desk) == nudges.Planned(0, 0, 0, 0)


@pytest.mark.parametrize("move", [{"status": "Closed"}, {"assignee": "ben"}, {}])
def test_what_has_moved_is_withdrawn(desk: Deps, clock: FrozenClock, move: dict[str, str]) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    tell(desk, [a_change("T-1", NOON - timedelta(minutes=1), actor="ana", **move)])
    assert sweep(desk).moved == 1
    assert rows(desk, "state", "outcome") == [("withdrawn", "moved")]


def test_what_was_sent_is_redrawn_when_the_ticket_moves(desk: Deps) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    tell(desk, [a_change("T-1", NOON - timedelta(minutes=1), status="Closed")])
    sweep(desk)
    assert rows(desk, "state", "outcome", "redraw") == [("sent", "moved", True)]


def test_a_person_hears_so_much_a_day_the_longest_overdue_first(
    database_url: str, tmp_path: Path, clock: FrozenClock
) -> None:
    with small_desk(database_url, tmp_path / "home", clock=clock, rules=HASTY.replace("1000", "2")) as desk:
        for days in range(1, 6):
            tell(desk, a_ticket(f"T-{days}", start=NOON - timedelta(days=days), assignee="ana"))
        assert (sweep(desk).planned, sweep(desk).planned) == (2, 0)
        mark_sent(desk)
        clock.tick(timedelta(days=1))
        assert sweep(desk).planned == 2
        told = [key.split(":")[1] for key in rows(desk, "key")]
        assert told[:2] == ["test/T-5", "test/T-4"]
        assert "test/T-3" in told[2:]


def test_the_ladder_climbs_by_itself(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    for _ in range(6 * 24):
        sweep(desk)
        mark_sent(desk)
        clock.tick(timedelta(hours=1))
    assert rows(desk, "step", "recipient") == [(0, "person:ana"), (1, "team:t1"), (3, "manager")]
    days = [at.strftime("%a %H:%M") for at in rows(desk, "due_at")]
    assert days == ["Wed 12:00", "Thu 12:00", "Mon 09:00"]


def test_who_is_gone_by_delivery_is_passed_over(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    tell(desk, [], [PersonRecord("ana", "Ana", "agent", "ana@example.com", active=False)])
    with reading(desk.engine) as connection:
        place = read_desk(connection, desk.settings, {})
    with desk.sessions.begin() as session:
        assert outbox.claim(session, place, clock.now()) is None
    clock.tick(timedelta(seconds=2))
    sweep(desk)
    assert rows(desk, "recipient", "state") == [("person:ana", "failed"), ("team:t1", "due")]


def test_a_snooze_brings_it_up_again_when_it_ends(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    with desk.sessions.begin() as session:
        until = nudges.snooze_until("hour", NOON, read_desk(session.connection(), desk.settings, {}).rules.hours, "UTC")
        assert nudges.snooze(session, 1, "U1", NOON, until).changed
    clock.tick(timedelta(minutes=30))
    assert sweep(desk).planned == 0
    clock.tick(timedelta(hours=4))
    assert sweep(desk).planned == 1
    assert rows(desk, "occasion")[1].endswith("+1")


def test_a_false_alarm_is_not_brought_up_again_until_the_ticket_moves(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    with desk.sessions.begin() as session:
        nudges.false_alarm(session, 1, "U1", NOON)
    for _ in range(8):
        clock.tick(timedelta(days=1))
        assert sweep(desk).planned == 0
    tell(desk, [a_change("T-1", clock.now(), actor="ana")])
    clock.tick(timedelta(hours=5))
    assert sweep(desk).planned == 1


def test_a_button_works_once_and_is_written_down(desk: Deps) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    with desk.sessions.begin() as session:
        first, again = (nudges.mine(session, 1, who, NOON) for who in ("U1", "U2"))
        assert (first.changed, again.changed, again.by) == (True, False, "U1")
        (entry,) = session.execute(select(Audit)).scalars()
        assert (entry.actor, entry.action, entry.details) == ("U1", "nudge", {"outcome": "mine"})
        with pytest.raises(UserError, match="nudge_unknown"):
            nudges.mine(session, 99, "U1", NOON)


def test_a_button_on_a_ticket_that_has_moved_does_nothing(desk: Deps) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    tell(desk, [a_change("T-1", NOON - timedelta(minutes=1), status="Closed")])
    sweep(desk)
    with desk.sessions.begin() as session:
        pressed = nudges.snooze(session, 1, "U1", NOON, NOON + timedelta(days=1))
    assert (pressed.changed, pressed.outcome) == (False, "moved")


def test_a_press_during_a_sweep_is_not_forgotten(desk: Deps, clock: FrozenClock) -> None:
    stalled(desk, "T-1")
    sweep(desk)
    mark_sent(desk)
    clock.tick(timedelta(minutes=6))
    with reading(desk.engine) as connection:
        place = read_desk(connection, desk.settings, {})
        findings = nudges.look(connection, place, clock.now())
    with desk.sessions.begin() as session:
        nudges.snooze(session, 1, "U1", clock.now(), clock.now() + timedelta(hours=1))
    nudges.plan_nudges(desk.sessions, findings, place)
    clock.tick(timedelta(seconds=2))
    assert sweep(desk).looked_at == 1


DIGESTS = '[[target]]\nwithin = "1h"\n[caps]\nperson_per_day = 2\n[digest]\nbelow = 40\n'


@dataclass
class Dying:
    """Sessions of a process that dies after so many transactions."""

    sessions: sessionmaker[Session]
    left: int

    @contextmanager
    def begin(self) -> Iterator[Session]:
        if not self.left:
            raise MemoryError("killed")
        self.left -= 1
        with self.sessions.begin() as session:
            yield session


@pytest.mark.parametrize("transactions", range(6))
def test_a_sweep_that_was_killed_midway_is_done_by_the_next(
    transactions: int, databases: Databases, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "NUDGES_AT_ONCE", 1)
    monkeypatch.setattr(plan, "AT_ONCE", 10)
    written = []
    for name, left in (("whole", 1000), ("killed", transactions)):
        with small_desk(databases.sqlite(), tmp_path / name, clock=clock, rules=DIGESTS) as desk:
            for number in range(15):
                hours = 2 + number * 4  # half of them are mild
                stalled(desk, f"T-{number}", assignee=f"p{number % 3}", start=NOON - timedelta(hours=hours))
            with reading(desk.engine) as connection:
                place = read_desk(connection, desk.settings, {})
                findings = nudges.look(connection, place, NOON)
            with suppress(MemoryError):
                nudges.plan_nudges(cast("sessionmaker[Session]", Dying(desk.sessions, left)), findings, place)
            sweep(desk)
            written.append(sorted(rows(desk, "key", "recipient", "state", "due_at", "digest")))
    assert len(written[0]) > 10
    assert any(row[-1] for row in written[0])
    assert any(not row[-1] for row in written[0])
    assert written[0] == written[1]


def test_others_can_write_while_a_sweep_is_written_down(desk: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "AT_ONCE", 1)
    for number in range(5):
        tell(desk, a_ticket(f"T-{number}", start=NOON, assignee="ana"))
    turns = []

    def take_a_turn(_: float) -> None:
        with desk.sessions.begin() as session:
            session.add(Audit(at=NOON, action="ask"))
        turns.append(1)

    monkeypatch.setattr(plan.time, "sleep", take_a_turn)
    sweep(desk)
    assert len(turns) == 6  # a ticket each, and the cursor


def test_who_waits_for_a_customer_who_never_wrote_hears_once_they_write(desk: Deps, clock: FrozenClock) -> None:
    tell(desk, a_ticket("T-1", (1, "Wait_Customer"), start=START, assignee="ana"))
    assert sweep(desk).planned == 0
    words = Message("It still leaks.", "customer")
    tell(desk, [a_change("T-1", NOON, kind=ChangeKind.MESSAGE, message=words)])
    assert sweep(desk).planned == 0
    clock.tick(timedelta(days=1, seconds=1))
    assert sweep(desk).planned == 1


def test_what_waits_for_somebody(desk: Deps, clock: FrozenClock) -> None:
    tell(desk, [], [PersonRecord("ana", "Ana", "agent", "Ana@Example.com")])
    stalled(desk, "T-1", title="It leaks")
    tell(desk, a_ticket("T-2", start=START - timedelta(days=1), assignee="ana"))
    sweep(desk)
    mark_sent(desk)
    with reading(desk.engine) as connection:
        place = read_desk(connection, desk.settings, {})
        mine = waiting_for(connection, place, NOON, slack_id="U1", email="ana@example.com")
        assert waiting_for(connection, place, NOON, slack_id="U2", email=None) == []
    assert [(one.ticket, one.title, one.waited) for one in mine] == [
        ("T-2", None, 3 * 86400),
        ("T-1", "It leaks", 2 * 86400),
    ]
