"""Every compiled metric against a replay of raw changes, on generated histories."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from desk import desk
from histories import CLASSES, TEAMS, history, windows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import Replay, quantile

from unstuck.insights.compile import run
from unstuck.insights.compile.draft import BusinessClock
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Op, Plan, Result, Scope, Window
from unstuck.tickets.calendars import make
from unstuck.tickets.changes import TicketChange

Times = tuple[datetime, datetime, datetime]
EVERYONE = Scope(persons=True)
#: 20 desks of up to 30 tickets by default; `slow` runs more than 10,000 histories.
FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
FEWER = settings(FEW, max_examples=8)
MANY = settings(max_examples=900, deadline=None, suppress_health_check=list(HealthCheck))


#: The desk's own hours, in a zone whose clocks change within the histories; a team that works on Saturdays, too.
WEEK = dict.fromkeys(range(5), ((9, 12), (13, 17)))
HOURS = {None: ("Europe/Berlin", WEEK), "Beta": ("Asia/Shanghai", dict.fromkeys(range(6), ((0, 24),)))}
CALENDARS: dict[str | None, BusinessClock] = {
    team: make(zone, {str(day): [(f"{a:02}:00", f"{b:02}:00") for a, b in open_] for day, open_ in week.items()})
    for team, (zone, week) in HOURS.items()
}


def worked(team: str | None, start: datetime, end: datetime) -> float:
    """Working seconds between two instants, counted day by day."""
    zone = ZoneInfo(HOURS.get(team, HOURS[None])[0])
    days = (end.astimezone(zone).date() - start.astimezone(zone).date()).days + 1
    stretches = (one for n in range(days) for one in _open(team, start.astimezone(zone).date() + timedelta(days=n)))
    return sum(max((min(right, end) - max(left, start)).total_seconds(), 0.0) for left, right in stretches)


@lru_cache
def _open(team: str | None, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """When a team works on a day."""
    zone, week = HOURS.get(team, HOURS[None])
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    open_ = week.get(day.weekday(), ())
    return tuple(tuple((midnight + timedelta(hours=h)).astimezone(UTC) for h in hours) for hours in open_)  # type: ignore[misc]


class Case:
    """One history, asked by SQL and by replay."""

    def __init__(self, changes: list[TicketChange], times: Times, *, business: bool = False) -> None:
        self.start, self.end, self.now = times
        self.calendars = CALENDARS if business else None
        self.con = desk(changes, CLASSES, calendars=self.calendars)
        self.replay = Replay(changes, CLASSES, self.now, hours=worked if business else None)

    def ask(self, metric: str, kind: Kind = Kind.VALUE, **slots: Any) -> Result:
        plan = Plan(kind=kind, metric=metric, window=Window(start=self.start, end=self.end), **slots)
        if self.calendars:
            plan = plan.model_copy(update={"clock": "business"})
        return run(self.con, plan, EVERYONE, self.now, calendars=self.calendars)

    def value(self, metric: str, **slots: Any) -> Any:
        return self.ask(metric, **slots).rows[0][0]

    def rows(self, metric: str, *by: str, **slots: Any) -> dict[Any, Any]:
        found = self.ask(metric, Kind.BREAKDOWN, by=by, **slots)
        return {row[: len(by)] if len(by) > 1 else row[0]: row[len(by)] for row in found.rows}


def agree(case: Case) -> None:
    counts(case)
    moves(case)
    states(case)
    spells(case)
    stuck(case)


def counts(case: Case) -> None:
    replay, start, end = case.replay, case.start, case.end
    opened = replay.opened(start, end)
    assert case.value("opened") == len(opened)
    settled = [replay.at(ticket, replay.created(ticket)) for ticket in opened]
    assert case.rows("opened", "team") == Counter(state.team for state in settled if state)
    assert case.value("solved") == len(replay.solved(start, end))
    assert case.value("solved", variant="last") == len(replay.solved(start, end, last=True))
    assert case.value("closed") == len(replay.closed(start, end))
    assert case.value("reopened") == len(replay.reopened(start, end))
    assert case.value("reopened", variant="tickets") == len(set(replay.reopened(start, end)))
    assert case.value("net_flow") == replay.net_flow(start, end)
    hits, n, recent = replay.reopen_rate(start, end)
    rate = case.ask("reopen_rate")
    assert rate.rows[0] == ((hits / n, n) if n else (None, None))
    assert dict(rate.notes).get("too_recent", (("n", 0),))[0][1] == recent


def moves(case: Case) -> None:
    replay, start, end = case.replay, case.start, case.end
    for variant, owner in ((None, "team"), ("assignee", "assignee")):
        events = [e for t in replay.tickets for e in replay.handoffs(t, owner) if start <= e[0] < end]
        pairs = Counter((left, right) for _, left, right in events)
        assert case.rows("handoffs", "from_team", "to_team", variant=variant) == pairs
    solved = replay.solved(start, end)
    mean = sum(len(replay.handoffs(t)) for t in solved) / len(solved) if solved else None
    assert case.value("handoffs", aggregate=Aggregate.MEAN) == (pytest.approx(mean) if solved else None)
    bounced = [t for t in replay.tickets if any(start <= at < end for at in replay.bounced(t))]
    assert case.value("ping_pong") == len(bounced)
    charged = Counter(team for t in bounced for team in _teams(replay, t))
    assert case.rows("ping_pong", "team") == charged


def _teams(replay: Replay, ticket: str) -> set[str]:
    return {after.team for _, _, after in replay.steps(ticket) if after.team is not None}


def states(case: Case) -> None:
    replay, at = case.replay, min(case.end, case.now)
    backlog = replay.backlog(at)
    found = {t: replay.at(t, at) for t in backlog}
    assert case.value("backlog") == len(backlog)
    assert case.rows("backlog", "team") == Counter(s.team for s in found.values() if s)
    assert case.value("unassigned") == sum(s.assignee is None for s in found.values() if s)
    assert case.rows("wip", "assignee") == Counter(s.assignee for s in found.values() if s and s.assignee)
    assert case.value("stale") == sum(replay.idle(t, at) >= 5 * 86400 for t in backlog)
    ages = replay.ages(at)
    if ages:
        assert case.value("age", aggregate=Aggregate.MAX) == ages[-1]
    three = Filter(field="age", op=Op.MORE, number=3 * 86400.0)
    assert case.value("backlog", filters=(three,)) == sum(age > 3 * 86400 for age in ages)
    twice = Filter(field="handoffs", op=Op.AT_LEAST, number=2)
    moved = [t for t in backlog if sum(e[0] <= at for e in replay.handoffs(t)) >= 2]
    listed = case.ask("backlog", Kind.LIST, filters=(twice,))
    assert {row[0] for row in listed.rows} == set(moved)


def spells(case: Case) -> None:
    replay, start, end = case.replay, case.start, case.end
    leads = replay.lead_times(start, end)
    _same(case.ask("lead_time"), leads, (0.5, 0.9))
    _same(case.ask("lead_time", aggregate=Aggregate.P75), leads, (0.75, 0.5))
    _same(case.ask("first_response"), replay.first_responses(start, end), (0.5, 0.9))
    visits = [v for v in replay.visits() if start <= v.start < end]
    by_stage = case.ask("time_in_stage", Kind.BREAKDOWN, by=("stage",))
    assert {row[0] for row in by_stage.rows} == {v.key for v in visits}
    for stage, *row in by_stage.rows:
        mine = [v for v in visits if v.key == stage]
        assert row == [quantile(mine, 0.5), quantile(mine, 0.9), _n(mine, "finished"), _n(mine, "open")]
    parts = [v for v in replay.visits("Alpha") if start <= v.start < end]
    alpha = Filter(field="team", values=("Alpha",))
    _same(case.ask("time_in_stage", filters=(alpha,)), parts, (0.5, 0.9))
    totals = case.rows("time_in_stage", "stage", aggregate=Aggregate.SUM)
    assert totals == pytest.approx(dict(replay.occupancy(start, end)))


def _n(spells: list[Any], ending: str) -> int:
    return sum(spell.ending == ending for spell in spells)


def _same(result: Result, spells: list[Any], shares: tuple[float, float]) -> None:
    if not spells:
        assert result.rows[0][:2] == (None, None)
        return
    quantiles = tuple(quantile(spells, share) for share in shares)
    assert result.rows[0] == (*quantiles, _n(spells, "finished"), _n(spells, "open"))


def stuck(case: Case) -> None:
    expected = case.replay.bottleneck(case.start, case.end)
    found = case.ask("bottleneck", Kind.BOTTLENECK)
    for stage, excess, occupancy, waiting, *_ in found.rows:
        assert (excess, occupancy, waiting) == pytest.approx(expected[str(stage)]), stage
    shown = {row[0] for row in found.rows}
    assert all(waiting == 0 and inside == 0 for key, (_, inside, waiting) in expected.items() if key not in shown)


@FEW
@given(history(), windows())
def test_metrics_equal_a_replay_of_raw_changes(changes: list[TicketChange], times: Times) -> None:
    agree(Case(changes, times))


@settings(FEW, max_examples=4)
@given(history(), windows())
def test_durations_in_business_hours_equal_a_replay(changes: list[TicketChange], times: Times) -> None:
    case = Case(changes, times, business=True)
    spells(case)
    ages = case.replay.ages(min(case.end, case.now))
    if ages:
        assert case.value("age", aggregate=Aggregate.MAX) == ages[-1]
        assert case.value("age", aggregate=Aggregate.MEAN) == pytest.approx(sum(ages) / len(ages))
    calendar = Case(changes, times)
    for metric in ("lead_time", "first_response", "age", "time_in_stage", "wait_customer", "queue_time", "cycle_time"):
        short, long = (one.value(metric, aggregate=Aggregate.MEAN) for one in (case, calendar))
        assert (short is None) == (long is None), metric
        assert (short or 0) <= (long or 0) + 1e-6, metric


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(history(), windows())
def test_metrics_equal_a_replay_on_ten_thousand_histories(changes: list[TicketChange], times: Times) -> None:
    agree(Case(changes, times))


@FEWER
@given(history(), windows(), st.integers(1, 700))
def test_the_invariants_of_the_metrics_page_hold(changes: list[TicketChange], times: Times, hours: int) -> None:
    start, end, now = times
    end = min(end, now)
    middle = min(start + timedelta(hours=hours), end)
    whole, left, right = (Case(changes, (a, b, now)) for a, b in ((start, end), (start, middle), (middle, end)))
    if middle <= start or middle >= end:
        return
    for metric in ("opened", "solved", "closed", "reopened", "handoffs", "net_flow", "rework"):
        assert whole.value(metric) == left.value(metric) + right.value(metric), metric
    occupied = [case.rows("time_in_stage", "stage", aggregate=Aggregate.SUM) for case in (whole, left, right)]
    for stage, seconds in occupied[0].items():
        assert seconds == pytest.approx(occupied[1].get(stage, 0) + occupied[2].get(stage, 0))
    # Half-open windows: what happens at the start instant belongs to the window, so the state just before counts.
    instant = timedelta(microseconds=1)
    before, after = (Plan(kind=Kind.VALUE, metric="backlog", at=at - instant) for at in (start, end))
    change = run(whole.con, after, EVERYONE, now).rows[0][0] - run(whole.con, before, EVERYONE, now).rows[0][0]
    assert change == whole.value("net_flow")
    open_time = whole.value("requester_wait") + whole.value("wait_customer")
    staged = sum(s for stage, s in occupied[0].items() if CLASSES[stage] not in ("SOLVED", "CLOSED", "DROPPED"))
    assert open_time == pytest.approx(staged)


@FEWER
@given(history(), windows(), st.sampled_from(TEAMS))
def test_nothing_after_now_can_be_seen(changes: list[TicketChange], times: Times, team: str) -> None:
    """Cutting the history at "now" by hand changes no answer."""
    cut = [change for change in changes if change.at <= times[2]]
    if not cut:
        return
    whole, known = Case(changes, times), Case(cut, times)
    ours = (Filter(field="team", values=(team,)), Filter(field="priority", op=Op.NOT_NULL))
    for metric in (
        "opened",
        "solved",
        "backlog",
        "lead_time",
        "time_in_stage",
        "handoffs",
        "age",
        "rework",
        "queue_time",
    ):
        assert whole.ask(metric).rows == known.ask(metric).rows, metric
        assert whole.ask(metric, filters=ours).rows == known.ask(metric, filters=ours).rows, metric
        trends = [case.ask(metric, Kind.TREND, grain=Grain.WEEK, by=("priority",)).rows for case in (whole, known)]
        assert trends[0] == trends[1], metric
    assert whole.ask("bottleneck", Kind.BOTTLENECK).rows == known.ask("bottleneck", Kind.BOTTLENECK).rows


@FEWER
@given(history(), windows(), st.sampled_from(TEAMS))
def test_a_scope_shows_what_a_desk_with_only_those_tickets_shows(
    changes: list[TicketChange], times: Times, team: str
) -> None:
    """No metric, filter or split reaches a ticket that is not with the asker's team."""
    now = times[2]
    whole = Case(changes, times)
    mine = {t for t in whole.replay.tickets if _last_team(whole.replay, t) == team}
    alone = Case([change for change in changes if change.ticket in mine], times)
    scope = Scope(teams=(team,), persons=True)
    for metric in ("opened", "solved", "backlog", "lead_time", "time_in_stage", "handoffs", "ping_pong", "net_flow"):
        plan = Plan(kind=Kind.VALUE, metric=metric, window=Window(start=times[0], end=times[1]))
        assert run(whole.con, plan, scope, now).rows == run(alone.con, plan, EVERYONE, now).rows, metric
    listed = run(whole.con, Plan(kind=Kind.LIST, metric="backlog"), scope, now)
    assert {row[0] for row in listed.rows} <= mine


def _last_team(replay: Replay, ticket: str) -> str | None:
    known = [after.team for _, _, after in replay.steps(ticket) if after.team is not None]
    return known[-1] if known else None
