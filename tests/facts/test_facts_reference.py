"""A real ServiceNow log of 141,712 rows, from the file to the tables, against figures computed independently of us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from unstuck.facts import Facts
from unstuck.facts.stages import EdgeRow, StageRow, edge_table, stage_table
from unstuck.imports.mapping import read_map
from unstuck.testing import Databases, import_file, shared_data
from unstuck.tickets.store import open_store

LOG = shared_data("tickets/uci_incident_event_log.csv.gz", Path(__file__).parents[2])
pytestmark = pytest.mark.skipif(LOG is None, reason="the real log is not beside the repository (../shared/data)")

AS_OF = datetime(2017, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    assert LOG is not None
    return json.loads((LOG.parent / "reference_uci.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def con(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    assert LOG is not None
    engine = open_store(databases.sqlite())
    import_file(engine, LOG, read_map(LOG.parent / "uci_incident_event_log.map.toml"))
    with Facts(engine, tmp_path_factory.mktemp("facts")).connect() as connection:
        yield connection
    engine.dispose()


def agrees(row: StageRow | EdgeRow, figures: dict[str, float]) -> bool:
    assert row.n == figures["n"]
    return all(abs(getattr(row, name) - figures[name]) < 1 for name in ("mean", "p50", "p90", "sum"))


def test_every_row_arrived(con: duckdb.DuckDBPyConnection, reference: dict[str, Any]) -> None:
    for relation, key in (("tickets", "tickets"), ("changes", "rows"), ("stays", "stays")):
        assert con.execute(f"SELECT count(*) FROM {relation}").fetchall() == [(reference[key],)]


def test_stages_agree(con: duckdb.DuckDBPyConnection, reference: dict[str, Any]) -> None:
    rows = {row.stage: row for row in stage_table(con, AS_OF)}
    assert rows.keys() == reference["stages"].keys()
    assert all(agrees(rows[stage], figures) for stage, figures in reference["stages"].items())
    assert rows["Closed"].n_open == reference["tickets"]


def test_steps_agree(con: duckdb.DuckDBPyConnection, reference: dict[str, Any]) -> None:
    rows = {f"{row.from_stage} -> {row.to_stage}": row for row in edge_table(con, AS_OF)}
    assert rows.keys() == reference["edges"].keys()
    assert all(agrees(rows[step], figures) for step, figures in reference["edges"].items())


def test_weekly_arrivals_agree(con: duckdb.DuckDBPyConnection, reference: dict[str, Any]) -> None:
    found = con.execute(
        "SELECT strftime(date_trunc('week', created_at), '%Y-%m-%d') AS week, count(*) FROM tickets GROUP BY week"
    ).fetchall()
    expected = {week["week"]: week["opened"] for week in reference["weekly"] if week["opened"]}
    assert {week: n for week, n in found if week in expected} == expected


@pytest.mark.parametrize("day", ["2016-03-12", "2016-03-25", "2016-04-01", "2016-05-20", "2017-03-01"])
def test_the_auto_close_after_five_days_is_found_unaided_at_any_time(con: duckdb.DuckDBPyConnection, day: str) -> None:
    """Also in the weeks after 14 March, when the job stood still and then closed 4,007 tickets at once."""
    rows = stage_table(con, datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    assert {row.stage: row.timer for row in rows if row.timer} == {"Resolved": 5 * 86400}
