"""The ownership contract: asked once patience is over, asked again, then the lead's; back to the queue only if allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from unstuck import nudges
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.hand_back import give_back, give_back_due, tell_refused
from unstuck.nudges.contract import GIVEN_UP, HAND_OVER, HANDED_BACK, REFUSED, STILL, find_promise
from unstuck.nudges.desk import read_desk
from unstuck.nudges.ladder import Told
from unstuck.nudges.rules import FILE
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import HASTY, mark_sent, small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import WriteBack

START = NOON - timedelta(days=2)
DAY = timedelta(days=1)
OCCASION = "2026-01-12T12:00:00Z"
SOURCE = 'system = "zammad"\nurl = "https://desk.example"\ntoken = "x"\n[write]\nnote = true\nassign = true\n'


def told(round_: int, at: datetime, outcome: str | None = None, step: int = 0, state: str = "sent") -> Told:
    occasion = f"{OCCASION}+{round_}" if round_ else OCCASION
    return Told(occasion, step, "person:ana", state, at, at, outcome, at if outcome else None)


@pytest.mark.parametrize(
    ("rounds", "asked"),
    [
        ([], None),
        ([told(0, NOON)], None),
        ([told(0, NOON, "mine")], 0),
        ([told(0, NOON, "mine"), told(1, NOON + DAY)], 1),
        ([told(0, NOON, "mine"), told(1, NOON + DAY), told(2, NOON + 2 * DAY)], 2),
        ([told(0, NOON, "mine"), told(1, NOON + DAY), told(2, NOON + 2 * DAY, "mine")], 0),
        ([told(0, NOON, "mine"), told(1, NOON + DAY, "snoozed")], None),
        ([told(0, NOON, "mine"), told(1, NOON + DAY, state="withdrawn")], 0),
    ],
)
def test_silence_is_counted_since_the_last_word(rounds: list[Told], asked: int | None) -> None:
    promise = find_promise(rounds)
    assert (promise.asked if promise else None) == asked


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def desk(databases: Databases, tmp_path: Path, clock: FrozenClock) -> Iterator[Deps]:
    with small_desk(databases.sqlite(), tmp_path, clock=clock) as built:
        people = [PersonRecord(name, name.title(), "agent", f"{name}@x.example") for name in ("ana", "lee")]
        tell(built, [], people, [TeamRecord("t1", "Repairs", lead="lee")])
        tell(built, a_ticket("T-1", start=START, team="t1", assignee="ana"))
        sweep(built)
        mark_sent(built)
        with built.sessions.begin() as session:
            nudges.mine(session, 1, "U1", NOON)
        yield built


def run_days(desk: Deps, clock: FrozenClock, days: int) -> None:
    for _ in range(days * 4):
        clock.tick(DAY / 4)
        sweep(desk)
        mark_sent(desk)


def rows(desk: Deps) -> list[Any]:
    with desk.engine.connect() as connection:
        found = connection.execute(select(NUDGE).order_by(NUDGE.c.id)).all()
    return [(row.recipient, row.step, row.payload.get("ask")) for row in found]


def test_the_owner_is_asked_twice_then_the_lead(desk: Deps, clock: FrozenClock) -> None:
    run_days(desk, clock, 5)
    asked = ("person:ana", 0, STILL)
    assert rows(desk) == [("person:ana", 0, None), asked, asked, ("lead:lee", 2, HAND_OVER)]
    run_days(desk, clock, 5)
    assert rows(desk)[4:] == [("manager", 3, None)]


def test_one_tap_keeps_it(desk: Deps, clock: FrozenClock) -> None:
    for nudge in (2, 3, 4):
        run_days(desk, clock, 2)
        with desk.sessions.begin() as session:
            nudges.mine(session, nudge, "U1", clock.now())
    assert {ask for _, _, ask in rows(desk)[1:]} == {STILL}


def test_without_the_contract_the_ladder_begins_anew(desk: Deps, clock: FrozenClock, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(HASTY + "[contract]\nenabled = false\n", encoding="utf-8")
    run_days(desk, clock, 3)
    assert rows(desk)[1:3] == [("person:ana", 0, None), ("team:t1", 1, None)]


def back(desk: Deps, nudge: int) -> str:
    with desk.sessions.begin() as session:
        place = read_desk(session.connection(), desk.settings, {})
        home = desk.settings.directory
        return give_back(session, place, home, nudge, desk.clock, "en", by="U2", name="Lee")


def written(desk: Deps) -> list[Any]:
    row = table_of(WriteBack)
    with desk.engine.connect() as connection:
        return list(connection.execute(select(row.c.ticket, row.c.kind, row.c.value, row.c.by).order_by(row.c.id)))


def test_the_leads_yes_writes_a_note_and_unassigns_once(desk: Deps, clock: FrozenClock, tmp_path: Path) -> None:
    run_days(desk, clock, 5)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "test.toml").write_text(SOURCE, encoding="utf-8")
    assert (back(desk, 4), back(desk, 4)) == (HANDED_BACK, HANDED_BACK)
    (note, assign) = written(desk)
    assert (note[0], note[1], note[3], assign[1:3]) == ("T-1", "note", "Lee", ("assign", ""))
    assert "Ana took this on 14 Jan 2026, 12:00 (UTC)" in note[2]
    assert "2 days" not in note[2].partition("nothing has moved")[2]


def test_a_ticket_system_that_refuses_is_told_about_once(desk: Deps, clock: FrozenClock, tmp_path: Path) -> None:
    run_days(desk, clock, 5)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "test.toml").write_text(SOURCE, encoding="utf-8")
    back(desk, 4)
    row = table_of(WriteBack)
    for state, told in (("due", 0), ("refused", 1), ("refused", 0)):
        with desk.sessions.begin() as session:
            session.execute(update(row).values(state=state))
            assert tell_refused(session, clock) == told
    with desk.engine.connect() as connection:
        assert connection.execute(select(NUDGE.c.outcome).where(NUDGE.c.id == 4)).scalar() == REFUSED


def test_where_nothing_may_be_written_the_lead_hears_at_once(desk: Deps, clock: FrozenClock) -> None:
    run_days(desk, clock, 2)
    assert back(desk, 2) == GIVEN_UP
    run_days(desk, clock, 3)
    assert rows(desk)[-1] == ("lead:lee", 2, HAND_OVER)
    assert written(desk) == []


@pytest.mark.parametrize(("rule", "gone"), [("", 0), ("[contract]\nhand_back = true\n", 2)])
def test_it_goes_back_by_itself_only_where_the_rules_say_so_oldest_first(
    desk: Deps, clock: FrozenClock, tmp_path: Path, rule: str, gone: int
) -> None:
    (tmp_path / FILE).write_text(HASTY + rule, encoding="utf-8")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "test.toml").write_text(SOURCE, encoding="utf-8")
    tell(desk, a_ticket("T-2", start=START - DAY, team="t1", assignee="ana"))
    sweep(desk)
    mark_sent(desk)
    with desk.sessions.begin() as session:
        nudges.mine(session, 2, "U1", NOON)
    run_days(desk, clock, 5)
    for _ in range(2):
        with desk.sessions.begin() as session:
            place = read_desk(session.connection(), desk.settings, {})
            give_back_due(session, place, tmp_path, desk.clock, "en")
    assert [ticket for ticket, kind, *_ in written(desk) if kind == "note"] == ["T-2", "T-1"][:gone]


def test_nothing_goes_back_that_has_moved(desk: Deps, clock: FrozenClock, tmp_path: Path) -> None:
    run_days(desk, clock, 5)
    tell(desk, [a_change("T-1", clock.now(), actor="ana", status="Active")])
    sweep(desk)
    assert back(desk, 4) == "moved"
