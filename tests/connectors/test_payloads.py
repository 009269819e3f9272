"""Payloads recorded from real servers: each says where its shape is documented, and the stand-ins answer in that shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from standin_redmine import RedmineStandIn
from standin_rt import RtStandIn

from unstuck.connectors.redmine import Redmine
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind

HERE = Path(__file__).parent
PAYLOADS = sorted(HERE.glob("*/*.json"))


def payload(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def redmine() -> Iterator[RedmineStandIn]:
    with RedmineStandIn().serving() as serving:
        assert isinstance(serving, RedmineStandIn)
        yield serving


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_payload_says_where_its_shape_is_documented(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["documented"].startswith("https://")
    assert told["recorded"]


def test_a_recorded_issue_becomes_its_changes(redmine: RedmineStandIn) -> None:
    issue = payload("redmine/issue.json")["issue"]
    redmine.statuses = {"1": "New", "2": "In Progress", "5": "Closed"}
    redmine.issues = {"1": issue}
    connector = Redmine(redmine.connection(options={"feedback_field": "CSAT"}))
    told = [change for page in connector.changes(None) for change in page.changes]
    assert [change.kind for change in told] == [
        ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.UPDATED, ChangeKind.MESSAGE, ChangeKind.MESSAGE,
        ChangeKind.UPDATED, ChangeKind.FEEDBACK,
    ]  # fmt: skip
    created = told[0].values
    assert (created["status"], created["assignee"], created["priority"], created["team"]) == ("New", None, "#1", "1")
    assert [change.values for change in told[1:3]] == [{"assignee": "5"}, {"status": "In Progress"}]
    words = [(c.message.body, c.message.public, c.message.author_kind) for c in told if c.message]
    assert words == [("Looked at the logs.", False, "agent"), ("Here it is: 42", True, "customer")]
    assert told[-1].feedback is not None
    assert told[-1].feedback.score == 4


def keys(value: Any, path: str = "") -> set[str]:
    """The names in a JSON value, with where they stand."""
    if isinstance(value, list):
        return set().union(*(keys(one, path) for one in value))
    if isinstance(value, dict):
        return {f"{path}.{name}" for name in value}.union(*(keys(one, f"{path}.{name}") for name, one in value.items()))
    return set()


def test_the_stand_ins_answer_with_nothing_that_the_real_ones_lack(redmine: RedmineStandIn) -> None:
    for number, does in enumerate(("assign", "status", "reply")):
        redmine.happen("1", NOON, "create", "Lamp is dark") if not number else None
        redmine.happen("1", NOON, does, {"assign": "1", "status": "In Progress"}.get(does, "Hello"))
    asked = httpx.get(f"{redmine.url}/issues/1.json", headers={"X-Redmine-API-Key": redmine.token}).json()
    assert keys(asked) <= keys(payload("redmine/issue.json"))
    with RtStandIn().serving() as rt:
        rt.happen("1", NOON, "create", "Lamp is dark")
        rt.happen("1", NOON, "assign", "1")
        known = {"Authorization": f"token {rt.token}"}
        rows = httpx.post(f"{rt.url}/REST/2.0/transactions", json=[], headers=known).json()
        assert keys(rows) <= keys(payload("rt/transactions.json"))
        rows = httpx.get(f"{rt.url}/REST/2.0/tickets", params={"query": "id = 1"}, headers=known).json()
        assert keys(rows) <= keys(payload("rt/tickets.json"))
