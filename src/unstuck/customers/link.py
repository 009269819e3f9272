"""Records to tickets: by the ticket's id, the customer's id, their e-mail address or an order number.

A value that is new to a ticket holds from its beginning: what was known of the customer when it began. One that
changes later is a change of today, and only of tickets that are still open: closed ones keep what held for them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from unstuck.clock import Clock, iso
from unstuck.customers.records import CustomerRecord, Keys, Record, Said, ScoreRecord
from unstuck.errors import UserError
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, PersonRecord, StageClass, TicketChange
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Person, Source

#: Who filled in what a CRM said; its changes are no sign of life.
CRM = PersonRecord("unstuck:crm", "CRM", "bot")
#: After everything else of the same moment.
_LAST = 3_000_000
#: Ticket fields that hold an order number, unless others are named.
ORDER_FIELDS = ("order", "order_number", "Order", "Order number", "订单号", "订单编号")
_PERSON, _SOURCE = table_of(Person), table_of(Source)


@dataclass(frozen=True, slots=True)
class _Held:
    """A ticket as the store has it."""

    ext_id: str
    created_at: datetime
    is_open: bool
    values: Mapping[str, str | None]


@dataclass(slots=True)
class Linked:
    """What became of records: the document of `unstuck customers --json`."""

    customers: int = 0
    scores: int = 0
    #: Tickets that at least one record is about.
    tickets: int = 0
    new_changes: int = 0
    #: Rows that were left out, and why.
    rejected: list[Said] = field(default_factory=list)


def put(
    session: Session, said: Iterable[Said], clock: Clock, *, source: str | None = None,
    order_fields: Sequence[str] = ORDER_FIELDS,
) -> Linked:  # fmt: skip
    """Store what records say of tickets. Saying it again changes nothing. Raises `UserError` on an unknown source."""
    found, now = Linked(), clock.now()
    told = list(said)
    found.rejected = [one for one in told if one.record is None]
    reached: set[tuple[str, str]] = set()
    with_tickets: set[int] = set()
    for row in _sources(session, source):
        desk = _Desk(session, row, order_fields)
        changes: list[TicketChange] = []
        known: dict[str, tuple[_Held, dict[str, str]]] = {}
        for one in told:
            tickets = desk.tickets_of(one.record) if one.record is not None else []
            reached |= {(row.name, ticket.ext_id) for ticket in tickets}
            if tickets:
                with_tickets.add(one.row)
            for ticket in tickets:
                if isinstance(one.record, ScoreRecord):
                    changes.append(_score(one.record, ticket))
                elif one.record is not None:
                    # Of two rows about one customer the later one counts.
                    known.setdefault(ticket.ext_id, (ticket, {}))[1].update(one.record.values)
        for ticket, values in known.values():
            changes += _values(values, ticket, now)
        if changes:
            store.put_people(session, row, [CRM])
            found.new_changes += store.apply(session, row, changes, seen_at=now).new_changes
    found.tickets = len(reached)
    for one in told:
        if isinstance(one.record, CustomerRecord):
            # A customer without a ticket is nothing wrong.
            found.customers += 1
        elif one.record is not None and one.row in with_tickets:
            found.scores += 1
        elif one.record is not None:
            found.rejected.append(Said(one.row, problem="no_ticket"))
    return found


def _sources(session: Session, name: str | None) -> list[Source]:
    wanted = select(Source) if name is None else select(Source).where(_SOURCE.c.name == name)
    rows = list(session.execute(wanted).scalars())
    if not rows:
        raise UserError("customers_no_tickets")
    return rows


class _Desk:
    """The tickets of one source, by what records may name them by."""

    def __init__(self, session: Session, source: Source, order_fields: Sequence[str]) -> None:
        connection = session.connection()
        of_source = TICKET.c.source_id == source.id
        rows = connection.execute(select(TICKET).where(of_source, TICKET.c.deleted_at.is_(None)))
        self._by_id: dict[str, _Held] = {}
        self._by_customer: dict[str, list[_Held]] = defaultdict(list)
        self._by_order: dict[str, list[_Held]] = defaultdict(list)
        for row in rows:
            is_open = StageClass(row.stage_class).is_open if row.stage_class else True
            ticket = _Held(row.ext_id, row.created_at, is_open, row.values)
            self._by_id[ticket.ext_id] = ticket
            if customer := ticket.values.get("customer"):
                self._by_customer[customer.casefold()].append(ticket)
            for order in {value for name in order_fields if (value := ticket.values.get(name))}:
                self._by_order[order.casefold()].append(ticket)
        people = select(_PERSON.c.email, _PERSON.c.ext_id).where(
            _PERSON.c.source_id == source.id, _PERSON.c.email.is_not(None), _PERSON.c.kind != "agent"
        )
        self._by_email: dict[str, set[str]] = defaultdict(set)
        for email, ext_id in connection.execute(people):
            self._by_email[email.casefold()].add(ext_id.casefold())

    def tickets_of(self, record: Record) -> list[_Held]:
        """A customer's tickets; of a score the one that it is about."""
        keys = record.keys
        if keys.ticket:
            return [self._by_id[keys.ticket]] if keys.ticket in self._by_id else []
        tickets = self._named(keys)
        if isinstance(record, CustomerRecord):
            return tickets
        # Nobody judges a ticket before they opened it: of several it is the last one.
        before = [ticket for ticket in tickets if ticket.created_at <= record.at]
        return [max(before, key=lambda ticket: (ticket.created_at, ticket.ext_id))] if before else []

    def _named(self, keys: Keys) -> list[_Held]:
        if keys.order:
            return self._by_order.get(keys.order.casefold(), [])
        names = {keys.customer.casefold()} if keys.customer else set()
        if keys.email:
            # Some systems know their customers by nothing but the address.
            names |= {keys.email.casefold(), *self._by_email.get(keys.email.casefold(), ())}
        found = {ticket.ext_id: ticket for name in names for ticket in self._by_customer.get(name, [])}
        return list(found.values())


def _score(record: ScoreRecord, ticket: _Held) -> TicketChange:
    thought = record.feedback
    key = _digest(ticket.ext_id, iso(record.at), thought.score, thought.text)
    return TicketChange(
        ticket.ext_id, f"crm:score:{key}", record.at, ChangeKind.FEEDBACK, actor=ticket.values.get("customer"),
        feedback=thought, order=_LAST,
    )  # fmt: skip


def _values(said: Mapping[str, str], ticket: _Held, now: datetime) -> list[TicketChange]:
    differing = {name: value for name, value in said.items() if ticket.values.get(name) != value}
    first: dict[str, str | None] = {name: value for name, value in differing.items() if not ticket.values.get(name)}
    later: dict[str, str | None] = {name: value for name, value in differing.items() if name not in first}
    told = [_filled(ticket, first, ticket.created_at)] if first else []
    return [*told, _filled(ticket, later, now)] if later and ticket.is_open else told


def _filled(ticket: _Held, values: dict[str, str | None], at: datetime) -> TicketChange:
    key = f"crm:{ticket.ext_id}:{iso(at)}:{_digest(values)}"
    return TicketChange(ticket.ext_id, key, at, ChangeKind.UPDATED, actor=CRM.ext_id, values=values, order=_LAST)


def _digest(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
