"""From the history of tickets to rows of the relations. Pure; a batch of tickets at a time."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from unstuck.facts.names import Names
from unstuck.facts.relations import FIELD_NAMES, PER_TICKET
from unstuck.tickets.changes import FIELDS, StageClass, TicketChange
from unstuck.tickets.timeline import Stay, created_at, deleted_at, stays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOT_CUSTOM = frozenset(FIELDS)
#: Fields that stand in stays or tickets, or are text.
_ELSEWHERE = _NOT_CUSTOM - frozenset(FIELD_NAMES)
_FIVE = 4.0  # from 1 to 5 there are four steps


@dataclass(frozen=True, slots=True)
class Posted:
    """A message without its text."""

    at: datetime
    author: str | None
    author_kind: str
    public: bool


@dataclass(frozen=True, slots=True)
class Rated:
    """A customer's score, on the scale of the source."""

    at: datetime
    score: float | None
    scale_min: float
    scale_max: float


@dataclass(frozen=True, slots=True)
class History:
    """All that the store holds about one ticket."""

    ticket: int
    source: int
    ext_id: str
    title: str | None
    url: str | None
    #: In the order they count in; at least one.
    changes: Sequence[TicketChange]
    #: By `TicketChange.change_id`.
    messages: Mapping[str, Posted]
    ratings: Sequence[Rated]
    #: When it was merged, and into which ticket (if that is known).
    merged: tuple[datetime, int | None] | None


#: A row, its values in the order of the relation's columns.
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of every per-ticket relation."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in PER_TICKET})


def fold(histories: Iterable[History], names: Names, customers: frozenset[tuple[int, str]]) -> Rows:
    """The rows of some tickets; `customers` are the (source, id) of people known as customers."""
    rows = Rows()
    for history in histories:
        _add_ticket(rows, history, names)
        _add_stays(rows, history, names)
        _add_fields(rows, history)
        _add_changes(rows, history, names, customers)
        rows.tables["messages"] += [
            (history.ticket, posted.at, names.person(history.source, posted.author), posted.author_kind, posted.public)
            for posted in history.messages.values()
        ]
        rows.tables["feedback"] += [(history.ticket, rated.at, _out_of_five(rated)) for rated in history.ratings]
    names.note_calendars()
    stays_ = rows.tables["stays"] = _with_business_time(rows.tables["stays"], names)
    rows.tables["messages"] = _with_ticks(rows.tables["messages"], stays_, names)
    return rows


def _add_ticket(rows: Rows, history: History, names: Names) -> None:
    merged_at, merged_into = history.merged or (None, None)
    row = (
        history.ticket, names.sources.get(history.source), history.ext_id, history.title, history.url,
        created_at(history.changes), deleted_at(history.changes), merged_at, merged_into,
    )  # fmt: skip
    rows.tables["tickets"].append(row)


def _add_stays(rows: Rows, history: History, names: Names) -> None:
    """Rows of `stays`, their last two columns still missing."""
    source, folded = history.source, stays(history.changes, names.stages_of(history.source))
    states = [(stay.status, stay.stage, stay.stage_class.value, names.team(source, stay.team)) for stay in folded]
    around = zip([_NO_STATE, *states], folded, states, [*states[1:], _NO_STATE], _visits(folded), strict=False)
    born = next((stay.seq for stay in folded if stay.end_at is None or stay.end_at > stay.start_at), None)
    from_team = from_person = None
    for before, stay, state, after, visit in around:
        names.note_status(source, stay.status)
        person = names.person(source, stay.assignee)
        rows.tables["stays"].append((
            history.ticket, stay.seq, *state, person, stay.start_at, stay.end_at,
            before[0], after[0], before[1], after[1], before[2], after[2], before[3], after[3],
            from_team, from_person, stay.seq == born, visit,
        ))  # fmt: skip
        from_team, from_person = state[3] or from_team, person or from_person


#: status, stage, class, team: before the first stay, and after the last one.
_NO_STATE = (None, None, None, None)


def _visits(folded: Sequence[Stay]) -> list[int]:
    """For each stay, which visit of the ticket to its stage it belongs to, from 1.

    Being dropped ends a visit even where the stage keeps its name: a deleted ticket waits for nobody.
    """
    if not folded:
        return []
    made: dict[str | None, int] = {folded[0].stage: 1}
    numbers = [1]
    for before, stay in pairwise(folded):
        if (stay.stage, _is_dropped(stay)) != (before.stage, _is_dropped(before)):
            made[stay.stage] = made.get(stay.stage, 0) + 1
        numbers.append(made[stay.stage])
    return numbers


def _is_dropped(stay: Stay) -> bool:
    return stay.stage_class is StageClass.DROPPED


