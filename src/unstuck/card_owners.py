"""Who is to hear about a card: whoever solved its ticket, as the ticket system knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from knowledge.cards import Card
from unstuck.nudges.recipients import MANAGER
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Person, Source, Team

PERSON, SOURCE, TEAM = table_of(Person), table_of(Source), table_of(Team)


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody as notices name them; see `nudges.recipients.Directory.addresses`."""

    recipient: str = MANAGER
    source_id: int | None = None
    #: The source's id of the team that hears when the person cannot.
    team: str | None = None


def find_owner(connection: Connection, card: Card) -> Owner:
    """The owner of a card, its team where nobody owns it, the managers where neither is known.

    The card's own word comes first: it may have been given to somebody else than solved the ticket.
    """
    ticket = _ticket(connection, card.source or card.id)
    source, assignee, team = ticket or (None, None, None)
    person = _person(connection, card.owner, source)
    if person is not None:
        return Owner(f"person:{person[1]}", person[0], team or person[2])
    if card.owner is None and assignee is not None and ticket is not None:
        return Owner(f"person:{assignee}", source, team)
    group = (source, team) if team else _team(connection, card.team, source)
    return Owner(f"team:{group[1]}", group[0], group[1]) if group else Owner()


def has_left(connection: Connection, card: Card) -> bool:
    """Whether the owner that the card names is known to have left."""
    if card.owner is None:
        return False
    named = or_(PERSON.c.name == card.owner, PERSON.c.email == card.owner, PERSON.c.ext_id == card.owner)
    active = list(connection.execute(select(PERSON.c.active).where(named)).scalars())
    return bool(active) and not any(active)


def _ticket(connection: Connection, name: str) -> tuple[int, str | None, str | None] | None:
    for source, ext_id in _splits(name):
        wanted = select(TICKET.c.source_id, TICKET.c.assignee, TICKET.c.team).join(
            SOURCE, SOURCE.c.id == TICKET.c.source_id
        )
        row = connection.execute(wanted.where(SOURCE.c.name == source, TICKET.c.ext_id == ext_id)).first()
        if row is not None:
            return row[0], row[1], row[2]
    return None


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Every reading of `source/ticket`: both may hold slashes of their own."""
    for at, char in enumerate(name):
        if char == "/":
            yield name[:at], name[at + 1 :]


def _person(connection: Connection, name: str | None, source: int | None) -> tuple[int, str, str | None] | None:
    if not name:
        return None
    named = or_(PERSON.c.name == name, PERSON.c.email == name, PERSON.c.ext_id == name)
    wanted = select(PERSON.c.source_id, PERSON.c.ext_id, PERSON.c.team).where(named, PERSON.c.kind != "customer")
    if source is not None:
        wanted = wanted.where(PERSON.c.source_id == source)
    row = connection.execute(wanted.order_by(PERSON.c.id).limit(1)).first()
    return (row[0], row[1], row[2]) if row is not None else None


def _team(connection: Connection, name: str | None, source: int | None) -> tuple[int, str] | None:
    if not name:
        return None
    wanted = select(TEAM.c.source_id, TEAM.c.ext_id).where(or_(TEAM.c.name == name, TEAM.c.ext_id == name))
    if source is not None:
        wanted = wanted.where(TEAM.c.source_id == source)
    row = connection.execute(wanted.order_by(TEAM.c.id).limit(1)).first()
    return (row[0], row[1]) if row is not None else None
