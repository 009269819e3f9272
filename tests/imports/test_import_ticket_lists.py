"""Exports with one row a ticket, as the common systems write them: recognised, dated, kept up to date."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from unstuck.imports.importer import plan
from unstuck.imports.mapping import read_map, write_map
from unstuck.testing import import_file
from unstuck.tickets.history import timelines
from unstuck.tickets.store import reading
from unstuck.tickets.tables import Ticket, TicketFeedback
from unstuck.tickets.timeline import Timeline


def table(*rows: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def story(engine: Engine, ext_id: str) -> Timeline:
    with Session(engine) as session:
        ticket = session.execute(select(Ticket).where(Ticket.ext_id == ext_id)).scalars().one()  # type: ignore[arg-type]
    with reading(engine) as connection:
        (found,) = timelines(connection, [ticket.id or 0])
    return found


def visits(engine: Engine, ext_id: str) -> list[tuple[str | None, str, str]]:
    return [(stay.status, stay.stage_class.value, f"{stay.start_at:%d %H:%M}") for stay in story(engine, ext_id).stays]


FRESHDESK = table(
    ["Ticket ID", "Subject", "Status", "Priority", "Source", "Type", "Agent", "Group", "Created time", "Due by Time",
     "Resolved time", "Closed time", "Last update time", "Initial response time", "Tags", "Survey results"],
    ["101", "No water", "Closed", "High", "Email", "Problem", "Ann", "Field", "2026-01-05 09:00:00", "",
     "2026-01-06 10:00:00", "2026-01-08 10:00:00", "2026-01-08 10:00:00", "2026-01-05 09:30:00", "pump,leak", "5"],
    ["102", "Noise", "Waiting on Customer", "Low", "Phone", "Question", "", "Field", "2026-01-07 09:00:00", "", "", "",
     "2026-01-07 15:00:00", "", "", ""],
)  # fmt: skip


def test_freshdesk(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(FRESHDESK)
    report = import_file(engine, path, timezone="UTC")
    assert (report.tickets, report.rejected) == (2, [])
    assert visits(engine, "101") == [
        ("New", "NEW", "05 09:00"),
        ("In progress", "ACTIVE", "05 09:30"),
        ("Resolved", "SOLVED", "06 10:00"),
        ("Closed", "CLOSED", "08 10:00"),
    ]
    assert visits(engine, "102") == [("New", "NEW", "07 09:00"), ("Waiting on Customer", "WAIT_CUSTOMER", "07 15:00")]
    with Session(engine) as session:
        feedback = session.execute(select(TicketFeedback)).scalars().one()
    assert (feedback.score, feedback.scale_max) == (5, 5)
    assert import_file(engine, path, timezone="UTC").applied.new_changes == 0


def test_a_later_export_adds_what_happened_since(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(FRESHDESK)
    import_file(engine, path, timezone="UTC")
    path.write_text(
        FRESHDESK.replace(
            "Waiting on Customer,Low,Phone,Question,,Field,2026-01-07 09:00:00,,,,2026-01-07 15:00:00",
            "Resolved,High,Phone,Question,Bob,Field,2026-01-07 09:00:00,,2026-01-09 12:00:00,,2026-01-09 12:00:00",
        )
    )
    report = import_file(engine, path, timezone="UTC")
    assert report.applied.new_changes == 1
    assert visits(engine, "102")[-1] == ("Resolved", "SOLVED", "09 12:00")
    assert (story(engine, "102").values or {})["priority"] == "High"


def test_what_is_known_at_the_end_is_not_known_before(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        table(
            ["工单号", "标题", "状态", "创建时间", "解决时间", "处理组", "解决方案"],
            ["8", "无法开机", "已解决", "2026-01-05T09:00:00+08:00", "2026-01-06T09:00:00+08:00", "维修组", "更换电池"],
        ),
        encoding="gb18030",
    )
    import_file(engine, path)
    assert visits(engine, "8") == [("新建", "NEW", "05 01:00"), ("已解决", "SOLVED", "06 01:00")]
    with Session(engine) as session:
        from unstuck.tickets.tables import Change

        changes = session.execute(select(Change).order_by(Change.at)).scalars().all()  # type: ignore[arg-type]
    assert ["resolution" in change.values for change in changes] == [False, True]
    assert changes[0].values["team"] == "维修组"


JIRA = table(
    ["Summary", "Issue key", "Issue id", "Issue Type", "Status", "Priority", "Assignee", "Reporter", "Created",
     "Updated", "Resolved", "Component/s", "Comment", "Comment"],
    ["Crash on start", "SUP-7", "1007", "Bug", "Done", "High", "ann", "carl", "15/Jan/26 10:23 AM", "16/Jan/26 1:00 PM",
     "16/Jan/26 1:00 PM", "App", "15/Jan/26 11:00 AM;ann;Which version?", "15/Jan/26 11:30 AM;carl;4.2, on Mac"],
)  # fmt: skip


def test_jira_with_its_comments(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "jira.csv"
    path.write_text(JIRA)
    found = plan(path, timezone="UTC").mapping
    assert (found.kind, found.ticket["id"], found.time_format) == ("jira", "Issue key", "%d/%b/%y %I:%M %p")
    report = import_file(engine, path, timezone="UTC")
    assert report.applied.messages == 2
    assert [(m.actor, m.author_kind, m.public, m.body) for m in story(engine, "SUP-7").messages] == [
        ("ann", "agent", False, "Which version?"),
        ("carl", "customer", False, "4.2, on Mac"),
    ]
    assert import_file(engine, path, timezone="UTC").applied.new_changes == 0


def zendesk(**given: Any) -> dict[str, Any]:
    return {
        "id": 35, "subject": "Refund", "raw_subject": "Refund", "status": "pending", "priority": "normal",
        "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T12:00:00Z", "requester": {"name": "Carl"},
        "assignee": {"name": "Ann"}, "group": {"name": "Billing"}, "via": {"channel": "email"},
        "tags": ["refund", "eu"], "satisfaction_rating": {"score": "offered"},
        "comments": [
            {"author_id": 9, "body": "Where is my money?", "public": True, "created_at": "2026-01-05T09:00:00Z"},
            {"author_id": 4, "body": "Check the ledger", "public": False, "created_at": "2026-01-05T12:00:00Z"},
        ],
        **given,
    }  # fmt: skip


def test_zendesk_as_json_lines(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "zendesk.json"
    path.write_text(json.dumps(zendesk()) + "\n" + json.dumps(zendesk(id=36, status="open", comments=[])) + "\n")
    assert plan(path).mapping.kind == "zendesk"
    report = import_file(engine, path)
    assert (report.tickets, report.applied.messages, report.rejected) == (2, 2, [])
    now = story(engine, "35")
    assert (now.current.stage_class, now.current.team, now.current.assignee) == ("WAIT_CUSTOMER", "Billing", "Ann")
    assert (now.values or {})["tags"] == "refund, eu"
    assert [message.public for message in now.messages] == [True, False]
    assert story(engine, "36").current.stage_class == "ACTIVE"


def test_servicenow_incidents(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "incident.csv"
    path.write_text(
        table(
            [
                "number",
                "opened_at",
                "short_description",
                "state",
                "assignment_group",
                "assigned_to",
                "resolved_at",
                "closed_at",
                "sys_updated_on",
                "close_notes",
            ],
            [
                "INC1",
                "2026-01-05 09:00:00",
                "VPN",
                "7",
                "Network",
                "Ann",
                "2026-01-05 11:00:00",
                "2026-01-10 11:00:00",
                "2026-01-10 11:00:00",
                "Reset the token",
            ],
            ["INC2", "2026-01-05 09:00:00", "VPN", "2", "Network", "", "", "", "2026-01-05 10:00:00", ""],
        )
    )
    assert plan(path).mapping.kind == "servicenow"
    import_file(engine, path, timezone="UTC")
    assert [status for status, _, _ in visits(engine, "INC1")] == ["New", "Resolved", "7"]
    assert visits(engine, "INC2")[-1] == ("2", "ACTIVE", "05 10:00")


def test_a_servicenow_view_of_slas_names_each_incident_once(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "incident_sla.csv"
    heading = ["inc_number", "inc_opened_at", "inc_state", "inc_assignment_group", "taskslatable_sla"]
    row = ["INC1", "2026-01-05T09:00:00Z", "2", "Network"]
    path.write_text(table(heading, [*row, "P1 response"], [*row, "P1 resolution"]))
    report = import_file(engine, path)
    assert (report.tickets, report.applied.new_changes) == (1, 1)


def test_question_and_answer_sets_are_tickets_too(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "corpus.jsonl"
    line = {"id": "q-1", "title": "No sound", "text": "Since the update…", "lang": "en", "created": "2018-12-05"}
    path.write_text(
        json.dumps({**line, "resolution": "Unmute the tab.", "resolved": True})
        + "\n"
        + json.dumps({**line, "id": "q-2", "resolution": "", "resolved": False})
        + "\n"
    )
    import_file(engine, path, timezone="UTC")
    with Session(engine) as session:
        tickets = {t.ext_id: t for t in session.execute(select(Ticket)).scalars()}
    assert (tickets["q-1"].stage_class, tickets["q-2"].stage_class) == ("SOLVED", "ACTIVE")
    assert tickets["q-1"].values["resolution"] == "Unmute the tab."
    assert tickets["q-1"].description == "Since the update…"


def test_a_reply_alone_is_known_to_have_happened(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(FRESHDESK)
    import_file(engine, path, timezone="UTC")
    (reply,) = story(engine, "101").messages
    assert (reply.at, reply.public, reply.body) == (datetime(2026, 1, 5, 9, 30, tzinfo=UTC), True, "")


@pytest.mark.parametrize("dates", [("2026-01-01T00:00:00Z", ""), ("", "2026-01-09T00:00:00Z")])
def test_dates_before_creation_and_rows_without_any(tmp_path: Path, engine: Engine, dates: tuple[str, str]) -> None:
    path = tmp_path / "tickets.csv"
    created = "2026-01-05T00:00:00Z"
    path.write_text(
        table(
            ["ticket_id", "created_at", "solved_at", "status"],
            ["1", created, dates[0], "Solved"],
            ["2", dates[1], "", "New"],
        )
    )
    report = import_file(engine, path)
    assert visits(engine, "1")[-1][:2] == ("Solved", "SOLVED")
    assert story(engine, "1").created_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert [r.reason for r in report.rejected] == ([] if dates[1] else ["no_time"])


def test_a_saved_map_reads_the_same_file_the_same_way(tmp_path: Path, engine: Engine) -> None:
    path, saved = tmp_path / "tickets.csv", tmp_path / "map.toml"
    path.write_text(FRESHDESK)
    write_map(plan(path, timezone="UTC").mapping, saved)
    import_file(engine, path, timezone="UTC")
    assert import_file(engine, path, read_map(saved)).applied.new_changes == 0
