"""Thresholds: from comparable visits, known by then, finished and open; and the real log's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from unstuck.stalls.clocks import ROUND_THE_CLOCK, Calendars, Span, working_day
from unstuck.stalls.thresholds import Target, Thresholds, learn
from unstuck.stalls.visits import NEVER, Labels, Visits
from unstuck.tickets.calendars import make

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3600
Visit = tuple[str, str, str, float, float | None]


def visits(rows: list[Visit]) -> Visits:
    """Rows of stage, priority, team, start (hours before now) and length in hours, None for still open."""
    start = np.array([int((NOW - timedelta(hours=row[3])).timestamp()) for row in rows])
    end = np.array(
        [s + int(row[4] * HOUR) if row[4] is not None else NEVER for s, row in zip(start, rows, strict=True)]
    )
    stage, priority, team = (labels([row[column] for row in rows]) for column in range(3))
    return Visits(stage, team, priority, start, end, start, end, np.zeros(len(rows), dtype=bool), Calendars())


def labels(values: list[str]) -> Labels:
    words = sorted(set(values))
    return Labels(tuple(words), np.array([words.index(value) for value in values]))


def many(stage: str, priority: str, team: str, n: int) -> list[Visit]:
    """`n` finished visits of 1 to `n` hours."""
    return [(stage, priority, team, 1000.0, float(hours)) for hours in range(1, n + 1)]


def test_the_finest_group_with_enough_comparables_counts() -> None:
    rows = [*many("Active", "P3", "a", 40), *many("Active", "P1", "a", 10), *many("Active", "P3", "b", 20)]
    found = Thresholds(learn(visits(rows), NOW))
    fine, coarse, coarsest = (
        found.find("Active", priority, team, ROUND_THE_CLOCK)
        for priority, team in [("P3", "a"), ("P3", "b"), ("P1", "a")]
    )
    assert fine is not None
    assert (fine.seconds, fine.compared_by, fine.finished) == (36 * HOUR, "stage+priority+team", 40)
    assert coarse is not None
    assert (coarse.compared_by, coarse.finished) == ("stage+priority", 60)
    assert coarsest is not None
    assert (coarsest.compared_by, coarsest.finished) == ("stage", 70)
    assert found.find("New", "P3", "a", ROUND_THE_CLOCK) is None


def test_visits_still_open_raise_the_threshold() -> None:
    rows = many("Active", "P3", "a", 40)
    waiting: list[Visit] = [("Active", "P3", "a", 30.0, None) for _ in range(8)]
    before, after = (
        Thresholds(learn(visits(r), NOW)).find("Active", "P3", "a", ROUND_THE_CLOCK) for r in (rows, rows + waiting)
    )
    assert before is not None
    assert after is not None
    assert after.seconds > before.seconds
    assert after.still_open == 8


def test_nothing_is_known_of_what_comes_later() -> None:
    earlier = NOW - timedelta(hours=980)
    rows = many("Active", "P3", "a", 60)
    found = learn(visits(rows), earlier)
    cut: list[Visit] = [
        (s, p, t, at, hours if hours is not None and hours <= 20 else None) for s, p, t, at, hours in rows
    ]
    assert found == learn(visits(cut), earlier)


def test_old_visits_are_no_comparison() -> None:
    rows: list[Visit] = [("Active", "P3", "a", 24.0 * 400, 1.0) for _ in range(50)]
    assert learn(visits(rows), NOW) == {}


def test_targets_overrule_and_the_floor_holds() -> None:
    learned = learn(visits([("Active", "P3", "a", 100.0, 0.01) for _ in range(40)]), NOW)
    found = Thresholds(learned, [Target(Span(seconds=4 * HOUR), priority="P1"), Target(Span(days=1), team="b")])
    day = make("UTC", {str(n): [["09:00", "12:00"], ["13:00", "18:00"]] for n in range(5)})
    assert working_day(day) == 8 * HOUR
    for priority, team, seconds in [("P1", "b", 4 * HOUR), ("P3", "b", 8 * HOUR), ("P3", "a", HOUR)]:
        threshold = found.find("Active", priority, team, day)
        assert threshold is not None
        assert threshold.seconds == seconds
