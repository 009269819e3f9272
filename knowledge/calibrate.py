"""Tries out a sample of the desk's own cards, so that the base knows when it may speak; see `measures`.

Each card's problem is asked for in mangled words, as people leave out what a card says. If others answer it as
well, the card itself is kept out and one of them has to be found; if it is alone, it has to be found itself.
Then its whole topic is taken away, and whatever is found is wrong.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

from knowledge import measures
from knowledge.cards import Card
from knowledge.catalogue import Catalogue, Stored
from knowledge.index import SHELVES, shelf_of
from knowledge.indexes import Indexes
from knowledge.measures import Measures, Trials
from knowledge.search import Wanted, find
from knowledge.words import first_sentence, language_of, words

#: Cards that stand for the whole base.
_SAMPLE = 2_000
#: Nearest cards that are looked through for those about the same as a held-out one.
_LARGEST_TOPIC = 200
_NEAREST = 5
#: Cards that are kept in memory while trying out; a million cards have some 100,000 neighbours of the sample.
_KEPT = 20_000

V = TypeVar("V")


@dataclass(frozen=True)
class Calibration:
    """Measures one base."""

    catalogue: Catalogue
    indexes: Indexes
    #: Vectors of questions, in order; `None` each without a model.
    embed: Callable[[Sequence[str]], Iterator[Any]]

    @cached_property
    def _cards(self) -> _Read:
        return _Read(self.catalogue)

    def measure(self) -> Measures:
        """The figures of the base as it is now."""
        sample = self.catalogue.sample(_SAMPLE)
        measured = self._average(sample)
        if measured.cards < measures.LEAST_CARDS:
            return measured
        asked = self._questions(sample)
        vectors = list(self.embed([question for _, question in asked]))
        measured = replace(measured, questions=_average_questions(asked, vectors))
        tried = list(self._try_out(asked, vectors, sample, measured))
        return replace(measured, trials=_trials(tried))

    def _average(self, sample: Sequence[Stored]) -> Measures:
        cards = self.catalogue.count()
        if self.indexes.space is None:
            return Measures(cards)
        vectors = self._cards.vectors(self.indexes.space, [stored.number for stored in sample])
        known = [stored for stored in sample if stored.number in vectors]
        shelves = [shelf_of(stored.card.lang) for stored in known]
        return Measures(cards, measures.means(shelves, [vectors[stored.number] for stored in known]))

    def _questions(self, sample: Sequence[Stored]) -> list[tuple[Stored, str]]:
        """Cards that are held out, each with what is asked for it, several times."""
        held_out, vague = _held_out(sample), self._vague_titles(sample)
        return [(card, mangled(_as_question(card.card, vague), seed)) for card in held_out for seed in range(_TIMES)]

    def _try_out(
        self, asked: Sequence[tuple[Stored, str]], vectors: Sequence[Any], sample: Sequence[Stored], measured: Measures
    ) -> Iterator[_Tried]:
        held_out = {stored.number: stored for stored, _ in asked}
        visible = frozenset(stored.card.visibility for stored in sample)
        topics = {number: self._topic(stored, measured) for number, stored in held_out.items()}
        spared = {number for number, stored in held_out.items() if self._has_company(stored, topics[number])}
        for (stored, question), vector in zip(asked, vectors, strict=True):
            wanted, topic = Wanted(question, vector, _NEAREST, None, visible), topics[stored.number]
            found = find(
                replace(wanted, without=frozenset({stored.number} & spared)), self._cards, self.indexes, measured
            )
            if found.numbers:
                is_right = found.numbers[0] in topic or self._is_same(found.hits[0].card, stored.card)
                unknown = self._wrong_evidence(stored, replace(wanted, without=topic), measured)
                yield _Tried(language_of(question), found.evidence, is_right, unknown)

    def _has_company(self, stored: Stored, topic: frozenset[int]) -> bool:
        """Whether the card's problem can be answered without it: by one that says the same; by any where none has steps."""
        others = self._cards.by_number(topic - {stored.number}).values()
        return any(self._is_same(stored.card, other.card) or not stored.card.steps for other in others)

    def _wrong_evidence(self, held_out: Stored, wanted: Wanted, measured: Measures) -> float:
        """What speaks for the best card that does not say what the held-out one says."""
        while True:
            found = find(wanted, self._cards, self.indexes, measured)
            alike = {
                n for n, hit in zip(found.numbers, found.hits, strict=True) if self._is_same(hit.card, held_out.card)
            }
            if not found.numbers or found.numbers[0] not in alike:
                return found.evidence
            wanted = replace(wanted, without=wanted.without | alike)

    def _topic(self, stored: Stored, measured: Measures) -> frozenset[int]:
        """The card and those about the same, in every language."""
        space, index = self.indexes.space, self.indexes.vectors
        if space is None or index is None:
            return frozenset({stored.number, *self.indexes.lexical.best(stored.card.symptom, measured.topic_size())})
        vector = self._cards.vectors(space, [stored.number]).get(stored.number)
        if vector is None:
            return frozenset({stored.number})
        own = shelf_of(stored.card.lang)
        nearest = self._cards.vectors(space, index.nearest(vector, _LARGEST_TOPIC, own))
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
        alike = self._cards.by_number(list(self.indexes.lexical.best(card.steps, _LARGEST_TOPIC)))
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


