"""Conversations: each line edits the last plan, and only in what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from question_desk import ask

from unstuck.insights.plan import Answer, Ask, Kind, Op, Plan, Reading


def talk(*lines: str) -> list[Reading]:
    """The readings of a conversation; like the bot, it goes on from the last answer."""
    readings: list[Reading] = []
    last: Plan | None = None
    for line in lines:
        readings.append(ask(line, last))
        if isinstance(readings[-1], Answer):
            last = readings[-1].plan
    return readings


def last_plan(*lines: str) -> Plan:
    reading = talk(*lines)[-1]
    assert isinstance(reading, Answer), reading
    return reading.plan


def values(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {f.field: f.values for f in plan.filters}


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_another_value_replaces_the_one_before() -> None:
    plan = last_plan("how big is the pile in Group 70", "and Group 24?", "only P2")
    assert values(plan) == {"team": ("Group 24",), "priority": ("2 - High",)}
    assert plan.metric == "backlog"


def test_a_week_ago_moves_the_instant() -> None:
    assert last_plan("backlog of Group 70", "how was that a week ago").at == datetime(2016, 5, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "slots"),
    [
        (("四月以来每周解决多少，看趋势", "换成新建的"), {"kind": Kind.TREND, "metric": "opened", "grain": "week"}),
        (("四月以来每周解决多少，看趋势", "改成按月"), {"kind": Kind.TREND, "metric": "solved", "grain": "month"}),
        (("what hour of the day do most tickets land", "and by weekday"), {"by": ("weekday",), "kind": Kind.TOP}),
        (("现在有多少单在等客户", "哪个组最多"), {"kind": Kind.TOP, "by": ("team",), "metric": "backlog"}),
        (("现在有多少单在等客户", "哪个组最多", "等了超过一周的有几个"), {"kind": Kind.VALUE, "by": ()}),
        (("现在有多少单在等客户", "列出来"), {"kind": Kind.LIST, "metric": "backlog"}),
        (("solved last week by team", "top 5"), {"kind": Kind.TOP, "by": ("team",), "limit": 5}),
        (("resolution time by team", "in business hours"), {"clock": "business", "by": ("team",)}),
        (("resolution time by team", "how is it calculated"), {"kind": Kind.EXPLAIN, "metric": "lead_time"}),
        (("本月各组新建", "按周看趋势"), {"kind": Kind.TREND, "grain": "week", "metric": "opened"}),
    ],
)
def test_edits_change_what_they_say(lines: tuple[str, ...], slots: dict[str, Any]) -> None:
    plan = last_plan(*lines)
    assert {name: getattr(plan, name) for name in slots} == slots


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        (("solved last week", "and the week before?"), "2016-05-02", "2016-05-09"),
        (("上个月新建多少", "再往前一个月"), "2016-03-01", "2016-04-01"),
        (("P1 resolution time last month?", "and in March?"), "2016-03-01", "2016-04-01"),
        (("本月各组新建", "上个月呢"), "2016-04-01", "2016-05-01"),
    ],
)
def test_windows_move(lines: tuple[str, ...], start: str, end: str) -> None:
    window = last_plan(*lines).window
    assert window is not None
    assert (window.start, window.end) == (day(start), day(end))


def test_filters_are_lifted_and_excluded() -> None:
    assert last_plan("P1 opened last week", "all priorities").filters == ()
    excluded = last_plan("opened last week", "without Group 70").filters[0]
    assert (excluded.op, excluded.values) == (Op.NOT_IN, ("Group 70",))


def test_a_whole_question_starts_anew_when_it_says_its_time() -> None:
    plan = last_plan("P1 resolution time last month?", "how many tickets were opened yesterday")
    assert plan.metric == "opened"
    assert plan.filters == ()


def test_a_whole_question_without_time_is_asked_about() -> None:
    """Does it keep the filters of the question before? Either would be a guess."""
    reading = talk("P1 opened last week", "how many were solved")[-1]
    assert isinstance(reading, Ask)
    assert {len(option.plan.filters) for option in reading.options} == {0, 1}


def test_fragments_without_a_conversation_are_asked_back() -> None:
    for line in ("and Group 24?", "only P2", "哪个组最多", "列出来", "跟之前比呢"):
        assert not isinstance(ask(line), Answer), line


def test_unknown_words_stop_an_edit_too() -> None:
    assert not isinstance(talk("backlog by team", "only zorblax")[-1], Answer)
