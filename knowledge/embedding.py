"""Which embedding model serves a base, which one is to, and the vectors of both.

What serves is one row of the catalogue's state: the space that vectors live in and the generation of their index.
Another configured model, or the wish for a new index, makes a target of the next generation. The target is filled
beside what serves, and takes over in a single write once it is whole; other processes notice at their next question.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace

from knowledge.catalogue import Catalogue, Stored
from knowledge.embed import Embedder, find_embedder, key_of
from knowledge.folding import digest

log = logging.getLogger(__name__)

#: Told (done, total) while something takes long.
Progress = Callable[[int, int], None]
#: Opens a model by the name that is stored with the base; `None` when it is not to be had.
Reopen = Callable[[str], Embedder | None]

#: Cards looked through at once, and texts embedded between two commits: what a kill can cost.
_CARDS_AT_ONCE = 2_048
_TEXTS_AT_ONCE = 128
_SERVING = "serving"
_WISHED = "wished_generation"


@dataclass(frozen=True, slots=True)
class Serving:
    """What questions are compared in."""

    #: `None`: words alone.
    space: str | None = None
    #: Opens the model again when another one is configured.
    name: str | None = None
    #: Goes up with each vector index that is built beside another.
    generation: int = 0


class Spaces:
    """The vector spaces of one base."""

    def __init__(self, catalogue: Catalogue, configured: Embedder | None, reopen: Reopen = find_embedder) -> None:
        self._catalogue = catalogue
        self.configured = configured
        self._reopen = reopen
        self._others: dict[Serving, Embedder | None] = {}
        if configured is not None and catalogue.revision() == 0:
            # A base that begins has nothing that could serve in the meantime.
            catalogue.swap_state(_SERVING, None, asdict(Serving(key_of(configured), configured.name)))

    def serving(self) -> Serving:
        """What serves now."""
        return Serving(**(self._catalogue.state(_SERVING) or {}))

    def find_target(self, serving: Serving) -> Serving | None:
        """What is to serve in its place, if anything."""
        wished = int(self._catalogue.state(_WISHED) or 0)
        if self.configured is not None and key_of(self.configured) != serving.space:
            return Serving(key_of(self.configured), self.configured.name, serving.generation + 1)
        if serving.space is not None and wished > serving.generation:
            return replace(serving, generation=serving.generation + 1)
        return None

    def wish_rebuild(self) -> None:
        """Ask for a new vector index; whoever writes the indexes builds it."""
        self._catalogue.put_state(_WISHED, self.serving().generation + 1)

    def switch(self, serving: Serving, target: Serving) -> bool:
        """Let the target serve; `False` when another process has changed what serves."""
        switched = self._catalogue.swap_state(_SERVING, asdict(serving) if serving.space else None, asdict(target))
        if switched:
            log.warning("%s (index %s) now serves in place of %s", target.space, target.generation, serving.space)
        return switched

    def find_embedder(self, serving: Serving) -> Embedder | None:
        """The model of a space, `None` when it is not to be had."""
        if self.configured is not None and key_of(self.configured) == serving.space:
            return self.configured
        if serving.space is None or serving.name is None:
            return None
        model = replace(serving, generation=0)
        if model not in self._others:
            found = self._reopen(serving.name)
            # A model of the same name that makes other vectors is another model.
            self._others[model] = found if found is not None and key_of(found) == serving.space else None
        return self._others[model]

    def fill(self, serving: Serving, progress: Progress | None, enough: Callable[[], bool]) -> bool:
        """Give every card a vector in a space, from where it was left. Returns whether all have one."""
        embedder, space = self.find_embedder(serving), serving.space
        if embedder is None or space is None:
            return False
        reached = int(self._catalogue.state(_embedded(space)) or 0)
        # Looking on the way saves counting what has no vector: that would read the whole base for one new card.
        done, total = 0, self._catalogue.count_changed(reached)
        while not enough():
            until, waiting = self._catalogue.unembedded(space, reached, _CARDS_AT_ONCE)
            if until == reached:
                return True
            for some in _batches(waiting):
                self._embed(embedder, space, some)
                done += len(some)
                if progress is not None:
                    progress(done, max(total, done))
            self._catalogue.put_state(_embedded(space), until)
            reached = until
        return False

    def keep_only(self, kept: Collection[Serving]) -> None:
        """Delete the vectors of earlier models."""
        for space in set(self._catalogue.spaces()) - {one.space for one in kept}:
            # First: a model that comes back must not be taken for one whose vectors are all there.
            self._catalogue.put_state(_embedded(space), 0)
            self._catalogue.drop_vectors(space)

    def _embed(self, embedder: Embedder, space: str, some: Sequence[Stored]) -> None:
        # Another process may be at the same work.
        there = self._catalogue.have_vectors(space, [stored.number for stored in some])
        waiting = [stored for stored in some if stored.number not in there]
        if not waiting:
            return
        texts = [stored.card.symptom for stored in waiting]
        vectors = embedder.embed_documents(texts)
        self._catalogue.put_vectors(
            space, [(s.number, digest(text), v) for s, text, v in zip(waiting, texts, vectors, strict=True)]
        )


def _embedded(space: str) -> str:
    """Key of the revision up to which every card has a vector in a space."""
    return f"embedded:{space}"


def _batches(waiting: list[Stored]) -> list[list[Stored]]:
    """By length, so that short texts do not wait on long ones; in any order, so that two processes share the work."""
    waiting.sort(key=lambda stored: len(stored.card.symptom))
    batches = [waiting[first : first + _TEXTS_AT_ONCE] for first in range(0, len(waiting), _TEXTS_AT_ONCE)]
    random.shuffle(batches)
    return batches
