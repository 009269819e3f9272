"""What is measured on a base, and how sure it may be of an answer.

**Evidence** for the best card: its cosine with the question, less half of the average card's (an unusual
question is far from every card, a vague one near to all), plus a twentieth of the share of the
question's rare words that the card holds.

**Threshold**: a sample of the desk's own cards is held out, each with its whole topic (the cards near to it
once the average card is taken off, and every card that says what it says): what remains cannot answer it,
so whatever evidence is found is the evidence of a wrong answer. An answer needs more evidence than all but
three quarters of the target share of those (a conformal quantile: exact for new questions that resemble the
held-out ones). The last quarter is left for mixing up two known problems, which holding out cannot show;
where many cards are nearly alike that takes more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Best of the values that were tried on English, Chinese, long and short questions; flat around it.
MEAN_WEIGHT = 0.5
WORDS_WEIGHT = 0.05
#: Least share of two resolutions' words, weighted by rarity, that is common to both when they say the same.
#: Of paraphrases in a desk of 127 problems three in four share more, of different problems one in 1,000.
SAME_RESOLUTION = 0.5
#: Least cosine of two cards about the same, each less the average card. On bases with known topics it
#: takes in half to all of a topic, and rarely a card of another.
SAME_TOPIC = 0.5
#: Share of the target that is spent on questions that the base cannot answer.
UNKNOWN_SHARE = 0.75
#: Cards of each language held out; the threshold's standard error is then about 2 points of the target share.
HELD_OUT = 200
#: With fewer held-out questions of a language those of all languages set its threshold.
LEAST_OF_A_LANGUAGE = 40
#: Below this many cards nothing can be held out: the base answers only what is nearly a quotation.
LEAST_CARDS = 20
#: Measured anew when the base has grown or shrunk by this share.
DRIFT = 0.10


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one base in one vector space."""

    #: Live cards when it was measured.
    cards: int = 0
    #: Mean vector of each language shelf.
    centroids: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    #: Evidence found for held-out questions that nothing could answer, by the question's language, ascending.
    unknown: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def is_stale(self, cards: int) -> bool:
        return abs(cards - self.cards) > DRIFT * self.cards

    def topic_size(self) -> int:
        """How many cards count as one topic where only their words can be compared."""
        return max(5, math.isqrt(self.cards))

    def is_same_topic(self, one: NDArray[np.float32], other: NDArray[np.float32], shelf: str) -> bool:
        """Whether two cards of one language are about the same: alike in what sets them off from the average card."""
        centroid = self.centroids.get(shelf)
        if centroid is None:
            return False
        left, right = one - centroid, other - centroid
        return float(left @ right) >= SAME_TOPIC * float(np.linalg.norm(left) * np.linalg.norm(right))

    def unknown_in(self, lang: str) -> Sequence[float]:
        """As `unknown`, for questions of one language; for all where that one has too few."""
        own = self.unknown.get(lang, ())
        return own if len(own) >= LEAST_OF_A_LANGUAGE else sorted(chain(*self.unknown.values()))

    def threshold(self, target: float, lang: str) -> float:
        """Least evidence for an answer to a question in `lang` when about `target` of the answers may be wrong."""
        unknown = self.unknown_in(lang)
        rank = math.ceil((len(unknown) + 1) * (1 - UNKNOWN_SHARE * target))
        return unknown[rank - 1] if 0 < rank <= len(unknown) else math.inf

    def confidence(self, evidence: float, target: float, lang: str) -> float:
        """Evidence as a probability-like figure: 1 - target at the threshold, more above, never 0 or 1."""
        unknown = self.unknown_in(lang)
        if len(unknown) < 2:
            return 0.0
        spread = float(np.std(unknown)) or 1e-6
        logit = math.log((1 - target) / target) + (evidence - self.threshold(target, lang)) / spread
        return 1 / (1 + math.exp(-max(min(logit, 40), -40)))

    def mean_cosines(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """Cosine of `vector` with the average card of each shelf."""
        return {shelf: float(centroid @ vector) for shelf, centroid in self.centroids.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "cards": self.cards,
            "centroids": {shelf: centroid.tolist() for shelf, centroid in self.centroids.items()},
            "unknown": {lang: list(values) for lang, values in self.unknown.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Measures:
        if not stored:
            return cls()
        centroids = {shelf: np.asarray(centroid, np.float32) for shelf, centroid in stored["centroids"].items()}
        return cls(stored["cards"], centroids, stored["unknown"])


def evidence(cosine: float | None, mean_cosine: float, coverage: float) -> float:
    """How much speaks for a card; comparable within one base."""
    if cosine is None:
        return WORDS_WEIGHT * coverage
    return cosine - MEAN_WEIGHT * mean_cosine + WORDS_WEIGHT * coverage


def coverage(weights: Mapping[str, float], held: Iterable[str]) -> float:
    """Share of a question's words, weighted by rarity, that a card holds."""
    total = sum(weights.values())
    return sum(weights.get(word, 0.0) for word in set(held)) / total if total else 0.0


def centroids(shelves: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The mean vector of each shelf."""
    grouped: dict[str, list[NDArray[np.float32]]] = {}
    for shelf, vector in zip(shelves, vectors, strict=True):
        grouped.setdefault(shelf, []).append(vector)
    return {shelf: np.mean(some, axis=0, dtype=np.float32) for shelf, some in grouped.items()}
