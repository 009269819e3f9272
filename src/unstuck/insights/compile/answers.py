"""The kinds of question that sum rows up: value, breakdown, ranking, trend, comparison."""

from __future__ import annotations

from collections import defaultdict

from unstuck.clock import iso
from unstuck.errors import UsageError
from unstuck.insights.compile.desk import Desk, metric_of
from unstuck.insights.compile.draft import Draft
from unstuck.insights.compile.grouped import Statement, summed_up
from unstuck.insights.compile.parts import BEGINNING, Part
from unstuck.insights.compile.results import (
    Cell,
    Group,
    Note,
    common_notes,
    group_name,
    groups,
    note,
    ordered,
    top,
    unit_of,
    without_small,
)
from unstuck.insights.compile.rows import Shape
from unstuck.insights.metric import Anchor
from unstuck.insights.plan import Kind, Plan, Result

TOP = 10


class Answer:
    """One statement, fetched."""

    def __init__(self, desk: Desk, plan: Plan) -> None:
        self.draft: Draft = desk.draft(plan)
        self.statement: Statement = summed_up(self.draft)
        rows, self.sql = desk.fetch(self.draft.query, self.statement.select)
        stated = self.statement
        self.groups: list[Group] = groups(rows, stated.keys, len(stated.numbers), zero=stated.rows.zero)
        aside = int(rows[0][-1] or 0) if rows else 0
        self.notes: list[Note] = common_notes(self.draft, self.groups, stated.rows.aside_note, aside, self.lead)
        if {"stage", "status"} & set(stated.keys) and (timers := desk.timers()):
            self.notes.append(note("timers", stages=", ".join(timers)))

    @property
    def spells(self) -> bool:
        return self.statement.rows.shape is Shape.SPELLS

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers in a row."""
        if not self.spells:
            return self.statement.numbers
        return (*self.statement.numbers, "n") if self.as_of else (*self.statement.numbers, "n", "n_open")

    @property
    def as_of(self) -> bool:
        return self.draft.metric.anchor is Anchor.AS_OF

    def lead(self, group: Group) -> tuple[Cell, ...]:
        """The cells before a row's numbers: the period where there are several, and the keys."""
        parts, plan = self.draft.parts, self.draft.plan
        if plan.kind is Kind.TREND:
            return (iso(parts[group.part].label), *group.keys)
        if len(parts) > 1 and not group.keys:
            return _period(self, parts[group.part])
        return group.keys

    def cells(self, group: Group) -> tuple[Cell, ...]:
        if not self.spells:
            return group.numbers
        return (*group.numbers, group.n) if self.as_of else (*group.numbers, group.n, group.n_open or 0)

    def empty(self, part: int, keys: tuple[Cell, ...] = ()) -> Group:
        """What stands where nothing was counted: 0 for counts, unknown for all else."""
        fill = 0 if self.statement.rows.zero else None
        return Group(part, keys, (fill,) * len(self.statement.numbers), 0, 0 if self.spells else None, None)

    def result(self, columns: tuple[str, ...], rows: list[tuple[Cell, ...]], notes: list[Note]) -> Result:
        counted = self.spells and not self.as_of
        return Result(
            columns=columns,
            rows=tuple(rows),
            n=sum(group.n for group in self.groups),
            n_open=sum(group.n_open or 0 for group in self.groups) if counted else None,
            unit=unit_of(self.draft),
            sql=self.sql,
            notes=tuple(notes),
        )


def value(desk: Desk, plan: Plan) -> Result:
    if plan.by or plan.compare_by:
        return breakdown(desk, plan)
    answer = Answer(desk, plan)
    return answer.result(answer.columns, [answer.cells(group) for group in answer.groups], answer.notes)


def breakdown(desk: Desk, plan: Plan) -> Result:
    answer = Answer(desk, plan)
    keys = answer.statement.keys
    if not keys:
        return answer.result(answer.columns, [answer.cells(group) for group in answer.groups], answer.notes)
    large, notes = answer.groups, list[Note]()
    if plan.min_n:
        large, notes = without_small(answer.draft, answer.groups)
    listed = ordered(large, keys, plan)
    rows = [(*group.keys, *answer.cells(group)) for group in listed]
    return answer.result((*keys, *answer.columns), rows, answer.notes + notes)


def ranking(desk: Desk, plan: Plan) -> Result:
    answer = Answer(desk, plan)
    if not answer.statement.keys:
        raise UsageError("ranking_needs_split", metric=answer.draft.metric.id)
    large, notes = without_small(answer.draft, answer.groups)
    limit = plan.limit or TOP
    listed = top(large, plan, limit)
    if len(listed) > limit:
        notes.append(note("ties", n=len(listed) - limit))
    rows = [(*group.keys, *answer.cells(group)) for group in listed]
    shown = {group_name(group.keys) for group in listed}
    kept = [one for one in answer.notes if one[0] != "not_reached" or dict(one[1])["group"] in shown]
    return answer.result((*answer.statement.keys, *answer.columns), rows, kept + notes)


def trend(desk: Desk, plan: Plan) -> Result:
    if plan.against_metric is not None:
        return _two_trends(desk, plan)
    answer = Answer(desk, plan)
    parts = answer.draft.parts
    by_place = {(group.part, group.keys): group for group in answer.groups}
    keys = list(dict.fromkeys(group.keys for group in answer.groups)) if answer.statement.keys else [()]
    rows: list[tuple[Cell, ...]] = []
    for number in range(len(parts)):
        for key in keys:
            group = by_place.get((number, key)) or answer.empty(number, key)
            rows.append((*answer.lead(group), *answer.cells(group)))
    names = (plan.grain or "week", *answer.statement.keys, *answer.columns)
    return answer.result(tuple(str(name) for name in names), rows, answer.notes + _edge_notes(answer, parts))


