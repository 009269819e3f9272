"""Rates, flows and where work gets stuck."""

from __future__ import annotations

from unstuck.insights.metric import Anchor, Example, Metric, Unit
from unstuck.insights.metrics.durations import AS_WAS
from unstuck.insights.metrics.events import AT_EVENT
from unstuck.insights.plan import Aggregate

METRICS = (
    Metric(
        id="bottleneck",
        says={
            "en": "Excess time per stage: what visits spent in the window beyond the usual (the median of visits"
            " to that"
            " stage that started in the 8 weeks before). Solved, closed and clockwork stages do not count.",
            "zh": "各环节的超额时间：时间窗内的停留超出常态的部分（常态为此前 8 周开始的同环节停留的中位数）。"
            "已解决、已关闭和由定时器控制的环节不计。",
        },
        words={
            "en": (
                "bottleneck",
                "stuck",
                "bottlenecks",
                "holding up",
                "held up",
                "jam",
                "jammed",
                "clogged",
                "log jam",
                "where is time lost",
            ),
            "zh": ("瓶颈", "卡在", "卡住", "卡", "堵在", "堵", "拖住", "时间耗在", "卡点"),
        },
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=(Aggregate.SUM,),
        variants={
            "handoff": {
                "en": ("between teams", "at hand-offs", "by hand-off", "waiting after a hand-off"),
                "zh": ("交接", "转派环节", "团队之间"),
            }
        },
        dimensions=AS_WAS,
        examples=(
            Example("where are tickets stuck this week", "en", {"metric": "bottleneck", "kind": "bottleneck"}),
            Example("本周工单卡在哪个环节", "zh", {"metric": "bottleneck", "kind": "bottleneck"}),
        ),
    ),
    Metric(
        id="net_flow",
        says={
            "en": "Opened + reopened - solved (every entry) - dropped in the window: exactly the change of the backlog."
            " Opened counts those dropped later, too.",
            "zh": "时间窗内 新建 + 重开 - 解决（每次进入都计）- 作废，恰好等于积压的变化。此处新建含后来作废的。",
        },
        words={
            "en": ("net flow", "backlog growth", "backlog change", "change of backlog", "net inflow"),
            "zh": ("净流入", "积压变化", "积压增长", "净增"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.COUNT,
        aggregates=(Aggregate.COUNT,),
        dimensions=("weekday", "hour"),
        examples=(
            Example("net flow per week", "en", {"metric": "net_flow", "grain": "week"}),
            Example("上周净流入多少", "zh", {"metric": "net_flow"}),
        ),
    ),
    Metric(
        id="throughput",
        says={
            "en": "Tickets first solved in the window per business day of it (Monday to Friday).",
            "zh": "时间窗内首次解决的工单数除以其中的工作日数（周一至周五）。",
        },
        words={
            "en": ("throughput", "solved per day", "solved per business day"),
            "zh": ("吞吐量", "日均解决", "每天解决多少"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.RATIO,
        aggregates=(Aggregate.MEAN,),
        dimensions=AT_EVENT,
        examples=(
            Example("throughput by team last month", "en", {"metric": "throughput", "by": ("team",)}),
            Example("上个月的吞吐量", "zh", {"metric": "throughput"}),
        ),
    ),
    Metric(
        id="reopen_rate",
        says={
            "en": "Of the tickets first solved in the window, the share reopened within 7 days;"
            " those solved less than 7 days ago are left out and counted apart.",
            "zh": "时间窗内首次解决的工单中，7 天内被重开的占比；解决未满 7 天的不计入，另行说明。",
        },
        words={
            "en": ("reopen rate", "re-open rate", "share reopened", "reopening rate"),
            "zh": ("重开率", "返开率", "重开比例"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.SHARE,
        aggregates=(Aggregate.SHARE,),
        dimensions=AT_EVENT,
        examples=(
            Example("what's our reopen rate", "en", {"metric": "reopen_rate"}),
            Example("各组重开率", "zh", {"metric": "reopen_rate", "by": ("team",)}),
        ),
    ),
    Metric(
        id="first_team_rate",
        says={
            "en": "Of the tickets first solved in the window, the share that no second (known) team had had by then.",
            "zh": "时间窗内首次解决的工单中，到解决时从未换过（已知）团队的占比。",
        },
        words={
            "en": ("solved by first team", "first team rate", "solved by the first team", "without a hand-off"),
            "zh": ("首派解决率", "首派解决", "一次派对"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.SHARE,
        aggregates=(Aggregate.SHARE,),
        dimensions=AT_EVENT,
        examples=(
            Example("share solved by first team", "en", {"metric": "first_team_rate"}),
            Example("上个月首派解决率", "zh", {"metric": "first_team_rate"}),
        ),
    ),
    Metric(
        id="flow_efficiency",
        says={
            "en": "Time in ACTIVE statuses divided by all open time, both inside the window.",
            "zh": "时间窗内，ACTIVE 类状态的时间占全部未解决时间的比例。",
        },
        words={"en": ("flow efficiency",), "zh": ("流动效率",)},
        anchor=Anchor.OCCUPANCY,
        unit=Unit.SHARE,
        aggregates=(Aggregate.SHARE,),
        dimensions=("team", "assignee"),
        examples=(
            Example("flow efficiency by team", "en", {"metric": "flow_efficiency", "by": ("team",)}),
            Example("上个月的流动效率", "zh", {"metric": "flow_efficiency"}),
        ),
    ),
    Metric(
        id="csat",
        says={
            "en": "Mean score (1 to 5) of feedback received in the window, with the share of good ones (4 or 5)"
            " and the response rate: tickets with feedback per ticket solved.",
            "zh": "时间窗内收到的评价的平均分（1 到 5），附好评（4、5 分）占比和评价率（有评价的工单数 /"
            " 解决的工单数）。",
        },
        words={
            "en": ("satisfaction", "csat", "customer satisfaction", "rating", "ratings"),
            "zh": ("满意度", "评分", "客户满意度"),
        },
        anchor=Anchor.EVENT,
        unit=Unit.SCORE,
        aggregates=(Aggregate.MEAN, Aggregate.SHARE),
        dimensions=AT_EVENT,
        examples=(
            Example("satisfaction by team last month", "en", {"metric": "csat", "by": ("team",)}),
            Example("上个月的满意度", "zh", {"metric": "csat"}),
        ),
    ),
)
