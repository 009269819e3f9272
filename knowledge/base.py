"""The knowledge base: learn, forget, search, ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from knowledge import redact
from knowledge.answering import NEAREST, Answering
from knowledge.calibrate import Calibration
from knowledge.cards import Answer, Card, Citation, Hit, Learned, Question
from knowledge.catalogue import Catalogue
from knowledge.compose import Told
from knowledge.contradictions import Clash
from knowledge.embed import Embedder, Vectors, find_embedder
from knowledge.embedding import Progress, Reopen, Serving, Spaces
from knowledge.errors import IndexLost
from knowledge.filters import EVERYTHING, Filter, products_named
from knowledge.indexes import IndexDirectory, Indexes
from knowledge.measures import DRIFT, Measures
from knowledge.pairs import Pairs
from knowledge.register import CARDS_AT_ONCE, Register, batches
from knowledge.replies import Model
from knowledge.schema import open_engine
from knowledge.search import Found, Wanted, find
from knowledge.view import View

T = TypeVar("T")


class KnowledgeBase(Register):
    """Past resolutions. Safe to share between threads; other processes may open the same base."""

    def __init__(
        self,
        catalogue: Catalogue,
        indexes: IndexDirectory,
        spaces: Spaces,
        *,
        model: Model | None = None,
        wrong_target: float = 0.10,
        now: Callable[[], datetime] | None = None,
        own_engine: sa.Engine | None = None,
    ) -> None:
        super().__init__(catalogue, now or _utc_now)
        #: Opened for this base alone, so closed with it.
        self._own_engine = own_engine
        self._indexes = indexes
        self._spaces = spaces
        self._answering = Answering(model, wrong_target)
        self._last: View | None = None

    @property
    def model(self) -> Model | None:
        return self._answering.model

    # -- learning ------------------------------------------------------------------------------

    def learn(self, cards: Iterable[Card], progress: Progress | None = None) -> Learned:
        """Store cards, then bring vectors, indexes and measures up to date. Again with the same cards: no change.

        Personal data is masked before anything is stored. A kill loses nothing that was stored: the next
        `learn` or `catch_up` goes on from there.
        """
        learned = Learned()
        for some in batches(cards, CARDS_AT_ONCE):
            learned += self.store(some)
        self.catch_up(progress)
        return learned

    def catch_up(self, progress: Progress | None = None, enough: Callable[[], bool] = lambda: False) -> None:
        """As `learn` with no card, and more: where another model or a new index is to serve, make it and let it serve.

        That takes as long as embedding every card. The one before it goes on serving; `enough` is asked between
        slices, and what was done is kept for the next time.
        """
        serving = self._keep_up(progress)
        target = self._spaces.find_target(serving)
        self._indexes.drop_before(serving)
        self._spaces.keep_only([serving] if target is None else [serving, target])
        if target is not None:
            self._prepare(serving, target, progress, enough)

    def rebuild(self, progress: Progress | None = None) -> bool:
        """Build the vector index anew beside the one that serves, then let it serve.

        Returns whether it serves; if not, the process that writes the indexes builds it with its next `catch_up`.
        """
        self._spaces.wish_rebuild()
        self.catch_up(progress)
        return self._spaces.find_target(self._spaces.serving()) is None

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
        asked = [redact.text(q) for q in qs]

        def answer(view: View, number: int, vector: Any) -> list[Hit]:
            among = amongs[number] if amongs else None
            return list(self._find(view, Wanted(asked[number], vector, k, among, visible, only=only)).hits)

        return self._each(asked, answer)

    def ask(self, question: Question, told: Told = lambda _: None) -> Answer:
        """An answer with its sources, or why there is none and where to turn.

        `told` hears what a model says, sentence by sentence, once each has been checked. The answer has
        the last word: when its text does not begin with what was heard, that was withdrawn.
        """
        return next(self.ask_many([question], told))

    def ask_many(self, questions: Sequence[Question], told: Told = lambda _: None) -> Iterator[Answer]:
        """As `ask`, for many questions."""
        return self._answers(questions, self._answering, told)

    def cite(self, question: Question) -> Citation | None:
        """The best source for an answer, where there is enough evidence to give one; no model is asked."""
        plain = Answering(None, self._answering.wrong_target)
        return next(iter(next(self._answers([question], plain, lambda _: None)).citations), None)

    def products_in(self, text: str) -> tuple[str, ...]:
        """Products of known cards that `text` names, the longest name first."""
        return products_named(text, self._catalogue.products())

    def saying_the_same(self, card: Card) -> list[str]:
        """Ids of known cards whose resolution says what the card's says, which itself need not be known."""
        view = self._view()
        return Calibration(self._catalogue, view.indexes, view.query_vectors).saying_the_same(card)

    def clashes(self, since: int) -> Iterator[tuple[int, list[tuple[Card, Card, Clash]]]]:
        """(revision reached, cards that tell people different things) among those changed after a revision."""
        view = self._view()
        yield from Pairs(self._catalogue, view.indexes, view.measures).since(since)

    def topic_vectors(self, texts: Sequence[str], shelves: Sequence[str]) -> Vectors | None:
        """Vectors of texts, each less the average card of its language, of length 1; `None` without a model."""
        return self._view().topic_vectors(texts, shelves)

    def status(self) -> dict[str, Any]:
        """What an administrator wants to know, as plain values."""
        view = self._view()
        serving, target = view.serving, self._spaces.find_target(view.serving)
        return {
            "cards": self._catalogue.count(),
            "embedded": self._catalogue.count(serving.space) if serving.space else 0,
            "embedder": view.embedder.name if view.embedder else None,
            # The model that the base was embedded with, where it is not to be had any more.
            "missing_embedder": serving.name if serving.space and not view.embedder else None,
            "preparing": self._preparing(target) if target else None,
            "measured_at_cards": view.measures.cards,
            "thresholds": {
                lang: view.measures.threshold(self._answering.wrong_target, lang) for lang in view.measures.trials
            },
            "writer": self._indexes.is_writer(),
        }

    def close(self) -> None:
        """Let another process write the indexes, and give back what was opened for this base alone."""
        self._indexes.close()
        if self._own_engine is not None:
            self._own_engine.dispose()

    # -- inside: learning ----------------------------------------------------------------------

    def _keep_up(self, progress: Progress | None) -> Serving:
        """Give what serves all that was learned."""
        serving = self._spaces.serving()
        embedder = self._spaces.find_embedder(serving)
        self._spaces.fill(serving, progress, lambda: False)
        written = self._indexes.catch_up(serving if embedder else Serving())
        if self._indexes.is_damaged(serving):
            self._spaces.wish_rebuild()
        if written:
            self._measure_if_stale(self._view_of(serving))
        return serving

    def _prepare(
        self, serving: Serving, target: Serving, progress: Progress | None, enough: Callable[[], bool]
    ) -> None:
        if self._spaces.fill(target, progress, enough) and self._indexes.build(target, enough):
            self._measure_if_stale(self._view_of(target))
            self._spaces.switch(serving, target)

    def _preparing(self, target: Serving) -> dict[str, Any]:
        embedded = self._catalogue.count(target.space) if target.space else 0
        return {"embedder": target.name, "embedded": embedded, "generation": target.generation}

    def _measure_if_stale(self, view: View) -> None:
        stored = self._catalogue.state(_measures_key(view.indexes)) or {"cards": 0}
        drifted = int(DRIFT * stored["cards"]) + 1
        # Counting a large base takes long; it cannot have grown by more cards than were changed.
        if self._catalogue.count_changed(stored.get("revision", 0), drifted) < drifted:
            return
        if view.measures.is_stale(self._catalogue.count()):
            measured = Calibration(self._catalogue, view.indexes, view.query_vectors).measure()
            self._catalogue.put_state(_measures_key(view.indexes), measured.to_json() | {"revision": view.revision})

    # -- inside: asking ------------------------------------------------------------------------

    def _view(self) -> View:
        """The base as it is now, looked at again only when it has changed."""
        view, revision = self._last, self._catalogue.revision()
        if view is None or view.revision != revision:
            serving = self._spaces.serving()
            self._indexes.catch_up(serving, asked=True)
            view = self._last = self._view_of(serving, revision)
        return view

    def _view_of(self, serving: Serving, revision: int | None = None) -> View:
        embedder = self._spaces.find_embedder(serving)
        indexes = self._indexes.view(serving if embedder else Serving())
        stored = self._catalogue.state(_measures_key(indexes))
        at = self._catalogue.revision() if revision is None else revision
        return View(at, serving, embedder, indexes, Measures.from_json(stored))

    def _each(self, asked: Sequence[str], answer: Callable[[View, int, Any], T]) -> Iterator[T]:
        """Answer questions one after the other; their vectors are made together."""
        view = self._view()
        for number, vector in enumerate(view.query_vectors(asked)):
            try:
                answered = answer(view, number, vector)
            except IndexLost:
                # Broken, or deleted since because another one serves now.
                self._indexes.lost(view.serving)
                self._last = None
                again = self._view()
                answered = answer(again, number, next(again.query_vectors(asked[number : number + 1])))
            yield answered

    def _answers(self, questions: Sequence[Question], answering: Answering, told: Told) -> Iterator[Answer]:
        asked = [replace(question, text=redact.text(question.text)) for question in questions]

        def answer(view: View, number: int, vector: Any) -> Answer:
            question = asked[number]
            tried = frozenset(stored.head or stored.number for stored in self._catalogue.by_id(question.tried).values())
            wanted = Wanted(question.text, vector, NEAREST, None, question.visible, without=tried, only=question.only)
            found = self._find(view, wanted)
            return answering.answer(question, found, view, told)

        return self._each([question.text for question in asked], answer)

    def _find(self, view: View, wanted: Wanted) -> Found:
        found = find(wanted, self._catalogue, view.indexes, view.measures, self._fates)
        overruled = (found.overruled,) if found.overruled is not None else ()
        named = self._cared({hit.card.id: hit.card for hit in (*found.hits, *overruled)})
        hits = tuple(replace(hit, card=named[hit.card.id]) for hit in found.hits)
        return replace(found, hits=hits, overruled=next((replace(h, card=named[h.card.id]) for h in overruled), None))


