"""A real ServiceNow log of 141,712 rows against figures that were computed independently of us."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from unstuck.imports.importer import plan
from unstuck.imports.mapping import read_map
from unstuck.testing import Databases, import_file, shared_data
from unstuck.tickets.history import TICKET, changes_of, chunks, stages_of
from unstuck.tickets.store import open_store, reading
from unstuck.tickets.timeline import stays

REPOSITORY = Path(__file__).parents[2]
LOG = shared_data("tickets/uci_incident_event_log.csv.gz", REPOSITORY)
pytestmark = pytest.mark.skipif(LOG is None, reason="the real log is not beside the repository (../shared/data)")


def test_the_real_log(databases: Databases) -> None:
    assert LOG is not None
    reference = json.loads((LOG.parent / "reference_uci.json").read_text())
    engine = open_store(databases.sqlite())
    report = import_file(engine, LOG, read_map(LOG.parent / "uci_incident_event_log.map.toml"))
    assert (report.tickets, report.applied.changes) == (reference["tickets"], reference["rows"])
    assert report.applied.new_changes == reference["rows"]
    assert report.rejected == []
    with reading(engine) as connection:
        stages = stages_of(connection, 1)
        tickets = {row[0]: row[1] for row in connection.execute(select(TICKET.c.id, TICKET.c.ext_id))}
        total, visits = 0, dict.fromkeys(stages, 0)
        for some in chunks(tickets):
            for changes in changes_of(connection, {ticket: tickets[ticket] for ticket in some}).values():
                history = stays(changes, stages)
                total += len(history)
                for before, stay in itertools.pairwise(history):
                    if before.status != stay.status and before.status is not None:
                        visits[before.status] += 1
    engine.dispose()
    assert (len(tickets), total) == (reference["tickets"], reference["stays"])
    assert visits == {status: figures["n"] for status, figures in reference["stages"].items()}


def test_it_is_recognised_without_a_map(databases: Databases, tmp_path: Path) -> None:
    assert LOG is not None
    with gzip.open(LOG, "rb") as stream:
        start = b"".join(stream.readline() for _ in range(2000))
    path = tmp_path / "incidents.csv"
    path.write_bytes(start)
    found = plan(path, timezone="UTC").mapping
    assert (found.kind, found.time_format) == ("servicenow", "%d/%m/%Y %H:%M")
    assert found.change["at"] == "sys_updated_at"
    assert "closed_at" not in found.columns(), "it holds the end from the first row on"
    engine = open_store(databases.sqlite())
    assert import_file(engine, path, timezone="UTC").applied.new_changes == 1999
    engine.dispose()
