"""How good the best card has to be before the base speaks: learned from the desk's own cards, see `measures`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowledge import measures
from knowledge.cards import Card
from knowledge.catalogue import Catalogue, Stored
from knowledge.index import SHELVES, shelf_of
from knowledge.indexes import Indexes
from knowledge.measures import Measures
from knowledge.search import Wanted, find
from knowledge.words import language_of, words

#: Cards that stand for the whole base.
_SAMPLE = 2_000
#: Nearest cards that are looked through for those about the same as a held-out one.
_LARGEST_TOPIC = 200
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measures one base."""

    catalogue: Catalogue
    indexes: Indexes
    #: Vectors of questions, in order; `None` each without a model.
    embed: Callable[[Sequence[str]], Iterator[Any]]

    def measure(self) -> Measures:
        """The figures of the base as it is now."""
        sample = self.catalogue.sample(_SAMPLE)
        measured = self._average(sample)
        if measured.cards < measures.LEAST_CARDS:
            return measured
        return replace(measured, unknown=self._unknown(sample, measured))

    def _average(self, sample: Sequence[Stored]) -> Measures:
        cards = self.catalogue.count()
        if self.indexes.space is None:
            return Measures(cards)
        vectors = self.catalogue.vectors(self.indexes.space, [stored.number for stored in sample])
        known = [stored for stored in sample if stored.number in vectors]
        shelves = [shelf_of(stored.card.lang) for stored in known]
        return Measures(cards, measures.centroids(shelves, [vectors[stored.number] for stored in known]))

    def _unknown(self, sample: Sequence[Stored], measured: Measures) -> dict[str, list[float]]:
        """Evidence that is found for each held-out card once its whole topic is gone, by language of the question."""
        held_out, vague = _held_out(sample), self._vague_titles(sample)
        questions = [_as_question(stored.card, vague) for stored in held_out]
        visible = frozenset(stored.card.visibility for stored in sample)
        found: dict[str, list[float]] = defaultdict(list)
        for stored, question, vector in zip(held_out, questions, self.embed(questions), strict=True):
            wanted = Wanted(question, vector, _NEAREST, None, visible)
            found[language_of(question)].append(self._wrong_evidence(stored, wanted, measured))
        return {lang: sorted(values) for lang, values in found.items()}

    def _wrong_evidence(self, held_out: Stored, wanted: Wanted, measured: Measures) -> float:
        """What speaks for the best card that does not say what the held-out one says."""
        without = self._topic(held_out, measured)
        while True:
            found = find(replace(wanted, without=without), self.catalogue, self.indexes, measured)
            alike = {
                n for n, hit in zip(found.numbers, found.hits, strict=True) if self._is_same(hit.card, held_out.card)
            }
            if not found.numbers or found.numbers[0] not in alike:
                return found.evidence
            without |= alike

    def _topic(self, stored: Stored, measured: Measures) -> frozenset[int]:
        """The card and those about the same, in every language."""
        space, index = self.indexes.space, self.indexes.vectors
        if space is None or index is None:
            return frozenset({stored.number, *self.indexes.lexical.best(stored.card.symptom, measured.topic_size())})
        vector = self.catalogue.vectors(space, [stored.number]).get(stored.number)
        if vector is None:
            return frozenset({stored.number})
        own = shelf_of(stored.card.lang)
        nearest = self.catalogue.vectors(space, index.nearest(vector, _LARGEST_TOPIC, own))
        topic = {number for number, other in nearest.items() if measured.is_same_topic(vector, other, own)}
        # How near a translation lies says little; but no language tells more of a problem than another.
        for shelf in set(SHELVES) - {own}:
            topic |= set(index.nearest(vector, len(topic), shelf)) if topic else set()
        return frozenset({stored.number, *topic})

    def _vague_titles(self, sample: Sequence[Stored]) -> frozenset[str]:
        """Titles over different resolutions, such as "Help needed": nobody would ask that."""
        first: dict[str, Card] = {}
        return frozenset(
            stored.card.title
            for stored in sample
            if not self._is_same(first.setdefault(stored.card.title, stored.card), stored.card)
        )

    def saying_the_same(self, card: Card) -> list[str]:
        """Ids of live cards whose resolution says what the card's says."""
        alike = self.catalogue.by_number(list(self.indexes.lexical.best(card.steps, _LARGEST_TOPIC)))
        return [one.card.id for one in alike.values() if one.live and self._is_same(one.card, card)]

    def _is_same(self, one: Card, other: Card) -> bool:
        """Whether two resolutions say the same: each one's rare words are mostly the other's too."""
        if one.id == other.id or not (one.steps and other.steps):
            return one.id == other.id
        rarity = self.indexes.lexical.rarity
        shared = min(
            measures.coverage(rarity(one.steps), words(other.steps)),
            measures.coverage(rarity(other.steps), words(one.steps)),
        )
        return shared >= measures.SAME_RESOLUTION


def _as_question(card: Card, vague: frozenset[str]) -> str:
    """The card's problem as somebody might ask: its title, else its first sentence."""
    if card.title and card.title not in vague:
        return card.title
    first = re.split(r"(?<=[。！？!?\n])|(?<=\.)\s", card.text.strip(), maxsplit=1)[0].strip()
    return first if len(first) > 5 else card.symptom


def _held_out(sample: Sequence[Stored]) -> list[Stored]:
    """The first so many cards of each language."""
    kept: Counter[str] = Counter()
    chosen = []
    for stored in sample:
        kept[shelf_of(stored.card.lang)] += 1
        if kept[shelf_of(stored.card.lang)] <= measures.HELD_OUT:
            chosen.append(stored)
    return chosen
