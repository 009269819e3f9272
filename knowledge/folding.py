"""Tickets that say the same fold into one card, which counts them.

Two cards are the same when the same people may see them, their steps are the same words, and so are
nine tenths of their symptoms with every number and code in them: one macro sent for many different
problems stays many cards. Documents without steps fold only when they say the same to the letter.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from rapidfuzz import fuzz

from knowledge.cards import Card
from knowledge.words import words

#: Least likeness of two symptoms, 0 to 100, when their steps are the same.
SAME_SYMPTOM = 90
#: Heads compared for one card: a macro may stand in thousands.
_MOST_COMPARED = 200

KNOWN_COLUMNS = ("number", "digest", "symptom_digest", "head", "withdrawn")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a card that is about to be written again."""

    number: int
    digest: str
    symptom_digest: str
    head: int | None
    withdrawn: bool

    @property
    def live_digest(self) -> str | None:
        """`None` for a withdrawn card: writing it again brings it back."""
        return None if self.withdrawn else self.digest


class Folds:
    """Finds the card that another one repeats, among the heads known so far."""

    def __init__(self, heads: Iterable[tuple[int, Card]]) -> None:
        self._heads: dict[str, list[tuple[int, Card]]] = defaultdict(list)
        #: Heads whose number of tickets changes.
        self.touched: set[int] = set()
        for number, card in heads:
            self._heads[key(card)].append((number, card))

    def head_of(self, card: Card) -> int | None:
        for number, head in self._heads[key(card)][:_MOST_COMPARED]:
            if head.id != card.id and _same_symptom(head, card):
                return number
        return None

    def remember(self, card: Card, number: int, head: int | None) -> None:
        """Take note of a card that was just written, so that the next one can repeat it."""
        if head is None:
            self._heads[key(card)].append((number, card))
        else:
            self.touched.add(head)

    def drop(self, card: Card) -> None:
        """Forget what the card said before."""
        for heads in self._heads.values():
            heads[:] = [(number, other) for number, other in heads if other.id != card.id]


def key(card: Card) -> str:
    """Cards of different keys are never the same."""
    said = " ".join(words(card.steps)) if card.steps else " ".join(card.symptom.split())
    return digest("\n".join([card.visibility, card.product or "", said]))


def digest_of(card: Card) -> str:
    """Changes when anything about the card does."""
    return digest(json.dumps(asdict(card), ensure_ascii=False, sort_keys=True, default=str))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _same_symptom(one: Card, other: Card) -> bool:
    if not one.steps:
        return True  # the key already compared every letter
    left, right = words(one.symptom), words(other.symptom)
    if _codes(left) != _codes(right):
        return False  # two error codes are two problems, however alike the sentences around them
    return fuzz.ratio(" ".join(left), " ".join(right)) >= SAME_SYMPTOM


def _codes(found: list[str]) -> set[str]:
    return {word for word in found if any(char.isdigit() for char in word)}
