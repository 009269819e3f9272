"""Zammad's own ways: a search that answers sideways, articles that move with a merge, a lagging index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import request
from standin import answer
from standin_zammad import ZammadStandIn
from test_payloads import keys

from unstuck.connectors.zammad import Zammad
from unstuck.errors import Malformed
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, TicketChange

HERE = Path(__file__).parent


def payload(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def desk() -> Iterator[ZammadStandIn]:
    with ZammadStandIn().serving() as serving:
        assert isinstance(serving, ZammadStandIn)
        yield serving


def told(desk: ZammadStandIn) -> list[TicketChange]:
    return [change for page in Zammad(desk.connection()).changes(None) for change in page.changes]


def test_a_documented_ticket_becomes_its_changes(desk: ZammadStandIn) -> None:
    # The search, and what is then asked for; names of states, groups and priorities come from the stand-in.
    texts = {f"/api/v1/{path}": payload(name) for path, name in (
        ("tickets/search", "search.json"), ("ticket_history/42", "history.json"),
        ("ticket_articles/by_ticket/42", "articles.json"),
    )}  # fmt: skip
    desk.faults = [lambda: answer(texts[request.path]) if request.path in texts else None] * 9
    found = told(desk)
    assert [change.kind.value for change in found] == ["created", "updated", "updated", "updated", "message", "message"]
    assert found[0].values == {
        "status": "new", "assignee": None, "team": "3", "priority": "2 normal", "title": "Lamp is dark", "customer": "9",
        "description": "It does not work.", "number": "22042", "url": f"{desk.url}/#ticket/zoom/42",
    }  # fmt: skip
    assert [change.values for change in found[1:4]] == [{"assignee": "3"}, {"status": "open"}, {"status": "closed"}]
    said = [
        (change.message.body, change.message.public, change.message.author_kind) for change in found if change.message
    ]
    assert said == [("Fuse?", False, "agent"), ("It was the fuse", True, "customer")]


def test_the_stand_in_answers_with_nothing_that_the_documentation_lacks(desk: ZammadStandIn) -> None:
    for number in ("42", "1"):
        desk.happen(number, NOON, "create", "Lamp")
    desk.happen("42", NOON, "assign", "1")
    desk.happen("42", NOON, "reply", "Hi")
    known = {"Authorization": f"Token token={desk.token}"}
    where = f"{desk.url}/api/v1/tickets/search?query=id:(42)&sort_by=updated_at&order_by=asc&page=1&per_page=9"
    shown = httpx.get(where, headers=known).json()
    del shown["assets"]["User"]["4"]
    assert keys(shown) <= keys(payload("search.json"))
    for path, name in (("ticket_history/42", "history.json"), ("ticket_articles/by_ticket/42", "articles.json")):
        shown = httpx.get(f"{desk.url}/api/v1/{path}", headers=known).json()
        assert keys(shown) <= keys(payload(name))


def test_articles_that_move_with_a_merge_are_told_once(desk: ZammadStandIn) -> None:
    for number in ("1", "2"):
        desk.happen(number, NOON, "create", "Lamp")
    desk.happen("2", NOON + timedelta(minutes=1), "reply", "Which lamp?")
    before = told(desk)
    desk.happen("2", NOON + timedelta(minutes=2), "merge", "1")
    after = told(desk)
    (said,) = [change for change in before if change.message]
    again = [change for change in after if change.message and change.message.body == "Which lamp?"]
    assert [change.change_id for change in again] == [said.change_id]
    assert [change.ticket for change in after if change.kind is ChangeKind.MERGED] == ["2"]


def test_a_search_that_answers_otherwise_is_malformed(desk: ZammadStandIn) -> None:
    desk.faults = [lambda: answer([{"id": 1}])] * 9
    with pytest.raises(Malformed):
        told(desk)


def test_what_agents_open_a_ticket_with_among_themselves_is_no_description(desk: ZammadStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    desk.articles["1"][0]["internal"] = True
    created, said = told(desk)
    assert created.values["description"] is None
    assert said.message is not None
    assert not said.message.public
