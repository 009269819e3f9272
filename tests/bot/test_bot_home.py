"""The Home of agents, managers and admins, against a desk with tickets that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

import pytest

from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import view_problems
from unstuck.nudges.desk import read_desk
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.database import reading

MANY = 25


@dataclass
class Pages:
    """Three people before their Homes."""

    bot: Running
    ana: str
    mia: str
    ada: str

    def home(self, user: str) -> str:
        assert self.bot.slack.open_home(user).ok
        self.bot.settle()
        return self.shown(user)

    def shown(self, user: str) -> str:
        view = self.bot.slack.home(user)
        assert view is not None
        bare = view | {"blocks": [block | {"block_id": str(n)} for n, block in enumerate(view["blocks"])]}
        assert view_problems(bare, "home") == []
        return str(view)

    def press(self, user: str, name: str, value: str | None = None) -> str:
        assert self.bot.slack.press_home(user, name, value).ok
        self.bot.settle()
        return self.shown(user)


@pytest.fixture
def pages(slack: SlackStandIn, databases: Databases, tmp_path: Path) -> Iterator[Pages]:
    ana = slack.add_user("ana", email="Ana@desk.example")
    mia, ada = slack.add_user("mia"), slack.add_user("ada")
    roles = {"managers": mia, "admins": ada}
    with small_desk(databases.sqlite(), tmp_path, **pointing_at(slack), **roles) as deps:
        people = [
            PersonRecord("a", "Ana", kind="agent", email="ana@desk.example", team="t1"),
            PersonRecord("g", "Ghost", kind="agent", team="t1"),
        ]
        changes = [
            change
            for number in range(MANY)
            for change in a_ticket(f"T-{number:02}", start=NOON - timedelta(days=30 - number), team="t1", assignee="a")
        ]
        tell(deps, changes, people, [TeamRecord("t1", "Repairs")])
        with running(deps, slack) as bot:
            yield Pages(bot, ana, mia, ada)


def test_an_agent_turns_the_pages_of_their_tickets(pages: Pages) -> None:
    first = pages.home(pages.ana)
    assert f"My tickets ({MANY})" in first
    assert "T-00" in first
    assert "T-10" not in first
    second = pages.press(pages.ana, "home_turn_tickets_on")
    assert "T-10" in second
    assert "T-00" not in second
    third = pages.press(pages.ana, "home_turn_tickets_on")
    assert "T-24" in third
    assert "home_turn_tickets_on" not in third
    assert "T-10" in pages.press(pages.ana, "home_turn_tickets_back")


def test_only_managers_see_the_flow_and_only_admins_the_health(pages: Pages) -> None:
    ana, mia, ada = (pages.home(user) for user in (pages.ana, pages.mia, pages.ada))
    assert "Where it is stuck now" not in ana
    assert "Health" not in ana
    assert "Where it is stuck now" in mia
    assert "The last four weeks" in mia
    assert "Surges" in mia
    assert "Health" not in mia
    assert "Ghost" in ada
    assert "Repairs" in ada
    assert "No ticket system is connected" in ada


def test_the_language_is_chosen_and_stays(pages: Pages) -> None:
    pages.home(pages.ana)
    assert "我的工单" in pages.press(pages.ana, "home_language", "zh")
    pages.bot.slack.command(pages.ana, "/unstuck", "help")
    pages.bot.settle()
    assert "工单" in pages.bot.slack.messages(pages.bot.slack.direct(pages.ana))[-1].all_text()
    assert "My tickets" in pages.press(pages.ana, "home_language", "auto")


def test_own_hours_are_kept_and_the_sweep_goes_by_them(pages: Pages) -> None:
    pages.home(pages.ana)
    pages.press(pages.ana, "home_hours")
    view = pages.bot.slack.modal(pages.ana)
    assert view
    pages.bot.slack.submit(pages.ana, {"own": "own", "from": "13:00", "to": "09:00"})
    again = pages.bot.slack.modal(pages.ana)
    assert again
    assert "later" in again.errors["to"]
    pages.bot.slack.submit(pages.ana, {"to": "20:30", "days": ["0", "5"]})
    pages.bot.settle()
    assert "from 13:00 to 20:30, Monday, Saturday" in pages.shown(pages.ana)
    with reading(pages.bot.deps.engine) as connection:
        desk = read_desk(connection, pages.bot.deps.settings, {})
    [source] = desk.directories
    hours = desk.hours(source, "person:a")
    assert (hours.start, hours.end, hours.days) == (time(13), time(20, 30), frozenset({0, 5}))
    assert desk.hours(source, "person:g") == desk.rules.hours


def test_guests_change_nothing(pages: Pages) -> None:
    pages.home(pages.ana)
    gus = pages.bot.slack.add_user("gus", guest=True)
    # A guest cannot press what their Home does not show; somebody who forges it gets nowhere.
    pages.bot.slack.workspace.homes[gus] = pages.bot.slack.workspace.homes[pages.ana]
    pages.bot.slack.press_home(gus, "home_language", "zh")
    pages.bot.settle()
    assert "我的工单" not in str(pages.bot.slack.home(gus))
