"""The cards of a base by name: kept, withdrawn, looked after, and what became of them. Needs no index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from knowledge import redact
from knowledge.cards import Card, Learned, Question
from knowledge.catalogue import Catalogue, Stored
from knowledge.fate import Event, Fate, Outcome
from knowledge.ledger import Asked, Ledger
from knowledge.outcomes import Outcomes, said_by
from knowledge.words import language_of, words

T = TypeVar("T")

#: Cards written in one transaction: what a kill can cost.
CARDS_AT_ONCE = 500


class Register:
    """What a knowledge base knows of its cards."""

    def __init__(self, catalogue: Catalogue, now: Callable[[], datetime]) -> None:
        self._catalogue = catalogue
        self._outcomes = Outcomes(catalogue.engine)
        #: What upkeep keeps; see `knowledge.upkeep`.
        self.ledger = Ledger(catalogue.engine)
        self._now = now

    # -- keeping -------------------------------------------------------------------------------

    def store(self, cards: Sequence[Card]) -> Learned:
        """Put cards into the catalogue in one transaction; `catch_up` makes them found."""
        usable = [redact.card(card) for card in cards if card.symptom]
        skipped = tuple((card.id, "no_text") for card in cards if not card.symptom)
        retired = self.ledger.retired(usable)
        written = self._catalogue.put([card for card in usable if card.id not in retired])
        return Learned(written.changed, skipped + tuple((name, "retired") for name in retired), written.folded)

    def propose(self, cards: Sequence[Card]) -> Learned:
        """Keep new cards for somebody's yes (`upkeep.Decisions`). What the base knows in these words is learned."""
        usable = [redact.card(card) for card in cards if card.symptom]
        known = self._catalogue.repeated(usable)
        self.ledger.propose([card for card in usable if card.id not in known], self._now())
        return self.store([card for card in usable if card.id in known])

    def forget(self, ids: Iterable[str]) -> int:
        """Withdraw cards, proposed ones too; returns how many were in use. They are out of every search at once."""
        names = list(ids)
        self.ledger.take_back(names)
        return self._catalogue.withdraw(names)

    def cursor(self, name: str) -> Any:
        """How far a stream of cards has been taken in, as `put_cursor` said last."""
        return self._catalogue.state(f"cursor:{name}")

    def put_cursor(self, name: str, value: Any) -> None:
        self._catalogue.put_state(f"cursor:{name}", value)

    def unanswered(self, question: Question, asked_by: str, *, alone: bool) -> None:
        """Remember a question that found no answer. `alone`: nobody read along."""
        text = redact.text(question.text)
        if words(text):
            lang, seen = language_of(text), "internal" if alone else "public"
            self.ledger.add_question(Asked(text, lang, seen, asked_by, self._now()))

    # -- fate ----------------------------------------------------------------------------------

    def record(
        self,
        card_id: str,
        outcome: Outcome | str,
        *,
        by: str | None = None,
        at: datetime | None = None,
        about: str | None = None,
        comment: str = "",
    ) -> bool:
        """Write down what became of a card; `False` when that is known already or there is no such card.

        `by`: who says so, `None` when it was seen to happen. `about`: the ticket or question, so that each
        occasion counts once. `comment` is redacted. Raises `ValueError` for an outcome that is none.
        """
        return self.record_all([Event(card_id, Outcome(outcome), at or self._now(), by, about, comment)]) == 1

    def record_all(self, events: Iterable[Event]) -> int:
        """As `record`, for many; returns how many were new."""
        masked = [replace(event, comment=redact.text(event.comment)) for event in events]
        return self._outcomes.add(masked, self.cards(event.card_id for event in masked))

    def fates(self, ids: Iterable[str]) -> dict[str, Fate]:
        """What has become of cards, with those that they repeat; cards of which nothing is known are left out."""
        named = self._catalogue.by_id(list(ids))
        leads = {name: stored.head or stored.number for name, stored in named.items()}
        known = self._fates(self._catalogue.by_number(set(leads.values())))
        return {name: known[number] for name, number in leads.items() if number in known}

    def cards(self, ids: Iterable[str], *, live: bool = False) -> dict[str, Card]:
        """Cards as they are stored, whoever may see them. `live`: without those that were withdrawn."""
        found = self._catalogue.by_id(list(ids))
        return self._cared({name: stored.card for name, stored in found.items() if not (live and stored.withdrawn)})

    def found_cards(self, ids: Iterable[str]) -> dict[str, Card]:
        """As `cards`, only those that a search can find."""
        found = self._catalogue.by_id(list(ids))
        return self._cared({name: stored.card for name, stored in found.items() if stored.live})

    def live_cards(self) -> Iterator[Card]:
        """Every card that a search can find."""
        for some in batches((stored.card for stored in self._catalogue.live()), CARDS_AT_ONCE):
            yield from self._cared({card.id: card for card in some}).values()

    def group(self, card_id: str) -> dict[str, Card]:
        """The card with all that say the same, as far as they are in use."""
        return {stored.card.id: stored.card for stored in self._catalogue.group(card_id)}

    def known_fates(self) -> dict[str, Fate]:
        """The fates of all cards of which something is known."""
        return self.fates(self._outcomes.cards())

    @staticmethod
    def said_by(card: Card) -> str:
        """Names what a card tells people to do."""
        return said_by(card)

    def _cared(self, cards: dict[str, Card]) -> dict[str, Card]:
        """Cards with the owner that somebody gave them."""
        cares = self.ledger.care(list(cards))
        return {
            name: replace(card, owner=care.owner or None, team=care.team or card.team)
            if (care := cares.get(name)) is not None and care.owner is not None
            else card
            for name, card in cards.items()
        }

    def twin(self, card_id: str) -> str | None:
        """Another card that says the same: the one that this one repeats, or one that repeats it."""
        return self._catalogue.twin(card_id)

    def _fates(self, cards: Mapping[int, Stored]) -> dict[int, Fate]:
        return self._outcomes.fates(cards, self._now())


def batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Groups of up to `size`."""
    waiting = iter(values)
    while some := list(islice(waiting, size)):
        yield some
