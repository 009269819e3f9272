"""`/unstuck knowledge`: who may settle what, and the weekly words to teams and managers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.clients import web_client
from bot.notices import EVENT, deliver_notices
from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from bot.playground.workspace import Message
from bot.testing import TODAY, small_desk
from knowledge.testing import a_card
from unstuck import upkeep
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.store import get_source, put_people, put_teams
from unstuck.tickets.tables import Notice

OLD = a_card("K-1", "Kettle lid rattles", text="It rattles.", steps="Turn on the lid lock.", created=TODAY)
NEW = a_card("K-2", "Kettle lid rattles loudly", text="It rattles.", steps="Turn off the lid lock.", created=TODAY)


@dataclass
class Place:
    bot: Running
    boss: str
    ana: str

    def type(self, user: str) -> Message:
        assert self.bot.slack.command(user, "/unstuck", "knowledge").ok
        self.bot.settle()
        return [m for m in self.bot.slack.messages() if m.ephemeral_to == user][-1]

    def press(self, message: Message, action: str, user: str | None = None) -> Message:
        assert self.bot.slack.press(user or self.boss, message, action).ok
        self.bot.settle()
        return next(m for m in self.bot.slack.messages(message.channel) if m.ts == message.ts)

    def told(self, user: str) -> str:
        return "\n".join(m.all_text() for m in self.bot.slack.messages() if m.ephemeral_to == user)

    def found(self, q: str) -> list[str]:
        return [hit.id for hit in self.bot.deps.knowledge.search(q, 99)]


@pytest.fixture
def place(slack: SlackStandIn, tmp_path: Path) -> Iterator[Place]:
    boss, ana = slack.add_user("boss", email="boss@desk.example"), slack.add_user("ana")
    with (
        small_desk(tmp_path, slack, managers="boss@desk.example") as deps,
        running(deps, slack) as bot,
    ):
        deps.knowledge.learn([OLD, NEW])
        deps.knowledge.propose(
            [
                a_card("P-1", "Spout drips", steps="Exchange the seal.", created=TODAY),
                a_card("P-2", "Secret of the other team", steps="Hush.", visibility="team:Other", created=TODAY),
            ]
        )
        upkeep.look(deps)
        yield Place(bot, boss, ana)


def test_a_manager_sees_what_is_open_and_settles_it(place: Place) -> None:
    shown = place.type(place.boss)
    assert problems(shown.blocks) == []
    for words in ("Spout drips", "Kettle lid rattles", "Turn off the lid lock", "Opposite instructions"):
        assert words in shown.all_text()
    assert "Secret of the other team" not in shown.all_text()
    after = place.press(shown, "upkeep_approve")
    assert "approved" in after.all_text()
    assert "P-1" in place.found("spout drips")
    after = place.press(after, "upkeep_replace")
    assert problems(after.blocks) == []
    assert "K-1" not in place.found("kettle lid rattles")
    assert "K-2" in place.found("kettle lid rattles")
    assert "upkeep_replace" not in after.buttons()


def test_pressing_twice_settles_once(place: Place) -> None:
    shown = place.type(place.boss)
    place.press(shown, "upkeep_keep")
    place.press(shown, "upkeep_replace")
    assert "settled already" in place.told(place.boss)
    assert "K-1" in place.found("kettle lid rattles")


def test_only_managers_settle(place: Place) -> None:
    assert "UNSTUCK_MANAGERS" in place.type(place.ana).all_text()
    shown = place.type(place.boss)
    place.press(shown, "upkeep_approve", place.ana)
    assert "P-1" not in place.found("spout drips")


@pytest.mark.parametrize("value", ["", "x", "P-2", "K-1\nnothing", "T-101"])
def test_a_made_up_card_is_nobodys(place: Place, value: str) -> None:
    shown = place.type(place.boss)
    before = [card.id for card in place.bot.deps.knowledge.ledger.proposed()]
    shown.buttons()["upkeep_approve"]["value"] = value
    place.press(shown, "upkeep_approve")
    assert [card.id for card in place.bot.deps.knowledge.ledger.proposed()] == before
    assert "settled already" in place.told(place.boss)


def test_what_nobody_could_answer_shows_up_as_a_gap(place: Place) -> None:
    for name in ("li", "bo"):
        asker = place.bot.slack.add_user(name)
        place.bot.slack.direct_message(asker, "flux capacitor hums at midnight, wrote a.b@example.com")
    place.bot.settle()
    shown = place.type(place.boss).all_text()
    assert "flux capacitor" in shown
    assert "2 people" in shown
    assert "a.b@example.com" not in shown


def test_the_week_is_told_once_to_each_team_and_the_managers(place: Place) -> None:
    deps, slack = place.bot.deps, place.bot.slack
    repairs, hidden = slack.add_channel("repairs", [place.ana]), slack.add_channel("hidden", [place.ana])
    with deps.sessions.begin() as session:
        source = get_source(session, "test", "test")
        put_teams(session, source, [TeamRecord("r", "Repairs", slack_channel=repairs)])
        put_teams(session, source, [TeamRecord("b", "Billing", slack_channel=hidden), TeamRecord("n", "Nowhere")])
    proven = {"created": TODAY - timedelta(days=2), "verified_by": "customer"}
    deps.knowledge.learn(
        [
            a_card("N-1", "Hinge squeaks", steps="Oil the hinge.", team="Repairs", **proven),
            a_card("N-2", "Inner secret", steps="Hush.", team="Repairs", visibility="internal", **proven),
            a_card("N-3", "Not proven", steps="Perhaps.", team="Repairs", created=TODAY),
        ]
    )
    for _ in range(2):
        # As if the process had been killed before it wrote down that the week is done.
        deps.knowledge.put_cursor("upkeep:week", None)
        assert upkeep.weekly(deps) is not None
        deliver_notices(deps, web_client(deps.settings))
    assert upkeep.weekly(deps) is None
    [digest] = [m for m in slack.messages(repairs, by_bot=True) if m.metadata and m.metadata["event_type"] == EVENT]
    assert problems(digest.blocks) == []
    assert "Hinge squeaks" in digest.all_text()
    assert "secret" not in digest.all_text()
    assert "Not proven" not in digest.all_text()
    assert slack.messages(hidden, by_bot=True) == []
    [letter] = slack.messages(slack.direct(place.boss), by_bot=True)
    assert "/unstuck knowledge" in letter.all_text()
    with deps.sessions() as session:
        assert {notice.state for notice in session.exec(select(Notice)).all()} == {"sent"}


def test_cards_of_people_who_left_go_to_their_team(place: Place) -> None:
    deps = place.bot.deps
    with deps.sessions.begin() as session:
        source = get_source(session, "test", "test")
        put_people(session, source, [PersonRecord("g", "Gone Girl", "agent", active=False)])
        put_people(session, source, [PersonRecord("h", "Here Hans", "agent")])
    deps.knowledge.learn(
        [
            a_card("G-1", "Wire is cut", steps="Solder the wire.", owner="Gone Girl", team="Repairs"),
            a_card("G-2", "Plate is bent", steps="Bend it back.", owner="Here Hans", team="Repairs"),
        ]
    )
    assert upkeep.hand_over(deps) == 1
    assert upkeep.hand_over(deps) == 0
    owners = {name: card.owner for name, card in deps.knowledge.cards(["G-1", "G-2"]).items()}
    assert owners == {"G-1": None, "G-2": "Here Hans"}
