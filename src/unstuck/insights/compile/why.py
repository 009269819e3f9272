"""Why a number changed: its difference against another stretch of time, told apart by who and what moved it.

Counts are told apart by group. Means and rates change for two reasons, which add up to the change exactly:
*mix* (more of the groups that are high anyway) and *within* (the groups themselves became higher). Resolution
time also is a sum of stages, so its change is a waterfall of them. All of it is what goes together with the
change; none of it is proof of a cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.errors import UsageError
from unstuck.insights.compile.answers import Answer
from unstuck.insights.compile.chosen import ROWS, choose
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.dimensions import Splitter
from unstuck.insights.compile.results import SMALL_GROUP, Cell, Note, note, number
from unstuck.insights.compile.rows import Rows, Shape
from unstuck.insights.metric import Unit
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import Aggregate, Kind, Plan, Result

#: Numbers that add up over groups.
COUNTED = ("opened", "solved", "closed", "reopened", "handoffs", "backlog", "unassigned", "wip", "stale")
#: Means and shares over tickets.
AVERAGED = ("lead_time", "cycle_time", "first_response", "reopen_rate", "first_team_rate")
#: What a change is told apart by, where the desk has it.
DIMENSIONS = ("team", "priority", "product", "category", "channel", "tier", "region", "type")
#: The groups shown of each dimension, those that moved most.
SHOWN = 3
STAGE = "stage"


@dataclass(frozen=True, slots=True)
class Part:
    """What one group contributes to the change."""

    dimension: str
    group: str | None
    before: float | None
    now: float | None
    mix: float
    within: float
    n_before: int
    n: int

    @property
    def change(self) -> float:
        return self.mix + self.within

    def row(self) -> tuple[Cell, ...]:
        numbers = (self.before, self.now, self.change, self.mix, self.within)
        return (self.dimension, self.group, *(number(one) for one in numbers), self.n_before, self.n)


COLUMNS = ("dimension", "group", "value_before", "value_now", "change", "mix", "within", "n_before", "n_now")


def why(desk: Desk, plan: Plan) -> Result:
    """The first row is the whole change; the parts of each dimension follow, the largest first."""
    if plan.metric not in (*COUNTED, *AVERAGED) or plan.against is None:
        raise UsageError("why_not", metric=plan.metric or "", known=", ".join((*COUNTED, *AVERAGED)))
    asked = plan.model_copy(
        update={"kind": Kind.COMPARE, "by": (), "limit": None, "aggregate": _aggregate(plan.metric)}
    )
    whole = Answer(desk, asked)
    totals = _totals(whole)
    parts = [*(_waterfall(desk, asked) if plan.metric == "lead_time" else ())]
    for groups in _told_apart(desk, asked, tuple(_dimensions(desk, asked))).values():
        parts += _largest(groups)
    return Result(
        columns=COLUMNS,
        rows=(_whole_row(totals), *(part.row() for part in parts)),
        n=totals[0][1],
        unit=_unit(plan.metric),
        sql=whole.sql,
        notes=(note("associated"), *_small(totals)),
    )


def _aggregate(metric: str) -> Aggregate | None:
    return Aggregate.MEAN if METRICS[metric].unit is Unit.DURATION else None


def _unit(metric: str) -> str:
    return METRICS[metric].unit.value


def _totals(answer: Answer) -> list[tuple[float, int]]:
    """Value and size of both stretches, the one asked about first."""
    found = {group.part: (float(group.value or 0), group.n) for group in answer.groups}
    return [found.get(part, (0.0, 0)) for part in (0, 1)]


def _whole_row(totals: list[tuple[float, int]]) -> tuple[Cell, ...]:
    (now, n), (before, n_before) = totals
    return ("all", None, number(before), number(now), number(now - before), None, None, n_before, n)


def _small(totals: list[tuple[float, int]]) -> tuple[Note, ...]:
    return (note("few_tickets", least=SMALL_GROUP),) if min(n for _, n in totals) < SMALL_GROUP else ()


def _dimensions(desk: Desk, plan: Plan) -> Iterator[str]:
    """Those in which the desk tells tickets apart and the question does not fix one group."""
    draft = desk.blank(plan.model_copy(update={"clock": "calendar"}))
    filtered = {one.field for one in plan.filters}
    fields = [name for name in DIMENSIONS if name != "team" and name not in filtered]
    # Whether there are two values is told by the least and the greatest; counting them all would take far longer.
    differ = ", ".join(f"min(f.{name}) <> max(f.{name})" for name in fields)
    rows, _ = desk.fetch(draft.query, f"SELECT {differ} FROM {draft.known('fields')} f")
    found = {name for name, several in zip(fields, rows[0], strict=True) if several}
    if "team" not in filtered and "team" in METRICS[plan.metric or ""].dimensions:
        found.add("team")
    return (name for name in DIMENSIONS if name in found)


def _told_apart(desk: Desk, plan: Plan, dimensions: tuple[str, ...]) -> dict[str, list[Part]]:
    """Every dimension's groups, in one statement: each row is counted once for each dimension."""
    draft = desk.draft(plan)
    rows = ROWS[draft.metric.id](draft)
    splitter = Splitter(draft, rows)
    named = ", ".join(f"('{name}', ({splitter.expression(name)})::VARCHAR)" for name in dimensions)
    conditions = splitter.conditions(plan.filters)
    value, n = _measured(rows)
    found, _ = desk.fetch(
        draft.query,
        f"""SELECT d.dimension, d.name, r.part, {value}, {n} FROM ({rows.select}) r {" ".join(splitter.joins.values())}
        CROSS JOIN LATERAL (VALUES {named}) d(dimension, name)
        WHERE NOT r.aside AND {" AND ".join(conditions) or "TRUE"} GROUP BY d.dimension, d.name, r.part""",
    )
    groups: dict[str, dict[Cell, dict[int, tuple[float, int]]]] = {name: defaultdict(dict) for name in dimensions}
    for dimension, name, part, value_, n_ in found:
        groups[dimension][name][int(part)] = (float(value_ or 0), int(n_))
    return {dimension: _parts(dimension, pairs, counted=plan.metric in COUNTED) for dimension, pairs in groups.items()}


