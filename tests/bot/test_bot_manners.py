"""What an admin sets for a channel: when the bot speaks, to whom first, what about other apps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.views import View
from bot.playground.workspace import BOT_USER, Message
from bot.reading import read_message
from bot.testing import small_desk
from knowledge.filters import Filter
from knowledge.testing import a_card

E24 = "The dishwasher stops and blinks E24. What helps?"
IDLE = "Lunch at noon, anybody?"


@dataclass
class Desk:
    bot: Running
    ada: str
    ana: str
    support: str
    agents: str

    def open(self, user: str, channel: str | None = None) -> View:
        assert self.bot.slack.command(user, "/unstuck", "channel", channel=channel or self.support).ok
        self.bot.settle()
        view = self.bot.slack.modal(user)
        assert view
        return view

    def set(self, **values: object) -> None:
        self.open(self.ada)
        assert self.bot.slack.submit(self.ada, values).ok
        self.bot.settle()
        view = self.bot.slack.modal(self.ada)
        assert view
        assert "Saved" in str(view.content)
        self.bot.slack.close(self.ada)

    def say(self, text: str, user: str | None = None) -> list[Message]:
        """What the bot says to it, anywhere."""
        before = len(self.bot.slack.messages(by_bot=True))
        self.bot.slack.say(self.support, user or self.ana, text)
        self.bot.settle()
        return self.bot.slack.messages(by_bot=True)[before:]

    def mention(self, text: str) -> list[Message]:
        before = len(self.bot.slack.messages(by_bot=True))
        self.bot.slack.mention(self.support, self.ana, text)
        self.bot.settle()
        return self.bot.slack.messages(by_bot=True)[before:]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """One app for all tests; each brings its own channels, of which nothing is set yet."""
    with SlackStandIn() as slack:
        ada = slack.add_user("ada")
        with small_desk(tmp_path_factory.mktemp("desk"), slack, admins=ada) as deps, running(deps, slack) as bot:
            yield bot, ada


@pytest.fixture
def desk(opened: tuple[Running, str]) -> Desk:
    bot, ada = opened
    ana = bot.slack.add_user("ana")
    support, agents = bot.slack.add_channel("support", [ada, ana]), bot.slack.add_channel("agents", [ada])
    return Desk(bot, ada, ana, support, agents)


def test_only_an_admin_changes_a_channel_and_only_from_there(desk: Desk) -> None:
    assert "Only administrators" in str(desk.open(desk.ana).content)
    assert "in the channel" in str(desk.open(desk.ada, desk.bot.slack.direct(desk.ada)).content)
    desk.bot.slack.close(desk.ada)


def test_unless_somebody_says_otherwise_it_speaks_when_spoken_to(desk: Desk) -> None:
    assert desk.say(E24) == []


def test_by_itself_it_answers_what_it_knows_and_keeps_silent_otherwise(desk: Desk) -> None:
    desk.set(mode="auto")
    assert desk.say(IDLE) == []
    [answer] = desk.say(E24)
    assert "drain pump" in answer.all_text()
    assert answer.thread_ts
    assert answer.ephemeral_to is None
    assert desk.say(E24, desk.bot.slack.add_user("gus", guest=True)) == []
    assert desk.open(desk.ada).state["mode"]["mode"]["selected_option"]["value"] == "auto"


def test_drafts_go_to_the_agents_who_share_them(desk: Desk) -> None:
    desk.set(mode="draft", drafts=desk.agents)
    head, draft = desk.say(E24)
    assert {head.channel, draft.channel} == {desk.agents}
    assert "blinks E24" in head.all_text()
    assert "drain pump" in draft.all_text()
    desk.bot.slack.press(desk.ada, draft, "answer_share")
    desk.bot.settle()
    [shared] = [m for m in desk.bot.slack.messages(desk.support, by_bot=True) if m.ephemeral_to is None]
    assert "drain pump" in shared.all_text()
    assert "shared it" in shared.all_text()


def test_a_draft_without_a_channel_is_for_whoever_wrote(desk: Desk) -> None:
    desk.set(mode="draft")
    said = desk.say(E24)
    assert {m.ephemeral_to for m in said} == {desk.ana}
    assert "drain pump" in said[0].all_text()


def test_drafts_go_nowhere_where_outsiders_read(desk: Desk) -> None:
    desk.bot.slack.workspace.shared.add(desk.agents)
    desk.open(desk.ada)
    desk.bot.slack.submit(desk.ada, {"mode": "draft", "drafts": desk.agents})
    view = desk.bot.slack.modal(desk.ada)
    assert view
    assert "other organisations" in view.errors["drafts"]


def test_alone_first_the_asker_sees_it_and_shares_it(desk: Desk) -> None:
    desk.set(alone=["alone"])
    said = desk.mention(E24)
    assert {m.ephemeral_to for m in said} == {desk.ana}
    desk.bot.slack.press(desk.ana, said[0], "answer_share")
    desk.bot.settle()
    assert len([m for m in desk.bot.slack.messages(desk.support, by_bot=True) if m.ephemeral_to is None]) == 1


def test_other_apps_are_left_alone_unless_told(desk: Desk) -> None:
    def posted() -> list[Message]:
        before = len(desk.bot.slack.messages(by_bot=True))
        ts = desk.bot.slack.workspace.new_ts()
        desk.bot.slack.say(desk.support, desk.ana, "root", tell=False)
        inner = {"type": "message", "subtype": "bot_message", "bot_id": "B9", "text": E24, "ts": ts}
        desk.bot.slack.workspace.record.append(Message(desk.support, ts, "B9", E24))
        desk.bot.slack.send_event({**inner, "channel": desk.support, "channel_type": "channel", "event_ts": ts})
        desk.bot.settle()
        return desk.bot.slack.messages(by_bot=True)[before:]

    desk.set(mode="auto")
    assert posted() == []
    desk.set(alone=["bots"])
    [answer] = posted()
    assert "drain pump" in answer.all_text()


def test_its_own_words_and_replies_of_apps_are_never_taken_up() -> None:
    event = {"type": "message", "channel": "C1", "ts": "1.0", "text": "x", "bot_id": "B1"}
    for more in ({"user": BOT_USER}, {"user": "U9", "thread_ts": "0.9"}):
        assert read_message({"event": event | more}, BOT_USER, "T1", bots=True) is None


def test_sources_are_left_out() -> None:
    without = Filter(without=frozenset({"zendesk"}))
    assert not without.admits(a_card("zendesk/12", "Pump"))
    assert without.admits(a_card("jira/12", "Pump"))
    assert without.admits(a_card("handbook.md#pump", "Pump"))
