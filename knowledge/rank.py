"""Two opinions to one order: how close the meaning is, and how rare the shared words are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Share of the meaning in the fused score; flat between 0.5 and 0.8 on every set measured.
MEANING = 0.7
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


@dataclass(frozen=True, slots=True)
class Ranked:
    candidate: Candidate
    #: 0 to 1.
    score: float


def fuse(candidates: Sequence[Candidate], mean_cosine: float) -> list[Ranked]:
    """Candidates by fused score, best first.

    `mean_cosine` is that of the question and all cards: what lies below it counts as unrelated.
    A candidate without vector is judged by its words alone.
    """
    cosines = [c.cosine for c in candidates if c.cosine is not None]
    top_cosine = max(cosines, default=0.0)
    top_bm25 = max((c.bm25 for c in candidates), default=0.0)

    def score(candidate: Candidate) -> float:
        lexical = candidate.bm25 / top_bm25 if top_bm25 > 0 else 0.0
        if candidate.cosine is None:
            return lexical if not cosines else (1 - MEANING) * lexical
        dense = _scaled(candidate.cosine, mean_cosine, top_cosine)
        return MEANING * dense + (1 - MEANING) * lexical

    ranked = [Ranked(candidate, score(candidate)) for candidate in candidates]
    return sorted(ranked, key=lambda r: (-r.score, r.candidate.number))


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


def mean_cosine(shares: Mapping[str, int], cosines: Mapping[str, float]) -> float:
    """Cosine of a question and the average card, from that of each language's average card."""
    total = sum(shares.values())
    return sum(shares[shelf] * cosines.get(shelf, 0.0) for shelf in shares) / total if total else 0.0


def _scaled(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 1.0
