"""Metrics that count what happened in a window (anchor E)."""

from __future__ import annotations

from unstuck.insights.metric import Anchor, Example, Metric, Unit
from unstuck.insights.plan import Aggregate

#: Where and with whom the ticket was at the event; for solved tickets this is who solved them.
AT_EVENT = ("team", "assignee", "status", "stage", "class", "weekday", "hour")

METRICS = (
    Metric(
        id="opened",
        says={
            "en": "Tickets created in the window. Dropped ones (merged, spam, deleted) are left out and counted apart.",
            "zh": "时间窗内新建的工单数；已作废的（合并、垃圾、删除）不计入，另行说明。",
        },
        words={
            "en": (
                "opened",
                "created",
                "incoming",
                "new tickets",
                "came in",
                "reported",
                "raised",
                "logged",
                "submitted",
                "received",
                "inflow",
                "arrived",
                "arrivals",
                "intake",
                "ticket volume",
            ),
            "zh": (
                "新建",
                "进单",
                "新增",
                "新开",
                "进来",
                "来单",
                "报单",
                "创建",
                "进线",
                "提交",
                "收到",
                "新单",
                "进单量",
            ),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AT_EVENT,
        examples=(
            Example("How many tickets were opened last week?", "en", {"metric": "opened", "kind": "value"}),
            Example("上周新建工单按团队", "zh", {"metric": "opened", "kind": "breakdown", "by": ("team",)}),
        ),
    ),
    Metric(
        id="solved",
        says={
            "en": "Tickets whose first entry to a solved status lies in the window; going straight to closed"
            " counts too."
            " Team and assignee are those who solved it.",
            "zh": "首次进入已解决状态的时间落在时间窗内的工单数；直接关闭也算解决。团队和处理人是解决它的人。",
        },
        words={
            "en": ("solved", "resolved", "fixed", "solve", "resolve", "outflow"),
            "zh": ("解决", "已解决", "解决了", "处理掉", "搞定", "解决量"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        variants={
            "last": {"en": ("last solved", "finally solved", "solved for good"), "zh": ("最后一次解决", "最终解决")}
        },
        dimensions=AT_EVENT,
        examples=(
            Example(
                "solved tickets per week since April", "en", {"metric": "solved", "kind": "trend", "grain": "week"}
            ),
            Example("本月解决了多少单", "zh", {"metric": "solved", "kind": "value"}),
        ),
    ),
    Metric(
        id="closed",
        says={
            "en": "Tickets whose first entry to a closed status lies in the window.",
            "zh": "首次进入关闭状态的时间落在时间窗内的工单数。",
        },
        words={"en": ("closed", "close", "closures"), "zh": ("关闭", "结单", "关单", "关掉", "已关闭")},
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=AT_EVENT,
        examples=(
            Example("closed tickets by priority in April", "en", {"metric": "closed", "by": ("priority",)}),
            Example("四月份关闭了多少张单子", "zh", {"metric": "closed", "kind": "value"}),
        ),
    ),
    Metric(
        id="reopened",
        says={
            "en": "Moves from solved or closed back to an open status in the window.",
            "zh": "时间窗内从已解决或已关闭回到未解决状态的次数。",
        },
        words={
            "en": ("reopened", "re-opened", "reopens", "reopenings", "came back"),
            "zh": ("重开", "重新打开", "被重开", "再次打开", "返开"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        variants={
            "tickets": {"en": ("reopened tickets", "tickets were reopened"), "zh": ("被重开的工单", "工单被重新打开")}
        },
        dimensions=AT_EVENT,
        examples=(
            Example("reopened per month this year", "en", {"metric": "reopened", "grain": "month"}),
            Example("上个月有多少工单被重新打开", "zh", {"metric": "reopened", "variant": "tickets"}),
        ),
    ),
    Metric(
        id="handoffs",
        says={
            "en": "Changes from one known team to another after the first; spells with an unknown team are skipped."
            " The mean is per ticket first solved in the window.",
            "zh": "首个团队之后，在已知团队之间的转派次数；团队未知的时段跳过。平均值按时间窗内首次解决的工单计算。",
        },
        words={
            "en": (
                "hand-offs",
                "handoffs",
                "hand-overs",
                "handovers",
                "reassignments",
                "transfers",
                "handed over",
                "change teams",
                "changes of team",
                "passed on",
            ),
            "zh": ("转派", "流转", "转组", "转单", "转手", "移交", "换组", "转了几次"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.MEAN, Aggregate.MAX),
        variants={
            "assignee": {
                "en": ("between people", "between agents", "change of assignee", "assignee changes"),
                "zh": ("换人", "处理人变更", "换处理人", "人员间转派"),
            }
        },
        dimensions=(*AT_EVENT, "from_team", "to_team"),
        examples=(
            Example(
                "hand-offs from team to team last month", "en", {"metric": "handoffs", "by": ("from_team", "to_team")}
            ),
            Example("一个单子平均转几次组", "zh", {"metric": "handoffs", "aggregate": "mean"}),
        ),
    ),
    Metric(
        id="ping_pong",
        says={
            "en": "Tickets that came back, in the window, to a team after another team had them (X, then Y, then X;"
            " unknown teams skipped). By team, every team that the ticket was with is charged once."
            " The share is over tickets with a hand-off in the window.",
            "zh": "时间窗内转给别的团队后又转回来的工单（甲→乙→甲，未知团队跳过）。"
            "按团队看时，经手过的每个团队每张工单各记一次。占比以时间窗内有转派的工单为分母。",
        },
        words={
            "en": ("ping-pong", "ping pong", "pingpong", "bounced", "bounce", "bouncing", "back and forth"),
            "zh": ("踢皮球", "反复转派", "来回转", "踢来踢去", "转来转去", "乒乓"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        dimensions=("team", "weekday", "hour"),
        examples=(
            Example("which teams bounce tickets the most", "en", {"metric": "ping_pong", "by": ("team",)}),
            Example("哪些组最爱踢皮球", "zh", {"metric": "ping_pong", "by": ("team",)}),
        ),
    ),
    Metric(
        id="rework",
        says={
            "en": "Re-entries, in the window, to a status of class NEW or ACTIVE that the ticket had already left.",
            "zh": "时间窗内，工单重新进入曾离开过的非等待环节（NEW 或 ACTIVE 类）的次数。",
        },
        words={"en": ("rework", "loops", "re-work", "loop backs"), "zh": ("返工", "回流", "返工次数")},
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT, Aggregate.SHARE),
        variants={"tickets": {"en": ("tickets with rework", "reworked tickets"), "zh": ("返工的工单", "有返工的工单")}},
        dimensions=AT_EVENT,
        examples=(
            Example("rework by team last month", "en", {"metric": "rework", "by": ("team",)}),
            Example("上个月返工最多的环节", "zh", {"metric": "rework", "by": ("stage",)}),
        ),
    ),
)
