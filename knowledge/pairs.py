"""Which cards may clash: near to each other in what they are about, of one product, for the same readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge import measures
from knowledge.cards import Card
from knowledge.catalogue import Catalogue, Stored
from knowledge.contradictions import Clash, compare
from knowledge.index import shelf_of
from knowledge.indexes import Indexes
from knowledge.measures import Measures
from knowledge.search import Vector
from knowledge.words import words

#: Nearest cards that are looked at for each.
_NEAREST = 12
#: Least likeness of two symptoms. Lower than what makes one topic: the rules that follow are strict.
_SAME_TOPIC = 0.4
#: Where there are no vectors: least share of one symptom's rare words in the other.
_SAME_SYMPTOM = 0.4
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pairs:
    """Finds clashes in one base."""

    catalogue: Catalogue
    indexes: Indexes
    measured: Measures

    def since(self, revision: int) -> Iterator[tuple[int, list[tuple[Card, Card, Clash]]]]:
        """(revision reached, clashes) of cards changed after `revision`, in groups."""
        while rows := self.catalogue.changed(revision, _AT_ONCE):
            revision = max(row.revision for row in rows)
            yield revision, list(self._clashes([row for row in rows if row.live and row.card.steps]))

    def _clashes(self, some: Sequence[Stored]) -> Iterator[tuple[Card, Card, Clash]]:
        seen: set[frozenset[int]] = set()
        for one in some:
            for other in self._near(one):
                pair = frozenset((one.number, other.number))
                if pair in seen or not may_clash(one.card, other.card):
                    continue
                seen.add(pair)
                clash = compare(one.card, other.card)
                if clash is not None:
                    yield one.card, other.card, clash

    def _near(self, one: Stored) -> list[Stored]:
        """Live cards with the same symptom."""
        space, index = self.indexes.space, self.indexes.vectors
        if space is None or index is None:
            return self._alike_in_words(one)
        own = shelf_of(one.card.lang)
        vector = self.catalogue.vectors(space, [one.number]).get(one.number)
        if vector is None:
            return []
        near = self.catalogue.vectors(space, index.nearest(vector, _NEAREST, own))
        same = [n for n, other in near.items() if n != one.number and self._likeness(vector, other, own) >= _SAME_TOPIC]
        return [stored for stored in self.catalogue.by_number(same).values() if stored.live]

    def _likeness(self, one: Vector, other: Vector, shelf: str) -> float:
        """Cosine of two cards, each less the average card."""
        centroid = self.measured.centroids.get(shelf)
        left, right = (one, other) if centroid is None else (one - centroid, other - centroid)
        return float(left @ right) / (float(np.linalg.norm(left) * np.linalg.norm(right)) or 1.0)

    def _alike_in_words(self, one: Stored) -> list[Stored]:
        numbers = set(self.indexes.lexical.best(one.card.symptom, _NEAREST)) - {one.number}
        found = [stored for stored in self.catalogue.by_number(numbers).values() if stored.live]
        return [stored for stored in found if self._shared(one.card.symptom, stored.card.symptom) >= _SAME_SYMPTOM]

    def _shared(self, one: str, other: str) -> float:
        rarity = self.indexes.lexical.rarity
        return max(
            measures.coverage(rarity(one), words(other)),
            measures.coverage(rarity(other), words(one)),
        )


def may_clash(one: Card, other: Card) -> bool:
    """Whether the same people would follow either card for the same product."""
    same_product = not one.product or not other.product or one.product.casefold() == other.product.casefold()
    return bool(other.steps) and one.visibility == other.visibility and same_product
