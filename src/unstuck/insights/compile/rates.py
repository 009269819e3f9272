"""Rates and flows over events: shares of the tickets solved, net flow, throughput, satisfaction."""

from __future__ import annotations

from unstuck.insights.compile.draft import DONE, Draft
from unstuck.insights.compile.events import FLOW, clock_dimensions, first_done, handoff_events, happened
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Aggregate

REOPEN_DAYS = 7
GOOD_SCORE = 4


def _share(draft: Draft, select: str, *, aside_note: str | None = None) -> Rows:
    """Share of rows with `hit`, and of how many."""
    return Rows(
        happened(draft, select),
        FLOW | clock_dimensions(draft),
        value="avg(r.hit::INTEGER)",
        beside={"tickets": "count(*)"},
        aside_note=aside_note,
        zero=False,
    )


def reopen_rate(draft: Draft) -> Rows:
    reopened = f"""SELECT e.ticket FROM {first_done(draft)} e
    JOIN {draft.known("stays")} s ON s.ticket = e.ticket AND s.is_open AND s.prev_class IN {DONE}
    AND s.start_at >= e.happened_at AND s.start_at <= e.happened_at + INTERVAL {REOPEN_DAYS} DAY"""
    select = f"""SELECT e.* REPLACE (e.happened_at > {draft.at(draft.now)} - INTERVAL {REOPEN_DAYS} DAY AS aside),
    e.ticket IN ({reopened}) AS hit FROM {first_done(draft)} e"""
    return _share(draft, select, aside_note="too_recent")


def first_team_rate(draft: Draft) -> Rows:
    entries = first_done(draft)
    moved = f"""SELECT e.ticket FROM {entries} e
    JOIN {handoff_events(draft)} h ON h.ticket = e.ticket AND h.seq <= e.seq"""
    return _share(draft, f"SELECT e.*, e.ticket NOT IN ({moved}) AS hit FROM {entries} e")


def throughput(draft: Draft) -> Rows:
    select = happened(draft, f"SELECT * FROM {first_done(draft)}", extra=", p.days")
    return Rows(
        select,
        FLOW | clock_dimensions(draft),
        value="count(*) / nullif(max(r.days), 0)",
        beside={"solved": "count(*)", "business_days": "max(r.days)"},
    )


def net_flow(draft: Draft) -> Rows:
    """Each time a ticket enters or leaves the backlog, +1 or -1, by how it did."""
    stays = draft.known("stays")
    born = "s.seq = 0"
    was_open = f"NOT ({born}) AND coalesce(s.prev_class NOT IN ('SOLVED', 'CLOSED', 'DROPPED'), TRUE)"
    select = f"""
    SELECT s.ticket, s.start_at AS happened_at, FALSE AS aside, 'opened' AS how, 1 AS step FROM {stays} s WHERE {born}
    UNION ALL
    SELECT s.ticket, s.start_at, FALSE, CASE WHEN s.prev_class = 'DROPPED' THEN 'dropped' ELSE 'reopened' END, 1
    FROM {stays} s WHERE s.is_open AND NOT ({born}) AND NOT ({was_open})
    UNION ALL
    SELECT s.ticket, s.start_at, FALSE, CASE WHEN s.class = 'DROPPED' THEN 'dropped' ELSE 'solved' END, -1
    FROM {stays} s WHERE NOT s.is_open AND (({born}) OR ({was_open}))"""
    # Dropped is net of restored, so that the four always add up to the change of the backlog.
    beside = {
        "opened": "coalesce(sum(r.step) FILTER (r.how = 'opened'), 0)::BIGINT",
        "reopened": "coalesce(sum(r.step) FILTER (r.how = 'reopened'), 0)::BIGINT",
        "solved": "coalesce(-sum(r.step) FILTER (r.how = 'solved'), 0)::BIGINT",
        "dropped": "coalesce(-sum(r.step) FILTER (r.how = 'dropped'), 0)::BIGINT",
    }
    value = "coalesce(sum(r.step), 0)::BIGINT"
    return Rows(happened(draft, select), clock_dimensions(draft), value=value, beside=beside)


def csat(draft: Draft) -> Rows:
    """Feedback with the team and person who solved the ticket before it, else who had it then."""
    stays, feedback = draft.known("stays"), draft.known("feedback")
    holder = f"""SELECT f.ticket, f.happened_at, f.score, s.team, s.assignee, s.status, s.stage, s.class, FALSE AS aside
    FROM {feedback} f ASOF LEFT JOIN {stays} s ON s.ticket = f.ticket AND s.start_at <= f.happened_at
    WHERE f.score IS NOT NULL"""
    good = f"avg((r.score >= {GOOD_SCORE})::INTEGER)"
    share = draft.aggregate is Aggregate.SHARE
    beside = {"mean" if share else "good_share": "avg(r.score)" if share else good, "responses": "count(*)"}
    if not draft.plan.by and not draft.plan.filters:
        beside["response_rate"] = _response_rate(draft)
    dimensions = FLOW | clock_dimensions(draft)
    return Rows(happened(draft, holder), dimensions, value=good if share else "avg(r.score)", beside=beside, zero=False)


def _response_rate(draft: Draft) -> str:
    """Tickets with feedback per ticket first solved, of the same part."""
    solved = draft.query.add("solved_in_part", happened(draft, f"SELECT * FROM {first_done(draft)}"))
    return (
        f"""count(DISTINCT r.ticket) / nullif((SELECT count(*) FROM {solved} x WHERE x.part = any_value(r.part)), 0)"""
    )
