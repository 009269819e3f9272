"""The morning digest: one message a person, once, at a decent hour; its lines settle and are struck through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.blocks.morning import LINE
from bot.clients import web_client
from bot.delivery import deliver_due
from bot.digest import redraw
from bot.notices import deliver_notices
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from unstuck.clock import FrozenClock
from unstuck.nudges.rules import FILE
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

#: Everything is late after an hour, and nothing is urgent.
CALM = '[[target]]\nwithin = "1h"\n[digest]\nbelow = 1000.0\nurgent = ["P1"]\n'
THURSDAY = datetime.fromisoformat("2026-01-15T09:00:00+00:00")


@dataclass
class Place:
    bot: Running
    clock: FrozenClock
    ana: str
    home: Path

    def stall(self, *tickets: str, **values: str) -> None:
        for number, ticket in enumerate(tickets):
            start = self.clock.now() - timedelta(days=2, hours=number)
            tell(self.bot.deps, a_ticket(ticket, start=start, **{"team": "t1", "assignee": "ana", **values}))

    def minute(self, at: datetime | None = None) -> None:
        """What happens every minute."""
        self.clock.at = at or self.clock.at
        deps = self.bot.deps
        sweep(deps)
        client = web_client(deps.settings)
        deliver_due(deps, client)
        deliver_notices(deps, client)
        redraw(deps, client)

    def messages(self) -> list[Message]:
        return [m for m in self.bot.slack.messages(by_bot=True) if m.metadata and m.ephemeral_to is None]

    def states(self) -> list[str]:
        with self.bot.deps.engine.connect() as connection:
            return list(connection.execute(select(NUDGE.c.state).order_by(NUDGE.c.id)).scalars())


@pytest.fixture
def place(slack: SlackStandIn, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    ana, clock = slack.add_user("ana", email="ana@desk.example"), FrozenClock(NOON)
    with small_desk(databases.sqlite(), tmp_path, rules=CALM, clock=clock, **pointing_at(slack)) as deps:
        people = [PersonRecord("ana", "Ana", kind="agent", email="ana@desk.example", team="t1")]
        tell(deps, [], people, [TeamRecord("t1", "Repairs")])
        with running(deps, slack) as app:
            yield Place(app, clock, ana, tmp_path)


def test_what_can_wait_comes_in_one_message_in_the_morning_once(place: Place) -> None:
    place.stall("T-1", "T-2")
    place.minute()
    assert place.messages() == []
    place.stall("T-3", priority="P1")
    place.minute()
    assert ["T-3" in m.all_text() for m in place.messages()] == [True]
    for minute in (0, 5, 10, 11, 60):
        place.minute(THURSDAY + timedelta(minutes=minute))
    digests = [m for m in place.messages() if m.metadata and m.metadata["event_type"] == "unstuck_notice"]
    assert len(digests) == 1
    text = digests[0].all_text()
    assert "wait for you: 2" in text
    assert text.index("T-2") < text.index("T-1")
    assert place.states() == ["sent", "sent", "sent"]


def menu_of(message: Message, value: str) -> str:
    """Where in the message the menu with that option stands: each line has one."""
    menus = [(at, (block.get("accessory") or {}).get("options", [])) for at, block in enumerate(message.blocks)]
    return next(f"b{at}" for at, options in menus if value in [option["value"] for option in options])


def test_a_line_is_settled_by_its_own_menu_and_struck_when_its_ticket_moves(place: Place) -> None:
    place.stall("T-1", "T-2")
    place.minute()
    place.minute(THURSDAY + timedelta(minutes=10))
    [digest] = place.messages()
    place.bot.slack.press(place.ana, digest, LINE, "2:mine", block=menu_of(digest, "2:mine"))
    place.bot.settle()
    assert "is on it" in place.messages()[0].all_text()
    tell(place.bot.deps, [a_change("T-2", THURSDAY, status="Closed")])
    place.minute(THURSDAY + timedelta(minutes=20))
    text = place.messages()[0].all_text()
    assert "The ticket has moved" in text
    assert "Nothing on this list waits" in text
    assert len(place.messages()) == 1


def test_why_and_foreign_lines(place: Place) -> None:
    place.stall("T-1")
    place.minute()
    place.minute(THURSDAY + timedelta(minutes=10))
    [digest] = place.messages()
    for value in ("1:why", "999:mine", "x", "1:", "1:reopen"):
        digest.buttons()[LINE]["options"][0]["value"] = value
        place.bot.slack.press(place.ana, digest, LINE, value)
        place.bot.settle()
    whispers = [m.all_text() for m in place.bot.slack.messages() if m.ephemeral_to == place.ana]
    assert "“overdue”" in whispers[0]
    assert all("not here any more" in told for told in whispers[1:])
    assert place.messages()[0].buttons()


def test_what_has_moved_by_then_is_left_out_and_nothing_left_is_nothing_sent(place: Place) -> None:
    place.stall("T-1", "T-2")
    place.minute()
    tell(place.bot.deps, [a_change(name, NOON, status="Closed") for name in ("T-1", "T-2")])
    # The sweep has not seen it yet when the digest is due.
    place.clock.at = THURSDAY + timedelta(minutes=10)
    assert deliver_notices(place.bot.deps, web_client(place.bot.deps.settings)) == 0
    assert place.messages() == []
    assert place.states() == ["withdrawn", "withdrawn"]


def test_after_downtime_it_waits_for_a_decent_hour(place: Place) -> None:
    place.stall("T-1")
    place.minute()
    place.minute(THURSDAY + timedelta(hours=14))
    assert place.messages() == []
    place.minute(THURSDAY + timedelta(days=1))
    assert len(place.messages()) == 1


@pytest.mark.parametrize("trouble", ["drop_after", "drop_before"])
def test_a_lost_answer_neither_loses_nor_doubles(place: Place, trouble: str) -> None:
    place.stall("T-1")
    place.minute()
    getattr(place.bot.slack.faults, trouble)("chat.postMessage")
    for minute in (10, 12, 14, 16):
        place.minute(THURSDAY + timedelta(minutes=minute))
    assert len(place.messages()) == 1
    assert place.states() == ["sent"]
    place.bot.slack.press(place.ana, place.messages()[0], LINE, "1:false_alarm")
    place.bot.settle()
    assert "not stalled" in place.messages()[0].all_text()


def test_whoever_cannot_be_reached_is_passed_over_as_ever(place: Place) -> None:
    place.stall("T-1", assignee="nobody-knows")
    place.minute()
    for minute in (10, 20):
        place.minute(THURSDAY + timedelta(minutes=minute))
    assert place.states()[0] == "failed"


def test_what_the_caps_put_off_joins_the_digest_within_hours_of_ones_own(place: Place) -> None:
    late = '[[person]]\nwho = "ana@desk.example"\nfrom = "11:00"\n[caps]\nperson_per_day = 1\n'
    rules = '[[target]]\nwithin = "1h"\n' + late
    (place.home / FILE).write_text(rules, encoding="utf-8")
    place.stall("T-1", "T-2", "T-3")
    place.minute()
    assert len(place.messages()) == 1
    place.minute(THURSDAY + timedelta(minutes=30))
    assert len(place.messages()) == 1
    place.minute(THURSDAY + timedelta(hours=2, minutes=10))
    assert len(place.messages()) == 2
    assert "wait for you: 2" in place.messages()[1].all_text()
