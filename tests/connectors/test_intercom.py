"""Intercom beside the contract: a documented ticket as its changes, and what customers thought."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_intercom import IntercomStandIn
from test_payloads import keys

from unstuck.connectors import Page
from unstuck.connectors.intercom import Intercom
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind

PAYLOAD = json.loads((Path(__file__).parent / "intercom" / "ticket.json").read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def intercom() -> Iterator[IntercomStandIn]:
    with IntercomStandIn().serving() as serving:
        assert isinstance(serving, IntercomStandIn)
        yield serving


@pytest.fixture
def page(intercom: IntercomStandIn) -> Page:
    intercom.tickets = {"1295": PAYLOAD["ticket"]}
    intercom.conversations = {"88": PAYLOAD["conversation"]}
    (page,) = Intercom(intercom.connection()).changes(None)
    return page


def test_parts_become_the_whole_history(page: Page) -> None:
    created = page.changes[0].values
    assert (created["status"], created["team"], created["assignee"], created["priority"]) == (
        "submitted",
        None,
        None,
        None,
    )
    assert (created["title"], created["number"], created["Serial"]) == ("Lamp is dark", "1390", "L-7")
    assert [dict(change.values) for change in page.changes[1:7]] == [
        {"team": "7"}, {"assignee": "2"}, {"status": "in_progress"}, {}, {"priority": "High"}, {"status": "resolved"},
    ]  # fmt: skip
    words = [(change.message.body, change.message.public) for change in page.changes if change.message]
    assert words == [("Ask the vendor", False), ("It is on its way.", True)]


def test_the_rating_of_the_conversation_is_the_tickets(page: Page) -> None:
    (rated,) = [change for change in page.changes if change.kind is ChangeKind.FEEDBACK]
    assert rated.feedback is not None
    assert (rated.feedback.score, rated.feedback.text, rated.actor) == (4, "Quick", "5ba682d2")


def test_people_and_teams_come_with_the_page(page: Page) -> None:
    assert {(one.name, one.kind) for one in page.people} >= {("Cy", "customer"), ("Bo", "agent"), ("Fin", "bot")}
    assert [team.name for team in page.teams] == ["Repairs"]


def test_the_stand_in_answers_with_nothing_that_intercom_lacks(intercom: IntercomStandIn) -> None:
    intercom.happen("1", NOON, "create", "Lamp")
    for does, value in (("assign", "1"), ("status", "in_progress"), ("note", "Hm"), ("reply", "Hello")):
        intercom.happen("1", NOON, does, value)
    assert keys(intercom.tickets["1"]) <= keys(PAYLOAD["ticket"])
