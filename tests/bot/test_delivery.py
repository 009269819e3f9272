"""Delivery against the stand-in: each nudge once, whatever Slack and the line do; never about a ticket that moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.clients import web_client
from bot.delivery import EVENT, Delivered, Fate, deliver_due
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from unstuck import nudges
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.nudges import outbox
from unstuck.nudges.desk import read_desk
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, a_change, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

TWO_DAYS_AGO = NOON - timedelta(days=2)


@dataclass
class Place:
    """A desk and its Slack."""

    deps: Deps
    slack: SlackStandIn
    clock: FrozenClock
    ana: str
    repairs: str

    def stall(self, *tickets: str, assignee: str | None = "ana") -> None:
        """Tickets that have stood still for two days, and a sweep that finds them."""
        owner = {"assignee": assignee} if assignee else {}
        for ticket in tickets:
            tell(self.deps, a_ticket(ticket, start=TWO_DAYS_AGO, team="t1", **owner))
        sweep(self.deps)

    def deliver(self) -> Delivered:
        return deliver_due(self.deps, web_client(self.deps.settings))

    def later(self, **span: float) -> None:
        self.clock.tick(timedelta(**span))

    def keys(self) -> Counter[str]:
        """How often each key stands in Slack."""
        posted = (m.metadata for m in self.slack.messages(by_bot=True) if m.metadata)
        return Counter(m["event_payload"]["key"] for m in posted if m["event_type"] == EVENT)

    def states(self) -> list[str]:
        with self.deps.engine.connect() as connection:
            return list(connection.execute(select(NUDGE.c.state).order_by(NUDGE.c.id)).scalars())

    def only_message(self) -> Message:
        (message,) = self.slack.messages(by_bot=True)
        return message


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as running:
        yield running


@pytest.fixture
def place(slack: SlackStandIn, database_url: str, tmp_path: Path) -> Iterator[Place]:
    clock, repairs = FrozenClock(NOON), slack.add_channel("repairs")
    ana = slack.add_user("ana", email="ana@example.com")
    people = [PersonRecord("ana", "Ana", "agent", "ana@example.com"), PersonRecord("ben", "Ben", "agent")]
    given = {"slack_bot_token": slack.bot_token, "slack_api_url": slack.url}
    with small_desk(database_url, tmp_path / "home", clock=clock, **given) as deps:
        tell(deps, [], people, [TeamRecord("t1", "Repairs", slack_channel=repairs)])
        yield Place(deps, slack, clock, ana, repairs)


def test_the_owner_hears_once_in_their_own_conversation(place: Place) -> None:
    place.stall("T-1")
    assert place.deliver().sent == 1
    assert place.deliver().sent == 0
    message = place.only_message()
    assert message.channel == place.slack.direct(place.ana)
    assert "T-1" in message.all_text()
    assert place.states() == ["sent"]


def test_a_second_sweep_finds_nothing_new(place: Place) -> None:
    place.stall("T-1")
    place.deliver()
    place.later(minutes=10)
    sweep(place.deps)
    place.deliver()
    assert sum(place.keys().values()) == 1


@pytest.mark.parametrize("trouble", ["drop_after", "drop_before", "status"])
def test_a_lost_answer_neither_loses_nor_doubles(place: Place, trouble: str) -> None:
    getattr(place.slack.faults, trouble)("chat.postMessage")
    place.stall("T-1")
    assert place.deliver().fates[Fate.LATER] == 1
    place.later(minutes=1)
    place.deliver()
    assert list(place.keys().values()) == [1]
    assert place.states() == ["sent"]


def test_while_nobody_can_look_nothing_is_sent_again(place: Place) -> None:
    place.slack.faults.drop_after("chat.postMessage")
    place.slack.faults.status("conversations.history", 500, times=2)
    place.stall("T-1")
    for _ in range(3):
        place.deliver()
        assert list(place.keys().values()) == [1]
        place.later(hours=1)
    place.deliver()
    assert place.states() == ["sent"]
    assert list(place.keys().values()) == [1]


def test_a_rate_limit_waits_as_long_as_slack_says(place: Place) -> None:
    place.slack.faults.rate_limit("chat.postMessage", retry_after=40)
    place.stall("T-1", "T-2")
    assert place.deliver().stopped == "ratelimited"
    assert not place.keys()
    place.later(seconds=41)
    place.deliver()
    assert sorted(place.keys().values()) == [1, 1]


def test_a_rate_limit_does_not_use_attempts_up(place: Place) -> None:
    place.slack.faults.rate_limit("conversations.open", times=2 * outbox.MOST_ATTEMPTS)
    place.stall("T-1")
    for _ in range(2 * outbox.MOST_ATTEMPTS):
        place.deliver()
        place.later(minutes=1)
    place.deliver()
    assert place.states() == ["sent"]


def test_a_ticket_that_moved_is_not_spoken_of(place: Place) -> None:
    place.stall("T-1", "T-2")
    tell(place.deps, [a_change("T-1", NOON - timedelta(minutes=1), status="Active")])
    place.deliver()
    assert place.states() == ["withdrawn", "sent"]
    assert "T-2" in place.only_message().all_text()


def test_a_message_is_struck_through_when_its_ticket_moves(place: Place) -> None:
    place.stall("T-1")
    place.deliver()
    assert "nudge_mine" in place.only_message().buttons()
    place.later(minutes=5)
    tell(place.deps, [a_change("T-1", place.clock.now(), status="Solved")])
    sweep(place.deps)
    assert place.deliver().redrawn == 1
    assert place.only_message().buttons() == {}
    assert place.deliver().redrawn == 0


def test_a_message_of_which_nobody_knew_is_found_and_struck_through(place: Place) -> None:
    place.slack.faults.drop_after("chat.postMessage")
    place.stall("T-1")
    place.deliver()
    place.later(minutes=1)
    tell(place.deps, [a_change("T-1", place.clock.now(), status="Solved")])
    place.deliver()
    assert list(place.keys().values()) == [1]
    assert place.only_message().buttons() == {}


def test_somebody_unknown_to_slack_is_passed_over_with_a_note(place: Place) -> None:
    place.stall("T-1", assignee="ben")
    place.deliver()
    message = place.only_message()
    assert message.channel == place.repairs
    assert "Ben cannot be reached in Slack" in message.all_text()


def test_a_dead_channel_is_no_silence(place: Place) -> None:
    place.slack.workspace.channels[place.repairs].archived = True
    place.stall("T-1", assignee=None)
    assert place.deliver().fates[Fate.FAILED] == 1
    with place.deps.sessions.begin() as session:
        (trouble,) = outbox.troubles(session)
    assert trouble.error == "is_archived"


def test_after_a_dead_channel_the_next_rung_hears(slack: SlackStandIn, place: Place) -> None:
    place.slack.workspace.channels[place.repairs].archived = True
    boss = slack.add_user("boss")
    settings = place.deps.settings.model_copy(update={"managers": boss})
    place.stall("T-1", assignee=None)
    deliver_due(type(place.deps)(settings, place.clock, place.deps.engine, place.deps.sessions), web_client(settings))
    assert place.only_message().channel == slack.direct(boss)


def test_a_refused_token_is_seen_and_costs_nothing(place: Place) -> None:
    place.stall("T-1")
    place.slack.revoked = True
    assert place.deliver().stopped == "token_revoked"
    with place.deps.sessions.begin() as session:
        assert [trouble.error for trouble in outbox.troubles(session)] == ["token_revoked"]
    place.slack.revoked = False
    place.later(minutes=6)
    place.deliver()
    assert list(place.keys().values()) == [1]


def test_nobody_is_disturbed_at_night(place: Place) -> None:
    place.stall("T-1")
    place.later(hours=10)
    assert place.deliver().sent == 0
    place.later(hours=11)
    assert place.deliver().sent == 1


def test_a_worker_that_lost_its_lease_marks_nothing(place: Place) -> None:
    place.stall("T-1")
    with place.deps.sessions.begin() as session:
        desk = read_desk(session.connection(), place.deps.settings, {})
        first = outbox.claim(session, desk, place.clock.now())
        assert first is not None
        assert outbox.claim(session, desk, place.clock.now()) is None
        place.later(minutes=3)
        second = outbox.claim(session, desk, place.clock.now())
        assert second is not None
        assert second.tried_at is not None
        assert not outbox.sent(session, first, "C1", "1.1", place.clock.now(), lang="en")
        assert outbox.sent(session, second, "C1", "2.2", place.clock.now(), lang="en")


def test_buttons_are_redrawn_and_answer_once(place: Place) -> None:
    place.stall("T-1")
    place.deliver()
    with place.deps.sessions.begin() as session:
        assert nudges.mine(session, 1, place.ana, place.clock.now()).changed
        assert not nudges.mine(session, 1, place.ana, place.clock.now()).changed
    assert place.deliver().redrawn == 1
    assert place.only_message().buttons() == {}