class _Read:
    """The catalogue's cards and vectors as they were when first read: trying out asks for the same ones all the time."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._cards: dict[int, Stored | None] = {}
        self._vectors: dict[str, dict[int, Any]] = defaultdict(dict)

    def by_number(self, numbers: Collection[int]) -> dict[int, Stored]:
        return _remember(self._cards, numbers, self._catalogue.by_number)

    def by_id(self, ids: Collection[str]) -> dict[str, Stored]:
        return self._catalogue.by_id(ids)

    def vectors(self, space: str, numbers: Collection[int]) -> dict[int, Any]:
        return _remember(self._vectors[space], numbers, partial(self._catalogue.vectors, space))


def _remember(
    known: dict[int, V | None], numbers: Collection[int], read: Callable[[Collection[int]], dict[int, V]]
) -> dict[int, V]:
    """What `read` says of each number, those of which it says nothing left out; asked once for each."""
    if len(known) > _KEPT:
        known.clear()
    missing = [number for number in numbers if number not in known]
    if missing:
        # `None`: asked, and nothing there.
        known |= dict.fromkeys(missing) | read(missing)
    return {number: value for number in numbers if (value := known[number]) is not None}


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came out for one card."""

    lang: str
    #: What spoke for the answer when the topic was there, and whether that was right.
    evidence: float
    is_right: bool
    #: What spoke for the answer when it was not.
    unknown: float


def _trials(tried: Sequence[_Tried]) -> dict[str, Trials]:
    def lists(lang: str) -> Trials:
        here = [one for one in tried if one.lang == lang]
        right = sorted(one.evidence for one in here if one.is_right)
        mixed_up = sorted(one.evidence for one in here if not one.is_right)
        return Trials(right, mixed_up, sorted(one.unknown for one in here))

    return {lang: lists(lang) for lang in sorted({one.lang for one in tried})}


def _average_questions(asked: Sequence[tuple[Stored, str]], vectors: Sequence[Any]) -> dict[str, Any]:
    """The mean vector of the questions of each language that has enough of them, from cards of that language."""
    # A Chinese card whose first line is a log says nothing about English questions.
    own = [
        (lang, vector)
        for (stored, question), vector in zip(asked, vectors, strict=True)
        if vector is not None and (lang := language_of(question)) == shelf_of(stored.card.lang)
    ]
    enough = Counter(lang for lang, _ in own)
    own = [(lang, vector) for lang, vector in own if enough[lang] >= measures.LEAST_OF_A_LANGUAGE]
    return measures.means([lang for lang, _ in own], [vector for _, vector in own])


#: Two Chinese characters, or what stands between spaces.
_CHUNK = re.compile(r"[\u3400-\u9fff]{1,2}|[^\s\u3400-\u9fff]+|\s+")
#: Share of the words that is left out. At a fifth the tried questions are answered rightly about as often as
#: real ones of the bases that this was looked at on; at a tenth more often, at a third much less.
_LEFT_OUT = 0.2
#: How often each card is asked for, each time in other words.
_TIMES = 3


def mangled(question: str, seed: int) -> str:
    """The question with a fifth of its words left out, at least two kept; the same ones for the same seed."""
    # Nothing secret depends on it.
    dice, chunks = random.Random(f"{seed} {question}"), _CHUNK.findall(question)  # noqa: S311
    kept = [chunk for chunk in chunks if chunk.isspace() or dice.random() >= _LEFT_OUT]
    if sum(not chunk.isspace() for chunk in kept) < 2:
        kept = chunks[: max(2, len(chunks) // 2)]
    return "".join(kept).strip()


def _as_question(card: Card, vague: frozenset[str]) -> str:
    """The card's problem as somebody might ask: its title, else its first sentence."""
    if card.title and card.title not in vague:
        return card.title
    first = first_sentence(card.text)
    return first if len(first) > 5 else card.symptom


def _held_out(sample: Sequence[Stored]) -> list[Stored]:
    """The first so many cards of each language."""
    kept: Counter[str] = Counter()
    chosen = []
    for stored in sample:
        kept[shelf_of(stored.card.lang)] += 1
        if kept[shelf_of(stored.card.lang)] <= measures.TRIED:
            chosen.append(stored)
    return chosen
