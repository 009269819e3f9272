"""Time that stays spend inside a window (anchor O); open stays run to "now"."""

from __future__ import annotations

from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.events import FLOW
from unstuck.insights.compile.rows import Rows, Shape


def time_inside(draft: Draft, condition: str) -> Rows:
    """Seconds of stays with `condition` (over stay `s`) that lie inside each part."""
    return Rows(overlaps(draft, condition), FLOW, shape=Shape.TIME)


def flow_efficiency(draft: Draft) -> Rows:
    value = "sum(r.seconds) FILTER (r.class = 'ACTIVE') / nullif(sum(r.seconds), 0)"
    beside = {
        "active": "coalesce(sum(r.seconds) FILTER (r.class = 'ACTIVE'), 0)",
        "open": "sum(r.seconds)",
        "tickets": "count(DISTINCT r.ticket)",
    }
    return Rows(overlaps(draft, "s.is_open"), FLOW, value=value, beside=beside, zero=False)


def overlaps(draft: Draft, condition: str) -> str:
    earliest = min(part.start for part in draft.parts)
    return f"""SELECT p.part, s.ticket, s.team, s.assignee, s.status, s.stage, s.class, s.start_at AS happened_at,
    FALSE AS aside, {clipped(draft)} AS seconds
    FROM {draft.lasting(min(earliest, draft.now))} s
    JOIN {draft.moments()} p ON s.start_at < p.until_at AND s.until_at > p.start_at AND s.until_at > s.start_at
    {clip_joins(draft)}
    WHERE {condition}"""


def clipped(draft: Draft) -> str:
    """Seconds of stay `s` inside part `p`, on the plan's clock."""
    if draft.business:
        # The business clock never falls, so clipping it at the bounds clips the time between them.
        return "greatest(least(s.tick_until, u.seconds) - greatest(s.tick_start, w.seconds), 0)::DOUBLE"
    return "(epoch_us(least(s.until_at, p.until_at)) - epoch_us(greatest(s.start_at, p.start_at))) / 1e6"


def clip_joins(draft: Draft) -> str:
    if not draft.business:
        return ""
    starts = draft.business_at([part.start for part in draft.parts], "ticks_start")
    untils = draft.business_at([part.until(draft.now) for part in draft.parts], "ticks_until")
    return f"""JOIN {starts} w ON w.number = p.part AND w.calendar = s.calendar
    JOIN {untils} u ON u.number = p.part AND u.calendar = s.calendar"""
