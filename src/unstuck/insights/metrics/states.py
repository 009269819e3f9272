"""Metrics of the state at one instant (anchor A)."""

from __future__ import annotations

from unstuck.insights.metric import Anchor, Example, Metric, Unit
from unstuck.insights.plan import Aggregate

#: As the ticket stands at the instant.
AS_IS = ("team", "assignee", "status", "stage", "class")

METRICS = (
    Metric(
        id="backlog",
        says={
            "en": "Tickets created at or before the instant and still open at it (not solved, closed or dropped).",
            "zh": "截至该时刻已创建且尚未解决、关闭或作废的工单数。",
        },
        words={
            "en": (
                "backlog",
                "unresolved",
                "unsolved",
                "still open",
                "outstanding",
                "pile",
                "open workload",
                "not yet solved",
            ),
            "zh": ("积压", "未解决", "没解决", "还没解决", "未完结", "存量", "堆积", "没处理完", "未结"),
        },
        anchor=Anchor.AS_OF,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AS_IS,
        examples=(
            Example("backlog by team", "en", {"metric": "backlog", "kind": "breakdown", "by": ("team",)}),
            Example("各组积压排个前十", "zh", {"metric": "backlog", "kind": "top", "by": ("team",), "limit": 10}),
        ),
    ),
    Metric(
        id="unassigned",
        says={
            "en": "Open tickets with no assignee at the instant.",
            "zh": "该时刻没有处理人的未解决工单数。",
        },
        words={
            "en": (
                "unassigned",
                "unowned",
                "without an owner",
                "without an assignee",
                "no owner",
                "no assignee",
                "nobody's",
            ),
            "zh": ("未分配", "没人认领", "没分配", "无人负责", "无主", "没有处理人", "未指派"),
        },
        anchor=Anchor.AS_OF,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AS_IS,
        examples=(
            Example("unassigned tickets by team", "en", {"metric": "unassigned", "by": ("team",)}),
            Example("未分配的工单有多少", "zh", {"metric": "unassigned", "kind": "value"}),
        ),
    ),
    Metric(
        id="wip",
        says={
            "en": "Open tickets in somebody's hands (with an assignee) at the instant, by assignee unless another"
            " split is asked for.",
            "zh": "该时刻已有处理人的未解决工单数，默认按处理人拆分。",
        },
        words={
            "en": ("work in progress", "wip", "on their plate", "in hand", "on the plate", "workload"),
            "zh": ("在手", "手上", "手头", "在办", "处理中的工单", "工作量"),
        },
        anchor=Anchor.AS_OF,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AS_IS,
        examples=(
            Example("work in progress by assignee", "en", {"metric": "wip", "by": ("assignee",)}),
            Example("每个人手上有多少单", "zh", {"metric": "wip", "by": ("assignee",)}),
        ),
    ),
    Metric(
        id="age",
        says={
            "en": "Time since creation of the tickets open at the instant (variant: since they entered their"
            " current stage).",
            "zh": "该时刻未解决工单自创建以来的时长（变体：自进入当前环节以来）。",
        },
        words={
            "en": ("age", "oldest", "how old", "ageing", "aging", "longest open"),
            "zh": ("账龄", "最老", "单龄", "开了多久", "最久", "存在多久"),
        },
        anchor=Anchor.AS_OF,
        unit=Unit.DURATION,
        aggregates=(Aggregate.P50, Aggregate.P90, Aggregate.P75, Aggregate.MEAN, Aggregate.MAX, Aggregate.MIN),
        variants={
            "stage": {
                "en": ("in its current stage", "in current status", "since the current stage"),
                "zh": ("在当前环节", "当前状态停留", "进入当前环节"),
            }
        },
        dimensions=AS_IS,
        examples=(
            Example("oldest P1 still open", "en", {"metric": "age", "kind": "list", "descending": True}),
            Example("各组积压的账龄", "zh", {"metric": "age", "by": ("team",)}),
        ),
    ),
    Metric(
        id="stale",
        says={
            "en": "Open tickets with no activity for 5 days or more at the instant (another limit if one is said).",
            "zh": "该时刻已有 5 天或以上没有任何动静的未解决工单数（可指定其他天数）。",
        },
        words={
            "en": (
                "stale",
                "untouched",
                "no activity",
                "not touched",
                "not updated",
                "without an update",
                "gone quiet",
                "nobody has touched",
            ),
            "zh": ("没更新", "停滞", "没动静", "没人动", "没人管", "没进展", "不动的"),
        },
        anchor=Anchor.AS_OF,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AS_IS,
        examples=(
            Example("stale tickets by team", "en", {"metric": "stale", "by": ("team",)}),
            Example("停滞的工单有多少", "zh", {"metric": "stale", "kind": "value"}),
        ),
    ),
)