def _measured(rows: Rows) -> tuple[str, str]:
    """SQL of a group's value, and of how many stand behind it."""
    if rows.shape is Shape.SPELLS:
        finished = "FILTER (WHERE r.ending = 'finished')"
        return f"avg(r.seconds) {finished}", f"count(*) {finished}"
    return rows.value, "count(DISTINCT r.ticket)"


def _parts(dimension: str, pairs: dict[Cell, dict[int, tuple[float, int]]], *, counted: bool) -> list[Part]:
    sizes = [sum(pair.get(part, (0.0, 0))[1] for pair in pairs.values()) or 1 for part in (0, 1)]
    return [_part(dimension, name, pair, sizes, counted=counted) for name, pair in pairs.items()]


def _part(dimension: str, name: Cell, pair: dict[int, tuple[float, int]], sizes: list[int], *, counted: bool) -> Part:
    (now, n), (before, n_before) = pair.get(0, (0.0, 0)), pair.get(1, (0.0, 0))
    group = None if name is None else str(name)
    if counted:
        return Part(dimension, group, before, now, 0.0, now - before, n_before, n)
    # A group that is missing on one side only moves the mix.
    now, before = now if n else before, before if n_before else now
    share, share_before = n / sizes[0], n_before / sizes[1]
    mix = (share - share_before) * (now + before) / 2
    within = (now - before) * (share + share_before) / 2
    return Part(dimension, group, before, now, mix, within, n_before, n)


def _largest(parts: list[Part]) -> list[Part]:
    """The groups that moved most; what the others add up to in one line, so that every dimension gives the whole."""
    listed = sorted(parts, key=lambda part: (-abs(part.change), str(part.group)))
    rest = listed[SHOWN:]
    if not rest:
        return listed
    summed = Part(
        rest[0].dimension, "others", None, None, sum(one.mix for one in rest), sum(one.within for one in rest),
        sum(one.n_before for one in rest), sum(one.n for one in rest),
    )  # fmt: skip
    return [*listed[:SHOWN], summed]


def _waterfall(desk: Desk, plan: Plan) -> list[Part]:
    """Mean time in each stage on the way to solved, of the tickets that got there: their sum is the mean itself."""
    draft = desk.draft(plan)
    choose(draft)
    rows, _ = desk.fetch(
        draft.query,
        f"""SELECT c.part, s.stage, sum(s.seconds), (SELECT count(*) FROM chosen x
          WHERE x.part = c.part AND x.ending = 'finished' AND NOT x.aside) AS n
        FROM chosen c JOIN stops t ON t.ticket = c.ticket
        JOIN {draft.known("stays")} s ON s.ticket = c.ticket AND s.seq < t.stop_seq
        WHERE c.ending = 'finished' AND NOT c.aside GROUP BY c.part, s.stage""",
    )
    means: dict[str, dict[int, float]] = defaultdict(dict)
    sizes: dict[int, int] = {}
    for part, stage, seconds, n in rows:
        means[str(stage)][part] = float(seconds) / n
        sizes[part] = int(n)
    parts = [
        Part(
            STAGE,
            stage,
            pair.get(1, 0.0),
            pair.get(0, 0.0),
            0.0,
            pair.get(0, 0.0) - pair.get(1, 0.0),
            sizes.get(1, 0),
            sizes.get(0, 0),
        )
        for stage, pair in means.items()
    ]
    return sorted(parts, key=lambda part: (-abs(part.change), str(part.group)))
