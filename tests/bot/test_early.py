"""A manager's morning: risks, surges and what nobody owns, to each manager once, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.blocks.early import early as drawn_early
from bot.clients import web_client
from bot.notices import deliver_notices
from bot.playground.run import pointing_at
from bot.playground.standin import SlackStandIn
from unstuck import notices
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.jobs import Jobs
from unstuck.notices import Told
from unstuck.nudges import risks
from unstuck.nudges.at_risk import AtRisk
from unstuck.nudges.recipients import ADMIN
from unstuck.stalls.risk import Reason, Risk
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import PersonRecord

MORNING = NOON - timedelta(hours=2)


@pytest.fixture
def managers(slack: SlackStandIn) -> list[str]:
    return [slack.add_user(name, email=f"{name}@desk.example") for name in ("mia", "max")]


@pytest.fixture
def desk(slack: SlackStandIn, databases: Databases, tmp_path: Path, managers: list[str]) -> Iterator[Deps]:
    given = pointing_at(slack) | {"managers": f"{managers[0]}, max@desk.example"}
    clock = FrozenClock(MORNING)
    with small_desk(databases.sqlite(), tmp_path, clock=clock, **given) as deps:
        yield deps


def trouble(desk: Deps) -> None:
    tell(desk, [], [PersonRecord("gone", "Gone", "agent", active=False)])
    tell(desk, a_ticket("T-1", start=NOON - timedelta(days=3)))
    tell(desk, a_ticket("T-2", start=NOON - timedelta(days=4), assignee="gone", url="https://desk.example/2"))
    tell(desk, a_ticket("T-3", start=NOON - timedelta(hours=4)))
    reasons = (Reason("team", "Repairs", 0.6, 80), Reason("customer", "ACME", 0.5, 40))
    risk = Risk(0.71, (("stage", "New"),), 300, 0.3, reasons)
    with desk.sessions.begin() as session:
        risks.keep(session, [AtRisk("T-3", 3, "New", "made_sla", NOON + timedelta(days=1), risk)], MORNING)


def minute(desk: Deps) -> None:
    Jobs(desk).early()
    deliver_notices(desk, web_client(desk.settings))


def test_each_manager_hears_once_a_morning(desk: Deps, slack: SlackStandIn, managers: list[str]) -> None:
    trouble(desk)
    for _ in range(3):
        minute(desk)
    told = slack.messages(by_bot=True)
    assert sorted(m.channel for m in told) == sorted(slack.direct(one) for one in managers)
    text = told[0].all_text()
    assert "Nobody owns:* 1" in text
    assert "left or is away:* 1" in text
    assert "T-3" in text
    assert "71% likely to miss made_sla" in text
    assert "customer ACME" in text


def test_a_quiet_morning_is_no_message(desk: Deps, slack: SlackStandIn) -> None:
    minute(desk)
    trouble(desk)
    minute(desk)
    assert slack.messages(by_bot=True) == []


@pytest.mark.parametrize("hours", [-6, 5, 24 * 3])
def test_it_is_a_working_mornings_news(desk: Deps, slack: SlackStandIn, hours: int) -> None:
    trouble(desk)
    assert isinstance(desk.clock, FrozenClock)
    desk.clock.tick(timedelta(hours=hours))
    minute(desk)
    assert slack.messages(by_bot=True) == []


def test_a_channel_is_told_nothing_about_persons() -> None:
    reasons = [{"fact": "assignee", "value": "Ana", "rate": 0.5, "comparables": 9}]
    one = {"ticket": "T", "url": None, "stage": "New", "what": "overstay", "due": "2026-01-15T12:00:00Z"}
    news = {"at_risk": [{**one, "chance": 0.7, "reasons": reasons}], "at_risk_n": 1, "surges": []}
    nobodys = {"unowned": [], "unowned_n": 0, "orphaned": [], "orphaned_n": 0}
    assert "Ana" not in str(drawn_early(news | nobodys, "en", alone=False))
    assert "Ana" in str(drawn_early(news | nobodys, "en", alone=True))


@pytest.mark.parametrize("named", [True, False])
def test_a_rule_to_retire_is_the_admins_to_hear_or_else_the_managers(
    slack: SlackStandIn, databases: Databases, tmp_path: Path, managers: list[str], named: bool
) -> None:
    admin = slack.add_user("adi", locale="zh-CN")
    given = pointing_at(slack) | {"managers": managers[0], "admins": admin if named else ""}
    with small_desk(databases.sqlite(), tmp_path, clock=FrozenClock(MORNING), **given) as desk:
        with desk.sessions.begin() as session:
            said = {"rule": "overdue", "n": 30, "sent": 60, "share": 0.5, "file": "nudges.toml"}
            notices.put(session, Told("retire:overdue:2026-01", "retire", said, ADMIN), MORNING)
        deliver_notices(desk, web_client(desk.settings))
    [message] = slack.messages(by_bot=True)
    assert message.channel == slack.direct(admin if named else managers[0])
    assert ("经常判错" if named else "is often wrong") in message.all_text()
    assert "50%" in message.all_text()
