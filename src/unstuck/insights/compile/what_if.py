"""What if: arithmetic on what has happened, labelled as such. A wait that is capped, a group that is left out."""

from __future__ import annotations

from unstuck.errors import UsageError
from unstuck.insights.compile.answers import Answer
from unstuck.insights.compile.chosen import choose
from unstuck.insights.compile.desk import Desk
from unstuck.insights.compile.results import Cell, note, number
from unstuck.insights.plan import Aggregate, Filter, Kind, Op, Plan, Result

#: Filters that name the wait that is capped; all others name which tickets.
OF_A_WAIT = ("status", "stage", "class")
COLUMNS = ("case", "mean", "p50", "n")


def what_if(desk: Desk, plan: Plan) -> Result:
    """Rows: as it was, and as it would have been, for all tickets together."""
    if plan.by:
        raise UsageError("no_such_split", metric=plan.metric or "", dimension=plan.by[0])
    if plan.within is not None:
        return _capped(desk, plan)
    left_out = [one for one in plan.filters if one.op is Op.NOT_IN]
    if plan.metric != "lead_time" or not left_out:
        raise UsageError("what_if_unknown")
    single = plan.model_copy(update={"kind": Kind.VALUE, "aggregate": Aggregate.MEAN, "by": ()})
    whole = single.model_copy(update={"filters": tuple(one for one in plan.filters if one not in left_out)})
    answers = [Answer(desk, one) for one in (whole, single)]
    rows = tuple((case, *_first(answer)) for case, answer in zip(("as_is", "what_if"), answers, strict=True))
    return _result(rows, answers[-1].sql, answers[-1].groups[0].n if answers[-1].groups else 0)


def _first(answer: Answer) -> tuple[Cell, Cell, int]:
    group = answer.groups[0]
    return group.numbers[0], group.numbers[1], group.n


def _capped(desk: Desk, plan: Plan) -> Result:
    """Every visit to the stage counts as no longer than the cap; nothing else changes."""
    stages = [one for one in plan.filters if one.field in OF_A_WAIT and one.op is Op.IN]
    if plan.metric != "lead_time" or len(stages) != 1:
        raise UsageError("what_if_unknown")
    others = tuple(one for one in plan.filters if one not in stages)
    draft = desk.draft(plan.model_copy(update={"kind": Kind.VALUE, "filters": others, "within": None, "by": ()}))
    choose(draft)
    cap = draft.query.bind(float(plan.within or 0), "DOUBLE")
    draft.query.add(
        "waits",
        f"""SELECT s.ticket, sum(s.seconds) AS seconds FROM (
          SELECT s.*, s.seq - row_number() OVER (PARTITION BY s.ticket ORDER BY s.seq) AS island
          FROM {draft.known("stays")} s JOIN stops t ON t.ticket = s.ticket AND s.seq < t.stop_seq
          WHERE {_condition(draft.query.bind(list(stages[0].values), "VARCHAR[]"), stages[0])}
        ) s GROUP BY s.ticket, s.island""",
    )
    draft.query.add("saved", f"SELECT ticket, sum(greatest(seconds - {cap}, 0)) AS seconds FROM waits GROUP BY ticket")
    rows, sql = desk.fetch(
        draft.query,
        """SELECT avg(c.seconds), quantile_disc(c.seconds, 0.5), count(*),
        avg(c.seconds - coalesce(v.seconds, 0)), quantile_disc(c.seconds - coalesce(v.seconds, 0), 0.5),
        count(*) FILTER (v.seconds > 0)
        FROM chosen c LEFT JOIN saved v ON v.ticket = c.ticket WHERE c.ending = 'finished' AND NOT c.aside""",
    )
    mean, p50, n, mean_if, p50_if, touched = (number(cell) for cell in rows[0])
    listed = (("as_is", mean, p50, n), ("what_if", mean_if, p50_if, n))
    return _result(listed, sql, int(n), touched=int(touched))


def _condition(values: str, one: Filter) -> str:
    return f"list_contains({values}, s.{one.field})"


def _result(rows: tuple[tuple[Cell, ...], ...], sql: str, n: int, touched: int | None = None) -> Result:
    notes = [note("arithmetic"), *([note("touched", n=touched)] if touched is not None else [])]
    return Result(columns=COLUMNS, rows=rows, n=n, unit="seconds", sql=sql, notes=tuple(notes))
