"""The fold: one ticket's ordered changes become stays, a timeline and the ticket as it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from unstuck.tickets.changes import ChangeKind, StageClass, TicketChange
from unstuck.tickets.stages import Stages, stage_of


@dataclass(frozen=True, slots=True)
class Stay:
    """A maximal interval in which a ticket's status, team and assignee are constant."""

    #: Position in the ticket's history, from 0.
    seq: int
    status: str | None
    stage: str | None
    stage_class: StageClass
    #: The source's ids; `None` is unknown or nobody.
    team: str | None
    assignee: str | None
    start_at: datetime
    #: `None` while the ticket is still there.
    end_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Somebody did something on the ticket, whether or not it changed status, team or assignee."""

    at: datetime
    kind: ChangeKind
    actor: str | None
    #: Of a message: `customer`, `agent` or `bot`. Otherwise `None`: look the actor up.
    author_kind: str | None = None
    #: Of a message: whether the customer can see it.
    public: bool | None = None
    #: Of a message: its text.
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that happened to one ticket, in order."""

    #: `Ticket.id`; 0 for a ticket that is not stored.
    ticket: int
    created_at: datetime
    stays: tuple[Stay, ...]
    #: Every change, messages included.
    activities: tuple[Activity, ...]
    deleted_at: datetime | None = None
    #: The values that hold at the end (priority, customer, …); `None` values left out.
    values: dict[str, str] | None = None

    @property
    def messages(self) -> tuple[Activity, ...]:
        return tuple(activity for activity in self.activities if activity.kind is ChangeKind.MESSAGE)

    @property
    def current(self) -> Stay:
        return self.stays[-1]


def ordered(changes: Iterable[TicketChange]) -> list[TicketChange]:
    """Changes of one ticket in the order they count in, whatever order they arrived in."""
    return sorted(changes, key=lambda change: (change.at, change.order, change.change_id))


def created_at(changes: Sequence[TicketChange]) -> datetime:
    """When the ticket came into being: as stated first, but never after its first change."""
    stated = next((change.ticket_created_at for change in changes if change.ticket_created_at), None)
    return min(stated, changes[0].at) if stated else changes[0].at


def stays(changes: Sequence[TicketChange], stages: Stages) -> list[Stay]:
    """The stays of one ticket; `changes` as `ordered` gives them, at least one.

    The first change's values hold from creation. A null status keeps the status before it, because a
    ticket is never without one; a null team or assignee is a stay with nobody. From a merge or a
    deletion on the class is `DROPPED`, until the ticket is restored.
    """
    points = _points(changes)
    ends: list[datetime | None] = [at for at, _ in points[1:]]
    return [
        _stay(seq, state, at, end, stages)
        for seq, ((at, state), end) in enumerate(zip(points, [*ends, None], strict=True))
    ]


#: status, team, assignee, dropped
_State = tuple[str | None, str | None, str | None, bool]
_DROPS = {ChangeKind.MERGED: True, ChangeKind.DELETED: True, ChangeKind.RESTORED: False}


def _points(changes: Sequence[TicketChange]) -> list[tuple[datetime, _State]]:
    """The instants at which the state became another one, and that state."""
    points: list[tuple[datetime, _State]] = []
    state: _State = (None, None, None, False)
    for change in changes:
        after = _after(state, change)
        if not points:
            points.append((created_at(changes), after))
        elif after != state:
            points.append((change.at, after))
        state = after
    return points


def _after(state: _State, change: TicketChange) -> _State:
    status, team, assignee, dropped = state
    values = change.values
    return (
        values.get("status") or status,
        values.get("team", team),
        values.get("assignee", assignee),
        _DROPS.get(change.kind, dropped),
    )


def _stay(seq: int, state: _State, start_at: datetime, end_at: datetime | None, stages: Stages) -> Stay:
    status, team, assignee, dropped = state
    stage, stage_class = stage_of(status, stages)
    return Stay(seq, status, stage, StageClass.DROPPED if dropped else stage_class, team, assignee, start_at, end_at)


def values_at_end(changes: Sequence[TicketChange]) -> dict[str, str | None]:
    """Every field with the value that holds after the last change."""
    values: dict[str, str | None] = {}
    for change in changes:
        values.update(change.values)
    return values


def timeline(ticket: int, changes: Sequence[TicketChange], stages: Stages) -> Timeline:
    """The timeline of one ticket; `changes` as `ordered` gives them, at least one."""
    return Timeline(
        ticket=ticket,
        created_at=created_at(changes),
        stays=tuple(stays(changes, stages)),
        activities=tuple(_activity(change) for change in changes),
        deleted_at=deleted_at(changes),
        values={name: value for name, value in values_at_end(changes).items() if value is not None},
    )


def _activity(change: TicketChange) -> Activity:
    message = change.message
    if message is None:
        return Activity(change.at, change.kind, change.actor)
    return Activity(change.at, change.kind, change.actor, message.author_kind, message.public, message.body)


def deleted_at(changes: Iterable[TicketChange]) -> datetime | None:
    """When the ticket was deleted, unless it was restored since."""
    at: datetime | None = None
    for change in changes:
        if change.kind is ChangeKind.DELETED:
            at = change.at
        elif change.kind is ChangeKind.RESTORED:
            at = None
    return at


@dataclass(frozen=True, slots=True)
class Standing:
    """A ticket as it stands after its last change."""

    status: str | None
    stage_class: StageClass
    team: str | None
    assignee: str | None
    values: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
    #: First instant of the current status, team and assignee.
    still_since: datetime
    #: Last entry to SOLVED, or straight to CLOSED; `None` while the ticket is open or dropped.
    solved_at: datetime | None
    #: Last entry to CLOSED; `None` unless the ticket is closed.
    closed_at: datetime | None
    deleted_at: datetime | None


def standing(changes: Sequence[TicketChange], stages: Stages) -> Standing:
    """How a ticket stands; `changes` as `ordered` gives them, at least one."""
    history = stays(changes, stages)
    now = history[-1]
    return Standing(
        status=now.status,
        stage_class=now.stage_class,
        team=now.team,
        assignee=now.assignee,
        values=values_at_end(changes),
        created_at=history[0].start_at,
        updated_at=changes[-1].at,
        still_since=now.start_at,
        solved_at=_last_entry(history, {StageClass.SOLVED, StageClass.CLOSED}, StageClass.SOLVED),
        closed_at=_last_entry(history, {StageClass.CLOSED}, StageClass.CLOSED),
        deleted_at=deleted_at(changes),
    )


def _last_entry(history: Sequence[Stay], within: set[StageClass], preferred: StageClass) -> datetime | None:
    """The last entry to `preferred` in the run of `within` that the ticket ends in, else that run's start."""
    entry: datetime | None = None
    start: datetime | None = None
    before: StageClass | None = None
    for stay in history:
        if stay.stage_class not in within:
            entry = start = None
        else:
            start = start or stay.start_at
            if stay.stage_class is preferred and before is not preferred:
                entry = stay.start_at
        before = stay.stage_class
    return entry or start
