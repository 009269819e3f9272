"""One question to ranked cards: gather candidates from both indexes, look them up, fuse, filter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge import codes, measures, rank
from knowledge.cards import PUBLIC, Hit
from knowledge.catalogue import Stored
from knowledge.fate import Fate, reorder
from knowledge.filters import EVERYTHING, Filter
from knowledge.index import SHELVES, shelf_of
from knowledge.indexes import Indexes
from knowledge.measures import Measures
from knowledge.words import language_of, words

Vector = NDArray[np.float32]
#: What became of cards, by number; cards of which nothing is known are left out.
Fates = Callable[[Mapping[int, Stored]], Mapping[int, Fate]]
_EVERYBODY = frozenset({PUBLIC})
#: Candidates from each index; the right card stands lower than this in both only when it looks like nothing.
_LEAST_CANDIDATES = 100
#: Nor deeper than this for cards that may be seen: what comes later resembles the question by chance alone.
_DEEPEST = 20_000
#: Cards of one language whose mean says something.
_LEAST_FOR_MEAN = 5


class Cards(Protocol):
    """Where cards and their vectors are looked up."""

    def by_number(self, numbers: Collection[int]) -> Mapping[int, Stored]: ...

    def by_id(self, ids: Collection[str]) -> Mapping[str, Stored]: ...

    def vectors(self, space: str, numbers: Collection[int]) -> Mapping[int, Vector]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for, and within what."""

    text: str
    #: `None` when there is no embedding model.
    vector: Vector | None
    k: int = 10
    #: Ids; only these are ranked.
    among: Sequence[str] | None = None
    #: Labels of cards that may be shown; `None` means `public` alone.
    visible: frozenset[str] | None = None
    #: Card numbers that are treated as if they were not there.
    without: frozenset[int] = frozenset()
    #: Product and age of cards that are wanted.
    only: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Found:
    hits: tuple[Hit, ...] = ()
    #: The hits' cards by number.
    numbers: tuple[int, ...] = ()
    #: What speaks for the first hit; see `measures.evidence`.
    evidence: float = 0.0
    #: The card that matches best, when it is doubted, and what speaks for it.
    overruled: Hit | None = None
    overruled_evidence: float = 0.0


def _no_fates(_: Mapping[int, Stored]) -> Mapping[int, Fate]:
    return {}


def find(wanted: Wanted, catalogue: Cards, indexes: Indexes, measured: Measures, fates: Fates = _no_fates) -> Found:
    """The best cards for what is wanted."""
    if wanted.among is not None:
        return _find_among(wanted, catalogue, indexes, measured, fates)
    size = max(_LEAST_CANDIDATES, 5 * wanted.k)
    while True:
        numbers = _gather(wanted, indexes, size)
        cards = _visible(wanted, catalogue.by_number(numbers - wanted.without))
        # When most of what was gathered may not be seen, look deeper; at the bottom, what there is must do.
        if len(cards) >= wanted.k or len(numbers) < size or size > _DEEPEST:
            return _rank(wanted, cards, catalogue, indexes, measured, fates)
        size *= 4


def _gather(wanted: Wanted, indexes: Indexes, size: int) -> set[int]:
    numbers = set(indexes.lexical.best(wanted.text, size))
    if wanted.vector is not None and indexes.vectors is not None:
        for shelf in SHELVES:
            numbers |= set(indexes.vectors.nearest(wanted.vector, size, shelf))
    return numbers


def _visible(wanted: Wanted, found: Mapping[int, Stored]) -> dict[int, Stored]:
    # Checked on the catalogue's rows, never on an index's copy: a card that was closed off a second ago stays closed.
    allowed = _EVERYBODY if wanted.visible is None else wanted.visible
    return {
        number: stored
        for number, stored in found.items()
        if stored.live and stored.card.visibility in allowed and wanted.only.admits(stored.card)
    }


def _find_among(wanted: Wanted, catalogue: Cards, indexes: Indexes, measured: Measures, fates: Fates) -> Found:
    named = catalogue.by_id(wanted.among or ())
    # A card that was folded into another is judged by that one and reported under its own name.
    heads = {stored.card.id: stored.head or stored.number for stored in named.values()}
    cards = _visible(wanted, catalogue.by_number(set(heads.values()) - wanted.without))
    found = _rank(wanted, cards, catalogue, indexes, measured, fates, quota=False, k=len(cards))
    by_head = {hit.card.id: hit for hit in found.hits}
    rows = []
    for own_id, number in heads.items():
        if number in cards and (hit := by_head.get(cards[number].card.id)) is not None:
            rows.append((hit, own_id))
    rows.sort(key=lambda row: (row[0].rank, row[1]))
    hits = [replace(hit, id=own_id, rank=place) for place, (hit, own_id) in enumerate(rows[: wanted.k], start=1)]
    return Found(tuple(hits), tuple(heads[own_id] for _, own_id in rows[: wanted.k]), found.evidence)


