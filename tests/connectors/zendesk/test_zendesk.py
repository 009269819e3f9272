"""Zendesk's own ways: one history told twice, deletions in another export, ratings given late, exports rationed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standin_zendesk import ZendeskStandIn
from test_payloads import keys

from unstuck.connectors import Action, ActionKind, Tickets
from unstuck.connectors import http as door
from unstuck.connectors.zendesk import Zendesk
from unstuck.errors import Refused, UsageError
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, TicketChange

HERE = Path(__file__).parent


def payload(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def desk() -> Iterator[ZendeskStandIn]:
    with ZendeskStandIn().serving() as serving:
        assert isinstance(serving, ZendeskStandIn)
        yield serving


def told(desk: ZendeskStandIn, since: Any = None) -> list[TicketChange]:
    return [change for page in Zendesk(desk.connection()).changes(since) for change in page.changes]


def test_exported_events_and_a_ticket_s_audits_tell_the_same_changes(desk: ZendeskStandIn) -> None:
    desk.happen("7", NOON - timedelta(days=1), "create", "Lamp is dark")
    desk.events = payload("ticket_events.json")["ticket_events"]
    exported = told(desk)
    assert [change.kind for change in exported] == [
        ChangeKind.CREATED, ChangeKind.MESSAGE, ChangeKind.MESSAGE, ChangeKind.MERGED,
    ]  # fmt: skip
    created, answered, _, merged = exported
    assert created.values == {
        "title": "Lamp is dark", "status": "new", "team": "3", "assignee": None, "customer": "9", "priority": "normal",
        "type": "problem", "Product": "lamp", "description": "It does not work.", "url": f"{desk.url}/agent/tickets/7",
    }  # fmt: skip
    assert answered.values == {"status": "open", "assignee": "1"}
    assert answered.message is not None
    assert (answered.message.public, answered.message.author_kind) == (False, "agent")
    assert merged.merged_into == "5"

    audits = {"audits": payload("audits.json")["audits"], "meta": {"has_more": False}}
    desk._shown = lambda number: audits["audits"]  # type: ignore[method-assign,assignment,return-value]
    assert told(desk, Tickets(["7"], whole=True)) == exported


def test_the_stand_in_answers_with_nothing_that_the_documentation_lacks(desk: ZendeskStandIn) -> None:
    for does, value in (("create", "Lamp"), ("assign", "1"), ("status", "pending"), ("reply", "Hi"), ("merge", "2")):
        desk.happen("1", NOON, does, value)
    known = {"auth": (f"{desk.user}/token", desk.token)}
    asked = httpx.get(f"{desk.url}/api/v2/incremental/ticket_events.json?start_time=0&include=comment_events", **known)  # type: ignore[arg-type]
    assert keys(asked.json()) <= keys(payload("ticket_events.json"))
    asked = httpx.get(f"{desk.url}/api/v2/tickets/1/audits.json", **known)  # type: ignore[arg-type]
    assert keys(asked.json()) <= keys(payload("audits.json"))


def test_a_deletion_is_in_the_export_of_tickets(desk: ZendeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    first = list(Zendesk(desk.connection()).changes(None))
    desk.happen("1", NOON + timedelta(hours=1), "delete")
    (gone,) = told(desk, first[-1].cursor)
    assert (gone.kind, gone.at) == (ChangeKind.DELETED, NOON + timedelta(hours=1))


def test_a_rating_is_feedback_and_a_changed_one_another(desk: ZendeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    desk.happen("1", NOON + timedelta(days=1), "rate", "bad Still dark")
    pages = list(Zendesk(desk.connection()).changes(None))
    desk.ratings[0] |= {"score": "good_with_comment", "comment": "Now it is on", "updated_at": "2026-01-16T12:00:00Z"}
    later = told(desk, pages[-1].cursor)
    given = [c for page in pages for c in page.changes if c.feedback] + [c for c in later if c.feedback]
    assert [(c.feedback.score, c.feedback.text) for c in given if c.feedback] == [
        (0, "Still dark"),
        (1, "Now it is on"),
    ]
    assert len({change.change_id for change in given}) == 2


def test_no_more_exports_than_zendesk_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten at once, then one each six seconds."""
    now, waits = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(door.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(door.time, "sleep", sleep)
    pace = door.Pace(10, burst=10)
    for _ in range(13):
        pace.wait()
    assert waits == [0.0] * 10 + [6.0] * 3


def test_an_oauth_token_needs_no_user(desk: ZendeskStandIn) -> None:
    given = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        given.append(request.headers["Authorization"])
        return httpx.Response(200, json={"user": {"id": None, "name": "Anonymous user"}})

    connector = Zendesk(desk.connection(user=None), httpx.MockTransport(answer))
    with pytest.raises(door.Unauthorized):
        connector.describe()
    assert given == [f"Bearer {desk.token}"]


def test_what_agents_open_a_ticket_with_among_themselves_is_no_description(desk: ZendeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    desk.events[0]["child_events"][-1]["public"] = False
    created, said = told(desk)
    assert "description" not in created.values
    assert said.message is not None
    assert (said.message.body, said.message.public) == ("It does not work.", False)


def test_what_somebody_typed_wrong_is_refused(desk: ZendeskStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    with pytest.raises(Refused):
        Zendesk(desk.connection()).write(Action("k", "1", ActionKind.ASSIGN, "Ana", "Bo"))
    with pytest.raises(UsageError, match="exports_per_minute"):
        Zendesk(desk.connection(options={"exports_per_minute": "many"}))
