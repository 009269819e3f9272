"""Event logs in every format, onto both databases: what goes in, what is left out and why."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

import openpyxl
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from unstuck.errors import UserError
from unstuck.imports.importer import Report
from unstuck.imports.mapping import ColumnMap
from unstuck.testing import import_file
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import timelines
from unstuck.tickets.store import reading
from unstuck.tickets.tables import Person, Stage, Team, Ticket, TicketMessage

COLUMNS = ["id", "opened", "at", "status", "team", "assignee", "by", "prio", "note"]
MAP = ColumnMap(
    ticket={"id": "id", "created_at": "opened", "priority": "prio"},
    change={"at": "at", "status": "status", "team": "team", "assignee": "assignee", "actor": "by", "message": "note"},
    classes={"新建": StageClass.NEW, "Done": StageClass.SOLVED},
    timezone="UTC",
    nulls=frozenset({"?"}),
    fields={"colour": "prio"},
)
ROWS = [
    ["T1", "2026-01-01 09:00", "2026-01-01 10:00", "新建", "A", "?", "ann", "P1", ""],
    ["T1", "2026-01-01 09:00", "2026-01-01 11:00", "Active", "A", "Ann", "ann", "P1", "请重启路由器"],
    ["T2", "2026-01-02 09:00", "2026-01-02 10:00", "新建", "B", "", "bob", "P2", ""],
    ["T1", "2026-01-01 09:00", "2026-01-01 11:00", "Done", "A", "Ann", "ann", "P1", ""],
    ["T2", "2026-01-02 09:00", "2026-01-02 12:00", "Active", "?", "Bob", "bob", "P2", ""],
]


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ",") -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([COLUMNS, *rows])
    content = text.getvalue().encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_xlsx(path: Path, rows: Sequence[Sequence[str]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(COLUMNS)
    for row in rows:
        # Excel keeps times as times, not as text.
        sheet.append([datetime.fromisoformat(cell) if cell[:2] == "20" else cell for cell in row])
    book.save(path)


def write_json_lines(path: Path, rows: Sequence[Sequence[str]]) -> None:
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Sequence[Sequence[str]]], None]] = {
    "log.csv": write_csv,
    "log.csv.gz": write_csv,
    "excel.csv": lambda path, rows: write_csv(path, rows, "utf-8-sig", ";"),
    "gb.csv": lambda path, rows: write_csv(path, rows, "gb18030", "\t"),
    "unicode.txt": lambda path, rows: write_csv(path, rows, "utf-16", "\t"),
    "log.xlsx": write_xlsx,
    "log.jsonl": write_json_lines,
}


def standings(engine: Engine) -> list[tuple[object, ...]]:
    with Session(engine) as session:
        tickets = session.execute(select(Ticket).order_by(Ticket.ext_id)).scalars()  # type: ignore[arg-type]
        return [
            (t.ext_id, t.status, t.stage_class, t.team, t.assignee, t.created_at.hour, t.updated_at.hour, t.values)
            for t in tickets
        ]


EXPECTED = [
    ("T1", "Done", "SOLVED", "A", "Ann", 9, 11, {"priority": "P1", "colour": "P1"}),
    ("T2", "Active", "ACTIVE", None, "Bob", 9, 12, {"priority": "P2", "colour": "P2"}),
]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_tickets(tmp_path: Path, engine: Engine, name: str) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    report = import_file(engine, tmp_path / name, MAP)
    assert (report.tickets, report.applied.changes, report.applied.new_changes, report.applied.messages) == (2, 5, 5, 1)
    assert report.rejected == []
    assert standings(engine) == EXPECTED
    again = import_file(engine, tmp_path / name, MAP)
    assert (again.applied.changes, again.applied.new_changes) == (5, 0)


def test_formats_of_one_log_are_the_same_changes(tmp_path: Path, engine: Engine) -> None:
    for name, write in WRITERS.items():
        write(tmp_path / name, ROWS)
    new = [import_file(engine, tmp_path / name, MAP).applied.new_changes for name in WRITERS]
    assert new == [5] + [0] * (len(WRITERS) - 1)


def test_history_is_told_by_the_rows(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "log.csv", ROWS)
    import_file(engine, tmp_path / "log.csv", MAP)
    with reading(engine) as connection, Session(engine) as session:
        ids = {ticket.ext_id: ticket.id for ticket in session.execute(select(Ticket)).scalars()}
        (story,) = timelines(connection, [ids["T1"]])
    assert [(stay.status, stay.assignee, stay.start_at.hour) for stay in story.stays] == [
        ("新建", None, 9),
        ("Active", "Ann", 11),
        ("Done", "Ann", 11),
    ]
    assert [(message.actor, message.author_kind, message.public) for message in story.messages] == [
        ("ann", "agent", False)
    ]


def test_people_teams_and_stages_come_with_the_tickets(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "log.csv", ROWS)
    report = import_file(engine, tmp_path / "log.csv", MAP)
    with Session(engine) as session:
        people = {(p.name, p.kind) for p in session.execute(select(Person)).scalars()}
        teams = {team.name for team in session.execute(select(Team)).scalars()}
        stages = {stage.status: (stage.stage_class, stage.set_by) for stage in session.execute(select(Stage)).scalars()}
    assert people == {("Ann", "agent"), ("Bob", "agent"), ("ann", "agent")}
    assert teams == {"A", "B"}
    assert stages["新建"] == ("NEW", "map")
    assert stages["Active"] == ("ACTIVE", "recognised")
    assert report.guessed == {"Active": StageClass.ACTIVE}


def test_bad_rows_are_left_out_one_by_one(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "log.csv"
    write_csv(path, [*ROWS, ["", *ROWS[0][1:]], ["T3", "", "soon", *ROWS[0][3:]], ["T3", "", "", *ROWS[0][3:]]])
    with path.open("a", encoding="utf-8") as file:
        file.write("T3,too,few\n\nT4,,2026-01-01 10:00,新建,A,,ann,P1," + "x" * 1_000_001 + "\n")
        file.write("T5,,2026-01-01 10:00,新建,A,,ann,P1,good\n")
    report = import_file(engine, path, MAP)
    assert [(rejected.row, rejected.reason) for rejected in report.rejected] == [
        (7, "no_id"),
        (8, "bad_time"),
        (9, "no_time"),
        (10, "column_count"),
        (12, "field_too_long"),
    ]
    assert report.tickets == 3


def test_bad_lines_of_json_are_left_out_one_by_one(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "log.jsonl"
    write_json_lines(path, ROWS)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "T9", "at": \n[1, 2]\n{"id": "T9", "at": "2026-01-01", "note": "\\ud83d"}\n')
        file.write('{"id": "T9\\u0000", "at": "2026-01-01"}\n')
    report = import_file(engine, path, MAP)
    assert [(rejected.row, rejected.reason) for rejected in report.rejected] == [
        (6, "not_json"),
        (7, "not_json"),
        (8, "bad_text"),
    ]
    assert [row[0] for row in standings(engine)] == ["T1", "T2", "T9"]


def test_an_open_quotation_mark_loses_its_neighbourhood_and_no_more(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "log.csv"
    heading = ",".join(COLUMNS) + "\n"
    good = [f"T{n},,2026-01-01 10:00,New,A,,ann,P1,{'x' * 500}\n" for n in range(4000)]
    path.write_text(heading + 'Tx,,2026-01-01 10:00,New,A,,ann,P1,"never closed\n' + "".join(good))
    report = import_file(engine, path, MAP)
    assert [rejected.reason for rejected in report.rejected] == ["field_too_long"]
    assert report.tickets > 1_900


def test_a_file_of_which_no_row_can_be_read_fails(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "log.csv"
    write_csv(path, [[*row[:2], "tomorrow", *row[3:]] for row in ROWS])
    with pytest.raises(UserError) as caught:
        import_file(engine, path, MAP)
    assert (caught.value.key, caught.value.params["reason"]) == ("all_rejected", "bad_time")
    assert standings(engine) == []


def test_a_heading_alone_is_no_export(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "log.csv", [])
    with pytest.raises(UserError, match="no_rows"):
        import_file(engine, tmp_path / "log.csv", MAP)


def test_times_without_a_zone_are_refused_not_guessed(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "log.csv", ROWS)
    naive = ColumnMap(ticket=MAP.ticket, change=MAP.change)
    with pytest.raises(UserError) as caught:
        import_file(engine, tmp_path / "log.csv", naive)
    assert (caught.value.key, caught.value.exit_code) == ("no_timezone", 2)
    report = import_file(engine, tmp_path / "log.csv", naive, timezone="Asia/Shanghai")
    assert report.applied.new_changes == 5
    with Session(engine) as session:
        ticket = session.execute(select(Ticket).where(Ticket.ext_id == "T1")).scalars().one()  # type: ignore[arg-type]
    assert ticket.created_at == datetime(2026, 1, 1, 1, 0, tzinfo=UTC)


def many_rows(tickets: int, seed: int = 1) -> list[list[str]]:
    """A log sorted by time, whose tickets interleave and whose rows partly coincide."""
    chance = random.Random(seed)
    rows = []
    for n in range(tickets):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(5000))
        opened = at - timedelta(minutes=chance.randrange(3))
        for _ in range(chance.randrange(1, 8)):
            status, team = chance.choice(["新建", "Active", "Done"]), chance.choice(["A", "B", "?"])
            rows.append(
                [f"T{n}", f"{opened:%Y-%m-%d %H:%M}", f"{at:%Y-%m-%d %H:%M}", status, team, "", "ann", "P1", ""]
            )
            at += timedelta(minutes=chance.choice([0, 0, 1, 60]))
    return sorted(rows, key=lambda row: row[2])


def test_a_longer_export_adds_only_what_is_new(tmp_path: Path, engine: Engine) -> None:
    rows = many_rows(300)
    write_csv(tmp_path / "june.csv", rows[: len(rows) // 2])
    # The later export is sorted by ticket, and so each row lies elsewhere.
    write_csv(tmp_path / "july.csv", sorted(rows, key=lambda row: row[0]))
    first = import_file(engine, tmp_path / "june.csv", MAP)
    second = import_file(engine, tmp_path / "july.csv", MAP)
    assert first.applied.new_changes == len(rows) // 2
    assert second.applied.changes == len(rows)
    assert second.applied.new_changes == len(rows) - len(rows) // 2


def test_columns_filled_in_later_do_not_repeat_the_history(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "june.csv", ROWS)
    write_csv(tmp_path / "july.csv", [[*row[:7], "P9", row[8]] for row in ROWS])
    import_file(engine, tmp_path / "june.csv", MAP)
    assert import_file(engine, tmp_path / "july.csv", MAP).applied.new_changes == 0


def test_equal_rows_are_as_many_changes(tmp_path: Path, engine: Engine) -> None:
    write_csv(tmp_path / "log.csv", [ROWS[0]] * 3)
    assert import_file(engine, tmp_path / "log.csv", MAP).applied.new_changes == 3
    assert import_file(engine, tmp_path / "log.csv", MAP).applied.new_changes == 0


XES = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="trace"><string key="concept:name" value="UNKNOWN"/></global>
  {traces}
</log>"""


