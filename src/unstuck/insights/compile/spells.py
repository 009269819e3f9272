"""Visits and spans that started in a window (anchor S): a cohort, followed up to "now"."""

from __future__ import annotations

from unstuck.errors import UsageError
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.events import among_tickets, clock_dimensions, first_done, happened, last_done
from unstuck.insights.compile.rows import Rows, Shape
from unstuck.insights.plan import Filter, Op

HOLDER = {"team": "r.team", "assignee": "r.assignee"}
LEFT_TRUNCATED = "began_before_history"


def cohort(draft: Draft, spells: str, dimensions: dict[str, str]) -> Rows:
    """Spells by the part they started in; what began before the history is set aside."""
    return Rows(
        happened(draft, f"SELECT s.*, {_truncated(draft)} AS aside FROM ({spells}) s"),
        dimensions | clock_dimensions(draft),
        shape=Shape.SPELLS,
        aside_note=LEFT_TRUNCATED,
        zero=False,
    )


def _truncated(draft: Draft) -> str:
    return f"coalesce(s.happened_at < (SELECT min(c.happened_at) FROM {draft.known('changes')} c), FALSE)"


def spans(draft: Draft, condition: str, *keys: str) -> Rows:
    """Consecutive stays with `condition` and the same `keys`, merged.

    A split or filter by team (or person) makes a span the part of it with that team.
    """
    split = tuple(dict.fromkeys((*keys, *draft.uses("team", "assignee", "status", "stage", "class"))))
    return cohort(draft, merged(draft, condition, split), {name: f"r.{name}" for name in split})


def merged(draft: Draft, condition: str, keys: tuple[str, ...]) -> str:
    """Spans with their keys, `happened_at` (their start), `seconds`, `ending`; those of tickets that moved in the parts."""
    listed = "".join(f", s.{key}" for key in keys)
    stays = draft.known("stays")
    # A span that starts in the window starts with a stay: other tickets need no sorting.
    islands = f"""SELECT s.*, s.seq - row_number() OVER (PARTITION BY s.ticket{listed} ORDER BY s.seq) AS island
    FROM {stays} s WHERE {condition} AND {among_tickets(draft.touched())}"""
    return f"""SELECT s.ticket{listed}, min(s.start_at) AS happened_at, max(s.until_at) AS until_at,
    min(s.seq) AS seq, sum(s.seconds) AS seconds,
    CASE WHEN bool_or(s.end_at IS NULL) THEN 'open' WHEN arg_max(s.next_class, s.seq) = 'DROPPED' THEN 'dropped'
    ELSE 'finished' END AS ending
    FROM ({islands}) s GROUP BY s.ticket{listed}, s.island"""


def lead_time(draft: Draft) -> Rows:
    return _from_creation(draft, "TRUE")


def cycle_time(draft: Draft) -> Rows:
    return _from_creation(draft, "s.class = 'ACTIVE'")


def _from_creation(draft: Draft, counted: str) -> Rows:
    """Creation to solved, adding up the stays that are `counted`."""
    stays = draft.known("stays")
    stops = _stops(draft, None if draft.plan.variant == "solved" else _born(draft))
    when = "t.stopped_at" if draft.plan.variant == "solved" else "t.created_at"
    only = "t.ending = 'finished'" if draft.plan.variant == "solved" else "TRUE"
    spells = f"""SELECT t.ticket, any_value({when}) AS happened_at, any_value(t.ending) AS ending,
    any_value(t.team) AS team, any_value(t.assignee) AS assignee, any_value(t.created_at) AS created_at,
    coalesce(sum(s.seconds) FILTER ({counted}), 0) AS seconds
    FROM {stops} t LEFT JOIN {stays} s ON s.ticket = t.ticket AND s.seq < t.stop_seq
    WHERE {only} GROUP BY t.ticket"""
    return cohort(draft, spells, HOLDER)


def _born(draft: Draft) -> str:
    """Tickets created between the first part's start and the last one's end."""
    stays, (start, end) = draft.known("stays"), draft.bounds()
    return draft.query.add_kept(
        "born",
        f"""SELECT s.ticket FROM {stays} s WHERE s.seq = 0 AND s.start_at >= {start} AND s.start_at < {end}""",
    )


def _stops(draft: Draft, among: str | None) -> str:
    """Per ticket: the stay at which its way from creation ended, how, and who had it then."""
    first = draft.plan.variant == "first"
    done = first_done(draft, among=among) if first else last_done(draft, among)
    solved = "d.seq IS NOT NULL" if first else "d.seq > coalesce(t.last_open, -1)"
    return draft.query.add(
        "stops",
        f"""SELECT t.ticket, t.created_at, d.happened_at AS stopped_at,
        CASE WHEN {solved} THEN 'finished' WHEN t.still_open THEN 'open' ELSE 'dropped' END AS ending,
        CASE WHEN {solved} THEN d.seq WHEN t.still_open THEN t.last_seq + 1 ELSE coalesce(t.last_open + 1, 0) END
        AS stop_seq,
        CASE WHEN {solved} THEN d.team ELSE t.team END AS team,
        CASE WHEN {solved} THEN d.assignee ELSE t.assignee END AS assignee
        FROM {_tickets_now(draft, among)} t LEFT JOIN {done} d ON d.ticket = t.ticket""",
    )


