"""Where work gets stuck: time in visits beyond the usual (METRICS.md, `bottleneck`)."""

from __future__ import annotations

from datetime import timedelta

from unstuck.errors import UsageError
from unstuck.insights.compile import kaplan
from unstuck.insights.compile.chosen import keys_of
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.dimensions import Splitter
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.events import handoff_events
from unstuck.insights.compile.occupancy import clip_joins, clipped
from unstuck.insights.compile.results import Cell, Note, label, note, number, owner_note
from unstuck.insights.compile.rows import Rows
from unstuck.insights.plan import Kind, Plan, Result

BASELINE_WEEKS = 8
#: A stay that ended when the baseline's weeks began still says since when its visit lasts.
MOMENT = timedelta(microseconds=1)
NUMBERS = ("excess", "occupancy", "waiting_now", "in_minus_out", "p90", "baseline", "visits")


def bottleneck(desk: Desk, plan: Plan) -> Result:
    if plan.kind in (Kind.TREND, Kind.COMPARE, Kind.DISTRIBUTION):
        raise UsageError("no_such_kind", metric="bottleneck", kind=plan.kind.value)
    pair = plan.variant == "handoff" or bool({"from_team", "to_team"} & set(plan.by))
    keys = ("from_team", "to_team") if pair else plan.by or ("stage",)
    draft = desk.draft(plan.model_copy(update={"by": keys}))
    keys = keys_of(draft)
    rows, sql = desk.fetch(draft.query, _statement(draft, keys, pair=pair))
    found = [(*map(label, keys, row[: len(keys)]), *map(number, row[len(keys) :])) for row in rows]
    named = [row for row in found if None not in row[: len(keys)]]
    listed = _cut(sorted(named, key=lambda row: _rank(row, len(keys), plan)), plan, len(keys))
    return Result(
        columns=(*keys, *NUMBERS),
        rows=tuple(listed),
        n=sum(int(row[-1]) for row in found),
        n_open=sum(int(row[len(keys) + 2]) for row in found),
        unit="seconds",
        sql=sql,
        notes=tuple(_notes(draft, desk, found, keys)),
    )


def _rank(row: tuple[Cell, ...], width: int, plan: Plan) -> tuple[object, ...]:
    """Most excess first, ties by who waits now, then by time spent."""
    excess, occupancy, waiting = (float(cell or 0) for cell in row[width : width + 3])
    sign = -1 if plan.descending else 1
    return sign * excess, sign * waiting, sign * occupancy, str(row[:width])


def _cut(rows: list[tuple[Cell, ...]], plan: Plan, width: int) -> list[tuple[Cell, ...]]:
    """The first n, and whoever ties with the last of them."""
    if plan.limit is None or len(rows) <= plan.limit:
        return rows
    last = rows[plan.limit - 1][width : width + 3]
    return [row for place, row in enumerate(rows) if place < plan.limit or row[width : width + 3] == last]


def _notes(draft: Draft, desk: Desk, found: list[tuple[Cell, ...]], keys: tuple[str, ...]) -> list[Note]:
    notes = [note("timers", stages=", ".join(timers))] if (timers := desk.timers()) else []
    unknown = [str(row[0]) for row in found if keys == ("stage",) and row[-2] is None]
    if unknown:
        notes.append(note("no_baseline", stages=", ".join(unknown)))
    return [*notes, note(owner_note(draft))] if draft.uses("team", "assignee") else notes


def _statement(draft: Draft, keys: tuple[str, ...], *, pair: bool) -> str:
    inside, unit = _visits(draft, keys, pair=pair)
    usual = _baselines(draft, unit)
    named = ", ".join(f"v.k{place}" for place in range(1, len(keys) + 1))
    same = " AND ".join(f"b.{name} IS NOT DISTINCT FROM v.{name}" for name in unit)
    draft.query.add("compared", f"SELECT v.*, b.baseline FROM {inside} v LEFT JOIN {usual} b ON {same} WHERE v.touches")
    p90 = _p90(draft, len(keys))
    alike = " AND ".join(f"q.k{place} IS NOT DISTINCT FROM t.k{place}" for place in range(1, len(keys) + 1))
    # Without a baseline nothing is known to be in excess; the note says so.
    draft.query.add(
        "totals",
        f"""SELECT {named}, coalesce(sum(greatest(v.inside - v.baseline, 0)), 0) AS excess, sum(v.inside) AS occupancy,
        count(*) FILTER (v.waiting) AS waiting_now, count(*) FILTER (v.came) - count(*) FILTER (v.went) AS net,
        min(v.baseline) AS baseline, count(*) AS visits FROM compared v GROUP BY {named}""",
    )
    listed = ", ".join(f"t.k{place}" for place in range(1, len(keys) + 1))
    return f"""SELECT {listed}, t.excess, t.occupancy, t.waiting_now, t.net, q.p90, t.baseline, t.visits
    FROM totals t LEFT JOIN {p90} q ON {alike}"""


