"""An embedder that keeps its vectors in a file, so that measuring a base again need not embed it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from knowledge.embed import Embedder, Vectors, key_of
from knowledge.schema import open_engine

_vectors = sa.Table(
    "vector",
    sa.MetaData(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)
_AT_ONCE = 1_000


class RememberingEmbedder:
    """As the embedder that it is made of. A vector depends on nothing but model and text, so none goes stale."""

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self.name, self.revision, self.dimensions = embedder.name, embedder.revision, embedder.dimensions
        self._embedder = embedder
        self._engine = open_engine(f"sqlite:///{path}")
        _vectors.metadata.create_all(self._engine)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._embed("document", texts, self._embedder.embed_documents)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed("query", texts, self._embedder.embed_queries)

    def close(self) -> None:
        self._engine.dispose()

    def _embed(self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]) -> Vectors:
        keys = [self._key(kind, text) for text in texts]
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            fresh = dict(zip(missing, embed(list(missing.values())), strict=True))
            self._keep(fresh)
            known |= fresh
        return np.stack([known[key] for key in keys]) if keys else embed(texts)

    def _key(self, kind: str, text: str) -> str:
        return hashlib.sha256("\n".join([key_of(self._embedder), kind, text]).encode()).hexdigest()

    def _known(self, keys: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        with self._engine.connect().execution_options(only_reads=True) as connection:
            for first in range(0, len(keys), _AT_ONCE):
                query = sa.select(_vectors).where(_vectors.c.key.in_(keys[first : first + _AT_ONCE]))
                found |= {key: np.frombuffer(blob, "<f4") for key, blob in connection.execute(query)}
        return found

    def _keep(self, fresh: dict[str, Vectors]) -> None:
        rows = [{"key": key, "vector": vector.astype("<f4").tobytes()} for key, vector in fresh.items()]
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_vectors).prefix_with("OR IGNORE"), rows)
