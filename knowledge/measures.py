"""What is measured on a base, and how sure it may be of an answer.

**Evidence** for the best card is how near the five nearest cards of its language are to the question (a
question that the desk knows has company), plus a tenth of how well the card itself points the question's
way once the average card is taken off, plus a tenth of its lead over the best card about something else
(two cards that fit equally well are a mix-up waiting to happen).

**Threshold**: a sample of the desk's own cards is tried out, see `calibrate`. Each is asked for twice, in
mangled words as people use them: once as it is, which shows the evidence of right answers and of mix-ups, and
once with its whole topic gone, which shows the evidence of answers to what the desk has never solved. One
question in four is taken to be of that kind. The threshold is the least evidence at which the wrong ones among
the answers stay within the target, with one more wrong one added for what the sample did not show (as in
conformal risk control, Angelopoulos et al. 2022; the loss is not monotone here, so it is an estimate for
questions like the tried ones and no guarantee).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Cards whose nearness counts, and the weights of the other two parts. Best of the values that were tried on
#: English and Chinese, long and short questions; flat around them.
NEAREST = 5
DIRECTION_WEIGHT = 0.1
LEAD_WEIGHT = 0.1
#: A greater lead says no more.
LARGEST_LEAD = 0.5
#: Cards of the question's ranking among which another topic is looked for, and the likeness (cosine, less the
#: average card) below which two cards are about different things.
LED_CARDS = 30
OTHER_TOPIC = 0.3
#: Least share of two resolutions' words, weighted by rarity, that is common to both when they say the same.
#: Of paraphrases in a desk of 127 problems three in four share more, of different problems one in 1,000.
SAME_RESOLUTION = 0.5
#: Least cosine of two cards about the same, each less the average card. On bases with known topics it
#: takes in half to all of a topic, and rarely a card of another.
SAME_TOPIC = 0.5
#: Share of questions that is taken to be about what the desk has not solved yet.
UNKNOWN_SHARE = 0.25
#: Cards of each language tried out. With 200, which ones they are moves the share of wrong answers by 3 points.
TRIED = 400
#: With fewer tried questions of a language those of all languages set its threshold.
LEAST_OF_A_LANGUAGE = 40
#: Below this many cards nothing can be tried: the base answers nothing.
LEAST_CARDS = 20
#: Measured anew when the base has grown or shrunk by this share.
DRIFT = 0.10


@dataclass(frozen=True)
class Trials:
    """Evidence that was found for tried questions, each list ascending."""

    #: For right answers, and for answers out of another topic although the desk knows.
    right: Sequence[float] = ()
    mixed_up: Sequence[float] = ()
    #: For the best of what was left once the topic was gone: no such answer can be right.
    unknown: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.right) + len(self.mixed_up)

    def threshold(self, target: float) -> float:
        """Least evidence for an answer when at most `target` of the answers may be wrong; infinite when none will do."""
        if not len(self) or not self.unknown:
            return math.inf
        points, right, wrong = self._shares
        good = points[wrong <= target * (right + wrong)]
        return float(good[0]) if len(good) else math.inf

    @cached_property
    def _shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Each evidence that occurs, ascending, with the shares of right and of wrong answers from there on."""
        points = np.unique(np.concatenate([self.right, self.mixed_up, self.unknown]))
        slack = 1 / (len(self) + len(self.unknown))
        right = (1 - UNKNOWN_SHARE) * _reaching(points, self.right) / len(self)
        wrong = (1 - UNKNOWN_SHARE) * _reaching(points, self.mixed_up) / len(self) + slack
        wrong += UNKNOWN_SHARE * _reaching(points, self.unknown) / len(self.unknown)
        return points, right, wrong

    def confidence(self, evidence: float, target: float, threshold: float) -> float:
        """Evidence as a probability-like figure: 1 - target at the threshold, more above, never 0 or 1."""
        if len(self.unknown) < 2:
            return 0.0
        # Where no evidence is enough, more of it still says more.
        enough = min(threshold, max(*self.right, *self.unknown))
        logit = math.log((1 - target) / target) + (evidence - enough) / self.spread
        # Beyond 36 the quotient would be rounded to 1.
        return 1 / (1 + math.exp(-max(min(logit, 35), -35)))

    @cached_property
    def spread(self) -> float:
        """How much evidence varies when there is nothing to be known."""
        return float(np.std(self.unknown)) or 1e-6


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one base in one vector space."""

    #: Live cards when it was measured.
    cards: int = 0
    #: Mean vector of each language shelf.
    centroids: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    #: Mean vector of the tried questions of each language that has enough.
    questions: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    #: What came out, by the question's language.
    trials: Mapping[str, Trials] = field(default_factory=dict)

    def is_stale(self, cards: int) -> bool:
        return abs(cards - self.cards) > DRIFT * self.cards

    def topic_size(self) -> int:
        """How many cards count as one topic where only their words can be compared."""
        return max(5, math.isqrt(self.cards))

    def likeness(self, one: NDArray[np.float32], other: NDArray[np.float32], shelf: str) -> float:
        """Cosine of two vectors in what sets them off from the shelf's average card; 0 where that is not known."""
        centroid = self.centroids.get(shelf)
        return 0.0 if centroid is None else _cosine(one - centroid, other - centroid)

    def fits(
        self, question: NDArray[np.float32], lang: str, cards: Sequence[NDArray[np.float32]], shelf: str
    ) -> list[float] | None:
        """Cosines of what sets a question off from others and cards off from others; `None` where that is not known.

        Questions have in common what no card has (they ask, and they are short), and so has each language.
        """
        usual, centroid = self.questions.get(lang), self.centroids.get(shelf)
        if usual is None or centroid is None:
            return None
        asked, told = question - usual, np.stack(cards) - centroid
        sizes = np.linalg.norm(told, axis=1) * np.linalg.norm(asked)
        found: list[float] = (told @ asked / np.where(sizes == 0, 1, sizes)).tolist()
        return found

    def usual_cosine(self, shelf: str) -> float | None:
        """Cosine of the average question and the average card of one language; `None` where that is not known."""
        usual, centroid = self.questions.get(shelf), self.centroids.get(shelf)
        return None if usual is None or centroid is None else float(usual @ centroid)

    def is_same_topic(self, one: NDArray[np.float32], other: NDArray[np.float32], shelf: str) -> bool:
        """Whether two cards of one language are about the same."""
        return self.likeness(one, other, shelf) >= SAME_TOPIC

    def trials_in(self, lang: str) -> Trials:
        """The trials of one language; of all where that one has too few."""
        own = self.trials.get(lang, Trials())
        return own if len(own) >= LEAST_OF_A_LANGUAGE else _joined(self.trials.values())

    def threshold(self, target: float, lang: str) -> float:
        """Least evidence for an answer to a question in `lang` when about `target` of the answers may be wrong."""
        return self.trials_in(lang).threshold(target)

    def confidence(self, evidence: float, target: float, lang: str) -> float:
        """As `Trials.confidence`, for a question in `lang`."""
        trials = self.trials_in(lang)
        return trials.confidence(evidence, target, trials.threshold(target))

    def mean_cosines(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """Cosine of `vector` with the average card of each shelf."""
        return {shelf: float(centroid @ vector) for shelf, centroid in self.centroids.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "cards": self.cards,
            "centroids": {shelf: centroid.tolist() for shelf, centroid in self.centroids.items()},
            "questions": {lang: mean.tolist() for lang, mean in self.questions.items()},
            "trials": {
                lang: [list(tried.right), list(tried.mixed_up), list(tried.unknown)]
                for lang, tried in self.trials.items()
            },
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Measures:
        if not stored:
            return cls()
        trials = {lang: Trials(*lists) for lang, lists in stored["trials"].items()}
        return cls(stored["cards"], _vectors(stored["centroids"]), _vectors(stored["questions"]), trials)


def evidence(nearness: float, direction: float, lead: float) -> float:
    """How much speaks for a card; comparable within one base. `lead` is that of its fused score."""
    return nearness + DIRECTION_WEIGHT * direction + LEAD_WEIGHT * min(max(lead, 0.0), LARGEST_LEAD)


def coverage(weights: Mapping[str, float], held: Iterable[str]) -> float:
    """Share of a question's words, weighted by rarity, that a card holds."""
    total = sum(weights.values())
    return sum(weights.get(word, 0.0) for word in set(held)) / total if total else 0.0


def means(shelves: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The mean vector of each shelf, or of each language."""
    grouped: dict[str, list[NDArray[np.float32]]] = {}
    for shelf, vector in zip(shelves, vectors, strict=True):
        grouped.setdefault(shelf, []).append(vector)
    return {shelf: np.mean(some, axis=0, dtype=np.float32) for shelf, some in grouped.items()}


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else 0.0


def _vectors(stored: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float32]]:
    return {name: np.asarray(vector, np.float32) for name, vector in stored.items()}


def _reaching(points: NDArray[np.float64], values: Sequence[float]) -> NDArray[np.float64]:
    """How many of the ascending `values` each point lets through."""
    return np.asarray(len(values) - np.searchsorted(np.asarray(values, float), points, side="left"), float)


def _joined(every: Iterable[Trials]) -> Trials:
    some = list(every)
    lists = ((one.right for one in some), (one.mixed_up for one in some), (one.unknown for one in some))
    return Trials(*(sorted(chain.from_iterable(values)) for values in lists))
