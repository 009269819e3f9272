"""Time per stage and per step: finished visits, the unfinished beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstuck.facts import Facts
from unstuck.facts.stages import EdgeRow, StageRow, edge_table, stage_table
from unstuck.testing import NOON, Databases, a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, TicketChange
from unstuck.tickets.store import open_store

HOUR = 3600.0
Look = Callable[[list[TicketChange], float], tuple[dict[str | None, StageRow], list[EdgeRow]]]


@pytest.fixture
def look(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Look:
    def look_at(changes: list[TicketChange], hours: float) -> tuple[dict[str | None, StageRow], list[EdgeRow]]:
        engine = open_store(databases.sqlite())
        store_changes(engine, changes)
        at = NOON + timedelta(hours=hours)
        with Facts(engine, tmp_path_factory.mktemp("facts")).connect() as con:
            rows, edges = stage_table(con, at), edge_table(con, at)
        engine.dispose()
        return {row.stage: row for row in rows}, edges

    return look_at


def test_finished_visits_count_and_the_others_are_told_beside(look: Look) -> None:
    changes = [*a_ticket("A", (1, "Open"), (4, "Solved")), *a_ticket("B", (3, "Open"))]
    stages, edges = look(changes, 10)
    assert stages["New"] == StageRow("New", "NEW", 2, 2 * HOUR, HOUR, 3 * HOUR, 4 * HOUR, 0, None)
    assert stages["Open"].n == 1
    assert stages["Open"].n_open == 1
    assert stages["Solved"] == StageRow("Solved", "SOLVED", 0, None, None, None, 0, 1, None)
    assert [(edge.from_stage, edge.to_stage, edge.n, edge.sum) for edge in edges] == [
        ("New", "Open", 2, 4 * HOUR), ("Open", "Solved", 1, 3 * HOUR),
    ]  # fmt: skip


def test_what_lies_after_the_instant_is_not_known(look: Look) -> None:
    stages, edges = look(a_ticket("A", (1, "Open"), (4, "Solved")), 2)
    assert set(stages) == {"New", "Open"}
    assert (stages["Open"].n, stages["Open"].n_open) == (0, 1)
    assert len(edges) == 1


def test_a_change_of_team_does_not_end_a_visit_and_no_length_still_counts(look: Look) -> None:
    changes = [*a_ticket("A", (1, "Open"), (3, "Pending"), (3, "Solved")), a_change("A", 2, team="t2")]
    stages, _ = look(changes, 9)
    assert (stages["Open"].n, stages["Open"].sum) == (1, 2 * HOUR)
    assert (stages["Pending"].n, stages["Pending"].sum) == (1, 0)


def test_dropped_tickets_neither_wait_nor_finish(look: Look) -> None:
    changes = [*a_ticket("A", (1, "Open")), a_change("A", 2, kind=ChangeKind.DELETED)]
    stages, edges = look(changes, 9)
    assert (stages["Open"].n, stages["Open"].n_open, stages["Open"].stage_class) == (0, 0, "NEW")
    assert [(edge.from_stage, edge.to_stage) for edge in edges] == [("New", "Open")]
    before, _ = look(changes, 1.5)
    assert before["Open"].n_open == 1


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 500), min_size=1, max_size=80))
def test_quantiles_are_nearest_rank(look: Look, hours: list[float]) -> None:
    changes = [change for n, h in enumerate(hours) for change in a_ticket(f"T-{n}", (round(h * 3600) / 3600, "Open"))]
    stages, _ = look(changes, 1000)
    ordered = sorted(round(h * 3600) for h in hours)
    new = stages["New"]
    assert new.p50 == pytest.approx(ordered[math.ceil(len(ordered) / 2) - 1], abs=1e-3)
    assert new.p90 == pytest.approx(ordered[-(-9 * len(ordered) // 10) - 1], abs=1e-3)
    assert new.sum == pytest.approx(sum(ordered), abs=1e-2)


def test_an_auto_close_is_marked(look: Look) -> None:
    changes: list[TicketChange] = []
    for n in range(40):
        start = NOON + timedelta(hours=n)
        changes += a_ticket(f"T-{n}", (n * 1.7 + 1, "Solved"), (n * 1.7 + 121.2, "Closed"), start=start)
    stages, _ = look(changes, 1000)
    assert stages["Solved"].timer == 5 * 24 * HOUR
    assert stages["New"].timer is None
    # On the sixth day too few have been closed for anybody to know.
    early, _ = look(changes, 130)
    assert early["Solved"].timer is None


def test_an_instant_in_another_zone_is_the_same_instant(databases: Databases, tmp_path: Path) -> None:
    engine = open_store(databases.sqlite())
    store_changes(engine, a_ticket("A", (1, "Open")))
    with Facts(engine, tmp_path).connect() as con:
        here = stage_table(con, NOON + timedelta(minutes=30))
        there = stage_table(con, datetime.fromisoformat("2026-01-14T20:30:00+08:00"))
    engine.dispose()
    assert here == there
