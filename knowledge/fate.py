"""What becomes of a card, and how much it counts in a search because of that. Pure.

**Voices.** An outcome that happened to a ticket (reused, reopened, contradicted) speaks for that occasion; an
opinion (helped, wrong, …) for its person, whose last word counts: nobody can vote a card up or down alone. One
voice against is heard by the card's owner and by nobody else.

**Weight.** Of the share of times that a card helps, the voices allow a range: the 95% bounds of Wilson's score
interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927),
which for few voices stay near one half, as a prior would have it. Below one half even at best (three failures and
nothing else) the card is doubted: whatever else resembles the question goes before it. Above one half even at
worst (three successes) it is raised, by a twentieth at most.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from knowledge.rank import Ranked


class Outcome(StrEnum):
    """What became of a card once."""

    HELPED = "helped"
    #: A ticket was solved with it and stayed solved.
    REUSED = "reused"
    #: A ticket that was solved with it came back.
    REOPENED = "reopened"
    #: Something else turned out to be right.
    CONTRADICTED = "contradicted"
    WRONG = "wrong"
    OUTDATED = "outdated"
    INCOMPLETE = "incomplete"
    #: The card may be right; it was shown for the wrong product.
    NOT_MY_PRODUCT = "not_my_product"


#: Why somebody says no, in the order in which it is asked.
REASONS = (Outcome.WRONG, Outcome.OUTDATED, Outcome.INCOMPLETE, Outcome.NOT_MY_PRODUCT)

#: What happened to a ticket, as against what a person thinks.
_HAPPENED = frozenset({Outcome.REUSED, Outcome.REOPENED, Outcome.CONTRADICTED})
_FOR = {Outcome.HELPED: 1.0, Outcome.REUSED: 1.0}
#: What is incomplete still helped half of the way.
_AGAINST = {
    Outcome.REOPENED: 1.0,
    Outcome.CONTRADICTED: 1.0,
    Outcome.WRONG: 1.0,
    Outcome.OUTDATED: 1.0,
    Outcome.INCOMPLETE: 0.5,
}
#: One in twenty beyond the bound.
_Z = 1.6449
_EVEN = 0.5
#: What the best fate adds to a score: less than what sets a clearly better match apart.
RAISE = 0.05
#: Share of its score that a doubted card keeps, times what it may be worth at best. Of 50 outdated fixes with a
#: newer one in other words, all go below that one at a seventh of their score.
_DOUBTED = 0.2
#: What an expired card may be worth at best: as if three tickets had come back.
_EXPIRED = 0.47


@dataclass(frozen=True, slots=True)
class Event:
    """An outcome as it is handed in."""

    card_id: str
    outcome: Outcome
    #: Aware.
    at: datetime
    #: Who says so; `None` when it was seen to happen.
    by: str | None = None
    #: The occasion: a ticket, or a question.
    about: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcomes of a card taken together."""

    #: Voices for and against.
    good: float = 0.0
    bad: float = 0.0
    #: How often each outcome was said, one a voice.
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    #: Whether the card says itself that it no longer holds.
    expired: bool = False
    #: When it last failed.
    last_bad: datetime | None = None

    @property
    def weight(self) -> float:
        """What the card's score is multiplied by: 1 when nothing is known."""
        low, high = _bounds(self.good, self.bad)
        if self.doubted:
            return _DOUBTED * (min(high, _EXPIRED) if self.expired else high)
        return 1 + RAISE * max(0.0, (low - _EVEN) / _EVEN)

    @property
    def doubted(self) -> bool:
        """Whether the card should not be answered with unless somebody checks it."""
        return self.expired or _bounds(self.good, self.bad)[1] < _EVEN


def fate(events: Iterable[Event], *, expired: bool = False) -> Fate:
    """What the outcomes of one card, and of those that say the same, come to."""
    last = {_voice(event): event for event in sorted(events, key=lambda event: event.at)}
    counts = Counter(event.outcome for event in last.values())
    good = sum(_FOR.get(event.outcome, 0.0) for event in last.values())
    failures = [event for event in last.values() if event.outcome in _AGAINST]
    bad = sum(_AGAINST[event.outcome] for event in failures) if len(failures) > 1 else 0.0
    last_bad = max((event.at for event in failures), default=None)
    return Fate(good, bad, dict(counts), expired, last_bad)


def reorder(ranked: Sequence[Ranked], fates: Mapping[int, Fate]) -> list[Ranked]:
    """Candidates by score and fate, best first; scores stay within 0 and 1. Without fates: as they were."""
    if not fates:
        return list(ranked)
    weighed = [(row, row.score * _weight(fates, row)) for row in ranked]
    # What is raised may pass the best one: all shrink alike, so that the order holds.
    top = max((score for _, score in weighed), default=0.0)
    rows = [replace(row, score=score / max(top, 1.0)) for row, score in weighed]
    return sorted(rows, key=lambda row: (-row.score, row.candidate.number))


def _weight(fates: Mapping[int, Fate], row: Ranked) -> float:
    known = fates.get(row.candidate.number)
    return known.weight if known is not None else 1.0


def _voice(event: Event) -> tuple[str, str]:
    """Who or what an outcome speaks for."""
    if event.outcome in _HAPPENED:
        return ("occasion", event.about) if event.about else ("person", event.by or "")
    return ("person", event.by) if event.by else ("occasion", event.about or "")


def _bounds(good: float, bad: float) -> tuple[float, float]:
    """Wilson's bounds of the share `good / (good + bad)`."""
    n = good + bad
    if n == 0:
        return 0.0, 1.0
    share, z2 = good / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return middle - reach, middle + reach