def open(
    engine_or_url: sa.Engine | str,
    directory: Path,
    *,
    chroma_url: str | None = None,
    embedder: Embedder | str | None = None,
    reopen: Reopen = find_embedder,
    model: Model | None = None,
    wrong_target: float = 0.10,
    now: Callable[[], datetime] | None = None,
) -> KnowledgeBase:
    """Open the base whose cards lie in the database and whose indexes lie in `directory`, creating both.

    `embedder`: an object, the name or path of a model, or `None` for the built-in one. When it cannot be
    loaded, the model that the base was embedded with goes on, and without that one words alone; `status()` says so.
    `reopen` opens that model by the name that is stored with the base. `now`: the time by which cards expire; by
    default the machine's. Raises `NewerBase` when a newer version wrote the base.
    """
    engine = open_engine(engine_or_url) if isinstance(engine_or_url, str) else engine_or_url
    own_engine = engine if isinstance(engine_or_url, str) else None
    catalogue = Catalogue(engine)
    catalogue.create_tables()
    if embedder is None or isinstance(embedder, str):
        embedder = find_embedder(embedder)
    indexes = IndexDirectory(catalogue, directory, chroma_url)
    spaces = Spaces(catalogue, embedder, reopen)
    return KnowledgeBase(
        catalogue, indexes, spaces, model=model, wrong_target=wrong_target, now=now, own_engine=own_engine
    )


def _measures_key(indexes: Indexes) -> str:
    return f"measures:4:{indexes.space or 'words'}"


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - whoever opens the base may hand in another clock
