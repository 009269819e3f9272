"""HubSpot beside the contract: documented property histories as changes, closed doors, and how it signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import standin
from standin_hubspot import HubSpotStandIn

from unstuck.connectors.hubspot import HubSpot
from unstuck.errors import Forbidden
from unstuck.sources import inbox
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, TicketChange

PAYLOAD = json.loads((Path(__file__).parent / "hubspot" / "ticket.json").read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def hubspot() -> Iterator[HubSpotStandIn]:
    with HubSpotStandIn().serving() as serving:
        assert isinstance(serving, HubSpotStandIn)
        yield serving


@pytest.fixture
def told(hubspot: HubSpotStandIn) -> list[TicketChange]:
    hubspot.records["tickets"]["42"] = PAYLOAD["ticket"]["properties"]
    hubspot.history["42"] = PAYLOAD["ticket"]["propertiesWithHistory"]
    for kind, name in (("notes", "note"), ("emails", "email"), ("feedback_submissions", "feedback")):
        hubspot.records[kind] = {PAYLOAD[name]["id"]: PAYLOAD[name]["properties"]}
        hubspot.links[kind]["42"] = [PAYLOAD[name]["id"]]
    changes = [change for page in HubSpot(hubspot.connection()).changes(None) for change in page.changes]
    return sorted(changes, key=lambda change: change.at)


def test_property_histories_become_the_whole_history(told: list[TicketChange]) -> None:
    created = told[0].values
    assert (created["status"], created["team"], created["assignee"], created["priority"]) == ("New", "0", None, "LOW")
    assert created["url"] == "https://app.hubspot.com/contacts/62515/ticket/42"
    set_later = [(dict(change.values), change.actor) for change in told[1:] if change.values]
    assert set_later == [
        ({"assignee": "2"}, "1"), ({"status": "Working on it"}, "2"), ({"priority": "HIGH"}, None),
        ({"status": "Closed"}, "2"),
    ]  # fmt: skip


def test_notes_are_internal_and_emails_public(told: list[TicketChange]) -> None:
    words = [(change.message.body, change.message.public) for change in told if change.message]
    assert words == [("Ask the vendor", False), ("Which lamp?", True)]


def test_merges_are_told_of_those_that_went(told: list[TicketChange]) -> None:
    merges = [(change.ticket, change.merged_into) for change in told if change.kind is ChangeKind.MERGED]
    assert merges == [("40", "42"), ("41", "42")]


def test_a_score_keeps_its_survey_s_scale(told: list[TicketChange]) -> None:
    (thought,) = [change.feedback for change in told if change.feedback]
    assert (thought.score, thought.scale_min, thought.scale_max, thought.text) == (6, 0, 10, "Slow")


def test_what_the_token_may_not_read_is_left_out_unless_it_must_be_read(hubspot: HubSpotStandIn) -> None:
    hubspot.happen("1", NOON, "create", "Lamp")
    hubspot.happen("1", NOON, "reply", "Hello")
    fine, closed = standin.fine(), standin.status(403)
    # In this order: pipelines, search, tickets, links of notes; then those of e-mails.
    connector = HubSpot(hubspot.connection())
    connector.describe()
    hubspot.faults = [fine, fine, fine, closed]
    changes = [change for page in connector.changes(None) for change in page.changes]
    assert not [change for change in changes if change.message]
    hubspot.faults = [fine, fine, closed]
    with pytest.raises(Forbidden):
        list(connector.changes(None))


def test_it_signs_method_address_body_and_milliseconds() -> None:
    url, body, moment = "https://unstuck.example.com/hooks/hubspot", b'[{"objectId": 42}]', "1768392000123"
    signed = b"POST" + url.encode() + body + moment.encode()
    digest = base64.b64encode(hmac.new(b"k", signed, hashlib.sha256).digest()).decode()
    headers = {"x-hubspot-signature-v3": digest, "x-hubspot-request-timestamp": moment}
    signature = HubSpot.capabilities.signature
    assert inbox.is_signed(signature, b"k", inbox.Post(headers, body, url))
    assert not inbox.is_signed(signature, b"k", inbox.Post(headers, body, url + "x"))
    assert not inbox.is_signed(signature, b"other", inbox.Post(headers, body, url))
