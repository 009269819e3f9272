"""From the history of tickets to rows of the relations. Pure; a batch of tickets at a time."""

from __future__ import annotations

import json
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

#: Field values that are no facts of their own: they stand in stays or tickets, or are text.
_NOT_CUSTOM = frozenset(FIELDS)
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


#: A relation's rows, column by column.
Table = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of every per-ticket relation."""

    tables: dict[str, Table] = field(
        default_factory=lambda: {name: {column: [] for column in columns} for name, columns in PER_TICKET.items()}
    )

    def add(self, relation: str, *values: Any) -> None:
        for column, value in zip(self.tables[relation].values(), values, strict=True):
            column.append(value)


def fold(histories: Iterable[History], names: Names, customers: frozenset[tuple[int, str]]) -> Rows:
    """The rows of some tickets; `customers` are the (source, id) of people known as customers."""
    rows = Rows()
    for history in histories:
        _add_ticket(rows, history, names)
        _add_stays(rows, history, names)
        _add_fields(rows, history)
        _add_changes(rows, history, names, customers)
        for posted in history.messages.values():
            author = names.person(history.source, posted.author)
            rows.add("messages", history.ticket, posted.at, author, posted.author_kind, posted.public)
        for rated in history.ratings:
            rows.add("feedback", history.ticket, rated.at, _out_of_five(rated))
    _add_business_time(rows.tables["stays"], names)
    return rows


def _add_ticket(rows: Rows, history: History, names: Names) -> None:
    merged_at, merged_into = history.merged or (None, None)
    rows.add(
        "tickets", history.ticket, names.sources.get(history.source), history.ext_id, history.title, history.url,
        created_at(history.changes), deleted_at(history.changes), merged_at, merged_into,
    )  # fmt: skip


def _add_stays(rows: Rows, history: History, names: Names) -> None:
    source = history.source
    folded = stays(history.changes, names.stages_of(source))
    teams = [names.team(source, stay.team) for stay in folded]
    around = zip([None, *folded], folded, [*folded[1:], None], strict=False)
    for number, ((before, stay, after), visit) in enumerate(zip(around, _visits(folded), strict=True)):
        names.note_status(source, stay.status)
        rows.add(
            "stays", history.ticket, stay.seq, stay.status, stay.stage, stay.stage_class.value,
            teams[number], names.person(source, stay.assignee), stay.start_at, stay.end_at,
            before and before.status, after and after.status, before and before.stage, after and after.stage,
            before and before.stage_class.value, after and after.stage_class.value,
            teams[number - 1] if before else None, teams[number + 1] if after else None,
            visit, None, None,
        )  # fmt: skip


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
    values: dict[str, str] = {}
    shown: dict[str, str] | None = None
    since = created_at(history.changes)
    for change in history.changes:
        values = _with_changes(values, change.values)
        if shown is None:
            shown = values
        elif values != shown:
            # Changes of one instant are one change: the last value holds.
            if change.at > since:
                _add_field_row(rows, history.ticket, since, change.at, shown)
            since, shown = max(since, change.at), values
    _add_field_row(rows, history.ticket, since, None, shown or {})


def _with_changes(values: dict[str, str], stated: Mapping[str, Any]) -> dict[str, str]:
    """`values` after a change; unknown values are left out. The same object when nothing changed."""
    news = {
        name: value
        for name, value in stated.items()
        if (name in FIELD_NAMES or name not in _NOT_CUSTOM) and values.get(name) != value
    }
    if not news:
        return values
    return {name: value for name, value in {**values, **news}.items() if value is not None}


def _add_field_row(rows: Rows, ticket: int, start: datetime, end: datetime | None, values: Mapping[str, str]) -> None:
    custom = {name: str(value) for name, value in values.items() if name not in FIELD_NAMES}
    known = (values.get(name) for name in FIELD_NAMES)
    rows.add("fields", ticket, start, end, *known, json.dumps(custom) if custom else None)


def _add_changes(rows: Rows, history: History, names: Names, customers: frozenset[tuple[int, str]]) -> None:
    for seq, change in enumerate(history.changes):
        posted = history.messages.get(change.change_id)
        kind = posted.author_kind if posted else _kind_of(history.source, change.actor, names, customers)
        actor = names.person(history.source, change.actor)
        # What a bot did moves nothing forward, so it does not count as somebody working on the ticket.
        rows.add("changes", history.ticket, seq, change.at, change.kind.value, actor, kind, kind != "bot")


def _kind_of(source: int, actor: str | None, names: Names, customers: frozenset[tuple[int, str]]) -> str:
    if actor is None:
        return "unknown"
    return "customer" if (source, actor) in customers else names.kind(source, actor) or "unknown"


def _out_of_five(rated: Rated) -> float | None:
    span = rated.scale_max - rated.scale_min
    if rated.score is None or span <= 0:
        return None
    return 1 + _FIVE * (rated.score - rated.scale_min) / span


def _add_business_time(table: Table, names: Names) -> None:
    """B at both ends of each stay, by the calendar of its team, where there are calendars."""
    if not names.calendars:
        return
    names.note_calendars()
    starts, ends = epoch_seconds(table["start_at"]), epoch_seconds(table["end_at"])
    by_team: dict[str | None, list[int]] = {}
    for place, team in enumerate(table["team"]):
        by_team.setdefault(team, []).append(place)
    for team, places in by_team.items():
        calendar = names.calendar(team)
        if calendar is None:
            continue
        for column, at in (("business_start", starts), ("business_end", ends)):
            known = [place for place in places if at[place] == at[place]]  # NaN: has not ended
            for place, seconds in zip(known, calendar.business_seconds_of(at[known]).tolist(), strict=True):
                table[column][place] = seconds


def epoch_seconds(moments: Iterable[datetime | None]) -> NDArray[np.float64]:
    """Moments as seconds since 1970, NaN where there is none."""
    import numpy as np

    return np.array([moment.timestamp() if moment is not None else np.nan for moment in moments], dtype=np.float64)
