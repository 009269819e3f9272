"""Metrics that count events (anchor E): each row is something that happened at an instant."""

from __future__ import annotations

from unstuck.insights.compile.draft import DONE, Draft
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Aggregate

#: The ticket as it was at the event.
FLOW = {name: f"r.{name}" for name in ("team", "assignee", "status", "stage", "class")}
CLOSED = "('CLOSED')"
STAY = "s.ticket, s.seq, s.team, s.assignee, s.status, s.stage, s.class"


def clock_dimensions(draft: Draft) -> dict[str, str]:
    """Weekday (1 = Monday) and hour of the event on the reader's wall clock."""
    if not draft.uses("weekday", "hour"):
        return {"weekday": "", "hour": ""}
    zone = draft.query.bind(draft.plan.timezone, "VARCHAR")
    wall = f"timezone({zone}, timezone('UTC', r.happened_at))"
    return {"weekday": f"isodow({wall})", "hour": f"hour({wall})"}


def happened(draft: Draft, select: str, *, extra: str = "") -> str:
    """`select`, which has `happened_at`, with the part of time that each event lies in."""
    start, end = draft.bounds()
    return f"""SELECT p.part, e.*{extra} FROM ({select}) e
    JOIN {draft.moments()} p ON e.happened_at >= p.start_at AND e.happened_at < p.end_at
    WHERE e.happened_at >= {start} AND e.happened_at < {end}"""


def _rows(
    draft: Draft, select: str, *, value: str = "count(*)", aside_note: str | None = None, once: bool = False
) -> Rows:
    dimensions = FLOW | clock_dimensions(draft)
    return Rows(happened(draft, select), dimensions, value=value, aside_note=aside_note, once=once)


def opened(draft: Draft) -> Rows:
    stays = draft.known("stays")
    dropped = f"SELECT d.ticket FROM {stays} d WHERE d.end_at IS NULL AND d.class = 'DROPPED'"
    select = f"""SELECT {STAY}, s.start_at AS happened_at, s.ticket IN ({dropped}) AS aside
    FROM {stays} s WHERE s.born"""
    return _rows(draft, select, aside_note="dropped_left_out", once=True)


def first_done(draft: Draft, classes: str = DONE, among: str | None = None) -> str:
    """The first stay of each ticket in one of `classes`, who was last known to have it filled in.

    `among` is a part with the only tickets that matter, by default those that entered one in the parts of
    time: on a large desk a window holds few of them.
    """
    name = "first_done" if classes == DONE else "first_closed"
    among = among or draft.touched(f"t.class IN {classes}", f"touched_{name}")
    return _done(draft, name, f"s.class IN {classes} AND {among_tickets(among)}", "ASC")


def last_done(draft: Draft, among: str | None = None) -> str:
    """The last entry of each ticket to solved, or from open straight to closed."""
    entry = f"s.class IN {DONE} AND coalesce(s.prev_class NOT IN {DONE}, TRUE) AND {among_tickets(among)}"
    return _done(draft, "last_done", entry, "DESC")


def among_tickets(part: str | None) -> str:
    """Condition that stay `s` is of a ticket of `part`; the bounds let whole blocks of other tickets be passed over."""
    if part is None:
        return "TRUE"
    least, most = (f"(SELECT {end}(a.ticket) FROM {part} a)" for end in ("min", "max"))
    return f"s.ticket IN (SELECT a.ticket FROM {part} a) AND s.ticket BETWEEN {least} AND {most}"


def _done(draft: Draft, name: str, entry: str, order: str) -> str:
    stays = draft.known("stays")
    draft.query.add(
        name,
        f"""SELECT {STAY}, s.start_at AS happened_at, FALSE AS aside FROM {stays} s WHERE {entry}
        QUALIFY row_number() OVER (PARTITION BY s.ticket ORDER BY s.seq {order}) = 1""",
    )
    if not draft.uses("team", "assignee"):
        return name
    return draft.query.add(f"{name}_by", _filled_in(stays, name))


def _filled_in(stays: str, entries: str) -> str:
    """Unknown team or assignee of an entry replaced by the last known before it."""
    return f"""SELECT e.* REPLACE (coalesce(e.team, w.team) AS team, coalesce(e.assignee, w.assignee) AS assignee)
    FROM {entries} e LEFT JOIN (
      SELECT s.ticket, arg_max(s.team, s.seq) FILTER (s.team IS NOT NULL) AS team,
      arg_max(s.assignee, s.seq) FILTER (s.assignee IS NOT NULL) AS assignee
      FROM {stays} s JOIN {entries} x ON x.ticket = s.ticket AND s.seq < x.seq GROUP BY s.ticket
    ) w ON w.ticket = e.ticket"""


def solved(draft: Draft) -> Rows:
    entries = last_done(draft) if draft.plan.variant == "last" else first_done(draft)
    return _rows(draft, f"SELECT * FROM {entries}", once=True)


def closed(draft: Draft) -> Rows:
    return _rows(draft, f"SELECT * FROM {first_done(draft, CLOSED)}", once=True)


