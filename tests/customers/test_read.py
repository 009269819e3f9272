"""Customers and scores from files and connected CRMs, and through the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from unstuck.cli import app
from unstuck.connectors import Connection
from unstuck.customers.read_crm import read_crm
from unstuck.customers.read_file import read_file
from unstuck.customers.records import CustomerRecord, Keys, Said, ScoreRecord
from unstuck.errors import UsageError, UserError


def said(path: Path, content: str, scale: tuple[float, float] = (1, 5), zone: str | None = None) -> list[Said]:
    file = path / "rows.csv"
    file.write_text(content, encoding="utf-8")
    return list(read_file(file, scale, zone))


def test_customers_in_english_and_chinese(tmp_path: Path) -> None:
    english = said(tmp_path, "E-mail,Tier,Region,Segment size\ncy@acme.example,gold,EU,12\n")
    assert english[0].record == CustomerRecord(
        Keys(email="cy@acme.example"), {"tier": "gold", "region": "EU", "Segment size": "12"}
    )
    chinese = said(tmp_path, "订单号,客户等级,地区\nA-100,金牌,华东\n")
    assert chinese[0].record == CustomerRecord(Keys(order="A-100"), {"tier": "金牌", "region": "华东"})


def test_scores_with_their_scale_and_moment(tmp_path: Path) -> None:
    (row,) = said(tmp_path, "工单号,满意度,评价,时间\n42,9,很快,2026-01-14 20:00\n", (0, 10), "Asia/Shanghai")
    assert isinstance(row.record, ScoreRecord)
    assert (row.record.keys.ticket, row.record.at.isoformat()) == ("42", "2026-01-14T12:00:00+00:00")
    assert (row.record.feedback.score, row.record.feedback.text, row.record.feedback.scale_max) == (9, "很快", 10)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",4,2026-01-14T12:00:00Z", "nobody"),
        ("42,,2026-01-14T12:00:00Z", "no_score"),
        ("42,good,2026-01-14T12:00:00Z", "bad_score"),
        ("42,7,2026-01-14T12:00:00Z", "off_scale"),
        ("42,4,", "no_time"),
        ("42,4,2026-01-14T12:00:00", "no_zone"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(tmp_path: Path, row: str, problem: str) -> None:
    assert [one.problem for one in said(tmp_path, f"ticket,score,date\n{row}\n")] == [problem]


def test_columns_that_say_nothing_are_refused(tmp_path: Path) -> None:
    for heading in ("colour,size", "email", "tier,region"):
        with pytest.raises(UsageError, match="customers_columns"):
            said(tmp_path, f"{heading}\n{','.join('x' * (heading.count(',') + 1))}\n")


CRM = Connection(
    "crm", "https://crm.example", SecretStr("t0ken"), options={"customer_fields": ["tier=plan"]}, per_minute=1e6
)


def answering(pages: dict[str | None, Any]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer t0ken"
        given = request.url.params
        return httpx.Response(200, json=pages[given.get("after") or given.get("starting_after")])

    return httpx.MockTransport(answer)


def test_hubspot_s_contacts_page_by_page() -> None:
    pages = {
        None: {
            "results": [{"id": "7", "properties": {"email": "cy@acme.example", "plan": "gold"}}],
            "paging": {"next": {"after": "8"}},
        },
        "8": {"results": [{"id": "8", "properties": {"email": None, "plan": ""}}]},
    }
    records = [one.record for one in read_crm("hubspot", CRM, answering(pages))]
    assert records == [
        CustomerRecord(Keys(customer="contact:7", email="cy@acme.example"), {"tier": "gold"}),
        CustomerRecord(Keys(customer="contact:8"), {}),
    ]


def test_intercom_s_contacts_with_their_own_attributes() -> None:
    contact = {"id": "5ba", "email": "cy@acme.example", "custom_attributes": {"plan": "gold"}}
    pages = {None: {"data": [contact], "pages": {"next": None}}}
    (one,) = read_crm("intercom", CRM, answering(pages))
    assert one.record == CustomerRecord(Keys(customer="5ba", email="cy@acme.example"), {"tier": "gold"})


def test_zendesk_s_end_users_by_cursor() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == httpx.BasicAuth("ana@acme.example/token", "t0ken")._auth_header
        assert (request.url.path, request.url.params["role"]) == ("/api/v2/users.json", "end-user")
        if request.url.params.get("page[after]") == "c2":
            return httpx.Response(200, json={"users": [{"id": 8, "email": None}], "meta": {"has_more": False}})
        user = {"id": 7, "email": "cy@acme.example", "user_fields": {"plan": "gold"}}
        return httpx.Response(200, json={"users": [user], "meta": {"has_more": True, "after_cursor": "c2"}})

    records = [
        one.record for one in read_crm("zendesk", replace(CRM, user="ana@acme.example"), httpx.MockTransport(answer))
    ]
    assert records == [
        CustomerRecord(Keys(customer="7", email="cy@acme.example"), {"tier": "gold"}), CustomerRecord(Keys(customer="8")),
    ]  # fmt: skip


def test_freshdesk_s_contacts_page_by_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == httpx.BasicAuth("t0ken", "X")._auth_header
        first = int(request.url.params["page"]) == 1
        rows = range(100) if first else range(100, 103)
        return httpx.Response(200, json=[{"id": n, "email": None, "custom_fields": {"plan": "gold"}} for n in rows])

    records = [one.record for one in read_crm("freshdesk", CRM, httpx.MockTransport(answer))]
    assert len(records) == 103
    assert records[-1] == CustomerRecord(Keys(customer="102"), {"tier": "gold"})


def test_what_is_missing_is_said() -> None:
    with pytest.raises(UserError, match="customers_no_fields"):
        list(read_crm("hubspot", replace(CRM, options={}), answering({})))
    with pytest.raises(UserError, match="customers_no_crm"):
        list(read_crm("redmine", CRM, answering({})))


def test_from_the_command_line(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home")]
    tickets = tmp_path / "tickets.csv"
    tickets.write_text(
        "id,status,created_at,customer,updated_at\n1,Open,2026-01-14T12:00:00Z,cy@acme.example,2026-01-14T12:00:00Z\n",
        encoding="utf-8",
    )
    tiers = tmp_path / "tiers.csv"
    tiers.write_text("email,tier\nCY@acme.example,gold\nx@acme.example,silver\n", encoding="utf-8")
    run = CliRunner().invoke
    mapping = tmp_path / "map.toml"
    mapping.write_text('[ticket]\nid = "id"\nstatus = "status"\ncreated_at = "created_at"\ncustomer = "customer"\n')
    assert run(app, ["import", str(tickets), "--map", str(mapping), *home, "--json"]).exit_code == 0
    for new in (1, 0):
        answer = run(app, ["customers", str(tiers), *home, "--json"])
        assert answer.exit_code == 0, answer.output
        told = json.loads(answer.stdout)
        assert (told["customers"], told["tickets"], told["new_changes"]) == (2, 1, new)