def _add_fields(rows: Rows, history: History) -> None:
    """One row per interval in which no field changed; the first one begins with the ticket."""
    values: dict[str, Any] = {}
    since: datetime | None = None
    for change in history.changes:
        if since is None:
            since = created_at(history.changes)
        elif change.at > since and _differ(values, change.values):
            # Changes of one instant are one change: the last value holds.
            rows.tables["fields"].append(_field_row(history.ticket, since, change.at, values))
            since = change.at
        values.update(change.values)
    if since is not None:
        rows.tables["fields"].append(_field_row(history.ticket, since, None, values))


def _differ(values: Mapping[str, Any], stated: Mapping[str, Any]) -> bool:
    """Whether a change states another value of a field that the relation shows."""
    return any(values.get(name) != value for name, value in stated.items() - values.items() if name not in _ELSEWHERE)


def _field_row(ticket: int, start: datetime, end: datetime | None, values: Mapping[str, Any]) -> Row:
    custom = {name: str(value) for name, value in values.items() if name not in _NOT_CUSTOM and value is not None}
    known = (values.get(name) for name in FIELD_NAMES)
    return (ticket, start, end, *known, json.dumps(custom, ensure_ascii=False) if custom else None)


def _add_changes(rows: Rows, history: History, names: Names, customers: frozenset[tuple[int, str]]) -> None:
    for seq, change in enumerate(history.changes):
        posted = history.messages.get(change.change_id)
        kind = posted.author_kind if posted else _kind_of(history.source, change.actor, names, customers)
        actor = names.person(history.source, change.actor)
        # What a bot did moves nothing forward, so it does not count as somebody working on the ticket.
        rows.tables["changes"].append((history.ticket, seq, change.at, change.kind.value, actor, kind, kind != "bot"))


def _kind_of(source: int, actor: str | None, names: Names, customers: frozenset[tuple[int, str]]) -> str:
    if actor is None:
        return "unknown"
    return "customer" if (source, actor) in customers else names.kind(source, actor) or "unknown"


def _out_of_five(rated: Rated) -> float | None:
    span = rated.scale_max - rated.scale_min
    if rated.score is None or span <= 0:
        return None
    return 1 + _FIVE * (rated.score - rated.scale_min) / span


def _with_business_time(unfinished: list[Row], names: Names) -> list[Row]:
    """Stays with B at both ends, by the calendar of their team, where there are calendars."""
    import numpy as np

    if not names.calendars or not unfinished:
        return [(*row, None, None) for row in unfinished]
    moments = np.column_stack([epoch_seconds(row[place] for row in unfinished) for place in (_START, _END)])
    ticks = _ticks([row[_TEAM] for row in unfinished], moments, names)
    return [(*row, *both) for row, both in zip(unfinished, ticks.tolist(), strict=True)]


def _with_ticks(unfinished: list[Row], stays: Sequence[Row], names: Names) -> list[Row]:
    """Messages with B when they were sent, by the calendar of the team that had the ticket, where there are calendars."""
    if not names.calendars or not unfinished:
        return [(*row, None) for row in unfinished]
    held: dict[int, list[tuple[datetime, str | None]]] = {}
    for stay in stays:
        held.setdefault(stay[0], []).append((stay[_START], stay[_TEAM]))
    teams = []
    for ticket, at, *_ in unfinished:
        mine = held.get(ticket, [])
        place = bisect_right(mine, at, key=lambda stay: stay[0])
        teams.append(mine[max(place - 1, 0)][1] if mine else None)
    ticks = _ticks(teams, epoch_seconds(row[1] for row in unfinished)[:, None], names)
    return [(*row, tick) for row, (tick,) in zip(unfinished, ticks.tolist(), strict=True)]


def _ticks(owners: Sequence[str | None], moments: NDArray[np.float64], names: Names) -> NDArray[np.object_]:
    """B at the moments of each row, by the calendar of the row's team; None where there is no calendar or no moment."""
    import numpy as np

    ticks = np.full(moments.shape, None, dtype=object)
    teams = np.array([team or "" for team in owners], dtype=object)
    for team in set(teams):
        calendar = names.calendar(team or None)
        if calendar is not None:
            known = (teams == team)[:, None] & ~np.isnan(moments)
            ticks[known] = calendar.business_seconds_of(moments[known])
    return ticks


_TEAM, _START, _END = (list(PER_TICKET["stays"]).index(name) for name in ("team", "start_at", "end_at"))


def epoch_seconds(moments: Iterable[datetime | None]) -> NDArray[np.float64]:
    """Moments as seconds since 1970, NaN where there is none."""
    import numpy as np

    return np.array([moment.timestamp() if moment is not None else np.nan for moment in moments], dtype=np.float64)
