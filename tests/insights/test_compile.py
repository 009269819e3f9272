"""Plans to SQL: guarded, scoped, bounded; and the shapes that results have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from desk import desk
from histories import CLASSES, desk_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstuck.errors import UserError
from unstuck.i18n import LANGS, messages
from unstuck.insights.compile import guard, run
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Op, Plan, Result, Scope, Window
from unstuck.tickets.changes import ChangeKind, TicketChange

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
WINDOW = Window(start=datetime(2026, 3, 9, tzinfo=UTC), end=NOW)
EVERYONE = Scope(persons=True)


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return desk(desk_of(7, 200), CLASSES, timers={"Held": 3600})


def ask(con: duckdb.DuckDBPyConnection, kind: Kind, metric: str | None, **slots: Any) -> Result:
    slots.setdefault("window", WINDOW)
    return run(con, Plan(kind=kind, metric=metric, **slots), EVERYONE, NOW)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def change(ticket: str, order: int, when: datetime, **values: str | None) -> TicketChange:
    kind = ChangeKind.UPDATED if order else ChangeKind.CREATED
    return TicketChange(ticket, f"{ticket}-{order}", when, kind, values=values, order=order)


# --- the guard ---


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM stays",
        "WITH known_fields AS (SELECT * FROM stays) SELECT * FROM known_fields",
        "SELECT 1; SELECT 2",
        "DELETE FROM stays",
        "CREATE TABLE x AS SELECT 1",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM other.stays",
        "SELECT * FROM people",
        "WITH known_stays AS (SELECT * FROM stays) SELECT * FROM known_stays JOIN stays ON TRUE",
        "PRAGMA database_list",
        "COPY stays TO 'x'",
    ],
)
def test_the_guard_refuses_what_is_not_a_scoped_select(sql: str) -> None:
    with pytest.raises(guard.UnsafeSqlError):
        guard.check(sql)


def test_values_never_become_sql(con: duckdb.DuckDBPyConnection) -> None:
    hostile = "x' OR 1=1; DROP TABLE stays; --"
    filters = (Filter(field="team", values=(hostile,)), Filter(field=f"custom.{hostile}", op=Op.IS_NULL))
    result = ask(con, Kind.VALUE, "opened", filters=filters)
    assert result.rows == ((0,),)
    assert "DROP TABLE" not in result.sql


def test_a_question_that_takes_too_long_is_stopped(con: duckdb.DuckDBPyConnection) -> None:
    from unstuck.insights.compile.execute import fetch

    endless = "SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "check", lambda sql: None)  # the guard would refuse range()
        with pytest.raises(UserError) as stopped:
            fetch(con, endless, {}, limit_s=0.2)
    assert stopped.value.key == "question_too_slow"


# --- any plan ---

DIMENSIONS = (
    "team",
    "assignee",
    "status",
    "class",
    "priority",
    "weekday",
    "hour",
    "source",
    "tag",
    "custom.x",
    "from_team",
)
MEASURES = ("age", "stage_age", "idle", "lead_time", "handoffs", "reopens", "agent_replies", "nonsense")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    metric = draw(st.sampled_from(sorted(METRICS)))
    filters = draw(
        st.lists(
            st.one_of(
                st.builds(
                    Filter,
                    field=st.sampled_from(DIMENSIONS),
                    op=st.sampled_from((Op.IN, Op.NOT_IN, Op.IS_NULL, Op.NOT_NULL)),
                    values=st.lists(st.sampled_from(("Alpha", "P1", "Monday", "9", "'; --")), min_size=1).map(tuple),
                ),
                st.builds(
                    Filter,
                    field=st.sampled_from(MEASURES),
                    op=st.sampled_from((Op.MORE, Op.AT_MOST)),
                    number=st.floats(0, 1e6),
                ),
            ),
            max_size=2,
        )
    )
    return Plan(
        kind=draw(st.sampled_from([kind for kind in Kind if kind is not Kind.TICKET])),
        metric=metric,
        variant=draw(st.sampled_from((None, *METRICS[metric].variants))),
        aggregate=draw(st.sampled_from((None, *METRICS[metric].aggregates))),
        by=tuple(draw(st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True))),
        filters=tuple(filters),
        window=draw(st.sampled_from((WINDOW, None, Window(start=None, end=NOW)))),
        against=draw(st.sampled_from((None, Window(start=at(1), end=at(9))))),
        against_metric=draw(st.sampled_from((None, None, None, "solved"))),
        compare_by=draw(st.sampled_from((None, None, None, "priority", "team"))),
        grain=draw(st.sampled_from((None, *Grain))) if metric != "age" else Grain.WEEK,
        descending=draw(st.booleans()),
        limit=draw(st.sampled_from((None, 1, 3))),
        within=draw(st.sampled_from((None, 3600.0))),
        timezone=draw(st.sampled_from(("UTC", "Asia/Shanghai", "America/New_York"))),
    )


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), teams=st.sampled_from((None, ("Alpha",))))
def test_any_plan_is_answered_or_declined_in_words(
    con: duckdb.DuckDBPyConnection, plan: Plan, teams: tuple[str, ...] | None
) -> None:
    answered_or_declined(con, plan, teams)


@pytest.mark.parametrize("n", [1, 4, 5, 9])
def test_a_filter_may_name_many_values(con: duckdb.DuckDBPyConnection, n: int) -> None:
    names = ("Alpha", *(f"Nobody {number}" for number in range(n - 1)))
    other = Filter(field="priority", op=Op.NOT_IN, values=("none",))
    for kind, metric in ((Kind.LIST, "reopen_rate"), (Kind.VALUE, "opened")):
        for field in ("team", "status"):
            few = Filter(field=field, op=Op.IN, values=("Alpha",))
            many = few.model_copy(update={"values": names})
            found = [ask(con, kind, metric, filters=(one, other)).rows for one in (few, many)]
            assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), teams=st.sampled_from((None, ("Alpha",))))
def test_ten_thousand_plans_are_answered_or_declined_in_words(
    con: duckdb.DuckDBPyConnection, plan: Plan, teams: tuple[str, ...] | None
) -> None:
    answered_or_declined(con, plan, teams)


def answered_or_declined(con: duckdb.DuckDBPyConnection, plan: Plan, teams: tuple[str, ...] | None) -> None:
    try:
        result = run(con, plan, Scope(teams=teams, persons=True), NOW)
    except UserError as declined:
        told = [messages(lang)[f"errors.{declined.key}"].format(**declined.params) for lang in LANGS]
        assert len(set(told)) == len(LANGS)
        return
    assert all(len(row) == len(result.columns) for row in result.rows)
    if plan.kind is Kind.LIST:
        assert len(result.rows) <= 50


def test_persons_are_ranked_only_for_those_who_may(con: duckdb.DuckDBPyConnection) -> None:
    plan = Plan(kind=Kind.TOP, metric="wip", by=("assignee",))
    assert run(con, plan, Scope(persons=True), NOW).rows
    with pytest.raises(UserError) as closed:
        run(con, plan, Scope(), NOW)
    assert closed.value.key == "persons_closed"


@pytest.mark.parametrize("kind", [Kind.MAP, Kind.WHAT_IF])
def test_what_cannot_be_split_says_so(con: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    with pytest.raises(UserError) as declined:
        run(con, Plan(kind=kind, metric="lead_time", by=("weekday",)), Scope(), NOW)
    assert declined.value.key == "no_such_split"


@pytest.mark.parametrize("kind", [Kind.TREND, Kind.COMPARE])
def test_two_metrics_and_two_groups_are_too_much_at_once(con: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    with pytest.raises(UserError) as declined:
        run(con, Plan(kind=kind, metric="age", against_metric="solved", compare_by="priority"), Scope(), NOW)
    assert declined.value.key == "too_many_splits"


# --- shapes ---


def test_an_as_of_metric_is_the_same_however_it_is_cut(con: duckdb.DuckDBPyConnection) -> None:
    whole = ask(con, Kind.VALUE, "backlog").rows[0][0]
    for by in ("team", "stage", "priority"):
        assert sum(int(row[1] or 0) for row in ask(con, Kind.BREAKDOWN, "backlog", by=(by,)).rows) == whole
    assert ask(con, Kind.LIST, "backlog").n == whole


def test_a_trend_has_every_bucket_and_says_which_is_unfinished(con: duckdb.DuckDBPyConnection) -> None:
    window = Window(start=datetime(2026, 3, 9, tzinfo=UTC), end=datetime(2026, 4, 13, tzinfo=UTC))
    result = ask(con, Kind.TREND, "opened", grain=Grain.WEEK, window=window)
    weeks = [datetime(2026, 3, 9, tzinfo=UTC) + timedelta(weeks=n) for n in range(5)]
    assert [row[0] for row in result.rows] == [f"{week:%Y-%m-%dT%H:%M:%SZ}" for week in weeks]
    assert ("unfinished", (("bucket", "2026-04-06T00:00:00Z"),)) in result.notes


def test_buckets_follow_the_wall_clock_through_a_change_of_clocks() -> None:
    con = desk([change("A", 0, at(2), status="New"), change("B", 0, at(30, 3), status="New")], CLASSES)
    window = Window(start=datetime(2026, 3, 27, 23, tzinfo=UTC), end=datetime(2026, 3, 30, 22, tzinfo=UTC))
    plan = Plan(kind=Kind.TREND, metric="opened", window=window, grain=Grain.DAY, timezone="Europe/Berlin")
    days = [row[0] for row in run(con, plan, EVERYONE, NOW).rows]
    # 29 March 2026 has 23 hours in Berlin.
    assert days == ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]


def test_a_top_list_shows_ties_and_leaves_out_small_groups_of_durations() -> None:
    changes = [
        change(f"{team}-{number}", order, at(10 + order, number), **values)
        for team, size in (("Alpha", 6), ("Beta", 6), ("Gamma", 2), ("Delta", 2))
        for number in range(size)
        for order, values in enumerate(({"status": "New", "team": team}, {"status": "Solved"}))
    ]
    con = desk(changes, CLASSES)
    top = ask(con, Kind.TOP, "opened", by=("team",), limit=3)
    assert [row[0] for row in top.rows] == ["Alpha", "Beta", "Delta", "Gamma"]
    assert ("ties", (("n", 1),)) in top.notes
    slow = ask(con, Kind.TOP, "lead_time", by=("team",))
    assert [row[0] for row in slow.rows] == ["Alpha", "Beta"]
    assert ("small_groups", (("least", 5), ("n", 2))) in slow.notes


def test_a_median_that_is_not_reached_ranks_first_and_says_more_than() -> None:
    changes = [change(f"A{n}", 0, at(10), status="New", team="Alpha") for n in range(5)]
    for n in range(5):
        changes += [change(f"B{n}", 0, at(10), status="New", team="Beta"), change(f"B{n}", 1, at(20), status="Solved")]
    result = ask(desk(changes, CLASSES), Kind.TOP, "lead_time", by=("team",))
    assert result.rows == (("Alpha", None, None, 0, 5), ("Beta", 864000, 864000, 5, 0))
    waited = (NOW - at(10)).total_seconds()
    assert ("not_reached", (("group", "Alpha"), ("more_than", int(waited)), ("n_open", 5))) in result.notes


def test_priority_is_the_one_known_now_and_team_the_one_at_the_event() -> None:
    con = desk(
        [
            change("A", 0, at(10), status="New", priority="P2", team="Alpha"),
            change("A", 1, at(11), priority="P1", team="Beta"),
            change("A", 2, at(25), priority="P3"),
        ],
        CLASSES,
    )
    plan = Plan(kind=Kind.BREAKDOWN, metric="opened", by=("priority", "team"), window=WINDOW)
    assert run(con, plan, EVERYONE, at(20)).rows == (("P1", "Alpha", 1),)
    assert run(con, plan, EVERYONE, NOW).rows == (("P3", "Alpha", 1),)


def test_a_comparison_of_a_running_week_takes_the_same_elapsed_part(con: duckdb.DuckDBPyConnection) -> None:
    monday = datetime(2026, 4, 6, tzinfo=UTC)
    week = timedelta(weeks=1)
    slots = {"window": Window(start=monday, end=monday + week), "against": Window(start=monday - week, end=monday)}
    result = ask(con, Kind.COMPARE, "opened", **slots)
    assert result.rows[1][:2] == ("2026-03-30T00:00:00Z", "2026-04-03T12:00:00Z")
    assert ("same_elapsed", (("end", "2026-04-03T12:00:00Z"),)) in result.notes


class Weekdays:
    """A business clock that runs on Mondays to Fridays, around the clock."""

    def business_seconds(self, at: datetime) -> int:
        start = datetime(2026, 1, 5, tzinfo=UTC)
        weeks, rest = divmod(int((at - start).total_seconds()), 7 * 86400)
        return weeks * 5 * 86400 + min(rest, 5 * 86400)


def test_business_time_is_the_difference_of_two_clock_readings() -> None:
    friday, monday = at(13), at(16)
    con = desk([change("A", 0, friday, status="New"), change("A", 1, monday, status="Asked")], CLASSES)
    clock = Weekdays()
    con.execute("UPDATE stays SET business_start = ?, business_end = ? WHERE seq = 0",
                [clock.business_seconds(friday), clock.business_seconds(monday)])  # fmt: skip
    con.execute("UPDATE stays SET business_start = ? WHERE seq = 1", [clock.business_seconds(monday)])
    day = 86400
    for clock_name, spent, waited in (("calendar", 3 * day, 8 * day), ("business", day, 6 * day)):
        slots = {"clock": clock_name, "window": Window(start=at(9), end=at(24)), "aggregate": Aggregate.SUM}
        for metric, seconds in (("requester_wait", spent), ("wait_customer", waited)):
            plan = Plan(kind=Kind.VALUE, metric=metric, **slots)  # type: ignore[arg-type]
            found = run(con, plan, EVERYONE, at(24), calendars={None: clock})
            assert found.rows[0][0] == seconds, (metric, clock_name)
    plan = Plan(kind=Kind.VALUE, metric="time_in_stage", clock="business", window=Window(start=at(9), end=at(24)))
    visits = run(con, plan.model_copy(update={"by": ("stage",)}), EVERYONE, at(24), calendars={None: clock}).rows
    assert visits == (("Asked", None, None, 0, 1), ("New", day, day, 1, 0))
    with pytest.raises(UserError, match="no_calendar"):
        run(con, plan, EVERYONE, at(24))


def test_first_response_counts_public_messages_of_agents_only() -> None:
    from unstuck.tickets.changes import Message

    def message(ticket: str, order: int, when: datetime, author: str, *, public: bool = True) -> TicketChange:
        text = Message("…", author, public)
        return TicketChange(ticket, f"{ticket}-{order}", when, ChangeKind.MESSAGE, message=text, order=order)

    con = desk(
        [
            change("A", 0, at(10), status="New"),
            message("A", 1, at(10, 1), "customer"),
            message("A", 2, at(10, 2), "agent", public=False),
            message("A", 3, at(10, 3), "bot"),
            message("A", 4, at(10, 5), "agent"),
            change("B", 0, at(10), status="New"),
        ],
        CLASSES,
    )
    assert ask(con, Kind.VALUE, "first_response").rows == ((5 * 3600, None, 1, 1),)


def test_satisfaction_has_its_share_and_response_rate() -> None:
    from unstuck.tickets.changes import Feedback

    changes = []
    for number, score in enumerate((5.0, 4.0, 1.0, None)):
        name = f"A{number}"
        changes += [change(name, 0, at(10), status="New", team="Alpha"), change(name, 1, at(11), status="Solved")]
        if score is not None:
            said = Feedback(score)
            changes.append(TicketChange(name, f"{name}-f", at(12), ChangeKind.FEEDBACK, feedback=said, order=2))
    result = ask(desk(changes, CLASSES), Kind.VALUE, "csat")
    assert result.columns == ("csat", "good_share", "responses", "response_rate")
    assert result.rows[0] == pytest.approx((10 / 3, 2 / 3, 3, 3 / 4))


def test_throughput_and_flow_efficiency_by_hand() -> None:
    con = desk(
        [
            change("A", 0, at(9), status="New"),
            change("A", 1, at(10), status="Active"),
            change("A", 2, at(13), status="Solved"),
        ],
        CLASSES,
    )
    week = Window(start=at(9), end=at(16))
    assert ask(con, Kind.VALUE, "throughput", window=week).rows == ((1 / 5, 1, 5),)
    assert ask(con, Kind.VALUE, "flow_efficiency", window=week).rows[0][0] == 3 / 4


def test_transition_wait_follows_each_ticket_from_stage_to_stage() -> None:
    con = desk(
        [
            change("A", 0, at(9), status="New"),
            change("A", 1, at(10), status="Asked"),
            change("A", 2, at(12), status="Active"),
            change("B", 0, at(9), status="New"),
        ],
        CLASSES,
    )
    filters = (Filter(field="from_stage", values=("New",)), Filter(field="to_stage", values=("Active",)))
    assert ask(con, Kind.VALUE, "transition_wait", filters=filters).rows == ((3 * 86400, None, 1, 1),)
    with pytest.raises(UserError, match="transition_needs_stages"):
        ask(con, Kind.VALUE, "transition_wait")


@pytest.mark.parametrize("kind", [Kind.VALUE, Kind.TREND, Kind.LIST])
@pytest.mark.parametrize("metric", ["opened", "backlog", "lead_time"])
def test_an_empty_desk_is_no_error(kind: Kind, metric: str) -> None:
    assert ask(desk([], CLASSES), kind, metric).n == 0
