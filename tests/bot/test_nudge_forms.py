"""The forms behind a nudge, in front of a real desk and a ticket system's stand-in: off, on, and once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.blocks.nudges import MORE, SNOOZE
from bot.delivery import deliver_due
from bot.playground.run import Running, pointing_at, running
from bot.playground.standin import SlackStandIn
from bot.playground.views import View
from bot.playground.workspace import Message
from unstuck.testing import NOON, Databases, a_ticket
from unstuck.testing_nudges import small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.tables import Nudge, Thread, WriteBack

CONNECTORS = Path(__file__).parent.parent / "connectors"


@pytest.fixture
def intercom() -> Iterator[Any]:
    """A ticket system that takes notes, replies and assignments."""
    sys.path[:0] = [str(CONNECTORS), str(CONNECTORS / "intercom")]
    with importlib.import_module("standin_intercom").IntercomStandIn().serving() as serving:
        serving.happen("1", NOON, "create", "Pump is dark")
        yield serving


@dataclass
class Stalled:
    """One nudge about ticket 1 of the source `test`, in Slack."""

    bot: Running
    ana: str
    home: Path

    @property
    def message(self) -> Message:
        told = [m for m in self.bot.slack.messages(by_bot=True) if m.metadata and m.ephemeral_to is None]
        return next(m for m in told if m.metadata and m.metadata["event_type"] == "unstuck_nudge")

    def open(self, name: str, user: str | None = None) -> View:
        """Choose from the menu; the form that opens."""
        [option] = [o["value"] for o in self.message.buttons()[MORE]["options"] if str(o["value"]).endswith(f":{name}")]
        assert self.bot.slack.press(user or self.ana, self.message, MORE, option).ok
        return self.seen(user)

    def seen(self, user: str | None = None) -> View:
        self.bot.settle()
        view = self.bot.slack.modal(user or self.ana)
        assert view
        return view

    def send(self, **values: str) -> str:
        """Submit the form; what it says then."""
        assert self.bot.slack.submit(self.ana, values).ok
        return str(self.seen().content)

    def nudge(self) -> Nudge:
        with self.bot.deps.sessions() as session:
            return session.exec(select(Nudge)).one()

    def written(self) -> list[tuple[str, str, str]]:
        with self.bot.deps.sessions() as session:
            return [(row.kind, row.value, row.state) for row in session.exec(select(WriteBack)).all()]

    def allow(self, intercom: Any, *kinds: str) -> None:
        """What an admin does."""
        file = self.home / "sources" / "test.toml"
        file.parent.mkdir(exist_ok=True)
        lines = [f"{kind} = true" for kind in kinds]
        file.write_text(
            f'system = "intercom"\nurl = "{intercom.url}"\ntoken = "{intercom.token}"\n[write]\n' + "\n".join(lines)
        )

    def thread(self) -> list[Message]:
        return self.bot.slack.messages(self.message.channel, thread=self.message.ts, by_bot=True)


@pytest.fixture
def stalled(slack: SlackStandIn, databases: Databases, tmp_path: Path) -> Iterator[Stalled]:
    ana = slack.add_user("ana", email="ana@desk.example")
    slack.add_user("ben", email="ben@desk.example")
    with small_desk(databases.sqlite(), tmp_path, **pointing_at(slack)) as deps:
        people = [
            PersonRecord("100", "Ana", kind="agent", email="ana@desk.example", team="t1"),
            PersonRecord("200", "Ben <!channel>", kind="agent", email="ben@desk.example", team="t1"),
            PersonRecord("300", "Carl Customer", kind="customer", email="carl@mail.example"),
        ]
        ticket = a_ticket("1", start=NOON - timedelta(days=2), team="t1", assignee="100", title="<!channel> *pump*")
        tell(deps, ticket, people, [TeamRecord("t1", "Repairs")])
        sweep(deps)
        with running(deps, slack) as app:
            deliver_due(deps, app.app.client)
            yield Stalled(app, ana, tmp_path)


def buttons_of(bodies: Any) -> list[str]:
    return [part["body"] for part in bodies.tickets["1"]["ticket_parts"]["ticket_parts"] if part["body"]]


def test_nothing_is_written_back_unless_an_admin_said_so_and_the_form_tells(stalled: Stalled) -> None:
    assert "is off for this ticket system" in str(stalled.open("reassign").content)
    assert "are off for this ticket system" in str(stalled.open("comment").content)
    assert "unchanged" in stalled.send(words="Ask the courier & <!channel>.")
    [comment] = stalled.thread()
    assert "Ask the courier & <!channel>." in comment.all_text()
    assert not any("channel" in ping for ping in comment.pings())
    reply = stalled.open("reply")
    assert "submit" not in reply.content
    assert "administrator can turn them on" in str(reply.content)
    assert stalled.written() == []


def test_only_colleagues_and_teams_are_offered(stalled: Stalled) -> None:
    stalled.open("reassign")
    offered = [o["text"]["text"] for o in stalled.bot.slack.suggest(stalled.ana, "who", "")]
    assert offered == ["Ana", "Ben <!channel>", "Repairs"]
    assert [o["value"] for o in stalled.bot.slack.suggest(stalled.ana, "who", "rep")] == ["team:t1"]


def test_passed_on_the_other_hears_of_it_and_the_reminder_is_theirs(stalled: Stalled) -> None:
    stalled.open("reassign")
    stalled.bot.slack.suggest(stalled.ana, "who", "ben")
    assert "ticket itself is unchanged" in stalled.send(who="person:200")
    ben = stalled.nudge().outcome_by
    assert stalled.nudge().outcome == "mine"
    assert ben is not None
    [letter] = stalled.bot.slack.messages(stalled.bot.slack.direct(ben), by_bot=True)
    assert "passes a ticket on to you" in letter.all_text()
    assert letter.pings() == [f"<@{stalled.ana}>"]
    assert MORE not in stalled.message.buttons()


def test_an_assignment_is_written_where_it_is_on(stalled: Stalled, intercom: Any) -> None:
    stalled.allow(intercom, "assign")
    assert "assigned to them in the ticket system" in str(stalled.open("reassign").content)
    stalled.bot.slack.suggest(stalled.ana, "who", "ben")
    stalled.send(who="person:200")
    [(kind, value, _)] = stalled.written()
    assert (kind, value) == ("assign", "200")


def test_a_comment_is_an_internal_note_where_it_is_on(stalled: Stalled, intercom: Any) -> None:
    stalled.allow(intercom, "note")
    stalled.open("comment")
    assert "for colleagues only" in stalled.send(words="Ask the courier.")
    assert stalled.written() == [("note", "Ask the courier.", "done")]
    assert stalled.thread() == []
    [body] = [body for body in buttons_of(intercom) if "courier" in body]
    assert "Ana, Unstuck" in body


def test_waiting_on_the_customer_rests_until_the_day_or_their_answer(stalled: Stalled, intercom: Any) -> None:
    stalled.allow(intercom, "note")
    view = stalled.open("waiting")
    day = view.state["day"]["day"]["selected_date"]
    assert day == (NOON + timedelta(days=3)).date().isoformat()
    stalled.send(what_for="photo of the label")
    nudge = stalled.nudge()
    assert nudge.outcome == "snoozed"
    assert nudge.payload["until_reply"] is True
    assert nudge.snoozed_until is not None
    assert nudge.snoozed_until >= NOON + timedelta(days=2)
    [(kind, value, state)] = stalled.written()
    assert (kind, state) == ("note", "done")
    assert "Waiting on the customer: photo of the label" in value
    assert "photo of the label" in stalled.thread()[0].all_text()


def test_a_reminder_is_put_off_until_a_day_that_lies_ahead(stalled: Stalled) -> None:
    [option] = [o["value"] for o in stalled.message.buttons()[SNOOZE]["options"] if o["value"].endswith(":until")]
    stalled.bot.slack.press(stalled.ana, stalled.message, SNOOZE, option)
    stalled.seen()
    stalled.bot.slack.submit(stalled.ana, {"day": "2001-01-01"})
    assert "from today on" in stalled.seen().errors["day"]
    assert stalled.nudge().outcome is None
    day = (NOON + timedelta(days=12)).date()
    stalled.send(day=day.isoformat())
    until = stalled.nudge().snoozed_until
    assert until is not None
    assert until.date() >= day
    assert until.weekday() < 5


def test_a_reply_is_shown_as_the_customer_reads_it_and_sent_once(stalled: Stalled, intercom: Any) -> None:
    stalled.allow(intercom, "reply")
    stalled.open("reply")
    text = "Dear Carl,\n  your *pump* is on its way. <http://x.example|click>"
    stalled.bot.slack.submit(stalled.ana, {"words": text})
    shown = stalled.seen()
    assert shown.previous_id is not None
    assert stalled.written() == []
    [exact] = [block for block in shown.content["blocks"] if block["type"] == "rich_text"]
    promised = exact["elements"][0]["elements"][0]["text"]
    assert promised.startswith(text)
    assert "Sent. The customer can read it." in stalled.send()
    [(kind, value, state)] = stalled.written()
    assert (kind, value, state) == ("reply", text, "done")
    [sent] = [body for body in buttons_of(intercom) if "pump" in body]
    marker = promised[promised.index("[unstuck:") :]
    assert marker in sent
    with stalled.bot.deps.sessions() as session:
        assert [row.key for row in session.exec(select(Thread)).all() if row.key.startswith("reply:")] == []


def test_a_form_that_is_sent_twice_writes_once(stalled: Stalled, intercom: Any) -> None:
    stalled.allow(intercom, "note")
    form = stalled.open("comment")
    stalled.send(words="Once.")
    # The same form again, as after a broken line: its key is the same.
    with stalled.bot.slack.workspace.changing():
        stalled.bot.slack.workspace.views[form.id] = form
        stalled.bot.slack.workspace.stacks[stalled.ana] = [form.id]
    stalled.send(words="Once.")
    assert stalled.written() == [("note", "Once.", "done")]
    assert len([body for body in buttons_of(intercom) if "Once." in body]) == 1


def test_guests_and_nudges_of_other_channels_get_no_form(stalled: Stalled) -> None:
    gus = stalled.bot.slack.add_user("gus", guest=True)
    assert "Guests" in str(stalled.open("comment", gus).content)
    elsewhere = stalled.message
    channel = stalled.bot.slack.add_channel("lobby", [stalled.ana])
    elsewhere.channel = channel
    option = elsewhere.buttons()[MORE]["options"][0]["value"]
    stalled.bot.slack.press(stalled.ana, elsewhere, MORE, option)
    assert "submit" not in stalled.seen().content
