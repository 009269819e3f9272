"""What the relations say about tickets whose story is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from unstuck.facts import Facts
from unstuck.facts.relations import LEARNED, LIVE, PER_TICKET
from unstuck.testing import NOON, a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange
from unstuck.tickets.store import get_source, put_calendars, put_people, put_stages, put_teams
from unstuck.tickets.tables import Calendar

STAGES = {
    "New": ("Inbox", StageClass.NEW),
    "Open": ("Work", StageClass.ACTIVE),
    "Reopened": ("Work", StageClass.ACTIVE),
    "Pending": ("Pending", StageClass.WAIT_CUSTOMER),
    "Solved": ("Solved", StageClass.SOLVED),
}


def hour(hours: float) -> datetime:
    return (NOON + timedelta(hours=hours)).replace(tzinfo=None)


@pytest.fixture
def desk(engine: Engine) -> Engine:
    with Session(engine) as session, session.begin():
        source = get_source(session, "test", "test")
        put_stages(session, source, STAGES, "map")
        put_people(
            session, source, [PersonRecord("p1", "Ana", "agent", team="t1"), PersonRecord("c1", "Li", "customer")]
        )
        put_people(session, source, [PersonRecord("b1", "Robo", "bot")])
        put_teams(session, source, [TeamRecord("t1", "Billing", calendar="office")])
    return engine


def ask(desk: Engine, directory: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with Facts(desk, directory).connect() as con:
        return con.execute(query, list(values)).fetchall()


def test_every_relation_has_the_columns_that_are_promised(desk: Engine, tmp_path: Path) -> None:
    store_changes(desk, a_ticket("T-1", (1, "Open")))
    for refreshed in (False, True):
        if refreshed:
            store_changes(desk, a_ticket("T-2"))
        with Facts(desk, tmp_path).connect() as con:
            for name, columns in {**PER_TICKET, **LEARNED, **LIVE}.items():
                found = {row[0]: row[1] for row in con.execute(f"DESCRIBE {name}").fetchall()}
                assert found == columns, name


def test_stays_know_their_neighbours_and_names(desk: Engine, tmp_path: Path) -> None:
    store_changes(
        desk,
        [
            a_change(at=0, kind=ChangeKind.CREATED, status="New"),
            a_change(at=1, status="Open", team="t1", assignee="p1"),
            a_change(at=2, status="Open"),
            a_change(at=3, status="Reopened", team="t9"),
            a_change(at=4, status="Pending", assignee=None),
        ],
    )
    rows = ask(
        desk, tmp_path,
        """SELECT seq, status, stage, class, team, assignee, start_at, end_at, prev_status, next_stage, prev_class,
        next_class, prev_team, next_team, visit FROM stays ORDER BY seq""",
    )  # fmt: skip
    assert rows == [
        (0, "New", "Inbox", "NEW", None, None, hour(0), hour(1), None, "Work", None, "ACTIVE", None, "Billing", 1),
        (1, "Open", "Work", "ACTIVE", "Billing", "Ana", hour(1), hour(3), "New", "Work", "NEW", "ACTIVE",
         None, "t9", 1),
        (2, "Reopened", "Work", "ACTIVE", "t9", "Ana", hour(3), hour(4), "Open", "Pending", "ACTIVE", "WAIT_CUSTOMER",
         "Billing", "t9", 1),
        (3, "Pending", "Pending", "WAIT_CUSTOMER", "t9", None, hour(4), None, "Reopened", None, "ACTIVE", None,
         "t9", None, 1),
    ]  # fmt: skip


def test_a_stage_entered_again_is_another_visit(desk: Engine, tmp_path: Path) -> None:
    store_changes(desk, a_ticket("T-1", (1, "Open"), (2, "Pending"), (3, "Open"), (4, "Reopened"), (5, "Solved")))
    rows = ask(desk, tmp_path, "SELECT stage, visit FROM stays ORDER BY seq")
    assert rows == [("Inbox", 1), ("Work", 1), ("Pending", 1), ("Work", 2), ("Work", 2), ("Solved", 1)]


def test_a_deleted_ticket_is_dropped_from_that_instant_on(desk: Engine, tmp_path: Path) -> None:
    store_changes(desk, [*a_ticket("T-1", (1, "Open")), a_change("T-1", 2, kind=ChangeKind.DELETED)])
    rows = ask(desk, tmp_path, "SELECT stage, class, visit, start_at, end_at FROM stays ORDER BY seq")
    assert rows[1:] == [("Work", "ACTIVE", 1, hour(1), hour(2)), ("Work", "DROPPED", 2, hour(2), None)]
    assert ask(desk, tmp_path, "SELECT deleted_at FROM tickets") == [(hour(2),)]
    assert ask(desk, tmp_path, "SELECT deleted_at FROM tickets_at(?)", hour(1)) == [(None,)]


def test_a_restored_ticket_is_open_again(desk: Engine, tmp_path: Path) -> None:
    store_changes(
        desk,
        [
            *a_ticket("T-1"),
            a_change("T-1", 1, kind=ChangeKind.DELETED),
            a_change("T-1", 2, kind=ChangeKind.RESTORED),
        ],
    )
    assert ask(desk, tmp_path, "SELECT class FROM stays ORDER BY seq") == [("NEW",), ("DROPPED",), ("NEW",)]
    assert ask(desk, tmp_path, "SELECT deleted_at FROM tickets") == [(None,)]


def test_a_merge_names_its_target_even_if_that_arrives_later(desk: Engine, tmp_path: Path) -> None:
    facts = Facts(desk, tmp_path)
    store_changes(desk, [*a_ticket("T-1"), a_change("T-1", 1, kind=ChangeKind.MERGED, merged_into="T-2")])
    with facts.connect() as con:
        assert con.execute("SELECT merged_at, merged_into FROM tickets").fetchall() == [(hour(1), None)]
    store_changes(desk, a_ticket("T-2"))
    with facts.connect() as con:
        merged = con.execute(
            "SELECT a.ext_id, b.ext_id FROM tickets a JOIN tickets b ON a.merged_into = b.ticket"
        ).fetchall()
        assert merged == [("T-1", "T-2")]
        assert con.execute("SELECT class FROM stays WHERE end_at IS NULL ORDER BY ticket").fetchall() == [
            ("DROPPED",), ("NEW",),
        ]  # fmt: skip


def test_fields_have_a_history(desk: Engine, tmp_path: Path) -> None:
    changes = [
        a_change(at=0, kind=ChangeKind.CREATED, status="New", priority="P3", place="Bonn", title="Broken"),
        a_change(at=1, status="Open", priority="P3", title="Broken mixer"),
        a_change(at=2, priority="P1"),
        a_change(at=3, place=None),
    ]
    store_changes(desk, changes)
    rows = ask(desk, tmp_path, "SELECT start_at, end_at, priority, custom FROM fields ORDER BY start_at")
    assert rows == [
        (hour(0), hour(2), "P3", {"place": "Bonn"}),
        (hour(2), hour(3), "P1", {"place": "Bonn"}),
        (hour(3), None, "P1", None),
    ]
    assert ask(desk, tmp_path, "SELECT priority FROM fields_at(?)", hour(2)) == [("P1",)]
    assert ask(desk, tmp_path, "SELECT priority FROM fields_at(?)", hour(1.99)) == [("P3",)]
    assert ask(desk, tmp_path, "SELECT title FROM tickets") == [("Broken mixer",)]


def test_values_of_one_instant_are_one_interval(desk: Engine, tmp_path: Path) -> None:
    store_changes(desk, [a_change(at=0, status="New", priority="P3", order=0), a_change(at=0, priority="P2", order=1)])
    assert ask(desk, tmp_path, "SELECT start_at, end_at, priority FROM fields") == [(hour(0), None, "P2")]


def test_the_first_values_hold_from_creation(desk: Engine, tmp_path: Path) -> None:
    early = NOON - timedelta(hours=2)
    store_changes(desk, [a_change(at=0, status="Open", priority="P3", ticket_created_at=early)])
    assert ask(desk, tmp_path, "SELECT start_at FROM fields UNION ALL SELECT start_at FROM stays") == [(hour(-2),)] * 2
    assert ask(desk, tmp_path, "SELECT created_at FROM tickets") == [(hour(-2),)]


def test_messages_feedback_and_who_did_what(desk: Engine, tmp_path: Path) -> None:
    store_changes(
        desk,
        [
            *a_ticket("T-1"),
            a_change("T-1", 1, kind=ChangeKind.MESSAGE, actor="p1", message=Message("Hello", "agent")),
            a_change("T-1", 2, kind=ChangeKind.MESSAGE, actor="b1", message=Message("note", "bot", public=False)),
            a_change("T-1", 3, actor="c1", priority="P1"),
            a_change("T-1", 4, actor="b1", priority="P2"),
            a_change("T-1", 5, actor="nobody", priority="P3"),
            a_change("T-1", 6, kind=ChangeKind.FEEDBACK, feedback=Feedback(8, scale_min=0, scale_max=10)),
            a_change("T-1", 7, kind=ChangeKind.FEEDBACK, feedback=Feedback(None, "meh")),
        ],
    )
    assert ask(desk, tmp_path, 'SELECT "at", author, author_kind, public FROM messages ORDER BY "at"') == [
        (hour(1), "Ana", "agent", True),
        (hour(2), "Robo", "bot", False),
    ]
    doers = "SELECT actor, actor_kind, activity FROM changes WHERE seq BETWEEN 1 AND 5 ORDER BY seq"
    assert ask(desk, tmp_path, doers) == [
        ("Ana", "agent", True), ("Robo", "bot", False), ("c1", "customer", True), ("Robo", "bot", False),
        ("nobody", "unknown", True),
    ]  # fmt: skip
    scores = ask(desk, tmp_path, 'SELECT score FROM feedback ORDER BY "at"')
    assert scores == [(pytest.approx(4.2),), (None,)]


def test_people_and_teams_are_there_without_customers(desk: Engine, tmp_path: Path) -> None:
    assert ask(desk, tmp_path, "SELECT * FROM people ORDER BY ext_id") == [
        ("b1", "Robo", "bot", None), ("p1", "Ana", "agent", "Billing"),
    ]  # fmt: skip
    assert ask(desk, tmp_path, "SELECT * FROM teams") == [("t1", "Billing", "office")]


def test_what_lies_after_an_instant_is_unknown_at_it(desk: Engine, tmp_path: Path) -> None:
    store_changes(desk, a_ticket("T-1", (1, "Open"), (3, "Solved")))
    rows = ask(
        desk, tmp_path,
        "SELECT stage, end_at, next_stage, next_class, prev_stage FROM stays_at(?) ORDER BY seq", hour(2),
    )  # fmt: skip
    assert rows == [("Inbox", hour(1), "Work", "ACTIVE", None), ("Work", None, None, None, "Inbox")]
    assert ask(desk, tmp_path, "SELECT count(*) FROM tickets_at(?)", hour(-1)) == [(0,)]


def test_business_time_is_counted_on_the_calendar_of_the_team(desk: Engine, tmp_path: Path) -> None:
    moves = [
        a_change(at=0, kind=ChangeKind.CREATED, status="New", team="t1"),
        a_change(at=24 * 7, status="Open", team="t2"),
        a_change(at=24 * 7 + 3, status="Solved"),
    ]
    store_changes(desk, moves)
    query = "SELECT business_end - business_start FROM stays ORDER BY seq"
    assert ask(desk, tmp_path, query) == [(None,), (None,), (None,)]
    nine_to_five = {str(day): [["09:00", "17:00"]] for day in range(5)}
    always = {str(day): [["00:00", "24:00"]] for day in range(7)}
    with Session(desk) as session, session.begin():
        put_calendars(session, [Calendar(name="office", timezone="Europe/Berlin", hours=nine_to_five)])
        put_calendars(session, [Calendar(name="default", timezone="UTC", hours=always)])
    # The snapshot notices that calendars have come, although no ticket changed.
    assert ask(desk, tmp_path, query) == [(5 * 8 * 3600,), (3 * 3600,), (None,)]
    [(start,)] = ask(desk, tmp_path, "SELECT business_start FROM stays WHERE seq = 2")
    assert start is not None


def test_an_empty_desk_has_empty_relations(engine: Engine, tmp_path: Path) -> None:
    for name in (*PER_TICKET, *LEARNED, *LIVE):
        assert ask(engine, tmp_path, f"SELECT count(*) FROM {name}") == [(0,)]


def test_instants_are_utc_whatever_the_source_wrote(desk: Engine, tmp_path: Path) -> None:
    at = datetime.fromisoformat("2026-01-14T20:00:00+08:00")
    store_changes(desk, [TicketChange("T-1", "1", at, ChangeKind.CREATED, values={"status": "New"})])
    assert ask(desk, tmp_path, "SELECT start_at FROM stays") == [
        (datetime(2026, 1, 14, 12, tzinfo=UTC).replace(tzinfo=None),)
    ]
