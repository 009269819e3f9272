"""What the desk says it has planted is really there, by counting that knows nothing of the generator."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import pytest

from unstuck.demo.desk import Desk
from unstuck.demo.stages import STAGES, WAIT_FINANCE, WAIT_PARTS
from unstuck.tickets.changes import TicketChange

Histories = dict[str, list[TicketChange]]


class Visit(NamedTuple):
    stage: str
    start: datetime
    #: None: still there.
    end: datetime | None
    ticket: str


@pytest.fixture(scope="session")
def visits(histories: Histories) -> list[Visit]:
    return [visit for ticket, changes in histories.items() for visit in visits_of(ticket, changes)]


def visits_of(ticket: str, changes: list[TicketChange]) -> list[Visit]:
    moves = [(change.at, change.values["status"] or "") for change in changes if change.values.get("status")]
    starts = [moves[0]] + [after for before, after in pairwise(moves) if before[1] != after[1]]
    ends = [at for at, _ in starts[1:]] + [None]
    return [Visit(stage, at, end, ticket) for (at, stage), end in zip(starts, ends, strict=True)]


def test_two_stages_became_slow_when_the_desk_says_so(desk: Desk, visits: list[Visit]) -> None:
    assert [planted.stage for planted in desk.planted.bottlenecks] == [WAIT_FINANCE, WAIT_PARTS]
    for planted in desk.planted.bottlenecks:
        hours = [
            (visit.start, ((visit.end or desk.end) - visit.start).total_seconds() / 3600)
            for visit in visits
            if visit.stage == planted.stage
        ]
        before = median(length for start, length in hours if start < planted.since)
        after = median(length for start, length in hours if start >= planted.since)
        assert before == pytest.approx(planted.usual_hours, rel=0.3)
        assert after > 5 * before


def test_finance_is_slow_since_the_ninth_week(desk: Desk) -> None:
    first = min(change.at for change in desk.changes)
    since = desk.planted.bottlenecks[0].since
    assert timedelta(weeks=7) < since - first < timedelta(weeks=9)


def test_parts_hold_the_most_excess_hours_this_week_and_grow(desk: Desk, visits: list[Visit]) -> None:
    monday = (desk.end - timedelta(days=desk.end.weekday())).replace(hour=0, minute=0)
    ranking = excess_hours(visits, monday, desk.end, desk.end)
    assert ranking.most_common(1)[0][0] == WAIT_PARTS
    assert ranking[WAIT_PARTS] > 1.3 * ranking.most_common(2)[1][1]
    waiting = [at_once(visits, WAIT_PARTS, desk.end - timedelta(days=days)) for days in (14, 7, 2, 0)]
    assert waiting == sorted(set(waiting))


def test_finance_and_parts_lead_the_last_thirty_days(desk: Desk, visits: list[Visit]) -> None:
    ranking = excess_hours(visits, desk.end - timedelta(days=30), desk.end, desk.end)
    assert {stage for stage, _ in ranking.most_common(2)} == {WAIT_FINANCE, WAIT_PARTS}


def test_tickets_wait_for_parts_in_the_team_named(desk: Desk, histories: Histories) -> None:
    parts = desk.planted.bottlenecks[1]
    teams: Counter[str] = Counter()
    for changes in histories.values():
        team = ""
        for change in changes:
            team = change.values.get("team") or team
            if change.values.get("status") == parts.stage:
                teams[team] += 1
    assert set(teams) == {parts.team}


def test_the_surge_is_in_the_last_week_and_new(desk: Desk, histories: Histories) -> None:
    surge = desk.planted.surge
    about = {ticket for ticket, problem in desk.problem_of.items() if problem == surge.problem}
    assert about == set(surge.tickets)
    assert 50 <= len(about) <= 100
    assert desk.end - surge.start < timedelta(days=7)
    assert surge.end - surge.start < timedelta(days=3)
    first = [histories[ticket][0] for ticket in about if ticket in histories]
    assert sum(surge.start <= change.at <= surge.end for change in first) / len(first) > 0.9
    assert {change.values["language"] for change in first} == {"en", "zh"}


def test_the_surge_shows_in_daily_counts_of_its_product(desk: Desk, histories: Histories) -> None:
    days = Counter(
        changes[0].at.date()
        for changes in histories.values()
        if changes[0].values.get("product") == desk.planted.surge.product
    )
    usual = median(days.values())
    busiest = [day for day, _ in days.most_common(2)]
    assert all(desk.planted.surge.start.date() <= day <= desk.planted.surge.end.date() for day in busiest)
    assert days[busiest[0]] > 4 * usual


def test_stalled_tickets_are_open_and_still(desk: Desk, histories: Histories) -> None:
    stalled = desk.planted.stalled
    assert {kind: len(tickets) >= 5 for kind, tickets in stalled.items()} == {
        "unowned": True,
        "agent": True,
        "vendor": True,
    }
    for ticket in stalled["unowned"]:
        assert not any(change.values.get("assignee") for change in histories[ticket])
    for ticket in stalled["agent"]:
        public = [c.message for c in histories[ticket] if c.message and c.message.public]
        assert public[-1].author_kind == "customer"
    for ticket in (t for tickets in stalled.values() for t in tickets):
        status = [c.values["status"] for c in histories[ticket] if c.values.get("status")][-1]
        assert STAGES[status or ""].is_open


def at_once(visits: list[Visit], stage: str, at: datetime) -> int:
    return sum(v.stage == stage and v.start <= at and (v.end is None or v.end > at) for v in visits)


def excess_hours(visits: list[Visit], start: datetime, end: datetime, now: datetime) -> Counter[str]:
    """Hours inside the window beyond the stage's usual visit of the eight weeks before; open stages only."""
    found: Counter[str] = Counter()
    for stage in (stage for stage, stage_class in STAGES.items() if stage_class.is_open):
        own = [visit for visit in visits if visit.stage == stage]
        earlier = [
            ((v.end or now) - v.start).total_seconds() for v in own if start - timedelta(weeks=8) <= v.start < start
        ]
        usual = median(earlier)
        for visit in own:
            inside = (min(visit.end or now, end) - max(visit.start, start)).total_seconds()
            found[stage] += max(0, int(inside - usual)) // 3600
    return found