def _moves(draft: Draft, condition: str) -> Rows:
    select = f"""SELECT {STAY}, s.start_at AS happened_at, FALSE AS aside
    FROM {draft.known("stays")} s WHERE {condition}"""
    tickets = draft.plan.variant == "tickets"
    return _rows(draft, select, value="count(DISTINCT r.ticket)" if tickets else "count(*)")


def reopened(draft: Draft) -> Rows:
    return _moves(draft, f"s.is_open AND s.prev_class IN {DONE}")


def rework(draft: Draft) -> Rows:
    return _moves(draft, "s.class IN ('NEW', 'ACTIVE') AND s.visit > 1 AND s.stage IS DISTINCT FROM s.prev_stage")


def handoff_events(draft: Draft, owner: str = "team") -> str:
    """Changes from one known owner to another: stays at which they happened, with both owners."""
    return draft.query.add_view(
        f"handoffs_{owner}",
        f"""SELECT {STAY}, s.start_at AS happened_at, FALSE AS aside, s.from_{owner} AS from_team, s.{owner} AS to_team
        FROM {draft.known("stays")} s WHERE s.{owner} <> s.from_{owner}""",
    )


def handoffs(draft: Draft) -> Rows:
    events = handoff_events(draft, "assignee" if draft.plan.variant == "assignee" else "team")
    if draft.aggregate in (Aggregate.MEAN, Aggregate.MAX):
        return _per_solved_ticket(draft, events)
    rows = _rows(draft, f"SELECT * FROM {events}")
    rows.dimensions.update(from_team="r.from_team", to_team="r.to_team")
    rows.beside["tickets"] = "count(DISTINCT r.ticket)"
    return rows


def _per_solved_ticket(draft: Draft, events: str) -> Rows:
    select = f"""SELECT e.*, coalesce(h.times, 0) AS times FROM {first_done(draft)} e
    LEFT JOIN (SELECT ticket, count(*) AS times FROM {events} GROUP BY ticket) h ON h.ticket = e.ticket"""
    value = "avg(r.times)" if draft.aggregate is Aggregate.MEAN else "max(r.times)"
    return Rows(
        happened(draft, select), FLOW | clock_dimensions(draft), value=value, beside={"tickets": "count(*)"}, zero=False
    )


def ping_pong(draft: Draft) -> Rows:
    """Tickets that came back to a team in the window; by team, every team the ticket was with."""
    if draft.aggregate is Aggregate.SHARE:
        return _ping_pong_share(draft)
    back = f"""SELECT part, ticket, min(happened_at) AS happened_at, FALSE AS aside
    FROM ({happened(draft, f"SELECT * FROM {_loops(draft)}")}) GROUP BY part, ticket"""
    if draft.uses("team"):
        back = f"""SELECT b.*, r.team FROM ({back}) b
        JOIN (SELECT DISTINCT ticket, team FROM {_runs(draft)}) r ON r.ticket = b.ticket"""
    return Rows(back, {"team": "r.team"} | clock_dimensions(draft))


def _runs(draft: Draft) -> str:
    """The sequence of known teams of a ticket, numbered; the same team in a row is one run."""
    events = draft.query.add(
        "team_changes",
        f"""SELECT s.ticket, s.seq, s.team, s.start_at AS happened_at FROM {draft.known("stays")} s
        WHERE s.team IS NOT NULL AND {among_tickets(draft.touched())}
        QUALIFY s.team IS DISTINCT FROM lag(s.team) OVER (PARTITION BY s.ticket ORDER BY s.seq)""",
    )
    return draft.query.add(
        "runs", f"SELECT *, row_number() OVER (PARTITION BY ticket ORDER BY seq) AS run FROM {events}"
    )


def _loops(draft: Draft) -> str:
    """Returns of a ticket to a team that had it before."""
    return draft.query.add(
        "loops",
        f"""SELECT ticket, team, run, happened_at, lag(run) OVER (PARTITION BY ticket, team ORDER BY run) AS left_run
        FROM {_runs(draft)} QUALIFY left_run IS NOT NULL""",
    )


def _ping_pong_share(draft: Draft) -> Rows:
    """Of the tickets whose hand-offs lie in the window, those that came back in it."""
    events, loops = handoff_events(draft), _loops(draft)
    moved = f"SELECT part, ticket FROM ({happened(draft, f'SELECT * FROM {events}')}) GROUP BY part, ticket"
    came_back = f"SELECT part, ticket FROM ({happened(draft, f'SELECT * FROM {loops}')}) GROUP BY part, ticket"
    select = f"""SELECT m.part, m.ticket, FALSE AS aside, (b.ticket IS NOT NULL)::INTEGER AS hit
    FROM ({moved}) m LEFT JOIN ({came_back}) b ON b.part = m.part AND b.ticket = m.ticket"""
    return Rows(select, {}, value="avg(r.hit)", beside={"tickets": "count(*)"}, zero=False)