def _rank(
    wanted: Wanted,
    cards: Mapping[int, Stored],
    catalogue: Cards,
    indexes: Indexes,
    measured: Measures,
    fates: Fates,
    *,
    quota: bool = True,
    k: int | None = None,
) -> Found:
    if not cards:
        return Found()
    candidates = _candidates(wanted, cards, catalogue, indexes)
    own = language_of(wanted.text)
    known = fates(cards)
    verdicts = codes.judge(wanted.text, {number: stored.card for number, stored in cards.items()})
    fused = codes.prefer(rank.fuse(candidates, _nearness(wanted, candidates, measured), own), verdicts)
    weighed = reorder(fused, known)
    ranked = rank.with_other_language(weighed, own) if quota else weighed
    numbers = tuple(row.candidate.number for row in ranked[: k or wanted.k])
    hits = [
        _hit(row, cards[number], place, known.get(number), verdicts.get(number))
        for place, (row, number) in enumerate(zip(ranked, numbers, strict=False), 1)
    ]
    # What is doubted lends no company to what takes its place.
    trusted = [row for row in weighed if (fate := known.get(row.candidate.number)) is None or not fate.doubted]
    evidence = _evidence(wanted, trusted or weighed, cards, indexes, measured)
    match = fused[0].candidate.number
    if match not in known or not known[match].doubted:
        return Found(tuple(hits), numbers, evidence)
    overruled = _hit(fused[0], cards[match], 1, known[match], verdicts.get(match))
    return Found(tuple(hits), numbers, evidence, overruled, _evidence(wanted, fused, cards, indexes, measured))


def _candidates(
    wanted: Wanted, cards: Mapping[int, Stored], catalogue: Cards, indexes: Indexes
) -> list[rank.Candidate]:
    bm25 = indexes.lexical.scores(wanted.text, list(cards))
    vectors: Mapping[int, Vector] = {}
    cosines: dict[int, float] = {}
    if (asked := wanted.vector) is not None and indexes.space is not None:
        vectors = catalogue.vectors(indexes.space, list(cards))
        cosines = {number: float(vector @ asked) for number, vector in vectors.items()}
    return [
        rank.Candidate(n, shelf_of(stored.card.lang), cosines.get(n), bm25.get(n, 0.0), vectors.get(n))
        for n, stored in cards.items()
    ]


def _nearness(wanted: Wanted, candidates: Sequence[rank.Candidate], measured: Measures) -> dict[int, float]:
    """How much nearer than unrelated cards each candidate is that has a vector."""
    asked, own = wanted.vector, language_of(wanted.text)
    if asked is None:
        return {}
    found: dict[int, float] = {}
    for shelf in {c.shelf for c in candidates}:
        vectors = {c.number: c.vector for c in candidates if c.shelf == shelf and c.vector is not None}
        fits = measured.fits(asked, own, list(vectors.values()), shelf) if vectors else []
        if fits is None:
            # These cannot be compared with the others' fits, so all are measured by their whole vectors.
            means = _means(wanted, candidates, measured)
            return {c.number: c.cosine - means[c.shelf] for c in candidates if c.cosine is not None}
        found |= dict(zip(vectors, fits, strict=True))
    return found


def _means(wanted: Wanted, candidates: Sequence[rank.Candidate], measured: Measures) -> dict[str, float]:
    """Cosine of the question and the average card of each shelf; where that is not known, of the candidates."""
    known = measured.mean_cosines(wanted.vector) if wanted.vector is not None and wanted.among is None else {}
    every = [c.cosine for c in candidates if c.cosine is not None]
    for shelf in {c.shelf for c in candidates} - known.keys():
        cosines = [c.cosine for c in candidates if c.cosine is not None and c.shelf == shelf]
        # The mean of one or two would be themselves.
        some = cosines if len(cosines) >= _LEAST_FOR_MEAN else every
        known[shelf] = float(np.mean(some)) if some else 0.0
    return known


def _evidence(
    wanted: Wanted, ranked: Sequence[rank.Ranked], cards: Mapping[int, Stored], indexes: Indexes, measured: Measures
) -> float:
    """What speaks for the first of `ranked`."""
    best = ranked[0].candidate
    stored = cards[best.number]
    first = ranked[: measures.LED_CARDS]
    lead = first[0].score - max((row.score for row in _others(first, measured)), default=first[-1].score)
    if wanted.vector is None or best.vector is None or best.cosine is None:
        held = words(f"{stored.card.symptom}\n{stored.card.steps}")
        return measures.evidence(measures.coverage(indexes.lexical.rarity(wanted.text), held), 0.0, lead)
    near = [c.cosine for r in ranked if (c := r.candidate).shelf == best.shelf and c.cosine is not None]
    nearness = float(np.mean(sorted(near, reverse=True)[: measures.NEAREST]))
    usual = measured.usual_cosine(best.shelf)
    if usual is not None and best.shelf != language_of(wanted.text):
        # The other language's cards lie farther from any question than those of its own.
        nearness += usual - measured.mean_cosines(wanted.vector)[best.shelf]
    return measures.evidence(nearness, measured.likeness(wanted.vector, best.vector, best.shelf), lead)


def _others(ranked: Sequence[rank.Ranked], measured: Measures) -> list[rank.Ranked]:
    """Those that are about something else than the best one."""
    best = ranked[0].candidate
    return [
        row
        for row in ranked[1:]
        if best.vector is None
        or (other := row.candidate).vector is None
        or other.shelf != best.shelf
        or measured.likeness(best.vector, other.vector, best.shelf) < measures.OTHER_TOPIC
    ]


def _hit(row: rank.Ranked, stored: Stored, place: int, fate: Fate | None, verdict: codes.Verdict | None) -> Hit:
    return Hit(
        stored.card.id,
        stored.card.title,
        round(row.score, 6),
        place,
        stored.card,
        row.candidate.cosine,
        stored.tickets,
        doubted=fate is not None and fate.doubted,
        contradicts=verdict is not None and verdict.contradicts,
    )


def visible_labels(visible: Collection[str] | None) -> frozenset[str] | None:
    """Labels as a set; `None` stays `None`, which means `public` alone."""
    return None if visible is None else frozenset(visible)
