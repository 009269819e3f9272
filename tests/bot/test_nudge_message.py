"""What a nudge says beside the bare stall: its risk, what solved such a one before, and why it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

import knowledge
from bot.blocks.nudges import GIVE_BACK, MINE, WHY
from bot.clients import web_client
from bot.delivery import deliver_due
from bot.hints import in_knowledge, no_hint
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.testing import cards
from knowledge.testing import HashEmbedder
from unstuck.clock import FrozenClock
from unstuck.nudges import risks
from unstuck.nudges.at_risk import AtRisk
from unstuck.nudges.rules import FILE
from unstuck.stalls.risk import Reason, Risk
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.tables import Calendar

DAY = timedelta(days=1)
START = NOON - timedelta(days=2)


@dataclass
class Place:
    bot: Running
    ana: str

    def nudge(self, title: str, **values: str) -> Message:
        """The message about a new stalled ticket."""
        tell(self.bot.deps, a_ticket("T-1", start=START, team="t1", title=title, priority="P1", **values))
        sweep(self.bot.deps)
        deps = self.bot.deps
        hint = in_knowledge(deps) if "knowledge" in vars(deps) else no_hint
        assert deliver_due(deps, web_client(deps.settings), hint=hint).sent == 1
        return self.message

    @property
    def message(self) -> Message:
        [found] = [m for m in self.bot.slack.messages(by_bot=True) if m.metadata and m.ephemeral_to is None]
        return found

    def press(self, user: str, action: str) -> str:
        """What the person alone is told after pressing, if anything."""
        self.bot.slack.press(user, self.message, action)
        self.bot.settle()
        return "".join(m.all_text() for m in self.bot.slack.messages() if m.ephemeral_to == user)


@pytest.fixture
def place(slack: SlackStandIn, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    repairs = slack.add_channel("repairs")
    ana = slack.add_user("ana", email="ana@desk.example")
    with small_desk(databases.sqlite(), tmp_path, **pointing_at(slack)) as deps:
        people = [PersonRecord("ana", "Ana", kind="agent", email="ana@desk.example", team="t1")]
        tell(deps, [], people, [TeamRecord("t1", "Repairs", slack_channel=repairs, calendar="office")])
        with running(deps, slack) as app:
            yield Place(app, ana)


@pytest.fixture
def solved(place: Place, tmp_path: Path) -> None:
    """A knowledge base in the place of the one that `deps` would open by itself."""
    base = knowledge.open(place.bot.deps.engine, tmp_path / "knowledge", embedder=HashEmbedder())
    base.learn(cards())
    vars(place.bot.deps)["knowledge"] = base


@pytest.mark.usefixtures("solved")
def test_a_nudge_names_what_solved_such_a_ticket_before(place: Place) -> None:
    message = place.nudge("Refund has not arrived, the customer waits for a refund", assignee="ana")
    assert "Solved before" in message.all_text()
    assert "Refund has not arrived" in message.all_text().partition("Solved before")[2]


@pytest.mark.usefixtures("solved")
def test_a_problem_nobody_has_solved_gets_no_hint(place: Place) -> None:
    assert "Solved before" not in place.nudge("Hovercraft full of eels", assignee="ana").all_text()


@pytest.mark.usefixtures("solved")
@pytest.mark.parametrize(("assignee", "told"), [({"assignee": "ana"}, True), ({}, False)])
def test_an_internal_card_is_named_to_a_person_never_in_a_channel(
    place: Place, assignee: dict[str, str], told: bool
) -> None:
    message = place.nudge("Master key of the safe: where is the master key of the safe?", **assignee)
    assert ("Drawer" in message.all_text() or "Solved before" in message.all_text()) == told


def test_a_nudge_tells_its_risk_with_the_two_strongest_reasons(place: Place) -> None:
    reasons = (Reason("team", "Repairs", 0.62, 80), Reason("priority", "<!here>", 0.5, 40))
    risk = Risk(0.71, (("stage", "New"),), 300, 0.3, reasons)
    with place.bot.deps.sessions.begin() as session:
        risks.keep(session, [AtRisk("T-1", 1, "New", "made_sla", NOON + timedelta(days=1), risk)], NOON)
    text = place.nudge("It leaks", assignee="ana").all_text()
    assert "71% likely to miss made_sla" in text
    assert "team Repairs: 62% of 80 comparable tickets were late" in text
    assert "<!here>" not in text
    assert "priority &lt;!here&gt;" in text


def test_how_a_persons_tickets_fare_is_told_to_nobody() -> None:
    reasons = (Reason("team+assignee", "Repairs + Ana", 0.62, 80), Reason("team", "Repairs", 0.5, 40))
    risk = Risk(0.71, (("stage", "New"),), 300, 0.3, reasons)
    drawn = risks.as_view(AtRisk("T-1", 1, "New", "made_sla", NOON, risk), "en")
    assert ["Ana" in reason for reason in drawn.reasons] == [False]


def test_a_stale_risk_is_not_told(place: Place) -> None:
    risk = Risk(0.71, (("stage", "New"),), 300, 0.3, ())
    with place.bot.deps.sessions.begin() as session:
        risks.keep(session, [AtRisk("T-1", 1, "New", "made_sla", NOON + timedelta(days=1), risk)], NOON - 2 * DAY)
    assert "made_sla" not in place.nudge("It leaks", assignee="ana").all_text()


def test_waiting_is_told_in_working_days_of_the_team(place: Place) -> None:
    hours = {str(day): [["09:00", "17:00"]] for day in range(5)}
    with place.bot.deps.sessions.begin() as session:
        session.add(Calendar(name="office", timezone="UTC", hours=hours))
    # From Monday noon to Wednesday noon: five, eight and three hours of eight-hour days.
    assert "2 working days" in place.nudge("It leaks", assignee="ana").all_text()


def test_why_shows_rule_threshold_and_turn_to_whoever_asks_alone(place: Place) -> None:
    place.nudge("It leaks", assignee="ana")
    told = place.press(place.ana, WHY)
    for words in ("Ana", "Longer than the 1 h that your rules allow", "“overdue”", "owner, then team after", FILE):
        assert words in told
    assert "<@" not in told


def test_why_is_not_told_about_messages_elsewhere(place: Place) -> None:
    place.nudge("It leaks", assignee="ana")
    bo = place.bot.slack.add_user("bo")
    elsewhere = replace(place.message, channel=place.bot.slack.direct(bo))
    place.bot.slack.press(bo, elsewhere, WHY)
    place.bot.settle()
    assert "overdue" not in str([m.all_text() for m in place.bot.slack.messages() if m.ephemeral_to == bo])


def test_an_owner_who_is_asked_may_give_the_ticket_back(place: Place) -> None:
    place.nudge("It leaks", assignee="ana")
    place.press(place.ana, MINE)
    clock = place.bot.deps.clock
    assert isinstance(clock, FrozenClock)
    clock.tick(timedelta(days=1, hours=1))
    sweep(place.bot.deps)
    deliver_due(place.bot.deps, web_client(place.bot.deps.settings))
    asked = place.bot.slack.messages(by_bot=True)[-1]
    assert "Still on it?" in asked.all_text()
    assert [a for a in asked.buttons() if a in (MINE, GIVE_BACK)] == [MINE, GIVE_BACK]
    place.bot.slack.press(place.ana, asked, GIVE_BACK)
    place.bot.settle()
    # Nothing may be written to this source, so the lead is asked.
    assert "the lead hears of it" in place.bot.slack.messages(by_bot=True)[-1].all_text()
