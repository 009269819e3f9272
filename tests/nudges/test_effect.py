"""Whether nudges help: the draw, what is kept of it, the comparison and its interval, rules that are often wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from unstuck.cli import app
from unstuck.clock import FrozenClock, iso
from unstuck.deps import Deps
from unstuck.nudges import outbox, retire
from unstuck.nudges.desk import read_desk
from unstuck.nudges.effect import HORIZON, Stalled, at_least, compare, effect, group_of, horizon_of
from unstuck.nudges.follow import follow
from unstuck.nudges.rules import FILE, load
from unstuck.nudges.sweep import NUDGE
from unstuck.nudges.trial import is_held_out
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import HASTY, small_desk, sweep, tell
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Notice

HOUR = timedelta(hours=1)
THREE_DAYS = HORIZON.total_seconds()


def stalls(mean_hours: float, n: int, seed: int, held: bool = False, followed: float = 500.0) -> list[Stalled]:
    """Exponential times, lost sight of at a random moment within `followed` hours."""
    dice = np.random.default_rng(seed)
    took, until = dice.exponential(mean_hours, n), dice.uniform(0, followed, n)
    pairs = zip(took.tolist(), until.tolist(), strict=True)
    return [Stalled(number, held, 3600 * min(a, b), a <= b, 3600 * b) for number, (a, b) in enumerate(pairs)]


def test_a_group_allows_for_stalls_that_are_still_open() -> None:
    # Of times with a mean of 20 hours, the mean up to 72 hours is 20 (1 - exp(-3.6)).
    found = group_of(stalls(20, 20_000, 1, followed=100), THREE_DAYS)
    assert found.mean_s == pytest.approx(3600 * 20 * (1 - np.exp(-3.6)), rel=0.03)
    assert found.moved_1d == pytest.approx(1 - np.exp(-24 / 20), abs=0.02)
    assert found.moved_2h == pytest.approx(1 - np.exp(-2 / 20), abs=0.02)


def restricted_mean(some: Sequence[Stalled], horizon: float) -> float:
    """The same by the book: one step after the other."""
    standing, area, before = 1.0, 0.0, 0.0
    for at in sorted({one.seconds for one in some if one.moved and one.seconds <= horizon}):
        area += standing * (at - before)
        at_risk = sum(one.seconds >= at for one in some)
        standing *= 1 - sum(one.moved and one.seconds == at for one in some) / at_risk
        before = at
    return area + standing * (horizon - before)


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_equals_the_textbooks_also_with_ties(seed: int) -> None:
    some = [
        Stalled(one.ticket, False, round(one.seconds, -4), one.moved, 0) for one in stalls(30, 60, seed, followed=90)
    ]
    assert group_of(some, THREE_DAYS).mean_s == pytest.approx(restricted_mean(some, THREE_DAYS))


@pytest.mark.parametrize("mean_hours", [12, 30])
def test_intervals_hold_the_truth_about_as_often_as_they_say(mean_hours: float) -> None:
    inside, told = 0, mean_hours * (1 - np.exp(-72 / mean_hours))
    truth = 3600 * (told - 30 * (1 - np.exp(-2.4)))
    for seed in range(40):
        _, interval = compare(stalls(mean_hours, 80, seed), stalls(30, 80, 1000 + seed, held=True), THREE_DAYS)
        assert interval is not None
        inside += interval[0] <= truth <= interval[1]
        # An effect as large as that is seen every time.
        assert mean_hours == 30 or interval[1] < 0
    assert inside >= 35


def test_too_few_say_nothing() -> None:
    assert compare(stalls(10, 200, 1), stalls(10, 19, 2), THREE_DAYS) == (None, None)
    assert horizon_of(stalls(10, 5, 1, followed=5), stalls(10, 50, 1)) < 5 * 3600


def test_the_draw_is_fair_and_stable_and_spares_managers() -> None:
    occasion = "2026-01-12T12:00:00Z"
    drawn = [is_held_out(ticket, occasion, "person:ana", 0.1) for ticket in range(20_000)]
    assert 0.09 < sum(drawn) / len(drawn) < 0.11
    for ticket in range(50):
        assert is_held_out(ticket, occasion, "person:ana", 0.1) == is_held_out(ticket, occasion + "+2", "team:t", 0.1)
        assert not is_held_out(ticket, occasion, "manager", 1.0)
        assert not is_held_out(ticket, occasion, "person:ana", 0.0)


@pytest.mark.parametrize(("wrong", "n", "least"), [(0, 10, 0.0), (5, 10, 0.237), (60, 100, 0.502)])
def test_the_lower_bound_is_wilsons(wrong: int, n: int, least: float) -> None:
    assert at_least(wrong, n) == pytest.approx(least, abs=0.001)


@pytest.fixture
def desk(databases: Databases, tmp_path: Path) -> Iterator[Deps]:
    rules = HASTY + "[trial]\nhold_out = 0.5\nretire_above = 0.2\n"
    with small_desk(databases.sqlite(), tmp_path, rules=rules, clock=FrozenClock(NOON), admins="UADMIN1") as built:
        yield built


def deliver(desk: Deps) -> None:
    """As delivery does, Slack left out."""
    while True:
        with desk.sessions.begin() as session:
            place = read_desk(session.connection(), desk.settings, {})
            held = outbox.claim(session, place, desk.clock.now())
            if held is None:
                return
            outbox.sent(session, held, "C1", held.key, desk.clock.now(), lang="en")


def a_trial(desk: Deps, n: int) -> None:
    """Told tickets move after an hour, the others after ten."""
    for number in range(n):
        tell(desk, a_ticket(f"T-{number}", start=NOON - 48 * HOUR, assignee="ana"))
    sweep(desk)
    deliver(desk)
    with desk.engine.connect() as connection:
        states = dict(connection.execute(select(NUDGE.c.ticket_id, NUDGE.c.state)).all())  # type: ignore[arg-type]
    assert isinstance(desk.clock, FrozenClock)
    desk.clock.tick(24 * HOUR)
    for ticket, state in states.items():
        after = HOUR if state == "sent" else 10 * HOUR
        tell(desk, [a_change(f"T-{ticket - 1}", NOON + after, actor="ana", status="Active")])
    with desk.sessions.begin() as session:
        follow(session, read_desk(session.connection(), desk.settings, {}), desk.clock.now())


def test_from_the_draw_to_the_report(desk: Deps) -> None:
    a_trial(desk, 80)
    with desk.engine.connect() as connection:
        found = effect(connection, load(desk.settings.directory), desk.clock.now(), 30)
    assert found.sent.n + found.held.n == 80
    assert (found.sent.moved_2h, found.held.moved_2h, found.held.moved_1d) == (1.0, 0.0, 1.0)
    assert found.difference_s == pytest.approx(-9 * 3600)
    home = str(desk.settings.directory)
    url = {"UNSTUCK_DATABASE_URL": desk.settings.url}
    words = ["nudges", "effect", "--home", home, "--as-of", iso(desk.clock.now())]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"], env=url).stdout)
    assert (told["enough"], told["sent"]["n"], told["difference_s"]) == (True, found.sent.n, pytest.approx(-32400))
    assert "9 h" in CliRunner().invoke(app, words, env=url).stdout


def test_what_is_held_back_is_never_sent_but_climbs_to_the_managers(desk: Deps) -> None:
    (desk.settings.directory / FILE).write_text(HASTY + "[trial]\nhold_out = 0.5\n", encoding="utf-8")
    for number in range(8):
        tell(desk, a_ticket(f"T-{number}", start=NOON - 48 * HOUR, assignee="ana"))
    assert isinstance(desk.clock, FrozenClock)
    for _ in range(40):
        sweep(desk)
        deliver(desk)
        desk.clock.tick(6 * HOUR)
    with desk.engine.connect() as connection:
        rows = connection.execute(select(NUDGE.c.ticket_id, NUDGE.c.state, NUDGE.c.recipient)).all()
    kept = {row.ticket_id for row in rows if row.state == "held"}
    assert 0 < len(kept) < 8
    assert {row.recipient for row in rows if row.ticket_id in kept and row.state == "sent"} == {"manager"}


def test_a_rule_that_is_often_wrong_is_proposed_to_the_admins_once(desk: Deps) -> None:
    a_trial(desk, 80)
    rules = load(desk.settings.directory)
    assert retire.propose(desk.engine, rules, "UTC", desk.clock.now()) == 0
    with desk.sessions.begin() as session:
        session.execute(update(NUDGE).where(NUDGE.c.state == "sent", NUDGE.c.id % 2 == 0).values(outcome="false_alarm"))
    assert [retire.propose(desk.engine, rules, "UTC", desk.clock.now()) for _ in range(2)] == [1, 0]
    with desk.engine.connect() as connection:
        [notice] = connection.execute(select(table_of(Notice))).all()
    assert (notice.kind, notice.recipient, notice.payload["rule"]) == ("retire", "admin", "overdue")
