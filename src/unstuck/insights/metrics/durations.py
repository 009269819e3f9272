"""How long things took: cohorts that started in a window (anchor S) and overlap with it (anchor O).

Where a metric has both, the aggregate says which: sum, mean and share are of the overlap (O),
quantiles and maximum are of the visits that started in the window (S).
"""

from __future__ import annotations

from unstuck.insights.metric import Anchor, Example, Metric, Unit
from unstuck.insights.plan import Aggregate

#: Who had the ticket during the time that is counted.
AS_WAS = ("team", "assignee", "status", "stage", "class")
SPELL = (Aggregate.P50, Aggregate.P90, Aggregate.P75, Aggregate.MEAN, Aggregate.MAX, Aggregate.MIN, Aggregate.SHARE)
BOTH = (Aggregate.P50, Aggregate.P90, Aggregate.P75, Aggregate.MAX, Aggregate.SUM, Aggregate.MEAN, Aggregate.SHARE)
TOTAL_FIRST = (
    Aggregate.SUM,
    Aggregate.MEAN,
    Aggregate.P50,
    Aggregate.P90,
    Aggregate.P75,
    Aggregate.MAX,
    Aggregate.SHARE,
)

METRICS = (
    Metric(
        id="lead_time",
        says={
            "en": "From creation to the last time it was solved, for tickets created in the window; straight to"
            " closed counts."
            " A ticket open now is unfinished. Team and assignee are the solver's.",
            "zh": "时间窗内创建的工单，从创建到最后一次解决的时长；直接关闭也算。现在仍未解决的算未完成。"
            "团队和处理人是解决它的人。",
        },
        words={
            "en": (
                "resolution time",
                "lead time",
                "time to resolve",
                "time to solve",
                "turnaround",
                "turnaround time",
                "throughput time",
                "slow",
                "slowest",
                "fast",
                "fastest",
                "faster",
                "slower",
                "how long to resolve",
            ),
            "zh": (
                "处理时长",
                "解决时长",
                "解决时间",
                "处理时间",
                "吞吐时间",
                "多久解决",
                "解决要多久",
                "慢",
                "最慢",
                "快",
                "最快",
            ),
        },
        anchor=Anchor.SPELL,
        unit=Unit.DURATION,
        aggregates=SPELL,
        variants={
            "first": {
                "en": ("first solved", "to first resolution", "until first solved"),
                "zh": ("首次解决", "第一次解决"),
            },
            "solved": {
                "en": ("of tickets solved in", "of the tickets solved", "for tickets resolved in"),
                "zh": ("已解决工单的", "解决的工单的"),
            },
        },
        dimensions=("team", "assignee"),
        examples=(
            Example("median time to resolve per week, last 8 weeks", "en", {"metric": "lead_time", "grain": "week"}),
            Example("4月解决时长的90分位是多少", "zh", {"metric": "lead_time", "aggregate": "p90"}),
        ),
    ),
    Metric(
        id="cycle_time",
        says={
            "en": "Time in ACTIVE statuses up to the last time it was solved, for tickets created in the window.",
            "zh": "时间窗内创建的工单，到最后一次解决为止处于 ACTIVE 类状态的累计时长。",
        },
        words={"en": ("cycle time", "active time"), "zh": ("周期时间", "实际处理周期")},
        anchor=Anchor.SPELL,
        unit=Unit.DURATION,
        aggregates=SPELL,
        dimensions=("team", "assignee"),
        examples=(
            Example("cycle time by priority", "en", {"metric": "cycle_time", "by": ("priority",)}),
            Example("上个月的周期时间", "zh", {"metric": "cycle_time"}),
        ),
    ),
    Metric(
        id="first_response",
        says={
            "en": "From creation to the first public message of a human agent, for tickets created in the window"
            " (tickets that an agent created: to the second). No such message yet: unfinished.",
            "zh": "时间窗内创建的工单，从创建到客服首次公开回复的时长（客服代建的工单看第二条）。尚无回复的算未完成。",
        },
        words={
            "en": (
                "first response",
                "first reply",
                "time to first response",
                "first response time",
                "first reply time",
            ),
            "zh": ("首响", "首次响应", "首次回复", "首响时间", "首次响应时间"),
        },
        anchor=Anchor.SPELL,
        unit=Unit.DURATION,
        aggregates=SPELL,
        dimensions=("team", "assignee"),
        examples=(
            Example(
                "first response within 4 hours last week", "en", {"metric": "first_response", "aggregate": "share"}
            ),
            Example("上周首次响应时间", "zh", {"metric": "first_response"}),
        ),
    ),
    Metric(
        id="time_in_stage",
        says={
            "en": "Time in a status (stage). Total and mean per ticket: the time that lies inside the window."
            " Quantiles: visits that started in the window.",
            "zh": "在某状态（环节）停留的时长。总量和每单均值：落在时间窗内的时间；分位数：时间窗内开始的停留。",
        },
        words={
            "en": (
                "time in status",
                "time in stage",
                "dwell",
                "dwell time",
                "sit in",
                "spend in",
                "time spent in",
                "stay in",
            ),
            "zh": ("停留时长", "环节耗时", "停留", "状态停留", "待在", "停留多久"),
        },
        anchor=Anchor.SPELL,
        unit=Unit.DURATION,
        aggregates=BOTH,
        dimensions=AS_WAS,
        examples=(
            Example("time in status by stage", "en", {"metric": "time_in_stage", "by": ("stage",)}),
            Example("各环节耗时", "zh", {"metric": "time_in_stage", "by": ("stage",)}),
        ),
    ),
    Metric(
        id="wait_customer",
        says={
            "en": "Time in which the customer had to move (class WAIT_CUSTOMER).",
            "zh": "等待客户行动的时间（WAIT_CUSTOMER 类）。",
        },
        words={
            "en": (
                "wait for customer",
                "waiting for the customer",
                "waiting on the customer",
                "customer wait",
                "wait on user",
            ),
            "zh": ("等客户", "等待客户回复", "等用户", "等用户回复", "等客户回复", "等待客户"),
        },
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=TOTAL_FIRST,
        dimensions=AS_WAS,
        examples=(
            Example("time waiting for the customer by team", "en", {"metric": "wait_customer", "by": ("team",)}),
            Example("上个月等用户回复花了多长时间", "zh", {"metric": "wait_customer"}),
        ),
    ),
    Metric(
        id="requester_wait",
        says={
            "en": "Time in which the customer waited for us (classes NEW, ACTIVE, WAIT_INTERNAL, WAIT_VENDOR).",
            "zh": "客户等我们的时间（NEW、ACTIVE、WAIT_INTERNAL、WAIT_VENDOR 类）。",
        },
        words={
            "en": (
                "customer waits for us",
                "requester wait",
                "customers wait for us",
                "requester wait time",
                "waiting for us",
            ),
            "zh": ("客户等我们", "用户等我们", "客户等待我们", "客户等待时间"),
        },
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=TOTAL_FIRST,
        dimensions=AS_WAS,
        examples=(
            Example("requester wait by team last month", "en", {"metric": "requester_wait", "by": ("team",)}),
            Example("上个月客户等我们多久", "zh", {"metric": "requester_wait"}),
        ),
    ),
    Metric(
        id="on_hold",
        says={
            "en": "Time on hold (classes WAIT_INTERNAL and WAIT_VENDOR).",
            "zh": "挂起时间（WAIT_INTERNAL 和 WAIT_VENDOR 类）。",
        },
        words={"en": ("on hold", "hold time", "time on hold"), "zh": ("挂起", "搁置", "挂起时间")},
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=TOTAL_FIRST,
        dimensions=AS_WAS,
        examples=(
            Example("time on hold by team", "en", {"metric": "on_hold", "by": ("team",)}),
            Example("上个月挂起时间", "zh", {"metric": "on_hold"}),
        ),
    ),
    Metric(
        id="queue_time",
        says={
            "en": "Open time with a team and no assignee.",
            "zh": "已分到团队但没有处理人的未解决时间。",
        },
        words={
            "en": ("queue", "queue time", "unassigned wait", "time in queue", "queueing", "waiting to be picked up"),
            "zh": ("排队", "排队时间", "排队时长", "待认领时间"),
        },
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=TOTAL_FIRST,
        dimensions=AS_WAS,
        examples=(
            Example("queue time by team", "en", {"metric": "queue_time", "by": ("team",)}),
            Example("各组排队时间", "zh", {"metric": "queue_time", "by": ("team",)}),
        ),
    ),
    Metric(
        id="team_time",
        says={
            "en": "Open time that a (known) team held tickets.",
            "zh": "工单在各（已知）团队手中的未解决时间。",
        },
        words={
            "en": ("time with a team", "held by", "time with team", "team time", "time held"),
            "zh": ("在某组停留", "在组停留", "团队持有时间", "在各组停留", "压在"),
        },
        anchor=Anchor.OCCUPANCY,
        unit=Unit.DURATION,
        aggregates=TOTAL_FIRST,
        dimensions=AS_WAS,
        examples=(
            Example("time with a team, by team", "en", {"metric": "team_time", "by": ("team",)}),
            Example("工单在各组停留多久", "zh", {"metric": "team_time", "by": ("team",)}),
        ),
    ),
    Metric(
        id="transition_wait",
        says={
            "en": "From the first time a ticket enters stage A (in the window) to its first entry to stage B"
            " after that.",
            "zh": "工单在时间窗内首次进入环节甲，到其后首次进入环节乙的时长。",
        },
        words={
            "en": ("from a to b", "transition time", "from status to status"),
            "zh": ("从到多久", "转换时长", "从环节到环节"),
        },
        anchor=Anchor.SPELL,
        unit=Unit.DURATION,
        aggregates=SPELL,
        dimensions=("team", "assignee", "from_stage", "to_stage"),
        examples=(
            Example("how long from New to Resolved", "en", {"metric": "transition_wait"}),
            Example("从 New 到 Active 要多久", "zh", {"metric": "transition_wait"}),
        ),
    ),
)
