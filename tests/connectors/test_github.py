"""GitHub Issues beside the contract: a documented timeline as its changes, addresses, and its own way to slow down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import standin
from standin_github import REPOSITORY, GitHubStandIn, person

from unstuck.clock import SystemClock
from unstuck.connectors import Tickets
from unstuck.connectors.github import GitHub
from unstuck.errors import RateLimited, UsageError
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind

PAYLOAD = json.loads((Path(__file__).parent / "github" / "timeline.json").read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn().serving() as serving:
        assert isinstance(serving, GitHubStandIn)
        yield serving


def test_a_timeline_becomes_the_whole_history(github: GitHubStandIn) -> None:
    github.issues, github.timelines = {"42": PAYLOAD["issue"]}, {"42": PAYLOAD["timeline"]}
    told = [change for page in GitHub(github.connection()).changes(None) for change in page.changes]
    created = told[0].values
    assert (created["status"], created["team"], created["priority"]) == ("open", "Repairs", None)
    assert (created["title"], created["assignee"], created["tags"]) == ("Lamp", None, "bug")
    assert [dict(change.values) for change in told[1:]] == [
        {"priority": "high"}, {"assignee": "2"}, {"status": "waiting for customer"}, {}, {}, {"status": "open"},
        {"status": "not planned"}, {"status": "open"}, {"title": "Lamp is dark"}, {"status": "closed"},
    ]  # fmt: skip
    words = [(change.message.body, change.message.author_kind) for change in told if change.message]
    assert words == [("Which lamp?", "agent"), ("The red one 🔴", "customer")]


def test_the_stand_in_answers_with_nothing_that_github_lacks(github: GitHubStandIn) -> None:
    github.happen("1", NOON, "create", "Lamp")
    assert set(github.issues["1"]) <= set(PAYLOAD["issue"])
    known = {name for event in PAYLOAD["timeline"] for name in event}
    for does, value in (("assign", "1"), ("status", "in progress"), ("status", "closed"), ("reply", "Hello")):
        github.happen("1", NOON, does, value)
    assert {name for event in github.timelines["1"] for name in event} <= known


def test_the_address_of_its_page_names_the_repository(github: GitHubStandIn) -> None:
    connection = replace(github.connection(options={}), url="https://github.com/acme/desk")
    assert GitHub(connection)._http._base == "https://api.github.com/"
    with pytest.raises(UsageError):
        GitHub(github.connection(options={}))


def test_used_up_hours_are_waited_for_by_the_next_sync(github: GitHubStandIn) -> None:
    reset = str(int(SystemClock().now().timestamp()) + 1800)
    github.faults = [standin.status(403, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)]
    with pytest.raises(RateLimited) as raised:
        list(GitHub(github.connection()).changes(None))
    assert 1700 < raised.value.retry_after_s <= 1800


def test_a_pull_request_is_no_ticket_and_a_moved_issue_is_gone(github: GitHubStandIn) -> None:
    github.happen("1", NOON, "create", "Lamp")
    github.happen("2", NOON, "create", "Fan")
    github.issues["2"]["number"] = 77
    (page,) = GitHub(github.connection()).changes(Tickets(["1", "2"]))
    assert page.standing["1"] is not None
    assert page.standing["2"] is None
    assert "4711" not in {
        change.ticket for page in GitHub(github.connection()).changes(None) for change in page.changes
    }


def test_a_duplicate_is_unmarked_again(github: GitHubStandIn) -> None:
    for number in ("1", "2"):
        github.happen(number, NOON, "create", "Lamp")
    github.happen("2", NOON, "merge", "1")
    github.timelines["2"].append(
        {"id": 999, "event": "unmarked_as_duplicate", "created_at": "2026-01-14T13:00:00Z", "actor": person("1")}
    )
    told = [change for page in GitHub(github.connection()).changes(None) for change in page.changes]
    assert told[-1].kind is ChangeKind.RESTORED
    assert f"https://github.com/{REPOSITORY}/issues/1" in {change.values.get("url") for change in told}
