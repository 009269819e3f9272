"""What one question is answered from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.embed import Embedder, Vectors
from knowledge.embedding import Serving
from knowledge.index import shelf_of
from knowledge.indexes import Indexes
from knowledge.measures import Measures
from knowledge.words import language_of

#: Questions that go through the embedding model together.
_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class View:
    """The base at one moment: it stays the same to the question's end, whatever takes over meanwhile."""

    revision: int
    serving: Serving
    #: `None`: words alone.
    embedder: Embedder | None
    indexes: Indexes
    measures: Measures

    def query_vectors(self, texts: Sequence[str]) -> Iterator[Any]:
        """The questions' vectors in order; `None` each without a model."""
        if self.embedder is None:
            yield from (None for _ in texts)
            return
        for first in range(0, len(texts), _AT_ONCE):
            yield from self.embedder.embed_queries(texts[first : first + _AT_ONCE])

    def likeness(self, text: str, others: Sequence[str]) -> list[float] | None:
        """Cosine of a text with each of others, less that of unrelated ones; `None` without an embedding model."""
        if self.embedder is None or not others:
            return None
        left, rights = self.embedder.embed_queries([text])[0], self.embedder.embed_documents(list(others))
        means = self.measures.mean_cosines(left)
        return [
            float(left @ right) - means.get(shelf_of(language_of(other)), 0.0)
            for right, other in zip(rights, others, strict=True)
        ]

    def topic_vectors(self, texts: Sequence[str], shelves: Sequence[str]) -> Vectors | None:
        """Vectors of texts, each less the average card of its shelf, of length 1; `None` without a model."""
        if self.embedder is None or not texts:
            return None
        firsts = range(0, len(texts), _AT_ONCE)
        vectors = np.concatenate([self.embedder.embed_documents(texts[at : at + _AT_ONCE]) for at in firsts])
        for row, shelf in enumerate(shelves):
            if shelf in self.measures.centroids:
                vectors[row] -= self.measures.centroids[shelf]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)
