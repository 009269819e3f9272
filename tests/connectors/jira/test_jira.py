"""Jira's own ways: histories beside the issue, comments that do not say whose they are to read, a score in two fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from standin_jira import JiraStandIn
from test_payloads import keys

from unstuck.connectors.jira import Jira
from unstuck.errors import UsageError
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, StageClass

HERE = Path(__file__).parent


def payload(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]


def test_a_documented_issue_becomes_its_changes() -> None:
    with JiraStandIn().serving() as desk:
        assert isinstance(desk, JiraStandIn)
        desk._search = lambda: payload("search.json")  # type: ignore[method-assign]
        desk._told = lambda: payload("changelog.json")  # type: ignore[method-assign]
    with desk.serving():
        told = [change for page in Jira(desk.connection()).changes(None) for change in page.changes]
    assert [change.kind for change in told] == [
        ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.UPDATED, ChangeKind.MESSAGE, ChangeKind.MESSAGE,
        ChangeKind.FEEDBACK,
    ]  # fmt: skip
    assert told[0].values == {
        "status": "New", "assignee": None, "customer": "acc-9", "priority": "Medium", "type": "Fault", "team": "20",
        "title": "Lamp is dark", "description": "It does not work.", "number": "SUP-42", "url": f"{desk.url}/browse/SUP-42",
    }  # fmt: skip
    assert [change.values for change in told[1:3]] == [
        {"status": "In Progress", "assignee": "acc-1"}, {"status": "Resolved"},
    ]  # fmt: skip
    said = [
        (change.message.body, change.message.public, change.message.author_kind) for change in told if change.message
    ]
    # What does not say that the customer sees it is kept inside.
    assert said == [("It is still dark", True, "customer"), ("Fuse?", False, "agent")]
    assert told[-1].feedback is not None
    assert (told[-1].feedback.score, told[-1].at.day) == (4, 16)


def test_the_stand_in_answers_with_nothing_that_the_documentation_lacks() -> None:
    with JiraStandIn().serving() as desk:
        for does, value in (("create", "Lamp"), ("assign", "1"), ("reply", "Hi"), ("rate", "4")):
            desk.happen("1", NOON, does, value)
        list(Jira(desk.connection()).changes(None))
        known = {"auth": (desk.user, desk.token)}
        fields = sorted({key.split(".")[3] for key in keys(payload("search.json")) if key.count(".") > 2})
        asked = {"jql": "updated >= 0 ORDER BY updated ASC", "maxResults": 10, "fields": fields}
        answer = httpx.post(f"{desk.url}/rest/api/2/search/jql", json=asked, **known)  # type: ignore[arg-type]
        assert keys(answer.json()) <= keys(payload("search.json"))
        asked = {"issueIdsOrKeys": ["1"], "maxResults": 10}
        answer = httpx.post(f"{desk.url}/rest/api/2/changelog/bulkfetch", json=asked, **known)  # type: ignore[arg-type]
        assert keys(answer.json()) <= keys(payload("changelog.json"))


def test_statuses_by_category_and_name() -> None:
    with JiraStandIn().serving() as desk:
        said = {
            status.name: (status.stage_class, status.certain) for status in Jira(desk.connection()).describe().statuses
        }
        assert said["Waiting for customer"] == (StageClass.WAIT_CUSTOMER, False)
        assert said["In Progress"] == (StageClass.ACTIVE, True)
        assert said["Resolved"] == (StageClass.CLOSED, True), "its name says that it is solved"
        with pytest.raises(UsageError, match="Prodct"):
            Jira(desk.connection(options={"fields": "Prodct"})).describe()
