"""The outcomes of cards, in SQL. Rows are only added; what they come to is `fate`'s business."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from knowledge import folding
from knowledge.cards import Card
from knowledge.catalogue import Stored
from knowledge.fate import Event, Fate, Outcome, fate
from knowledge.schema import cards_table, outcomes_table
from knowledge.words import words

_AT_ONCE = 500


class Outcomes:
    """Reads and adds outcomes. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, events: Sequence[Event], cards: Mapping[str, Card]) -> int:
        """Write down what happened to `cards`; how much of it was new. What is known already changes nothing."""
        rows = [_row(event, cards[event.card_id]) for event in events if event.card_id in cards]
        if not rows:
            return 0
        with self._engine.begin() as connection:
            return sum(self._insert(connection, row) for row in rows)

    def fates(self, cards: Mapping[int, Stored], now: datetime) -> dict[int, Fate]:
        """The fates of those of `cards` (by number) that have one; a head's with those of its followers."""
        told: dict[int, list[Event]] = defaultdict(list)
        with self._engine.connect().execution_options(only_reads=True) as connection:
            for number, said, event in self._events(connection, list(cards)):
                # What was said about other steps holds no longer: the card has been written anew since.
                if said == said_by(cards[number].card):
                    told[number].append(event)
        gone = {number for number, stored in cards.items() if is_expired(stored.card, now)}
        return {number: fate(told[number], expired=number in gone) for number in {*told, *gone}}

    def cards(self) -> list[str]:
        """Ids of the cards of which something is known."""
        with self._engine.connect().execution_options(only_reads=True) as connection:
            return list(connection.scalars(sa.select(outcomes_table.c.card).distinct()))

    def _insert(self, connection: Connection, row: dict[str, Any]) -> bool:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(outcomes_table).values(**row).on_conflict_do_nothing()
        return connection.execute(statement.returning(outcomes_table.c.number)).first() is not None

    def _events(self, connection: Connection, numbers: Collection[int]) -> Iterator[tuple[int, str, Event]]:
        head = sa.func.coalesce(cards_table.c.head, cards_table.c.number).label("leads")
        ordered, asked = list(numbers), set(numbers)
        for first in range(0, len(ordered), _AT_ONCE):
            some = ordered[first : first + _AT_ONCE]
            query = (
                sa.select(head, outcomes_table)
                .join(cards_table, cards_table.c.id == outcomes_table.c.card)
                .where(cards_table.c.number.in_(some) | cards_table.c.head.in_(some))
            )
            for row in connection.execute(query):
                # A follower among `numbers` by itself belongs to its head all the same.
                if row.leads in asked:
                    yield row.leads, row.said, _event(row)


def said_by(card: Card) -> str:
    """Names what the card tells people to do: an outcome is one of these words, not of the card's name."""
    return folding.digest(" ".join(words(card.steps or card.symptom)))


def is_expired(card: Card, now: datetime) -> bool:
    return card.valid_until is not None and card.valid_until < now


def _row(event: Event, card: Card) -> dict[str, Any]:
    return {
        "card": event.card_id,
        "outcome": event.outcome.value,
        "by": event.by or "",
        "about": event.about or "",
        "at": event.at.astimezone(UTC).isoformat(),
        "said": said_by(card),
        "comment": event.comment,
    }


def _event(row: Any) -> Event:
    return Event(
        row.card,
        Outcome(row.outcome),
        datetime.fromisoformat(row.at),
        row.by or None,
        row.about or None,
        row.comment,
    )
