"""From fetched rows to a `Result`: labels, order, ties, small groups, and what the reader must know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from unstuck.clock import iso
from unstuck.insights.compile.dimensions import WEEKDAYS
from unstuck.insights.compile.draft import Draft
from unstuck.insights.labels import GROUP_JOINT
from unstuck.insights.metric import Anchor, Unit
from unstuck.insights.plan import Aggregate, Plan

Cell = str | int | float | bool | None
Note = tuple[str, tuple[tuple[str, str | int | float], ...]]

#: Groups with fewer tickets than this are left out of rankings of durations and shares.
SMALL_GROUP = 5
#: Groups named because their quantile is not reached.
MOST_UNREACHED = 15
#: Dimensions with an order of their own, which a breakdown keeps.
ORDERED = ("weekday", "hour", "priority")
#: Metrics whose team and assignee are those who solved the ticket.
BY_SOLVER = ("solved", "lead_time", "cycle_time", "throughput", "reopen_rate", "first_team_rate", "first_response")


def note(name: str, **params: str | int | float) -> Note:
    return name, tuple(sorted(params.items()))


class Group(NamedTuple):
    """One fetched row: which part, which keys, its numbers. A tuple, as there may be thousands."""

    part: int
    keys: tuple[Cell, ...]
    #: The value first.
    numbers: tuple[Cell, ...]
    n: int
    n_open: int | None
    #: Longest time anybody was seen to wait, where the value is a quantile.
    longest: float | None
    dropped: int = 0

    @property
    def value(self) -> Cell:
        return self.numbers[0]

    @property
    def size(self) -> int:
        return self.n + (self.n_open or 0)

    @property
    def unreached(self) -> bool:
        """Whether the value is "more than `longest`": too many are still waiting to tell."""
        return self.value is None and bool(self.n_open)


def groups(rows: Sequence[tuple[Any, ...]], keys: tuple[str, ...], width: int, *, zero: bool) -> list[Group]:
    """Fetched rows as groups. Columns: part, keys, numbers, n, n_open, longest, dropped, aside."""
    labels = [partial(label, key) if key in ("weekday", "hour") else _text for key in keys]
    start = 1 + len(keys)
    found = []
    for row in rows:
        named = tuple([say(cell) for say, cell in zip(labels, row[1:start], strict=True)])
        numbers = tuple([number(cell) for cell in row[start : start + width]])
        if zero and None in numbers:
            numbers = tuple([0 if cell is None else cell for cell in numbers])
        n, n_open, longest, dropped, _ = row[start + width :]
        found.append(Group(row[0], named, numbers, int(n or 0), whole(n_open), number(longest), int(dropped or 0)))
    return found


def _text(cell: Any) -> Cell:
    return None if cell is None else str(cell)


def label(dimension: str, cell: Any) -> Cell:
    """A key as people and scripts read it."""
    if cell is None:
        return None
    if dimension == "weekday":
        return WEEKDAYS[int(cell) - 1]
    return f"{int(cell):02d}:00" if dimension == "hour" else str(cell)


def number(cell: Any) -> Any:
    """Whole numbers as such, so that a duration of an hour reads 3600."""
    if cell is None or isinstance(cell, (int, str)):
        return cell
    value = float(cell)
    if value != value:  # NaN: nothing to take the mean of
        return None
    return int(value) if value.is_integer() else value


def whole(cell: Any) -> int | None:
    return None if cell is None else int(cell)


def moment(cell: datetime | None) -> str | None:
    """A DuckDB timestamp (UTC, no zone) in ISO 8601."""
    return None if cell is None else iso(cell.replace(tzinfo=UTC))


def ordered(found: Iterable[Group], keys: tuple[str, ...], plan: Plan) -> list[Group]:
    """A breakdown: by the value, or by the first key where that has an order of its own; unknown last."""
    listed = list(found)
    if keys[0] in ORDERED:
        rank = {name: str(place) for place, name in enumerate(WEEKDAYS)}
        listed.sort(key=lambda group: tuple(rank.get(str(key), str(key)) for key in group.keys))
    else:
        listed = ranked(listed, descending=plan.descending)
    return sorted(listed, key=lambda group: any(key is None for key in group.keys))


def ranked(found: list[Group], *, descending: bool) -> list[Group]:
    """By value; a quantile that is not reached counts as largest, those by how many still wait."""
    sign = -1 if descending else 1

    def place(group: Group) -> tuple[object, ...]:
        unreached = group.unreached
        waiting = sign * (group.n_open or 0) if unreached else 0
        names = ["" if key is None else str(key) for key in group.keys]
        return unreached is not descending, waiting, sign * float(group.value or 0), names

    return sorted(found, key=place)


def top(found: list[Group], plan: Plan, limit: int) -> list[Group]:
    """The first `limit`, and whoever ties with the last of them."""
    listed = ranked(found, descending=plan.descending)
    if len(listed) <= limit:
        return listed
    last = listed[limit - 1]
    return [
        group
        for place, group in enumerate(listed)
        if place < limit or (group.value == last.value and not group.unreached)
    ]


def without_small(draft: Draft, found: list[Group]) -> tuple[list[Group], list[Note]]:
    """Groups that are large enough to be ranked, and a note on the others."""
    shares = draft.metric.unit in (Unit.DURATION, Unit.SHARE, Unit.SCORE)
    least = draft.plan.min_n or (SMALL_GROUP if shares and draft.aggregate is not Aggregate.SUM else 0)
    large = [group for group in found if (group.n if draft.plan.min_n else group.size) >= least]
    unknown = [group for group in large if None in group.keys]
    notes = [note("small_groups", n=len(found) - len(large), least=least)] if len(large) < len(found) else []
    if unknown:
        notes.append(note("unknown_group", n=sum(group.size for group in unknown)))
    return [group for group in large if None not in group.keys], notes


def group_name(cells: Iterable[Cell]) -> str:
    """The cells before a row's numbers, as notes call the row."""
    return GROUP_JOINT.join(str(cell) for cell in cells)


def common_notes(
    draft: Draft, found: list[Group], aside_note: str | None, aside: int, lead: Callable[[Group], tuple[Cell, ...]]
) -> list[Note]:
    """What the reader must know whatever the kind of question. `lead` gives the cells before a row's numbers."""
    notes = [note(aside_note, n=aside)] if aside and aside_note else []
    if dropped := sum(group.dropped for group in found):
        notes.append(note("dropped_exits", n=dropped))
    for group in [group for group in found if group.unreached][:MOST_UNREACHED]:
        name = group_name(lead(group))
        notes.append(note("not_reached", group=name, more_than=group.longest or 0, n_open=group.n_open or 0))
    if draft.uses("team", "assignee") and draft.metric.id not in ("csat", "ping_pong"):
        notes.append(note(owner_note(draft)))
    return notes


def owner_note(draft: Draft) -> str:
    """Which team or assignee of a ticket is meant."""
    per_ticket = draft.metric.id == "handoffs" and draft.aggregate in (Aggregate.MEAN, Aggregate.MAX)
    if draft.metric.id in BY_SOLVER or per_ticket:
        return "owner_solver"
    return {
        Anchor.EVENT: "owner_at_event",
        Anchor.AS_OF: "owner_as_is",
        Anchor.OCCUPANCY: "owner_as_was",
        Anchor.SPELL: "owner_as_was",
    }[draft.metric.anchor]


def unit_of(draft: Draft) -> str:
    if draft.aggregate is Aggregate.SHARE:
        return Unit.SHARE.value
    if draft.metric.id == "handoffs" and draft.aggregate is Aggregate.MEAN:
        return Unit.RATIO.value
    return draft.metric.unit.value