def _tickets_now(draft: Draft, among: str | None = None) -> str:
    """Per ticket: creation, how it stands, its last stay and last open stay."""
    return draft.query.add(
        "tickets_now",
        f"""SELECT s.ticket, min(s.start_at) AS created_at, max(s.seq) AS last_seq,
        max(s.seq) FILTER (s.is_open) AS last_open,
        coalesce(bool_or(s.is_open AND s.end_at IS NULL), FALSE) AS still_open,
        any_value(s.team) FILTER (s.end_at IS NULL) AS team, any_value(s.assignee) FILTER (s.end_at IS NULL) AS assignee
        FROM {draft.known("stays")} s WHERE {among_tickets(among)}
        GROUP BY s.ticket""",
    )


def first_response(draft: Draft) -> Rows:
    tickets, messages = _tickets_now(draft, _born(draft)), draft.known("messages")
    # The opening text of a ticket that an agent wrote for a customer is no reply to anybody.
    by_agent = f"""SELECT c.ticket FROM {draft.known("changes")} c
    WHERE c.kind = 'created' AND c.actor_kind = 'agent'"""
    answers = f"""SELECT m.ticket, m.happened_at, m.business_at, m.ticket IN ({by_agent}) AS by_agent,
    row_number() OVER (PARTITION BY m.ticket ORDER BY m.happened_at) AS number
    FROM {messages} m WHERE m.public AND m.author_kind = 'agent'"""
    ended = f"""SELECT s.ticket, max(s.until_at) FILTER (s.is_open) AS ended_at
    FROM {draft.known("stays")} s GROUP BY s.ticket"""
    first = f"SELECT ticket, happened_at, business_at FROM ({answers}) WHERE number = 1 + by_agent::INTEGER"
    draft.query.add(
        "answered",
        f"""SELECT t.ticket, t.created_at AS happened_at, t.team, t.assignee,
        CASE WHEN a.ticket IS NOT NULL THEN 'finished' WHEN t.still_open THEN 'open' ELSE 'dropped' END AS ending,
        coalesce(a.happened_at, e.ended_at, t.created_at) AS until_at, a.business_at
        FROM {tickets} t JOIN ({ended}) e ON e.ticket = t.ticket LEFT JOIN ({first}) a ON a.ticket = t.ticket""",
    )
    return cohort(draft, _until_answered(draft), HOLDER)


def _until_answered(draft: Draft) -> str:
    """The rows of `answered` with their `seconds` on the plan's clock."""
    if not draft.business:
        return """SELECT *, greatest(epoch_us(until_at) - epoch_us(happened_at), 0) / 1e6 AS seconds FROM answered"""
    # Stays before the answer count whole, each on its own team's calendar; the one it fell into up to it.
    return f"""SELECT a.*, w.seconds FROM answered a JOIN (
      SELECT x.ticket, sum(CASE WHEN s.until_at <= x.until_at THEN s.seconds
      ELSE greatest(x.business_at - s.tick_start, 0) END)::DOUBLE AS seconds
      FROM answered x JOIN {draft.known("stays")} s ON s.ticket = x.ticket AND s.start_at <= x.until_at
      GROUP BY x.ticket
    ) w ON w.ticket = a.ticket"""


def transition_wait(draft: Draft) -> Rows:
    """From the first entry to a stage to the next entry to another; both come as filters."""
    came_from, goes_to = _stages(draft, "from_stage"), _stages(draft, "to_stage")
    stays = draft.known("stays")
    left = f"""SELECT s.ticket, s.seq, s.start_at, s.team, s.assignee FROM {stays} s
    WHERE list_contains({came_from}, s.stage) AND coalesce(NOT list_contains({came_from}, s.prev_stage), TRUE)
    QUALIFY row_number() OVER (PARTITION BY s.ticket ORDER BY s.seq) = 1"""
    reached = f"""SELECT l.ticket, min(s.seq) AS seq FROM ({left}) l
    JOIN {stays} s ON s.ticket = l.ticket AND s.seq > l.seq AND list_contains({goes_to}, s.stage) GROUP BY l.ticket"""
    # Without arrival the wait ran while the ticket was open: to "now", or to where it ended.
    spells = f"""SELECT l.ticket, any_value(l.start_at) AS happened_at, any_value(l.team) AS team,
    any_value(l.assignee) AS assignee,
    CASE WHEN any_value(g.seq) IS NOT NULL THEN 'finished' WHEN any_value(t.still_open) THEN 'open' ELSE 'dropped' END
    AS ending, coalesce(sum(s.seconds), 0) AS seconds
    FROM ({left}) l LEFT JOIN ({reached}) g ON g.ticket = l.ticket JOIN {_tickets_now(draft)} t ON t.ticket = l.ticket
    LEFT JOIN {stays} s ON s.ticket = l.ticket AND s.seq >= l.seq
    AND s.seq < coalesce(g.seq, t.last_open + 1, 0) GROUP BY l.ticket"""
    return cohort(draft, spells, HOLDER)


def _stages(draft: Draft, name: str) -> str:
    found: list[Filter] = [one for one in draft.plan.filters if one.field == name and one.op is Op.IN]
    if len(found) != 1:
        raise UsageError("transition_needs_stages")
    return draft.query.bind(list(found[0].values), "VARCHAR[]")
