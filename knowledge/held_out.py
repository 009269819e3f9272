"""A desk's own tickets as an exam: the newest are asked, and only what was known before may answer.

A card is right when its resolution says what the held-out ticket's says, by the same rule that calibration
holds cards out by: each one's rare words are mostly the other's too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from knowledge import redact
from knowledge.cards import Card
from knowledge.folding import Folds
from knowledge.words import first_sentence, words

#: At least so many cards are left to answer for each one that is asked.
_KNOWN_PER_ASKED = 2
#: A title with fewer words says too little to be asked alone.
_ENOUGH_WORDS = 2
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Cards in two parts, split in time."""

    known: Sequence[Card]
    asked: Sequence[Card]
    #: Older cards that repeat an asked one, which is then no test; nobody knows them.
    left_out: int


def split(cards: Sequence[Card], n: int) -> HeldOut:
    """The newest `n` cards (fewer of a small desk) to be asked, and the older ones that are known."""
    ordered = sorted(map(redact.card, cards), key=lambda card: (card.created or _LONG_AGO, card.id))
    size = min(n, len(ordered) // (_KNOWN_PER_ASKED + 1))
    older, asked = ordered[: len(ordered) - size], ordered[len(ordered) - size :]
    folds = Folds(enumerate(asked))
    known = [card for card in older if folds.head_of(card) is None]
    return HeldOut(known, asked, len(older) - len(known))


def question_of(card: Card) -> str:
    """The card's problem as a colleague would ask it: its title, and where that is short its first sentence too."""
    if len(words(card.title)) >= _ENOUGH_WORDS:
        return card.title
    return f"{card.title}. {first_sentence(card.text)}".strip(". ")