def _edge_notes(answer: Answer, parts: tuple[Part, ...]) -> list[Note]:
    notes = []
    if parts and parts[0].start > parts[0].label and not answer.as_of:
        notes.append(note("first_bucket_cut", bucket=iso(parts[0].label), start=iso(parts[0].start)))
    if parts and (last := parts[-1]).ends_at > answer.draft.now:
        notes.append(note("unfinished", bucket=iso(last.label)))
    elif parts and last.end < last.ends_at and not answer.as_of:
        notes.append(note("last_bucket_cut", bucket=iso(last.label), end=iso(last.end)))
    return notes


def comparison(desk: Desk, plan: Plan) -> Result:
    if plan.against_metric is not None:
        return _two_metrics(desk, plan)
    if plan.against is None:
        return breakdown(desk, plan)
    answer = Answer(desk, plan)
    return _split_comparison(answer) if answer.statement.keys else _two_periods(answer)


def _two_periods(answer: Answer) -> Result:
    rows: list[tuple[Cell, ...]] = []
    by_part = {group.part: group for group in answer.groups}
    for number in range(len(answer.draft.parts)):
        group = by_part.get(number) or answer.empty(number)
        rows.append((*answer.lead(group), *answer.cells(group)))
    names = ("at",) if answer.as_of else ("from", "to")
    return answer.result((*names, *answer.columns), rows, answer.notes + _change(answer, by_part) + _elapsed(answer))


def _period(answer: Answer, part: Part) -> tuple[Cell, ...]:
    if answer.as_of:
        return (iso(part.until(answer.draft.now)),)
    return (None if part.start == BEGINNING else iso(part.start), iso(part.until(answer.draft.now)))


def _change(answer: Answer, by_part: dict[int, Group]) -> list[Note]:
    now, then = (by_part.get(number, answer.empty(number)).value for number in (0, 1))
    if not isinstance(now, int | float) or not isinstance(then, int | float):
        return []
    return [note("change", change=now - then, **({"share": (now - then) / then} if then else {}))]


def _elapsed(answer: Answer) -> list[Note]:
    """Says that a running window was compared with the same elapsed part of the other."""
    against, other = answer.draft.plan.against, answer.draft.parts[-1]
    cut = against is not None and other.end < against.end
    return [note("same_elapsed", end=iso(other.end))] if cut else []


def _split_comparison(answer: Answer) -> Result:
    found: dict[tuple[Cell, ...], dict[int, Group]] = defaultdict(dict)
    for group in answer.groups:
        found[group.keys][group.part] = group
    rows: list[tuple[Cell, ...]] = []
    for keys, pair in found.items():
        now, then = (pair.get(number, answer.empty(number, keys)).value for number in (0, 1))
        known = isinstance(now, int | float) and isinstance(then, int | float)
        rows.append((*keys, now, then, (now - then) if known else None))  # type: ignore[operator]
    plan, width = answer.draft.plan, len(answer.statement.keys)
    sign = -1 if plan.descending else 1
    rows.sort(key=lambda row: (None in row[:width], row[-1] is None, sign * float(row[-1] or 0), str(row[:width])))
    name = answer.columns[0]
    columns = (*answer.statement.keys, name, f"{name}_before", "change")
    return answer.result(columns, rows[: plan.limit] if plan.limit else rows, answer.notes + _elapsed(answer))


def _pair(plan: Plan) -> tuple[Plan, Plan]:
    """The same plan for each of its two metrics; what is compared are these and not also groups."""
    if plan.compare_by is not None:
        raise UsageError("too_many_splits", most=1)
    one = plan.model_copy(update={"against_metric": None})
    return one, one.model_copy(update={"metric": plan.against_metric, "variant": None, "aggregate": None})


def _two_metrics(desk: Desk, plan: Plan) -> Result:
    """Two metrics over the same window: a row each, or side by side for each group."""
    one, other = _pair(plan.model_copy(update={"kind": Kind.BREAKDOWN if plan.by else Kind.VALUE}))
    results = [breakdown(desk, one), breakdown(desk, other)]
    if plan.by:
        return _side_by_side(results, len(plan.by), plan)
    rows = [(metric_of(each).id, result.rows[0][0]) for each, result in zip((one, other), results, strict=True)]
    return _joined(results, ("metric", "value"), tuple(rows))


def _two_trends(desk: Desk, plan: Plan) -> Result:
    """Two metrics over time: a row for each bucket."""
    if plan.by:
        raise UsageError("too_many_splits", most=1)
    one, other = (trend(desk, each) for each in _pair(plan))
    rows = tuple((*left[:2], right[1]) for left, right in zip(one.rows, other.rows, strict=True))
    return _joined([one, other], (*one.columns[:2], other.columns[1]), rows)


def _side_by_side(results: list[Result], width: int, plan: Plan) -> Result:
    values: list[dict[tuple[Cell, ...], Cell]] = [{row[:width]: row[width] for row in one.rows} for one in results]
    keys = list(dict.fromkeys(key for one in values for key in one))
    rows = [(*key, *(one.get(key, 0) for one in values)) for key in keys]
    columns = (*results[0].columns[:width], *(one.columns[width] for one in results))
    return _joined(results, columns, tuple(rows[: plan.limit] if plan.limit else rows))


def _joined(results: list[Result], columns: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...]) -> Result:
    """One answer out of two statements."""
    notes = tuple(dict.fromkeys(one for result in results for one in result.notes))
    sql = ";\n".join(result.sql for result in results)
    return results[0].model_copy(update={"columns": columns, "rows": rows, "notes": notes, "sql": sql})
