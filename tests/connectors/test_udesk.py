"""Udesk beside the contract: a documented ticket, signatures that count once, lists without an order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standin
from standin_udesk import UdeskStandIn
from test_payloads import keys

from unstuck import errors
from unstuck.connectors.udesk import Udesk
from unstuck.testing import NOON
from unstuck.tickets.changes import TicketChange

PAYLOAD = json.loads((Path(__file__).parent / "udesk" / "ticket.json").read_text(encoding="utf-8"))["payload"]


@pytest.fixture
def udesk() -> Iterator[UdeskStandIn]:
    with UdeskStandIn().serving() as serving:
        assert isinstance(serving, UdeskStandIn)
        yield serving


def told(udesk: UdeskStandIn, **options: str) -> list[TicketChange]:
    udesk.tickets, udesk.replies = {"1": PAYLOAD["ticket"]}, {"1": PAYLOAD["replies"]}
    return [change for page in Udesk(udesk.connection(options=options)).changes(None) for change in page.changes]


def test_a_ticket_is_told_as_it_stands(udesk: UdeskStandIn) -> None:
    created, seen = told(udesk)[:2]
    assert created.at == datetime(2016, 7, 28, 12, 44, 8, tzinfo=UTC)
    assert (created.values["status"], created.values["customer"]) == ("开启", "customer:9")
    assert (seen.values["status"], seen.values["team"], seen.values["priority"]) == ("解决中", "1", "紧急")
    assert seen.values["TextField_1"] == "普通文本内容"


def test_a_reply_that_does_not_say_is_internal_unless_the_admin_says_so(udesk: UdeskStandIn) -> None:
    def said(**options: str) -> list[tuple[str, bool]]:
        return [(one.message.body, one.message.public) for one in told(udesk, **options) if one.message]

    assert said() == [("请问订单号？", True), ("A-100", True), ("问一下仓库", False)]
    assert said(replies="public")[-1] == ("问一下仓库", True)


def test_a_second_try_is_signed_anew(udesk: UdeskStandIn) -> None:
    udesk.happen("1", NOON, "create", "Lamp")
    udesk.faults = [standin.fine(), standin.status(500)]
    assert list(Udesk(udesk.connection()).changes(None))
    assert len(udesk.nonces) == len(udesk.asked) - 1, "the failing one was not looked at"


def test_syncs_after_the_first_go_through_the_filter(udesk: UdeskStandIn) -> None:
    for number in range(1, 9):
        udesk.happen(str(number), NOON, "create", "Lamp")
    connector = Udesk(udesk.connection(options={"filter": "12"}))
    cursor = list(connector.changes(None))[-1].cursor
    udesk.asked.clear()
    list(connector.changes(cursor))
    assert "GET /open_api_v1/tickets/tickets_in_filter" in udesk.asked
    assert "GET /open_api_v1/tickets" not in udesk.asked


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("签名错误", errors.Unauthorized),
        ("调用频率超出限制", errors.RateLimited),
        ("系统错误", errors.ConnectorError),
    ],
)
def test_codes_under_a_200_are_errors(udesk: UdeskStandIn, message: str, error: type[Exception]) -> None:
    udesk.faults = [standin.status(200, json.dumps({"code": 2001, "message": message}), "application/json")]
    with pytest.raises(error):
        list(Udesk(udesk.connection()).changes(None))


def test_the_stand_in_answers_with_nothing_that_udesk_lacks(udesk: UdeskStandIn) -> None:
    for does, value in (("create", "Lamp"), ("assign", "1"), ("note", "Hm"), ("reply", "Hello")):
        udesk.happen("1", NOON, does, value)
    assert keys(udesk.tickets["1"]) <= keys(PAYLOAD["ticket"])
    assert keys(udesk.replies["1"]) <= keys(PAYLOAD["replies"])
