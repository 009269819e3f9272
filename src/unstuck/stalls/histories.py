"""Tickets as they were known at an instant: histories read once, folded up to any moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from unstuck.tickets.changes import TicketChange
from unstuck.tickets.history import TICKET, changes_of, chunks, stages_of
from unstuck.tickets.stages import Stages
from unstuck.tickets.timeline import Timeline, created_at, timeline


@dataclass(frozen=True, slots=True)
class Known:
    """What does not change about a ticket."""

    id: int
    source_id: int
    ext_id: str


@dataclass(frozen=True, slots=True)
class History:
    """All changes of a ticket, in order, at least one, and what its statuses mean."""

    ticket: Known
    changes: Sequence[TicketChange]
    stages: Stages

    def at(self, now: datetime) -> Timeline | None:
        """The ticket as it was known at `now`; None before it came into being."""
        return self.first(self.known_at(now))

    def known_at(self, now: datetime) -> int:
        """How many changes were known at `now`: the first one's values hold from the ticket's creation on."""
        known = bisect_right(self.changes, now, key=lambda change: change.at)
        return known or int(created_at(self.changes) <= now)

    def first(self, known: int) -> Timeline | None:
        """The ticket after so many changes."""
        return timeline(self.ticket.id, self.changes[:known], self.stages) if known else None

    def instants(self, start: datetime, end: datetime) -> list[datetime]:
        """When something happened in `(start, end]`."""
        return sorted({change.at for change in self.changes if start < change.at <= end})


def histories(connection: Connection, ticket_ids: Sequence[int]) -> Iterator[History]:
    """The histories of tickets, messages with their texts; ids without a ticket are passed over."""
    stages: dict[int, Stages] = {}
    for some in chunks(ticket_ids):
        wanted = select(TICKET.c.id, TICKET.c.source_id, TICKET.c.ext_id).where(TICKET.c.id.in_(some))
        known = [Known(*row) for row in connection.execute(wanted)]
        changes = changes_of(connection, {ticket.id: ticket.ext_id for ticket in known}, texts=True)
        for ticket in known:
            if ticket.source_id not in stages:
                stages[ticket.source_id] = stages_of(connection, ticket.source_id)
            if changes[ticket.id]:
                yield History(ticket, changes[ticket.id], stages[ticket.source_id])
