"""From a stalled ticket to a pressed button: swept, delivered, settled, redrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.blocks.nudges import FALSE_ALARM, MINE, SNOOZE
from bot.delivery import deliver_due
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import view_problems
from bot.playground.workspace import Message
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.tables import Nudge


@dataclass
class Stalled:
    """One nudge in Slack, and the app behind it."""

    bot: Running
    ana: str

    @property
    def message(self) -> Message:
        [message] = [m for m in self.bot.slack.messages(by_bot=True) if m.metadata and m.ephemeral_to is None]
        return message

    def press(self, user: str, action: str, value: str | None = None) -> None:
        assert self.bot.slack.press(user, self.message, action, value).ok
        self.bot.settle()

    def outcome(self) -> tuple[str | None, str | None]:
        with self.bot.deps.sessions() as session:
            [nudge] = session.exec(select(Nudge)).all()
            return nudge.outcome, nudge.outcome_by


@pytest.fixture(params=["en-US", "zh-CN"])
def locale(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stalled(slack: SlackStandIn, databases: Databases, tmp_path: Path, locale: str) -> Iterator[Stalled]:
    ana = slack.add_user("ana", email="ana@desk.example", locale=locale)
    with small_desk(databases.sqlite(), tmp_path, **pointing_at(slack)) as deps:
        people = [PersonRecord("ana", "Ana", kind="agent", email="ana@desk.example", team="t1")]
        ticket = a_ticket("T-1", start=NOON - timedelta(days=2), team="t1", assignee="ana", title="<!channel> *pump*")
        tell(deps, ticket, people, [TeamRecord("t1", "Repairs")])
        sweep(deps)
        with running(deps, slack) as app:
            deliver_due(deps, app.app.client)
            yield Stalled(app, ana)


def test_mine_ends_the_message_and_names_who(stalled: Stalled) -> None:
    assert stalled.message.pings() == []
    stalled.press(stalled.ana, MINE)
    assert stalled.outcome() == ("mine", stalled.ana)
    assert not stalled.message.buttons()
    assert stalled.message.pings() == [f"<@{stalled.ana}>"]


@pytest.mark.parametrize("choice", ["hour", "tomorrow", "workday", "week"])
def test_snoozing_says_until_when(stalled: Stalled, choice: str) -> None:
    [menu] = [e for a, e in stalled.message.buttons().items() if a == SNOOZE]
    [value] = [o["value"] for o in menu["options"] if o["value"].endswith(f":{choice}")]
    stalled.press(stalled.ana, SNOOZE, value)
    assert stalled.outcome() == ("snoozed", stalled.ana)
    assert "<!date^" in stalled.message.all_text()


def test_the_first_press_stands(stalled: Stalled) -> None:
    bo = stalled.bot.slack.add_user("bo")
    seen = stalled.message
    stalled.press(stalled.ana, FALSE_ALARM)
    stalled.bot.slack.press(bo, seen, FALSE_ALARM)
    stalled.bot.settle()
    assert stalled.outcome() == ("false_alarm", stalled.ana)
    whispered = [m for m in stalled.bot.slack.messages() if m.ephemeral_to == bo]
    assert len(whispered) == 1


def test_guests_and_forged_ids_settle_nothing(stalled: Stalled) -> None:
    guest = stalled.bot.slack.add_user("guest", guest=True)
    stalled.press(guest, MINE)
    for value in ("999999", "x", "-1", "1; DROP TABLE nudge"):
        forged = stalled.message
        forged.buttons()[MINE]["value"] = value
        stalled.bot.slack.press(stalled.ana, forged, MINE)
        stalled.bot.settle()
    assert stalled.outcome() == (None, None)
    assert stalled.message.buttons()


def test_a_message_that_cannot_be_redrawn_is_left_to_the_outbox(stalled: Stalled) -> None:
    stalled.bot.slack.faults.status("chat.update", 500)
    stalled.press(stalled.ana, MINE)
    assert stalled.outcome() == ("mine", stalled.ana)
    assert stalled.message.buttons()
    deliver_due(stalled.bot.deps, stalled.bot.app.client)
    assert not stalled.message.buttons()


def test_home_shows_what_waits(stalled: Stalled, locale: str) -> None:
    stalled.bot.slack.open_home(stalled.ana)
    stalled.bot.settle()
    view = stalled.bot.slack.home(stalled.ana)
    assert view is not None
    assert view_problems(view, "home") == []
    assert str(view).count("T-1") == 2, "once among their tickets, once among what waits"
    assert ("等您处理（1）" if locale == "zh-CN" else "Waiting for you (1)") in str(view)
    stalled.press(stalled.ana, FALSE_ALARM)
    stalled.bot.slack.open_home(stalled.ana)
    stalled.bot.settle()
    assert str(stalled.bot.slack.home(stalled.ana)).count("T-1") == 1


def test_the_messages_tab_suggests_questions(stalled: Stalled, locale: str) -> None:
    stalled.bot.slack.open_home(stalled.ana, tab="messages")
    stalled.bot.settle()
    [shown] = stalled.bot.slack.workspace.prompts
    assert ("卡在" if locale == "zh-CN" else "stuck") in shown["prompts"][0]["message"]


def test_a_home_for_guests_holds_nothing_internal(stalled: Stalled) -> None:
    guest = stalled.bot.slack.add_user("guest", guest=True)
    stalled.bot.slack.open_home(guest)
    stalled.bot.settle()
    assert len(stalled.bot.slack.home(guest)["blocks"]) == 1  # type: ignore[index]
