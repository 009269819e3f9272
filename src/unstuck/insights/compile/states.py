"""Metrics of the state at an instant (anchor A): each row is a ticket that is open then."""

from __future__ import annotations

from datetime import timedelta

from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.events import FLOW
from unstuck.insights.compile.rows import Rows, Shape

STALE_AFTER = timedelta(days=5)


def _open(draft: Draft, *, extra: str = "", joins: str = "", only: str = "TRUE") -> str:
    """Tickets open at each part's end; a part that still runs is taken at "now"."""
    earliest = min(part.until(draft.now) for part in draft.parts)
    return f"""SELECT p.part, s.ticket, s.seq, s.stage, s.visit, s.team, s.assignee, s.status, s.class,
    p.until_at AS happened_at, FALSE AS aside{extra}
    FROM {draft.lasting(earliest)} s
    JOIN {draft.moments()} p ON s.start_at <= p.until_at AND coalesce(s.end_at > p.until_at, TRUE) {joins}
    WHERE s.is_open AND {only}"""


def backlog(draft: Draft) -> Rows:
    return Rows(_open(draft), FLOW, once=True)


def unassigned(draft: Draft) -> Rows:
    return Rows(_open(draft, only="s.assignee IS NULL"), FLOW, once=True)


def wip(draft: Draft) -> Rows:
    return Rows(_open(draft, only="s.assignee IS NOT NULL"), FLOW, once=True)


def stale(draft: Draft) -> Rows:
    """A threshold of its own comes as a filter on `idle`, or as `within`."""
    if any(condition.field == "idle" for condition in draft.plan.filters):
        return backlog(draft)
    seconds = draft.query.bind(float(draft.plan.within or STALE_AFTER.total_seconds()), "DOUBLE")
    return Rows(_open(draft, joins=last_activity(draft), only=f"{IDLE} >= {seconds}"), FLOW, once=True)


def age(draft: Draft) -> Rows:
    if draft.business:
        since, joins = _business_age(draft)
    else:
        since, joins = (stage_began(draft) if draft.plan.variant == "stage" else created(draft)), ""
    select = _open(draft, extra=f", {since} AS seconds, 'finished' AS ending", joins=joins)
    return Rows(select, FLOW, shape=Shape.SPELLS, zero=False)


def _business_age(draft: Draft) -> tuple[str, str]:
    """Business seconds of stay `s`'s ticket (or of its visit to the stage) up to part `p`, and the joins for it."""
    of = "x.ticket, x.stage, x.visit" if draft.plan.variant == "stage" else "x.ticket"
    earliest = min(part.until(draft.now) for part in draft.parts)
    before = f"""SELECT x.ticket, x.seq, sum(x.seconds) OVER (PARTITION BY {of} ORDER BY x.seq) - x.seconds AS seconds
    FROM {draft.known("stays")} x WHERE x.ticket IN (SELECT l.ticket FROM {draft.lasting(earliest)} l)"""
    untils = draft.business_at([part.until(draft.now) for part in draft.parts], "ticks_until")
    joins = f"""JOIN {untils} u ON u.number = p.part AND u.calendar = s.calendar
    JOIN ({before}) y ON y.ticket = s.ticket AND y.seq = s.seq"""
    return "(y.seconds + u.seconds - s.tick_start)::DOUBLE", joins


#: Seconds without activity of stay `s` at part `p`, once `last_activity` is joined.
IDLE = "(epoch_us(p.until_at) - epoch_us(a.active_at)) / 1e6"


def last_activity(draft: Draft) -> str:
    """Join: the last activity of the ticket up to the part's end."""
    latest = f"""SELECT p.part, c.ticket, max(c.happened_at) AS active_at
    FROM {draft.known("changes")} c JOIN {draft.moments()} p ON c.happened_at <= p.until_at
    WHERE c.activity GROUP BY p.part, c.ticket"""
    return f"LEFT JOIN ({latest}) a ON a.ticket = s.ticket AND a.part = p.part"


def created(draft: Draft) -> str:
    """Seconds since creation of stay `s`'s ticket at part `p`."""
    first = draft.query.add(
        "created", f"SELECT ticket, start_at AS created_at FROM {draft.known('stays')} WHERE seq = 0"
    )
    return f"(epoch_us(p.until_at) - epoch_us((SELECT c.created_at FROM {first} c WHERE c.ticket = s.ticket))) / 1e6"


def stage_began(draft: Draft) -> str:
    """Seconds since the current visit to the stage began."""
    first = draft.query.add(
        "visit_starts",
        f"""SELECT ticket, stage, visit, min(start_at) AS began_at
        FROM {draft.known("stays")} GROUP BY ticket, stage, visit""",
    )
    return f"""(epoch_us(p.until_at) - epoch_us((SELECT v.began_at FROM {first} v
    WHERE v.ticket = s.ticket AND v.stage IS NOT DISTINCT FROM s.stage AND v.visit = s.visit))) / 1e6"""