def _visits(draft: Draft, keys: tuple[str, ...], *, pair: bool) -> tuple[str, tuple[str, ...]]:
    """Visits near the window with what of them lies inside it; and what a baseline is taken over.

    A split or filter by team (or person) makes a visit the part of it with that team.
    """
    flow = tuple(name for name in ("team", "assignee", "status", "class") if name in draft.uses(name))
    unit = ("from_team", "to_team") if pair else ("stage",)
    split = tuple(dict.fromkeys((*(("team",) if pair else ("stage",)), *flow)))
    visits = _merged(draft, split, pair=pair)
    rows = Rows(f"SELECT * FROM {visits}", {name: f"r.{name}" for name in (*split, *unit)})
    splitter = Splitter(draft, rows)
    named = "".join(f", {splitter.expression(key)} AS k{place}" for place, key in enumerate(keys, 1))
    conditions = splitter.conditions(draft.plan.filters)
    draft.query.add(
        "visits_asked",
        f"""SELECT r.*{named} FROM {visits} r {" ".join(splitter.joins.values())}
        WHERE {" AND ".join(conditions) or "TRUE"}""",
    )
    return "visits_asked", unit


def _stays_near(draft: Draft) -> str:
    """Open stays, no timers, from the weeks of the baseline to the window's end, with their part of the window."""
    part = draft.parts[0]
    since, start, until = part.start - timedelta(weeks=BASELINE_WEEKS), part.start, part.until(draft.now)
    before = _before(draft)
    return draft.query.add(
        "stays_near",
        f"""SELECT s.*, greatest({clipped(draft)}, 0) AS inside, {before} AS before
        FROM {draft.lasting(min(since, draft.now) - MOMENT)} s CROSS JOIN {draft.moments()} p {clip_joins(draft)}
        WHERE s.is_open AND s.until_at >= {draft.at(since)} AND s.start_at < {draft.at(max(until, start))}
        AND coalesce(s.stage NOT IN (SELECT t.stage FROM timers t), TRUE)""",
    )


def _before(draft: Draft) -> str:
    """Seconds of stay `s` before the window."""
    if draft.business:
        return "greatest(least(s.tick_until, w.seconds) - s.tick_start, 0)::DOUBLE"
    return "greatest(epoch_us(least(s.until_at, p.start_at)) - epoch_us(s.start_at), 0) / 1e6"


def _merged(draft: Draft, split: tuple[str, ...], *, pair: bool) -> str:
    part = draft.parts[0]
    start, until = draft.at(part.start), draft.at(part.until(draft.now))
    listed = "".join(f", s.{key}" for key in split)
    stays = _stays_near(draft)
    islands = f"""SELECT s.*, s.seq - row_number() OVER (PARTITION BY s.ticket{listed} ORDER BY s.seq) AS island
    FROM {stays} s"""
    merged = f"""SELECT s.ticket{listed}, min(s.seq) AS seq, min(s.start_at) AS happened_at,
    max(s.until_at) AS until_at, bool_or(s.end_at IS NULL) AS still_there, sum(s.seconds) AS seconds,
    sum(s.inside) AS inside, sum(s.before) AS before, arg_max(s.next_class, s.seq) AS next_class
    FROM ({islands}) s GROUP BY s.ticket{listed}, s.island"""
    arrival = ", h.from_team, h.to_team" if pair else ""
    # A visit that follows a hand-off is charged to the pair of teams; the first team's has no pair.
    join = f"JOIN ({_arrivals(draft)}) h ON h.ticket = m.ticket AND h.seq = m.seq" if pair else ""
    return draft.query.add(
        "visits",
        f"""SELECT m.*{arrival}, m.until_at > {start} OR m.happened_at >= {start} OR m.still_there AS touches,
        m.still_there OR m.until_at > {until} AS waiting, m.happened_at >= {start} AS came,
        NOT m.still_there AND m.until_at >= {start} AND m.until_at <= {until} AS went,
        CASE WHEN m.still_there THEN 'open' WHEN m.next_class = 'DROPPED' THEN 'dropped' ELSE 'finished' END AS ending
        FROM ({merged}) m {join}""",
    )


def _arrivals(draft: Draft) -> str:
    return f"SELECT ticket, seq, from_team, to_team FROM {handoff_events(draft)}"


def _baselines(draft: Draft, unit: tuple[str, ...]) -> str:
    """Median of visits that started in the weeks before the window, as known at its start."""
    part = draft.parts[0]
    since, start = draft.at(part.start - timedelta(weeks=BASELINE_WEEKS)), draft.at(part.start)
    listed = ", ".join(unit)
    draft.query.add(
        "earlier",
        f"""SELECT {listed}, before AS seconds, CASE WHEN until_at > {start} OR still_there THEN 'open' ELSE ending END
        AS ending FROM visits_asked WHERE happened_at >= {since} AND happened_at < {start}""",
    )
    steps = kaplan.curve(draft.query, "earlier", "earlier", unit)
    return draft.query.add(
        "usual", f"SELECT {listed}, {kaplan.quantile(0.5)} AS baseline FROM {steps} c GROUP BY {listed}"
    )


def _p90(draft: Draft, width: int) -> str:
    """How long nine in ten visits of the window took at most."""
    group = tuple(f"k{place}" for place in range(1, width + 1))
    draft.query.add("begun", f"SELECT {', '.join(group)}, seconds, ending FROM compared WHERE came")
    steps = kaplan.curve(draft.query, "begun", "begun", group)
    listed = ", ".join(group)
    return draft.query.add("ninety", f"SELECT {listed}, {kaplan.quantile(0.9)} AS p90 FROM {steps} c GROUP BY {listed}")
