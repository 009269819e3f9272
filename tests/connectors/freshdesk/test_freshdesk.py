"""Freshdesk's own ways: no history but a few moments, looks in its place, and secrets in place of signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standin_freshdesk import FreshdeskStandIn
from test_payloads import keys

from unstuck.clock import iso
from unstuck.connectors import Tickets, freshdesk
from unstuck.connectors.freshdesk import Freshdesk
from unstuck.sources import inbox
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind

HERE = Path(__file__).parent


def payload(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def desk() -> Iterator[FreshdeskStandIn]:
    with FreshdeskStandIn().serving() as serving:
        assert isinstance(serving, FreshdeskStandIn)
        yield serving


def test_a_documented_ticket_becomes_what_is_known_of_its_past(desk: FreshdeskStandIn) -> None:
    (row,) = payload("tickets.json")
    desk.tickets, desk.conversations = {"42": row}, {"42": payload("conversations.json")}
    told = [change for page in Freshdesk(desk.connection()).changes(None) for change in page.changes]
    moments = [
        (iso(c.at)[5:16], c.kind.value, c.values.get("status")) for c in told if c.kind is not ChangeKind.MESSAGE
    ]
    assert moments == [
        ("01-14T12:00", "created", "New"),
        ("01-15T08:00", "updated", "Resolved"),
        ("01-15T12:00", "updated", "Closed"),
        ("01-16T12:00", "updated", "Closed"),
    ]
    assert told[3].values == {
        "status": "Closed", "team": "3", "assignee": "1", "priority": "High", "type": "Fault", "title": "Lamp is dark",
        "product": "lamp",
    }  # fmt: skip
    said = [(c.message.body, c.message.public, c.message.author_kind) for c in told if c.message]
    assert said == [("Fuse?", False, "agent"), ("It was the fuse", True, "customer")]


def test_the_stand_in_answers_with_nothing_that_the_documentation_lacks(desk: FreshdeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    desk.happen("1", NOON, "reply", "Hi")
    asked = f"{desk.url}/api/v2/tickets?updated_since=2026-01-01T00:00:00Z&order_by=updated_at&order_type=asc"
    answer = httpx.get(f"{asked}&include=stats,requester,description", auth=(desk.token, "X"))
    assert keys(answer.json()) <= keys(payload("tickets.json"))
    answer = httpx.get(f"{desk.url}/api/v2/tickets/1/conversations", auth=(desk.token, "X"))
    assert keys(answer.json()) <= keys(payload("conversations.json"))


def test_a_rating_is_feedback_on_seven_steps(desk: FreshdeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    desk.happen("1", NOON + timedelta(days=1), "rate", "-102 Still dark")
    pages = list(Freshdesk(desk.connection()).changes(None))
    (given,) = [c.feedback for page in pages for c in page.changes if c.feedback]
    assert (given.score, given.scale_min, given.scale_max, given.text) == (2, 1, 7, "Still dark")


def test_many_tickets_are_looked_for_in_the_list(desk: FreshdeskStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshdesk, "ONE_BY_ONE", 5)
    for number in range(1, 21):
        desk.happen(str(number), NOON, "create", "Lamp")
    desk.happen("7", NOON, "delete")
    desk.asked.clear()
    pages = list(Freshdesk(desk.connection()).changes(Tickets([str(number) for number in range(1, 21)])))
    stands = {ticket: standing for page in pages for ticket, standing in page.standing.items()}
    assert [ticket for ticket, standing in stands.items() if standing is None] == ["7"]
    assert len(stands) == 20
    assert len([asked for asked in desk.asked if asked == "GET /api/v2/tickets/7"]) == 1
    assert not [asked for asked in desk.asked if asked == "GET /api/v2/tickets/8"]


def test_a_webhook_without_a_signature_carries_the_secret() -> None:
    signature = Freshdesk.capabilities.signature
    assert inbox.is_signed(signature, b"s3cret", inbox.Post({"x-unstuck-token": "s3cret"}, b"{}"))
    for given in ("", "s3cre", "s3cret2", "s3crét"):
        assert not inbox.is_signed(signature, b"s3cret", inbox.Post({"x-unstuck-token": given}, b"{}"))
