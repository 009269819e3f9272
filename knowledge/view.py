"""What one question is answered from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.embed import Embedder
from knowledge.embedding import Serving
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

    def likeness(self, one: str, other: str) -> float | None:
        """Cosine of two texts less that of unrelated ones; `None` without an embedding model."""
        if self.embedder is None:
            return None
        left, right = self.embedder.embed_queries([one])[0], self.embedder.embed_documents([other])[0]
        return float(left @ right) - self.measures.mean_cosines(left).get(language_of(other), 0.0)
