"""Who hears next, and when: the ladder as a support lead would expect it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from unstuck.clock import iso
from unstuck.nudges.ladder import Next, Situation, Told, next_nudge
from unstuck.nudges.recipients import Directory, Group, Someone
from unstuck.nudges.rules import load
from unstuck.stalls.find import Stall
from unstuck.stalls.turn import Party, PartyKind
from unstuck.testing import NOON

RULES = load(Path("/nowhere"))
SINCE = NOON - timedelta(days=5)
OCCASION = iso(SINCE)
DESK = Directory(
    people={"ana": Someone("Ana"), "lee": Someone("Lee"), "gone": Someone("Gone", active=False)},
    teams={"t1": Group("Repairs", lead="lee")},
)
DAY = timedelta(days=1)


def stall(kind: PartyKind = PartyKind.AGENT, assignee: str | None = "ana", team: str | None = "t1") -> Stall:
    return Stall(
        1, "Active", Party(kind, assignee), team, assignee, None, SINCE, SINCE, 432_000, 3600, 50, "stage", 0.9, ()
    )


def asked(one: Stall, *told: Told, now: datetime = NOON) -> Next | None:
    return next_nudge(one, told, Situation(RULES, None, "UTC", lambda rung: DESK.who(rung, one)), now)


def sent(step: int, at: datetime, recipient: str = "person:ana", occasion: str = OCCASION) -> Told:
    return Told(occasion, step, recipient, "sent", at, at)


def test_the_owner_first_at_once() -> None:
    first = asked(stall())
    assert first is not None
    assert (first.step, first.recipient, first.occasion, first.at) == (0, "person:ana", OCCASION, NOON)


@pytest.mark.parametrize(("assignee", "kind"), [(None, PartyKind.TEAM), ("gone", PartyKind.AGENT)])
def test_the_team_first_when_nobody_owns_it_or_the_owner_is_gone(assignee: str | None, kind: PartyKind) -> None:
    first = asked(stall(kind, assignee))
    assert first is not None
    assert (first.step, first.recipient) == (1, "team:t1")


def test_without_owner_and_team_the_managers() -> None:
    first = asked(stall(PartyKind.NOBODY, None, None))
    assert first is not None
    assert (first.step, first.recipient) == (3, "manager")


def test_nobody_is_told_about_the_customers_turn() -> None:
    assert asked(stall(PartyKind.CUSTOMER)) is None


def test_each_rung_waits_for_the_one_before() -> None:
    second = asked(stall(), sent(0, NOON))
    third = asked(stall(), sent(0, NOON), sent(1, NOON + DAY, "team:t1"))
    assert second is not None
    assert (second.step, second.at) == (1, NOON + DAY)
    assert third is not None
    assert (third.step, third.recipient, third.at) == (2, "lead:lee", NOON + 2 * DAY)


def test_weekends_put_a_rung_off_to_monday_morning() -> None:
    friday = NOON + 2 * DAY
    second = asked(stall(), sent(0, friday), now=friday)
    assert second is not None
    assert second.at == datetime.fromisoformat("2026-01-19T09:00:00+00:00")


def test_after_the_last_rung_there_is_silence() -> None:
    told = [sent(step, NOON, who) for step, who in enumerate(["person:ana", "team:t1", "lead:lee", "manager"])]
    assert asked(stall(), *told) is None


def test_what_is_on_its_way_is_not_overtaken() -> None:
    assert asked(stall(), replace(sent(0, NOON), state="sending", sent_at=None)) is None


def test_when_nobody_could_be_reached_the_next_rung_hears_at_once() -> None:
    second = asked(stall(), replace(sent(0, NOON), state="failed", sent_at=None))
    assert second is not None
    assert (second.step, second.at) == (1, NOON)


def test_mine_holds_the_ladder_for_a_day_then_asks_the_owner_again() -> None:
    again = asked(stall(), replace(sent(0, NOON), outcome="mine", outcome_at=NOON + timedelta(hours=1)))
    assert again is not None
    assert (again.step, again.occasion, again.at) == (0, f"{OCCASION}+1", NOON + DAY + timedelta(hours=1))


def test_a_snooze_ends_in_a_new_occasion() -> None:
    until = NOON + 5 * timedelta(hours=1)
    snoozed = replace(sent(0, NOON), outcome="snoozed", outcome_at=NOON, snoozed_until=until)
    again = asked(stall(), snoozed)
    assert again is not None
    assert (again.step, again.occasion, again.at) == (0, f"{OCCASION}+1", until)
    twice = asked(stall(), snoozed, replace(snoozed, occasion=f"{OCCASION}+1", sent_at=until))
    assert twice is not None
    assert twice.occasion == f"{OCCASION}+2"


def test_a_false_alarm_ends_it() -> None:
    assert asked(stall(), replace(sent(0, NOON), outcome="false_alarm", outcome_at=NOON)) is None


def test_a_new_stretch_of_standing_still_waits_for_the_cool_down() -> None:
    told = sent(0, NOON - timedelta(hours=1), occasion="2026-01-01T00:00:00Z")
    first = asked(stall(), told)
    assert first is not None
    assert (first.occasion, first.at) == (OCCASION, NOON + timedelta(hours=3))


def test_two_messages_a_day_about_one_ticket_are_enough() -> None:
    early = [sent(0, NOON - timedelta(hours=hours), occasion="2026-01-01T00:00:00Z") for hours in (11, 5)]
    first = asked(stall(), *early)
    assert first is not None
    assert first.at == datetime.fromisoformat("2026-01-15T09:00:00+00:00")
