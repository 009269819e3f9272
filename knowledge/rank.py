"""Two opinions to one order: how close the meaning is, and how rare the shared words are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Share of the words in the fused score, the rest being the meaning's. Chinese characters and pairs say more
#: than English stems; between languages hardly more than names and codes are shared.
WORDS = 0.3
CHINESE_WORDS = 0.36
FOREIGN_WORDS = 0.15
#: What nearness of a card in the other language counts beside cards of the question's own. While a base has too
#: few cards of a language to know its average question, whole vectors are compared, and among ten thousand foreign
#: cards one is nearer above their average than the right one is above its own. Later it changes nothing.
FOREIGN_NEARNESS = 0.5
#: The best card of the other language stands no lower than this.
OTHER_LANGUAGE_RANK = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that might be the one."""

    number: int
    #: `en`, `zh` or `other`.
    shelf: str
    #: Cosine of question and card; `None` when the card has no vector.
    cosine: float | None
    #: BM25 score, 0 when they share no word.
    bm25: float
    #: The card's vector, if it has one.
    vector: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Ranked:
    candidate: Candidate
    #: 0 to 1.
    score: float


def fuse(candidates: Sequence[Candidate], nearness: Mapping[int, float], own: str) -> list[Ranked]:
    """Candidates by fused score, best first. `own` is the question's language, `en` or `zh`.

    `nearness` says by number how much nearer in meaning a candidate is than an average card of its language:
    none at 0 or below. A candidate that it leaves out has no vector and is judged by its words alone.
    """
    above = {c.number: _weighed(nearness[c.number], c.shelf, own) for c in candidates if c.number in nearness}
    top_above = max(above.values(), default=0.0)
    top_bm25 = max((c.bm25 for c in candidates), default=0.0)

    def score(candidate: Candidate) -> float:
        lexical = candidate.bm25 / top_bm25 if top_bm25 > 0 else 0.0
        weight = words_weight(own, candidate.shelf)
        if candidate.number not in above:
            return weight * lexical if above else lexical
        dense = min(max(above[candidate.number] / top_above, 0.0), 1.0) if top_above > 0 else 1.0
        return (1 - weight) * dense + weight * lexical

    ranked = [Ranked(candidate, score(candidate)) for candidate in candidates]
    return sorted(ranked, key=lambda r: (-r.score, r.candidate.number))


def _weighed(nearness: float, shelf: str, own: str) -> float:
    return nearness if shelf == own or nearness < 0 else FOREIGN_NEARNESS * nearness


def with_other_language(ranked: Sequence[Ranked], own: str) -> list[Ranked]:
    """The same order, but the best card of another language no lower than rank 5.

    The model prefers the question's own language so much that a perfect answer in the other one
    would come after a page of mediocre ones.
    """
    head, tail = list(ranked[: OTHER_LANGUAGE_RANK - 1]), list(ranked[OTHER_LANGUAGE_RANK - 1 :])
    if any(r.candidate.shelf != own for r in head):
        return list(ranked)
    other = next((r for r in tail if r.candidate.shelf != own), None)
    if other is None:
        return list(ranked)
    # It takes the score of the one that it displaces, so that scores stay in order.
    raised = Ranked(other.candidate, max(other.score, tail[0].score))
    return [*head, raised, *(r for r in tail if r is not other)]


def words_weight(own: str, shelf: str) -> float:
    """How much shared words count between a question and a card of these languages."""
    if (own == "zh") != (shelf == "zh"):
        return FOREIGN_WORDS
    return CHINESE_WORDS if own == "zh" else WORDS
