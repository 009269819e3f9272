"""Reading the append-only history back: rows of `change` as the changes they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from unstuck.tickets.changes import ChangeKind, Message, StageClass, TicketChange
from unstuck.tickets.stages import Stages
from unstuck.tickets.tables import Change, Merge, Stage, Ticket, TicketMessage
from unstuck.tickets.timeline import Timeline, ordered, timeline

T = TypeVar("T")


def table_of(model: type[SQLModel]) -> Table:
    """The table beneath a model, whose columns type checkers read as columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


CHANGE, TICKET, MESSAGE = table_of(Change), table_of(Ticket), table_of(TicketMessage)
MERGE, STAGE = table_of(Merge), table_of(Stage)

#: As many values as one `IN (…)` takes: both databases plan it well and allow it.
CHUNK = 1000


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def stages_of(connection: Connection, source_id: int) -> dict[str, tuple[str, StageClass]]:
    """What the source's statuses mean."""
    rows = connection.execute(
        select(STAGE.c.status, STAGE.c.stage, STAGE.c.stage_class).where(STAGE.c.source_id == source_id)
    )
    return {status: (stage, StageClass(stage_class)) for status, stage, stage_class in rows}


def changes_of(
    connection: Connection, tickets: dict[int, str], *, texts: bool = False
) -> dict[int, list[TicketChange]]:
    """The changes of the tickets (`Ticket.id` to `Ticket.ext_id`) in order; messages only with `texts`."""
    history: dict[int, list[TicketChange]] = {ticket: [] for ticket in tickets}
    wanted = (
        CHANGE.c.ticket_id, CHANGE.c.id, CHANGE.c.change_key, CHANGE.c.at, CHANGE.c.kind, CHANGE.c.actor,
        CHANGE.c["values"], CHANGE.c.order, CHANGE.c.ticket_created_at,
    )  # fmt: skip
    for some in chunks(tickets):
        messages = _messages(connection, some) if texts else {}
        for ticket, change, *row in connection.execute(select(*wanted).where(CHANGE.c.ticket_id.in_(some))):
            history[ticket].append(_change(tickets[ticket], row, messages.get(change)))
    return {ticket: ordered(changes) for ticket, changes in history.items()}


def _change(ext_id: str, row: Sequence[Any], message: Message | None) -> TicketChange:
    key, at, kind, actor, values, order, ticket_created_at = row
    return TicketChange(
        ticket=ext_id, change_id=key, at=at, kind=ChangeKind(kind), actor=actor, values=values, message=message,
        order=order, ticket_created_at=ticket_created_at,
    )  # fmt: skip


def _messages(connection: Connection, tickets: list[int]) -> dict[int, Message]:
    """Messages by the id of their change."""
    wanted = select(MESSAGE.c.change_id, MESSAGE.c.body, MESSAGE.c.author_kind, MESSAGE.c.public)
    rows = connection.execute(wanted.where(MESSAGE.c.ticket_id.in_(tickets)))
    return {change: Message(body, author_kind, public) for change, body, author_kind, public in rows}


def timelines(connection: Connection, ticket_ids: Sequence[int]) -> Iterator[Timeline]:
    """The timelines of tickets, messages with their texts; ids without a ticket are passed over."""
    stages: dict[int, Stages] = {}
    for some in chunks(ticket_ids):
        rows = connection.execute(select(TICKET.c.id, TICKET.c.ext_id, TICKET.c.source_id).where(TICKET.c.id.in_(some)))
        known = {ticket: (ext_id, source) for ticket, ext_id, source in rows}
        history = changes_of(connection, {ticket: ext_id for ticket, (ext_id, _) in known.items()}, texts=True)
        for ticket, (_, source) in known.items():
            if source not in stages:
                stages[source] = stages_of(connection, source)
            yield timeline(ticket, history[ticket], stages[source])
