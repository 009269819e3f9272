"""The desk goes into a store, once, through the same door as any other source."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel
from typer.testing import CliRunner

from unstuck.cli import app
from unstuck.demo.desk import Desk
from unstuck.demo.load import load
from unstuck.demo.stages import STAGES
from unstuck.tickets.calendars import load_calendars
from unstuck.tickets.store import open_store
from unstuck.tickets.tables import Calendar, Change, Person, Stage, Team, Ticket


def test_the_store_holds_the_desk_and_loading_again_adds_nothing(desk: Desk, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'demo.db'}")
    heard: list[tuple[int, int]] = []
    first = load(engine, desk, lambda done, total: heard.append((done, total)))
    again = load(engine, desk)
    assert (first.new_changes, again.new_changes) == (len(desk.changes), 0)
    assert heard[-1] == (len(desk.changes), len(desk.changes))
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})
    with Session(engine) as session:
        tables: list[type[SQLModel]] = [Ticket, Change, Person, Team, Stage, Calendar]
        counts = {table.__name__: session.scalar(select(func.count()).select_from(table)) for table in tables}
        assert counts == {
            "Ticket": first.tickets,
            "Change": len(desk.changes),
            "Person": len(desk.people),
            "Team": 6,
            "Stage": len(STAGES),
            "Calendar": len(desk.calendars),
        }
        stages = {row.status: (row.stage_class, row.set_by) for row in session.scalars(select(Stage))}
        assert stages == {status: (stage_class.value, "map") for status, stage_class in STAGES.items()}
        assert {"Repairs", "客服组"} <= {team.name for team in session.scalars(select(Team))}
        calendars = load_calendars(session)
        assert calendars
        assert None in calendars, "tickets that no team has yet are counted by the desk's own"
    engine.dispose()


def test_the_command_fills_a_home_and_prints_what_an_import_prints(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--load", "--home", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert set(printed) == {"tickets", "changes", "new_changes", "messages", "rejected", "seconds"}
    assert printed["tickets"] > 2_500
    assert (tmp_path / "unstuck.db").exists()


def test_it_says_in_the_readers_language_that_nothing_is_real(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--load", "--home", str(tmp_path), "--lang", "zh"])
    assert result.exit_code == 0, result.output
    assert "虚构工单" in result.stdout
