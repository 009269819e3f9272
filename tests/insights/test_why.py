"""Why, what if and the map of moves: the parts add up to the whole, and agree with counting by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache

import duckdb
import pytest
from desk import desk
from histories import CLASSES, desk_of

from unstuck.errors import UsageError
from unstuck.insights.compile import run
from unstuck.insights.compile.why import AVERAGED, COUNTED
from unstuck.insights.plan import Filter, Kind, Op, Plan, Result, Scope, Window

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
WINDOW = Window(start=datetime(2026, 3, 20, tzinfo=UTC), end=datetime(2026, 4, 10, tzinfo=UTC))
BEFORE = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 20, tzinfo=UTC))
EVERYONE = Scope(persons=True)


@cache
def con(seed: int = 7) -> duckdb.DuckDBPyConnection:
    return desk(desk_of(seed, 200), CLASSES)


def why(metric: str, seed: int = 7) -> Result:
    plan = Plan(kind=Kind.WHY, metric=metric, window=WINDOW, against=BEFORE)
    return run(con(seed), plan, EVERYONE, NOW)


@pytest.mark.parametrize("seed", [7, 11])
@pytest.mark.parametrize("metric", [*COUNTED, *AVERAGED])
def test_every_dimension_adds_up_to_the_whole_change(metric: str, seed: int) -> None:
    result = why(metric, seed)
    whole, *parts = result.rows
    if metric == "first_response":
        return  # these desks have no messages
    assert whole[4] == pytest.approx(float(whole[3] or 0) - float(whole[2] or 0))
    summed: dict[object, float] = defaultdict(float)
    for dimension, _, _, _, change, mix, within, *_ in parts:
        assert change == pytest.approx(float(mix or 0) + float(within or 0))
        summed[dimension] += float(change or 0)
    assert "team" in summed
    for dimension, change in summed.items():
        if metric == "handoffs" and dimension != "priority":
            continue
        assert change == pytest.approx(float(whole[4] or 0), abs=1e-6), dimension


def test_counts_are_told_apart_as_two_breakdowns_say() -> None:
    def opened(window: Window) -> dict[object, object]:
        plan = Plan(kind=Kind.BREAKDOWN, metric="opened", by=("team",), window=window)
        return {row[0]: row[1] for row in run(con(), plan, EVERYONE, NOW).rows}

    now, before = opened(WINDOW), opened(BEFORE)
    for dimension, group, was, is_now, *_ in why("opened").rows:
        if dimension == "team" and group != "others":
            assert (was, is_now) == (before.get(group, 0), now.get(group, 0))


def test_what_cannot_be_told_apart_is_declined() -> None:
    with pytest.raises(UsageError):
        why("net_flow")


# --- what if ---


def what_if(**slots: object) -> Result:
    return run(con(), Plan(kind=Kind.WHAT_IF, metric="lead_time", window=WINDOW, **slots), EVERYONE, NOW)  # type: ignore[arg-type]


def test_a_cap_that_nobody_reaches_changes_nothing() -> None:
    asked = Filter(field="class", values=("WAIT_CUSTOMER",))
    was, would = what_if(filters=(asked,), within=1e9).rows
    assert was[1:] == would[1:]


def test_a_cap_cuts_each_visit_to_the_limit() -> None:
    cap = 86_400.0
    was, would = what_if(filters=(Filter(field="stage", values=("Active",)),), within=cap).rows
    saved = _saved("Active", cap)
    assert float(was[1] or 0) - float(would[1] or 0) == pytest.approx(saved / float(was[3] or 1))


def _saved(stage: str, cap: float) -> float:
    """By hand: of tickets created in the window and solved for good, what each visit lasts beyond the limit."""
    rows = (
        con().execute("SELECT ticket, seq, stage, class, start_at, end_at FROM stays ORDER BY ticket, seq").fetchall()
    )
    by_ticket = defaultdict(list)
    for row in rows:
        by_ticket[row[0]].append(row)
    total, now = 0.0, NOW.replace(tzinfo=None)
    assert WINDOW.start is not None
    for listed in by_ticket.values():
        stays = [row for row in listed if row[4] <= now]
        if not stays or not WINDOW.start.replace(tzinfo=None) <= stays[0][4] < WINDOW.end.replace(tzinfo=None):
            continue
        done = ("SOLVED", "CLOSED")
        entries = [n for n, row in enumerate(stays) if row[3] in done and (n == 0 or stays[n - 1][3] not in done)]
        opened = [n for n, row in enumerate(stays) if row[3] not in (*done, "DROPPED")]
        if not entries or entries[-1] < max(opened, default=-1):
            continue
        visit = 0.0
        for n, row in enumerate(stays[: entries[-1]]):
            inside = row[2] == stage
            visit = visit + (row[5] - row[4]).total_seconds() if inside else 0.0
            if inside and (n + 1 == entries[-1] or stays[n + 1][2] != stage):
                total += max(0.0, visit - cap)
    return total


def test_leaving_a_group_out_is_the_rest_alone() -> None:
    rest = Filter(field="team", op=Op.NOT_IN, values=("Alpha",))
    _, would = what_if(filters=(rest,)).rows
    plan = Plan(kind=Kind.VALUE, metric="lead_time", aggregate="mean", window=WINDOW, filters=(rest,))  # type: ignore[arg-type]
    assert would[1] == run(con(), plan, EVERYONE, NOW).rows[0][0]


@pytest.mark.parametrize("slots", [{}, {"within": 60.0}, {"filters": (Filter(field="team", values=("Alpha",)),)}])
def test_what_is_no_what_if_is_declined(slots: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        what_if(**slots)


# --- the map ---


def test_the_map_counts_every_change_of_stage_in_the_window() -> None:
    result = run(con(), Plan(kind=Kind.MAP, metric="time_in_stage", window=WINDOW), EVERYONE, NOW)
    assert WINDOW.start is not None
    start, end = WINDOW.start.replace(tzinfo=None), WINDOW.end.replace(tzinfo=None)
    rows = con().execute("SELECT prev_stage, stage, start_at FROM stays WHERE prev_stage IS NOT NULL").fetchall()
    moves = Counter((was, now) for was, now, at in rows if was != now and start <= at < end)
    assert {row[:2]: row[2] for row in result.rows} == dict(moves.most_common(40)) or len(moves) > 40
    assert result.n == moves.total()
    assert set(result.order) >= {name for row in result.rows for name in row[:2]}
    assert result.order.index("New") < result.order.index("Closed")
