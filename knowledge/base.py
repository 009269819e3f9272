"""The knowledge base: learn, forget, search, ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa

from knowledge import compose, redact
from knowledge.calibrate import Calibration
from knowledge.cards import Answer, Card, Hit, Learned, Question
from knowledge.catalogue import Catalogue, Stored
from knowledge.compose import Model
from knowledge.contradictions import Clash
from knowledge.embed import Embedder, Vectors, find_embedder, key_of
from knowledge.fate import Event, Fate, Outcome
from knowledge.filters import EVERYTHING, Filter, products_named
from knowledge.folding import digest
from knowledge.indexes import Indexes
from knowledge.ledger import Asked, Ledger
from knowledge.measures import Measures
from knowledge.outcomes import Outcomes, said_by
from knowledge.pairs import Pairs
from knowledge.schema import open_engine
from knowledge.search import Found, Wanted, find
from knowledge.words import language_of, words

#: Told (done, total) while something takes long.
Progress = Callable[[int, int], None]

#: Cards written in one transaction, and texts embedded between two commits: what a kill can cost.
_CARDS_AT_ONCE = 500
_TEXTS_AT_ONCE = 128
#: Nearest cards that are shown with an "I don't know".
_NEAREST = 5


class KnowledgeBase:
    """Past resolutions. Safe to share between threads; other processes may open the same base."""

    def __init__(
        self,
        catalogue: Catalogue,
        directory: Path,
        *,
        embedder: Embedder | None,
        chroma_url: str | None = None,
        model: Model | None = None,
        wrong_target: float = 0.10,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._outcomes = Outcomes(catalogue.engine)
        #: What upkeep keeps; see `knowledge.upkeep`.
        self.ledger = Ledger(catalogue.engine)
        self._now = now or _utc_now
        self._embedder = embedder
        self._space = key_of(embedder) if embedder else None
        self._indexes = Indexes(catalogue, directory, self._space, chroma_url)
        self._model = model
        self._wrong_target = wrong_target
        self._measured: Measures | None = None

    # -- learning ------------------------------------------------------------------------------

    def learn(self, cards: Iterable[Card], progress: Progress | None = None) -> Learned:
        """Store cards, then bring vectors, indexes and measures up to date. Again with the same cards: no change.

        Personal data is masked before anything is stored. A kill loses nothing that was stored: the next
        `learn` or `catch_up` goes on from there.
        """
        learned = Learned()
        for some in _batches(cards, _CARDS_AT_ONCE):
            learned += self.store(some)
        self.catch_up(progress)
        return learned

    def store(self, cards: Sequence[Card]) -> Learned:
        """Put cards into the catalogue in one transaction; `catch_up` makes them found."""
        usable = [redact.card(card) for card in cards if card.symptom]
        skipped = tuple((card.id, "no_text") for card in cards if not card.symptom)
        retired = self.ledger.retired(usable)
        written = self._catalogue.put([card for card in usable if card.id not in retired])
        return Learned(written.changed, skipped + tuple((name, "retired") for name in retired), written.folded)

    def propose(self, cards: Sequence[Card]) -> Learned:
        """Keep new cards for somebody's yes (`upkeep.Decisions`). What the base knows in these words is learned."""
        usable = [redact.card(card) for card in cards if card.symptom]
        known = self._catalogue.repeated(usable)
        self.ledger.propose([card for card in usable if card.id not in known], self._now())
        return self.store([card for card in usable if card.id in known])

    def forget(self, ids: Iterable[str]) -> int:
        """Withdraw cards, proposed ones too; returns how many were in use. They are out of every search at once."""
        names = list(ids)
        self.ledger.take_back(names)
        return self._catalogue.withdraw(names)

    def catch_up(self, progress: Progress | None = None) -> None:
        """Embed what has no vector yet, update the indexes, measure anew when the base has changed much."""
        self._embed_missing(progress)
        if self._indexes.catch_up():
            self._measure_if_stale()

    def cursor(self, name: str) -> Any:
        """How far a stream of cards has been taken in, as `put_cursor` said last."""
        return self._catalogue.state(f"cursor:{name}")

    def put_cursor(self, name: str, value: Any) -> None:
        self._catalogue.put_state(f"cursor:{name}", value)

    # -- fate ----------------------------------------------------------------------------------

    def record(
        self,
        card_id: str,
        outcome: Outcome | str,
        *,
        by: str | None = None,
        at: datetime | None = None,
        about: str | None = None,
        comment: str = "",
    ) -> bool:
        """Write down what became of a card; `False` when that is known already or there is no such card.

        `by`: who says so, `None` when it was seen to happen. `about`: the ticket or question, so that each
        occasion counts once. `comment` is redacted. Raises `ValueError` for an outcome that is none.
        """
        return self.record_all([Event(card_id, Outcome(outcome), at or self._now(), by, about, comment)]) == 1

    def record_all(self, events: Iterable[Event]) -> int:
        """As `record`, for many; returns how many were new."""
        masked = [replace(event, comment=redact.text(event.comment)) for event in events]
        return self._outcomes.add(masked, self.cards(event.card_id for event in masked))

    def fates(self, ids: Iterable[str]) -> dict[str, Fate]:
        """What has become of cards, with those that they repeat; cards of which nothing is known are left out."""
        named = self._catalogue.by_id(list(ids))
        leads = {name: stored.head or stored.number for name, stored in named.items()}
        known = self._fates(self._catalogue.by_number(set(leads.values())))
        return {name: known[number] for name, number in leads.items() if number in known}

    def cards(self, ids: Iterable[str], *, live: bool = False) -> dict[str, Card]:
        """Cards as they are stored, whoever may see them. `live`: without those that were withdrawn."""
        found = self._catalogue.by_id(list(ids))
        return self._cared({name: stored.card for name, stored in found.items() if not (live and stored.withdrawn)})

    def found_cards(self, ids: Iterable[str]) -> dict[str, Card]:
        """As `cards`, only those that a search can find."""
        found = self._catalogue.by_id(list(ids))
        return self._cared({name: stored.card for name, stored in found.items() if stored.live})

    def live_cards(self) -> Iterator[Card]:
        """Every card that a search can find."""
        for some in _batches((stored.card for stored in self._catalogue.live()), _CARDS_AT_ONCE):
            yield from self._cared({card.id: card for card in some}).values()

    def group(self, card_id: str) -> dict[str, Card]:
        """The card with all that say the same, as far as they are in use."""
        return {stored.card.id: stored.card for stored in self._catalogue.group(card_id)}

    def known_fates(self) -> dict[str, Fate]:
        """The fates of all cards of which something is known."""
        return self.fates(self._outcomes.cards())

    @staticmethod
    def said_by(card: Card) -> str:
        """Names what a card tells people to do."""
        return said_by(card)

    def _cared(self, cards: dict[str, Card]) -> dict[str, Card]:
        """Cards with the owner that somebody gave them."""
        cares = self.ledger.care(list(cards))
        return {
            name: replace(card, owner=care.owner or None, team=care.team or card.team)
            if (care := cares.get(name)) is not None and care.owner is not None
            else card
            for name, card in cards.items()
        }

    def twin(self, card_id: str) -> str | None:
        """Another card that says the same: the one that this one repeats, or one that repeats it."""
        return self._catalogue.twin(card_id)

    # -- upkeep --------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        return self._model

    def unanswered(self, question: Question, asked_by: str, *, alone: bool) -> None:
        """Remember a question that found no answer. `alone`: nobody read along."""
        text = redact.text(question.text)
        if words(text):
            lang, seen = language_of(text), "internal" if alone else "public"
            self.ledger.add_question(Asked(text, lang, seen, asked_by, self._now()))

    def clashes(self, since: int) -> Iterator[tuple[int, list[tuple[Card, Card, Clash]]]]:
        """(revision reached, cards that tell people different things) among those changed after a revision."""
        self._refresh()
        yield from Pairs(self._catalogue, self._indexes, self._measures()).since(since)

    def topic_vectors(self, texts: Sequence[str], shelves: Sequence[str]) -> Vectors | None:
        """Vectors of texts, each less the average card of its language, of length 1; `None` without a model."""
        if self._embedder is None or not texts:
            return None
        vectors = np.concatenate(
            [self._embedder.embed_documents(some) for some in _batches(iter(texts), _TEXTS_AT_ONCE)]
        )
        centroids = self._measures().centroids
        for row, shelf in enumerate(shelves):
            if shelf in centroids:
                vectors[row] -= centroids[shelf]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)

    # -- asking --------------------------------------------------------------------------------

    def search(
        self,
        q: str,
        k: int = 10,
        among: Sequence[str] | None = None,
        visible: frozenset[str] | None = None,
        only: Filter = EVERYTHING,
    ) -> list[Hit]:
        """The `k` best cards for `q`, best first. `visible`: labels that may be shown, `None` means `public` alone."""
        return next(self.search_many([q], k, [among], visible, only))

    def search_many(
        self,
        qs: Sequence[str],
        k: int = 10,
        amongs: Sequence[Sequence[str] | None] | None = None,
        visible: frozenset[str] | None = None,
        only: Filter = EVERYTHING,
    ) -> Iterator[list[Hit]]:
        """As `search`, for many questions: they go through the embedding model together."""
        self._refresh()
        asked = [redact.text(q) for q in qs]
        for number, vector in enumerate(self._query_vectors(asked)):
            among = amongs[number] if amongs else None
            wanted = Wanted(asked[number], vector, k, among, visible, only=only)
            yield list(self._find(wanted).hits)

    def ask(self, question: Question) -> Answer:
        """An answer with its sources, or why there is none and where to turn."""
        return next(self.ask_many([question]))

    def ask_many(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """As `ask`, for many questions."""
        self._refresh()
        asked = [replace(question, text=redact.text(question.text)) for question in questions]
        for question, vector in zip(asked, self._query_vectors([q.text for q in asked]), strict=True):
            yield self._answer(question, vector)

    def products_in(self, text: str) -> tuple[str, ...]:
        """Products of known cards that `text` names, the longest name first."""
        return products_named(text, self._catalogue.products())

    def saying_the_same(self, card: Card) -> list[str]:
        """Ids of known cards whose resolution says what the card's says, which itself need not be known."""
        return Calibration(self._catalogue, self._indexes, self._query_vectors).saying_the_same(card)

    def status(self) -> dict[str, Any]:
        """What an administrator wants to know, as plain values."""
        measured = self._measures()
        return {
            "cards": self._catalogue.count(),
            "embedded": self._catalogue.count(self._space) if self._space else 0,
            "embedder": self._embedder.name if self._embedder else None,
            "measured_at_cards": measured.cards,
            "thresholds": {lang: measured.threshold(self._wrong_target, lang) for lang in measured.trials},
            "writer": self._indexes.is_writer(),
        }

    def close(self) -> None:
        """Let another process write the indexes."""
        self._indexes.close()

    # -- inside: learning ----------------------------------------------------------------------

    def _embed_missing(self, progress: Progress | None) -> None:
        if self._embedder is None or self._space is None:
            return
        done = self._catalogue.count(self._space)
        total = self._catalogue.count()
        # Several groups are read at once and sorted by length, so that short texts do not wait on long ones.
        while waiting := self._catalogue.unembedded(self._space, 16 * _TEXTS_AT_ONCE):
            waiting.sort(key=lambda stored: len(stored.card.symptom))
            for first in range(0, len(waiting), _TEXTS_AT_ONCE):
                some = waiting[first : first + _TEXTS_AT_ONCE]
                self._embed(self._embedder, self._space, some)
                done += len(some)
                if progress is not None:
                    progress(done, total)

    def _embed(self, embedder: Embedder, space: str, some: Sequence[Stored]) -> None:
        texts = [stored.card.symptom for stored in some]
        vectors = embedder.embed_documents(texts)
        self._catalogue.put_vectors(
            space, [(s.number, digest(text), v) for s, text, v in zip(some, texts, vectors, strict=True)]
        )

    # -- inside: measuring ---------------------------------------------------------------------

    def _measure_if_stale(self) -> None:
        cards = self._catalogue.count()
        if self._measures().is_stale(cards):
            measured = Calibration(self._catalogue, self._indexes, self._query_vectors).measure()
            self._catalogue.put_state(self._measures_key(), measured.to_json())
            self._measured = None

    def _measures(self) -> Measures:
        if self._measured is None:
            self._measured = Measures.from_json(self._catalogue.state(self._measures_key()))
        return self._measured

    def _measures_key(self) -> str:
        return f"measures:3:{self._space or 'words'}"

    # -- inside: asking ------------------------------------------------------------------------

    def _refresh(self) -> None:
        self._indexes.catch_up()
        self._measured = None

    def _find(self, wanted: Wanted) -> Found:
        found = find(wanted, self._catalogue, self._indexes, self._measures(), self._fates)
        overruled = (found.overruled,) if found.overruled is not None else ()
        named = self._cared({hit.card.id: hit.card for hit in (*found.hits, *overruled)})
        hits = tuple(replace(hit, card=named[hit.card.id]) for hit in found.hits)
        return replace(found, hits=hits, overruled=next((replace(h, card=named[h.card.id]) for h in overruled), None))

    def _fates(self, cards: Mapping[int, Stored]) -> dict[int, Fate]:
        return self._outcomes.fates(cards, self._now())

    def _query_vectors(self, texts: Sequence[str]) -> Iterator[Any]:
        if self._embedder is None:
            yield from (None for _ in texts)
            return
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            some: Vectors = self._embedder.embed_queries(texts[first : first + _TEXTS_AT_ONCE])
            yield from some

    def _answer(self, question: Question, vector: Any) -> Answer:
        lang = question.lang or language_of(question.text)
        if not words(question.text):
            return Answer(False, 0.0, "", lang=lang, reason="no_words")
        found = self._find(Wanted(question.text, vector, _NEAREST, None, question.visible, only=question.only))
        if not found.hits:
            return Answer(False, 0.0, "", lang=lang, reason="nothing_known")
        measured, asked_in = self._measures(), language_of(question.text)
        sure = measured.confidence(found.evidence, self._wrong_target, asked_in)
        least, other_code = measured.threshold(self._wrong_target, asked_in), found.hits[0].contradicts
        if found.evidence < least or found.hits[0].doubted or other_code:
            reason, nearest = "not_sure", found.hits
            if found.overruled is not None and found.overruled_evidence >= least and not other_code:
                # That it was tried and failed is worth knowing.
                reason, nearest = "doubted", _first(found.overruled, found.hits)
            people = _people(nearest)
            return Answer(
                False, 0.0 if other_code else sure, "", lang=lang, reason=reason, nearest=nearest, people=people
            )
        # The first one is neither, so something is left.
        written = self._write(question, lang, [hit for hit in found.hits if not (hit.doubted or hit.contradicts)])
        return Answer(
            True, sure, written.text, written.citations, lang, written.reason, found.hits, _people(found.hits)
        )

    def _write(self, question: Question, lang: str, hits: Sequence[Hit]) -> compose.Written:
        if self._model is None:
            return compose.extract(question.text, hits[0])
        return compose.with_model(question.text, lang, hits, self._model, self._likeness)

    def _likeness(self, one: str, other: str) -> float | None:
        """Cosine of two texts less that of unrelated ones; `None` without an embedding model."""
        if self._embedder is None:
            return None
        left, right = self._embedder.embed_queries([one])[0], self._embedder.embed_documents([other])[0]
        shelf = language_of(other)
        return float(left @ right) - self._measures().mean_cosines(left).get(shelf, 0.0)


def open(
    engine_or_url: sa.Engine | str,
    directory: Path,
    *,
    chroma_url: str | None = None,
    embedder: Embedder | str | None = None,
    model: Model | None = None,
    wrong_target: float = 0.10,
    now: Callable[[], datetime] | None = None,
) -> KnowledgeBase:
    """Open the base whose cards lie in the database and whose indexes lie in `directory`, creating both.

    `embedder`: an object, the name or path of a model, or `None` for the built-in one. When it cannot be
    loaded, search goes on with words alone and `status()["embedder"]` is `None`. `now`: the time by which
    cards expire; by default the machine's.
    Raises `NewerBase` when a newer version wrote the base.
    """
    engine = open_engine(engine_or_url) if isinstance(engine_or_url, str) else engine_or_url
    catalogue = Catalogue(engine)
    catalogue.create_tables()
    if embedder is None or isinstance(embedder, str):
        embedder = find_embedder(embedder)
    return KnowledgeBase(
        catalogue, directory, embedder=embedder, chroma_url=chroma_url, model=model, wrong_target=wrong_target, now=now
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - whoever opens the base may hand in another clock


def _first(hit: Hit, others: Sequence[Hit]) -> tuple[Hit, ...]:
    """`hit` before the others, as many as there were."""
    rest = [other for other in others if other.id != hit.id][: _NEAREST - 1]
    return tuple(replace(one, rank=place) for place, one in enumerate([hit, *rest], 1))


def _people(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Who solved the most similar ones: owners, or teams where no owner is known; each once."""
    return tuple(dict.fromkeys(who for hit in hits if (who := hit.card.owner or hit.card.team)))


_T = TypeVar("_T")


def _batches(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    waiting = iter(values)
    while some := list(islice(waiting, size)):
        yield some
