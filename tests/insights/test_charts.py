"""Charts and sentences, in both languages, from real results of a generated desk."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from desk import desk
from histories import CLASSES, desk_of

from unstuck.i18n import LANGS, Lang
from unstuck.insights import chart, explain
from unstuck.insights.compile import run
from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Plan, Result, Scope, Window

NOW = datetime(2026, 4, 9, 12, tzinfo=UTC)
MARCH = Window(start=datetime(2026, 3, 4, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))
TO_NOW = Window(start=datetime(2026, 3, 4, tzinfo=UTC), end=datetime(2026, 4, 13, tzinfo=UTC))
APRIL = Window(start=datetime(2026, 4, 1, tzinfo=UTC), end=NOW)

DRAWN: dict[str, Plan] = {
    "bottleneck": Plan(kind=Kind.BOTTLENECK, metric="bottleneck", window=APRIL),
    "hand-off pairs": Plan(kind=Kind.BOTTLENECK, metric="bottleneck", variant="handoff", window=APRIL),
    "top": Plan(kind=Kind.TOP, metric="lead_time", by=("team",), window=MARCH),
    "breakdown": Plan(kind=Kind.BREAKDOWN, metric="opened", by=("weekday",), window=MARCH),
    "two dimensions": Plan(kind=Kind.BREAKDOWN, metric="backlog", by=("team", "priority")),
    "trend": Plan(kind=Kind.TREND, metric="solved", grain=Grain.WEEK, window=TO_NOW),
    "trend by team": Plan(kind=Kind.TREND, metric="backlog", grain=Grain.WEEK, by=("team",), window=TO_NOW),
    "periods": Plan(kind=Kind.COMPARE, metric="lead_time", window=APRIL, against=MARCH),
    "periods by team": Plan(kind=Kind.COMPARE, metric="opened", by=("team",), window=APRIL, against=MARCH),
    "values": Plan(kind=Kind.COMPARE, metric="lead_time", compare_by="priority", window=MARCH),
    "two metrics": Plan(kind=Kind.COMPARE, metric="opened", against_metric="solved", window=MARCH),
    "distribution": Plan(kind=Kind.DISTRIBUTION, metric="lead_time", window=MARCH),
}
TOLD: dict[str, Plan] = {
    "value": Plan(kind=Kind.VALUE, metric="backlog"),
    "duration": Plan(kind=Kind.VALUE, metric="lead_time", window=MARCH),
    "share": Plan(kind=Kind.VALUE, metric="lead_time", aggregate=Aggregate.SHARE, within=86400, window=MARCH),
    "list": Plan(kind=Kind.LIST, metric="stale"),
    "ticket": Plan(kind=Kind.TICKET, ticket="t-3"),
    "data": Plan(kind=Kind.DATA_QUALITY),
    "explain": Plan(kind=Kind.EXPLAIN, metric="solved"),
    "help": Plan(kind=Kind.HELP),
}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return desk(desk_of(11, 300), CLASSES)


def compute(con: duckdb.DuckDBPyConnection, plan: Plan) -> Result:
    return run(con, plan, Scope(persons=True), NOW)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("name", DRAWN)
def test_every_kind_is_drawn_in_both_languages(con: duckdb.DuckDBPyConnection, name: str) -> None:
    result = compute(con, DRAWN[name])
    pictures = {lang: chart.png(DRAWN[name], result, lang) for lang in LANGS}
    for picture in pictures.values():
        assert picture is not None
        width, height = size(picture)
        assert 900 <= width <= 2400
        assert 150 <= height <= 2400
    assert pictures["en"] != pictures["zh"]


@pytest.mark.parametrize("name", TOLD)
def test_what_is_one_number_or_a_text_has_no_chart(con: duckdb.DuckDBPyConnection, name: str) -> None:
    assert chart.png(TOLD[name], compute(con, TOLD[name]), "en") is None


def test_chinese_letters_are_drawn_and_not_boxes() -> None:
    """Two words of as many letters differ in the picture; as boxes they would be the same."""
    plan = Plan(kind=Kind.BREAKDOWN, metric="backlog", by=("team",))

    def picture(*teams: str) -> bytes | None:
        result = Result(
            columns=("team", "backlog"), rows=tuple((team, 5) for team in teams), n=10, unit="count", sql=""
        )
        return chart.png(plan, result, "zh")

    assert picture("维修", "客服") != picture("退货", "物流")
    assert picture("维修", "客服") == picture("维修", "客服")


def test_the_unfinished_bucket_is_dashed(con: duckdb.DuckDBPyConnection) -> None:
    plan = DRAWN["trend"]
    drawn = chart.draw(plan, compute(con, plan), "en")
    assert drawn is not None
    spec = drawn.to_dict()
    dashed = [layer for layer in spec["layer"] if layer["mark"].get("strokeDash") == [5, 5]]
    last = [point for layer in dashed for point in spec["datasets"][layer["data"]["name"]] if point["partial"]]
    assert {point["name"] for point in last} >= {"6 Apr 2026"}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", [*DRAWN, *TOLD])
def test_every_kind_is_told_in_a_sentence(con: duckdb.DuckDBPyConnection, name: str, lang: Lang) -> None:
    plan = (DRAWN | TOLD)[name]
    result = compute(con, plan)
    said = explain.sentence(plan, result, lang)
    assert said.strip()
    assert "{" not in said
    assert "None" not in said
    assert all("{" not in note for note in explain.notes(plan, result, lang))
    if plan.kind in (Kind.VALUE, Kind.TOP, Kind.TREND, Kind.BOTTLENECK):
        assert str(plan.metric) in said  # where it is defined


def told(rows: list[tuple[Any, ...]], columns: tuple[str, ...], plan: Plan, **slots: Any) -> tuple[str, str]:
    result = Result(columns=columns, rows=tuple(rows), sql="", **slots)
    return explain.sentence(plan, result, "en"), explain.sentence(plan, result, "zh")


def test_the_number_comes_first_with_how_many_are_still_open() -> None:
    plan = Plan(kind=Kind.VALUE, metric="lead_time")
    columns = ("p50", "p90", "n", "n_open")
    assert told([(5400, 90000, 120, 8)], columns, plan, n=120, n_open=8, unit="seconds") == (
        "Resolution time, median: 1 h 30 min (120 finished, 8 still open). Definition: lead_time.",
        "处理时长（中位数）：1 小时 30 分钟，其中 120 个已完成、8 个未完成。定义见 lead_time。",
    )


def test_a_median_that_is_not_reached_says_more_than() -> None:
    plan = Plan(kind=Kind.VALUE, metric="lead_time")
    notes = (("not_reached", (("group", ""), ("more_than", 172800), ("n_open", 9))),)
    rows = [(None, None, 1, 9)]
    english, chinese = told(rows, ("p50", "p90", "n", "n_open"), plan, n=1, n_open=9, unit="seconds", notes=notes)
    assert english.startswith("Resolution time, median: more than 2 days")
    assert "超过 2 天" in chinese


def test_bottlenecks_name_the_stage_the_hours_and_who_waits() -> None:
    plan = Plan(kind=Kind.BOTTLENECK, metric="bottleneck")
    columns = ("stage", "excess", "occupancy", "waiting_now", "in_minus_out", "p90", "baseline", "visits")
    rows = [("Parts", 360000, 720000, 12, 3, 90000, 5000, 40), ("Active", 36000, 72000, 4, 0, 9000, 500, 90)]
    assert told(rows, columns, plan, n=130, n_open=16, unit="seconds") == (
        "Stuck most in Parts: 100 h beyond the usual, 12 waiting now; then Active (10 h). Definition: bottleneck.",
        "卡得最严重的是 Parts：超出常态 100 小时，当前 12 单在等；其次是 Active（10 小时）。定义见 bottleneck。",
    )


def test_a_definition_says_which_solving_counts() -> None:
    assert "first entry" in explain.definition("solved", "en")
    assert "首次" in explain.definition("solved", "zh")


def test_a_filter_that_matches_nobody_is_told_as_such(con: duckdb.DuckDBPyConnection) -> None:
    nobody = (Filter(field="team", values=("Nobody",)),)
    plan = Plan(kind=Kind.LIST, metric="backlog", filters=nobody)
    assert explain.sentence(plan, compute(con, plan), "en") == "No tickets match."
    duration = Plan(kind=Kind.VALUE, metric="lead_time", filters=nobody, window=MARCH)
    assert "nothing was counted" in explain.sentence(duration, compute(con, duration), "en")
