"""Reading tickets from the store for folding, a batch at a time: memory does not grow with the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select
from sqlmodel import SQLModel

from unstuck.facts.fold import History, Posted, Rated
from unstuck.facts.names import PERSON
from unstuck.tickets.history import CHANGE, MERGE, MESSAGE, TICKET, changes_of, chunks

FEEDBACK: Table = SQLModel.metadata.tables["feedback"]

#: Tickets folded at a time: as many as one `IN (…)` takes.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the store has come."""

    #: The highest `Ticket.revision`; 0 in an empty store.
    revision: int
    tickets: int


def standing(connection: Connection) -> Standing:
    """How far the store has come; read it before the tickets, so that a later change is seen next time."""
    revision, tickets = connection.execute(select(func.max(TICKET.c.revision), func.count())).one()
    return Standing(revision or 0, tickets)


def changed_since(connection: Connection, revision: int) -> list[int]:
    """Tickets whose facts may differ from those at `revision`."""
    changed = set(connection.execute(select(TICKET.c.id).where(TICKET.c.revision > revision)).scalars())
    # A ticket merged into one that arrived only now: its own revision has not risen.
    for some in chunks(sorted(changed)):
        changed.update(connection.execute(select(MERGE.c.ticket_id).where(MERGE.c.into_ticket_id.in_(some))).scalars())
    return sorted(changed)


def all_tickets(connection: Connection) -> Iterator[list[int]]:
    """The ids of all tickets, a batch at a time."""
    last = 0
    while True:
        some = select(TICKET.c.id).where(TICKET.c.id > last).order_by(TICKET.c.id).limit(BATCH)
        tickets = list(connection.execute(some).scalars())
        if not tickets:
            return
        yield tickets
        last = tickets[-1]


def histories(connection: Connection, tickets: Sequence[int]) -> list[History]:
    """All about some tickets (at most `BATCH`); those that are gone by now are left out."""
    columns = (TICKET.c.id, TICKET.c.source_id, TICKET.c.ext_id, TICKET.c.title, TICKET.c.url)
    known = connection.execute(select(*columns).where(TICKET.c.id.in_(tickets)).order_by(TICKET.c.id)).all()
    changes = changes_of(connection, {ticket: ext_id for ticket, _, ext_id, _, _ in known})
    messages, ratings = _messages(connection, tickets), _ratings(connection, tickets)
    merges = {
        ticket: (at, into)
        for ticket, at, into in connection.execute(
            select(MERGE.c.ticket_id, MERGE.c.at, MERGE.c.into_ticket_id)
            .where(MERGE.c.ticket_id.in_(tickets))
            .order_by(MERGE.c.at)
        )
    }
    return [
        History(
            ticket, source, ext_id, title, url, changes[ticket], messages[ticket], ratings[ticket], merges.get(ticket)
        )
        for ticket, source, ext_id, title, url in known
        if changes[ticket]
    ]


def _messages(connection: Connection, tickets: Sequence[int]) -> dict[int, dict[str, Posted]]:
    rows = connection.execute(
        select(
            MESSAGE.c.ticket_id, CHANGE.c.change_key, MESSAGE.c.at, MESSAGE.c.author, MESSAGE.c.author_kind,
            MESSAGE.c.public,
        )
        .join(CHANGE, CHANGE.c.id == MESSAGE.c.change_id)
        .where(MESSAGE.c.ticket_id.in_(tickets))
        .order_by(MESSAGE.c.at, MESSAGE.c.id)
    )  # fmt: skip
    found: dict[int, dict[str, Posted]] = defaultdict(dict)
    for ticket, key, at, author, author_kind, public in rows:
        found[ticket][key] = Posted(at, author, author_kind, public)
    return found


def _ratings(connection: Connection, tickets: Sequence[int]) -> dict[int, list[Rated]]:
    columns = (FEEDBACK.c.ticket_id, FEEDBACK.c.at, FEEDBACK.c.score, FEEDBACK.c.scale_min, FEEDBACK.c.scale_max)
    found: dict[int, list[Rated]] = defaultdict(list)
    wanted = select(*columns).where(FEEDBACK.c.ticket_id.in_(tickets)).order_by(FEEDBACK.c.at, FEEDBACK.c.id)
    for ticket, at, score, scale_min, scale_max in connection.execute(wanted):
        found[ticket].append(Rated(at, score, scale_min, scale_max))
    return found


def customers_among(connection: Connection, batch: Sequence[History]) -> frozenset[tuple[int, str]]:
    """Who of those that changed these tickets is known as a customer: (source, id)."""
    actors = {change.actor for history in batch for change in history.changes if change.actor is not None}
    found: set[tuple[int, str]] = set()
    for some in chunks(sorted(actors)):
        wanted = select(PERSON.c.source_id, PERSON.c.ext_id)
        rows = connection.execute(wanted.where(PERSON.c.kind == "customer", PERSON.c.ext_id.in_(some)))
        found.update((source, ext_id) for source, ext_id in rows)
    return frozenset(found)
