"""The figures of the real ServiceNow log, as computed independently of this project."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from desk import desk

from unstuck.insights.compile import run
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Plan, Scope, Window
from unstuck.tickets.changes import ChangeKind, TicketChange

DATA = Path(__file__).parents[2] / "../shared/data/tickets"
LOG = DATA / "uci_incident_event_log.csv.gz"
pytestmark = pytest.mark.skipif(not LOG.exists(), reason="the real log lies outside the repository and is not there")

CLASSES = {
    "New": "NEW", "Active": "ACTIVE", "Awaiting User Info": "WAIT_CUSTOMER", "Awaiting Problem": "WAIT_INTERNAL",
    "Awaiting Evidence": "WAIT_INTERNAL", "Awaiting Vendor": "WAIT_VENDOR", "Resolved": "SOLVED", "Closed": "CLOSED",
    "-100": "WAIT_INTERNAL",
}  # fmt: skip
COLUMNS = {"status": "incident_state", "team": "assignment_group", "assignee": "assigned_to", "priority": "priority"}
NOW = datetime(2017, 3, 1, tzinfo=UTC)
ALL = Window(start=None, end=NOW)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)


def _changes() -> Iterator[TicketChange]:
    with gzip.open(LOG, "rt", encoding="utf-8") as lines:
        rows = [
            (row["number"], _moment(row["sys_updated_at"]), place, row)
            for place, row in enumerate(csv.DictReader(lines))
        ]
    rows.sort(key=lambda row: row[:3])
    last = None
    for name, at, place, row in rows:
        values = {field: None if row[column] == "?" else row[column] for field, column in COLUMNS.items()}
        if name != last:
            born = min(at, _moment(row["opened_at"]))
            yield TicketChange(name, f"{place}c", born, ChangeKind.CREATED, values=values, order=-1)
        last = name
        yield TicketChange(name, str(place), at, ChangeKind.UPDATED, values=values, order=place)


@cache
def log() -> duckdb.DuckDBPyConnection:
    return desk(_changes(), CLASSES, timers={"Resolved": 433980})


@cache
def reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "reference_uci.json").read_text(encoding="utf-8"))
    return found


def ask(kind: Kind, metric: str, **slots: Any) -> Any:
    slots.setdefault("window", ALL)
    return run(log(), Plan(kind=kind, metric=metric, **slots), Scope(persons=True), NOW)


def test_counts_of_the_whole_history() -> None:
    known = reference()
    for metric in ("solved", "closed", "reopened"):
        assert ask(Kind.VALUE, metric).rows[0][0] == known[metric]
    handoffs = ask(Kind.VALUE, "handoffs")
    assert handoffs.rows[0] == (known["handoffs"]["total"], known["handoffs"]["tickets"])
    assert ask(Kind.VALUE, "ping_pong").rows[0][0] == known["ping_pong_tickets"]


def test_lead_time_of_the_whole_history() -> None:
    known = reference()["lead_time"]
    assert ask(Kind.VALUE, "lead_time").rows[0] == (known["p50"], known["p90"], known["n"], 0)
    assert ask(Kind.VALUE, "lead_time", aggregate=Aggregate.MEAN).rows[0][0] == pytest.approx(known["mean"], abs=1)
    assert ask(Kind.VALUE, "lead_time", aggregate=Aggregate.MAX).rows[0][0] == known["max"]


def test_finished_visits_by_stage() -> None:
    known = reference()["stages"]
    found = {row[0]: row for row in ask(Kind.BREAKDOWN, "time_in_stage", by=("stage",)).rows}
    means = {row[0]: row for row in ask(Kind.BREAKDOWN, "time_in_stage", by=("stage",), aggregate=Aggregate.MAX).rows}
    for stage, figures in known.items():
        assert found[stage][3] == figures["n"], stage
        assert means[stage][1] == figures["max"], stage
        # Closed is where tickets stay: of its visits most are not finished, and the median is not reached.
        if stage != "Closed":
            assert found[stage][1:3] == (figures["p50"], figures["p90"]), stage


def test_every_week() -> None:
    weeks = reference()["weekly"]
    start = datetime.fromisoformat(weeks[0]["week"]).replace(tzinfo=UTC)
    end = datetime.fromisoformat(weeks[-1]["week"]).replace(tzinfo=UTC) + timedelta(weeks=1)
    slots = {"window": Window(start=start, end=end), "grain": Grain.WEEK}
    for metric, name in (
        ("opened",) * 2,
        ("solved",) * 2,
        ("closed",) * 2,
        ("reopened",) * 2,
        ("backlog", "backlog_end"),
    ):
        trend = {str(row[0])[:10]: row[1] for row in ask(Kind.TREND, metric, **slots).rows}
        assert trend == {week["week"]: week[name] for week in weeks}, metric


def test_bottlenecks_of_april_as_two_others_computed_them() -> None:
    april = Window(start=datetime(2016, 4, 1, tzinfo=UTC), end=datetime(2016, 5, 1, tzinfo=UTC))
    plan = Plan(kind=Kind.BOTTLENECK, metric="bottleneck", window=april)
    rows = run(log(), plan, Scope(), datetime(2016, 5, 2, 7, 30, tzinfo=UTC)).rows
    assert [row[:2] for row in rows[:3]] == [
        ("Active", 1116665940), ("New", 840041940), ("Awaiting User Info", 591977460),
    ]  # fmt: skip


def test_waits_of_april_with_a_ticket_still_open() -> None:
    april = Window(start=datetime(2016, 4, 1, tzinfo=UTC), end=datetime(2016, 5, 1, tzinfo=UTC))
    now = datetime(2016, 5, 10, 10, tzinfo=UTC)
    plan = Plan(kind=Kind.VALUE, metric="wait_customer", window=april)
    assert run(log(), plan, Scope(), now).rows[0] == pytest.approx((1147100520, 540575.1743638078, 2122))
    high = Filter(field="priority", values=("2 - High",))
    plan = Plan(kind=Kind.VALUE, metric="lead_time", window=april, filters=(high,))
    assert run(log(), plan, Scope(), now).rows[0] == (160740, 1373640, 135, 8)
