"""A ticket's address in a message gets a preview, as far as everybody who reads it may see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot import links
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

URL = "https://desk.example/tickets/T-1"


@dataclass
class Linking:
    bot: Running
    ana: str
    repairs: str
    support: str

    def say(self, channel: str, text: str, user: str | None = None) -> str:
        """What the preview says; empty without one."""
        said = self.bot.slack.say(channel, user or self.ana, text)
        self.bot.settle()
        [message] = [m for m in self.bot.slack.messages(channel) if m.ts == said.ts]
        for shown in message.unfurls.values():
            assert problems(shown["blocks"]) == []
        return message.all_text().removeprefix(message.text) if message.unfurls else ""


@pytest.fixture
def linking(slack: SlackStandIn, databases: Databases, tmp_path: Path) -> Iterator[Linking]:
    slack.unfurl_domains = ["desk.example"]
    ana, ben = slack.add_user("ana"), slack.add_user("ben")
    repairs, support = slack.add_channel("repairs", [ana, ben]), slack.add_channel("support", [ana, ben])
    with small_desk(databases.sqlite(), tmp_path, **pointing_at(slack)) as deps:
        people = [PersonRecord("a", "Ana <!here>", kind="agent", team="t1")]
        teams = [TeamRecord("t1", "Repairs", slack_channel=repairs), TeamRecord("t2", "Billing")]
        for number, team in ((1, "t1"), (2, "t2")):
            start = NOON - timedelta(days=2)
            title, url = f"Pump {number} <!channel>", f"https://desk.example/tickets/T-{number}"
            ticket = a_ticket(f"T-{number}", start=start, team=team, assignee="a", title=title, url=url)
            tell(deps, ticket, people, teams)
        with running(deps, slack) as bot:
            yield Linking(bot, ana, repairs, support)


def test_full_members_see_the_ticket(linking: Linking) -> None:
    told = linking.say(linking.support, f"look at <{URL}?tab=1#note>, please")
    assert "Pump 1" in told
    assert "Repairs" in told
    assert "Ana" in told
    [message] = [m for m in linking.bot.slack.messages(linking.support) if m.unfurls]
    marked = [
        e["text"] for block in message.unfurls[f"{URL}?tab=1#note"]["blocks"] for e in block["elements"] if "text" in e
    ]
    assert not any("<!" in text.replace("<!date", "") for text in marked)


def test_other_addresses_get_nothing(linking: Linking) -> None:
    assert linking.say(linking.support, "https://desk.example/tickets/T-9") == ""
    assert linking.bot.slack.calls("chat.unfurl") == []


def test_in_a_teams_channel_another_teams_ticket_is_a_number_and_a_state(linking: Linking) -> None:
    assert "Pump 1" in linking.say(linking.repairs, URL)
    told = linking.say(linking.repairs, URL.replace("T-1", "T-2"))
    assert "T-2" in told
    assert "State" in told
    assert "Pump" not in told
    assert "Billing" not in told


def test_guests_and_outsiders_read_nothing(linking: Linking) -> None:
    slack = linking.bot.slack
    gus = slack.add_user("gus", guest=True)
    with_guest = slack.add_channel("mixed", [linking.ana, gus])
    shared = slack.add_channel("shared", [linking.ana])
    slack.workspace.shared.add(shared)
    assert linking.say(with_guest, URL) == ""
    assert linking.say(shared, URL) == ""
    assert linking.say(linking.support, URL, gus) == ""


def test_too_many_readers_see_the_state_alone(linking: Linking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MOST_READERS", 2)
    told = linking.say(linking.support, URL)
    assert "T-1" in told
    assert "Pump" not in told


def test_nothing_is_shown_while_a_message_is_written(linking: Linking) -> None:
    assert linking.bot.slack.compose(linking.ana, URL)
    linking.bot.settle()
    assert linking.bot.slack.calls("chat.unfurl") == []
