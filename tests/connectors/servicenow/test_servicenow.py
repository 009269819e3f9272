"""ServiceNow's own ways: a status in two columns, a save in many rows, pages with holes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standin_servicenow import ServiceNowStandIn
from test_payloads import keys

from unstuck.connectors.servicenow import ServiceNow
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, StageClass

HERE = Path(__file__).parent


def payload(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((HERE / name).read_text(encoding="utf-8"))["payload"]["result"]
    return rows


@pytest.fixture
def desk() -> Iterator[ServiceNowStandIn]:
    with ServiceNowStandIn().serving() as serving:
        assert isinstance(serving, ServiceNowStandIn)
        yield serving


def test_a_documented_record_becomes_its_changes(desk: ServiceNowStandIn) -> None:
    for table in ("incident", "sys_audit", "sys_journal_field"):
        desk.tables[table] = payload(f"{table}.json")
    told = [change for page in ServiceNow(desk.connection()).changes(None) for change in page.changes]
    assert [change.kind.value for change in told] == ["created", "updated", "updated", "message", "message"]
    assert told[0].values == {
        "status": "New", "assignee": None, "team": "g3", "priority": "3", "category": "hardware", "subcategory": None,
        "title": "Lamp is dark", "description": "It does not work.", "customer": "u9", "channel": "email",
        "number": "INC0000042", "url": f"{desk.url}/nav_to.do?uri=incident.do?sys_id=9d385017c611228701d22104cc95c371",
    }  # fmt: skip
    assert (told[0].actor, told[0].at) == ("u9", NOON)
    assert [change.values for change in told[1:3]] == [
        {"status": "In Progress", "assignee": "u1"}, {"status": "On Hold: Awaiting Caller"},
    ]  # fmt: skip
    said = [
        (change.message.body, change.message.public, change.message.author_kind) for change in told if change.message
    ]
    assert said == [("Fuse?", False, "agent"), ("It is still dark", True, "customer")]


def test_the_stand_in_has_nothing_that_the_documentation_lacks(desk: ServiceNowStandIn) -> None:
    for does, value in (("create", "Lamp"), ("assign", "1"), ("reply", "Hi")):
        desk.happen("1", NOON, does, value)
    for table in ("incident", "sys_audit", "sys_journal_field"):
        assert keys(desk.tables[table]) <= keys(payload(f"{table}.json"))


def test_records_that_may_not_be_seen_do_not_end_the_reading(desk: ServiceNowStandIn) -> None:
    for number in range(1, 121):
        desk.happen(str(number), NOON + number * timedelta(minutes=1), "create", "Lamp")
    desk.hidden = {"3", "50", "51", "99"}
    told = {change.ticket for page in ServiceNow(desk.connection()).changes(None) for change in page.changes}
    assert told == {str(number) for number in range(1, 121)} - desk.hidden


def test_a_deletion_is_told_where_its_table_may_be_read(desk: ServiceNowStandIn) -> None:
    desk.happen("1", NOON, "create", "Lamp")
    first = list(ServiceNow(desk.connection()).changes(None))
    desk.happen("1", NOON + timedelta(hours=1), "delete")
    later = [change for page in ServiceNow(desk.connection()).changes(first[-1].cursor) for change in page.changes]
    assert [(change.kind, change.at) for change in later] == [(ChangeKind.DELETED, NOON + timedelta(hours=1))]


def test_what_holding_waits_for_is_part_of_the_status(desk: ServiceNowStandIn) -> None:
    said = {status.name: status.stage_class for status in ServiceNow(desk.connection()).describe().statuses}
    assert said["On Hold: Awaiting Caller"] is StageClass.WAIT_CUSTOMER
    assert said["On Hold: Awaiting Vendor"] is StageClass.WAIT_VENDOR
    assert said["Canceled"] is StageClass.DROPPED
