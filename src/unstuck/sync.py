"""What the desk solved becomes what it knows: solved tickets of the store turn into cards.

Tickets are taken up by their revision, so a run costs as much as has changed since the last one. The
revision reached is stored after the cards are, and learning a card twice changes nothing: a kill in
between repeats a little work and loses none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Engine, Row, Select, Table, exists, select, tuple_
from sqlalchemy.orm import sessionmaker
from sqlmodel import SQLModel

from knowledge.base import KnowledgeBase
from knowledge.cards import Card, Learned
from knowledge.fate import Event, Outcome
from knowledge.resolutions import Said, Solved, card_of
from unstuck.clock import iso
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import timelines
from unstuck.tickets.store import reading
from unstuck.tickets.tables import Merge, Person, Source, Team, Ticket, TicketMessage

#: Tickets read at once.
BATCH = 500

#: Name under which the base keeps the store revision up to which it has learned.
_CURSOR = "tickets"
_DONE = (StageClass.SOLVED.value, StageClass.CLOSED.value)
_OPEN = frozenset(StageClass) - {StageClass.SOLVED, StageClass.CLOSED, StageClass.DROPPED}


def learn_solved(
    sessions: sessionmaker[Any],
    base: KnowledgeBase,
    *,
    progress: Callable[[int, int], None] | None = None,
    ask_first: bool = False,
) -> Learned:
    """Learn every solved ticket that has changed since the last run; withdraw the cards of reopened ones.

    That a ticket was reopened is written down against its card, and against another that says the same.

    A ticket that was deleted or merged into another loses its card too. Tickets in which nobody wrote
    down what helped are skipped, with the reason `no_resolution`. `progress` is told (done, total)
    while texts are embedded. `ask_first`: what is new waits for somebody's yes.
    """
    engine: Engine = sessions.kw["bind"]
    learned = Learned()
    take_in = base.propose if ask_first else base.store
    for tickets, reached in _changed_since(engine, int(base.cursor(_CURSOR) or 0)):
        solved = [ticket for ticket in tickets if ticket.is_done]
        cards = {ticket.card_id: card_of(ticket.solved) for ticket in _told(engine, solved)}
        without = tuple((name, "no_resolution") for name, card in cards.items() if card is None)
        # Before the cards go: after a kill in between, this is found and written down again, once.
        base.record_all(_comebacks(engine, base, tickets))
        base.forget({ticket.card_id for ticket in tickets} - {name for name, card in cards.items() if card})
        learned += take_in([card for card in cards.values() if card]) + Learned(skipped=without)
        base.put_cursor(_CURSOR, reached)
    base.catch_up(progress)
    return learned


def solved_cards(sessions: sessionmaker[Any]) -> Iterator[Card]:
    """The cards of all solved tickets, without learning any."""
    engine: Engine = sessions.kw["bind"]
    for tickets, _ in _changed_since(engine, 0):
        for ticket in _told(engine, [ticket for ticket in tickets if ticket.is_done]):
            if (card := card_of(ticket.solved)) is not None:
                yield card


def _comebacks(engine: Engine, base: KnowledgeBase, tickets: Sequence[_Changed]) -> Iterator[Event]:
    """That what a card says did not last: its ticket was opened again."""
    live = base.cards([ticket.card_id for ticket in tickets], live=True)
    learned = {ticket.row.id: (ticket.card_id, live[ticket.card_id]) for ticket in tickets if ticket.card_id in live}
    moved = [ticket.row.id for ticket in tickets if ticket.row.id in learned and ticket.has_moved(live[ticket.card_id])]
    with reading(engine) as connection:
        for timeline in timelines(connection, moved):
            name, card = learned[timeline.ticket]
            opened = (stay.start_at for stay in timeline.stays if stay.stage_class in _OPEN)
            back = next((at for at in opened if card.created is not None and at >= card.created), None)
            if back is not None:
                yield from _comeback(base, name, card, back)


def _comeback(base: KnowledgeBase, name: str, card: Card, at: datetime) -> Iterator[Event]:
    # The card itself may be solved otherwise next time; whoever else says the same has failed here too.
    for one in (name, base.twin(name)):
        if one is not None and card.created is not None:
            yield Event(one, Outcome.REOPENED, at, about=occasion(name, card.created))


def occasion(ticket: str, solved_at: datetime) -> str:
    """One solving of a ticket: what a card is praised or blamed for once."""
    return f"{ticket} {iso(solved_at)}"


def card_id(source: str, ticket: str) -> str:
    """The id of the card of a ticket, as its source numbers it."""
    return f"{source}/{ticket}"


def _table(model: type[SQLModel]) -> Table:
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


TICKET = _table(Ticket)


@dataclass(frozen=True, slots=True)
class _Changed:
    """A ticket that was touched, with its messages once they have been read."""

    row: Row[Any]
    messages: tuple[Said, ...] = ()

    @property
    def card_id(self) -> str:
        return card_id(self.row.source, self.row.ext_id)

    def has_moved(self, card: Card) -> bool:
        """Whether the ticket has been opened, or solved anew, since the card was learned from it."""
        return not self.is_done or (self.row.solved_at or self.row.closed_at) != card.created

    @property
    def is_done(self) -> bool:
        return self.row.stage_class in _DONE and self.row.deleted_at is None and not self.row.merged

    @property
    def solved(self) -> Solved:
        row = self.row
        return Solved(
            id=self.card_id,
            title=row.title or "",
            description=row.description or "",
            solved_at=row.solved_at or row.closed_at or row.updated_at,
            messages=self.messages,
            resolution=row.values.get("resolution") or "",
            url=row.url,
            owner=row.owner or row.assignee,
            team=row.team_name or row.team,
            product=row.values.get("product"),
        )


def _changed_since(engine: Engine, revision: int) -> Iterator[tuple[list[_Changed], int]]:
    """Tickets changed after `revision`, in groups, each with the revision that is then complete."""
    after = (revision, 2**62)
    while True:
        query = _tickets().where(tuple_(TICKET.c.revision, TICKET.c.id) > tuple_(*after)).limit(BATCH)
        with reading(engine) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        after = (rows[-1].revision, rows[-1].id)
        # The last revision of a full group may go on in the next one; to take it up again does no harm.
        yield [_Changed(row) for row in rows], after[0] - 1 if len(rows) == BATCH else after[0]


def _tickets() -> Select[Any]:
    source, person, team, merge = (_table(model) for model in (Source, Person, Team, Merge))
    same_person = (person.c.source_id == TICKET.c.source_id) & (person.c.ext_id == TICKET.c.assignee)
    same_team = (team.c.source_id == TICKET.c.source_id) & (team.c.ext_id == TICKET.c.team)
    return (
        select(
            TICKET,
            source.c.name.label("source"),
            person.c.name.label("owner"),
            team.c.name.label("team_name"),
            exists().where(merge.c.ticket_id == TICKET.c.id).label("merged"),
        )
        .join(source, source.c.id == TICKET.c.source_id)
        .outerjoin(person, same_person)
        .outerjoin(team, same_team)
        .order_by(TICKET.c.revision, TICKET.c.id)
    )


def _told(engine: Engine, tickets: Sequence[_Changed]) -> Iterator[_Changed]:
    """The tickets with what was said on them."""
    message = _table(TicketMessage)
    said: dict[int, list[Said]] = defaultdict(list)
    with reading(engine) as connection:
        here = message.c.ticket_id.in_([ticket.row.id for ticket in tickets])
        for row in connection.execute(select(message).where(here).order_by(message.c.at, message.c.id)):
            said[row.ticket_id].append(Said(str(row.id), row.at, row.author_kind, row.public, row.body))
    for ticket in tickets:
        yield _Changed(ticket.row, tuple(said[ticket.row.id]))