def write_xes(path: Path) -> None:
    def attribute(kind: str, key: str, value: str) -> str:
        return f"<{kind} key={quoteattr(key)} value={quoteattr(value)}/>"

    traces = {}
    for row in ROWS:
        stamp = row[2].replace(" ", "T") + ":00.000+00:00"
        event = attribute("string", "concept:name", row[3]) + attribute("date", "time:timestamp", stamp)
        event += attribute("string", "org:group", row[4]) if row[4] != "?" else ""
        traces.setdefault(row[0], []).append(f"<event>{event}</event>")
    text = XES.format(
        traces="".join(
            f"<trace>{attribute('string', 'concept:name', ticket)}{''.join(events)}"
            f"{attribute('string', 'product', 'router')}</trace>"
            for ticket, events in traces.items()
        )
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize("name", ["log.xes", "log.xes.gz"])
def test_an_xes_log_needs_no_map(tmp_path: Path, engine: Engine, name: str) -> None:
    write_xes(tmp_path / name)
    report: Report = import_file(engine, tmp_path / name)
    assert (report.tickets, report.applied.new_changes) == (2, 5)
    assert [row[:4] for row in standings(engine)] == [("T1", "Done", "SOLVED", "A"), ("T2", "Active", "ACTIVE", None)]
    with Session(engine) as session:
        assert session.execute(select(TicketMessage)).scalars().all() == []
