"""Our embedding models as LangChain's `Embeddings`, for its vector stores and chains.

from knowledge.langchain import LangChainEmbeddings

store = InMemoryVectorStore(LangChainEmbeddings(choose()))
"""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from knowledge.embed import Embedder, Vectors


class LangChainEmbeddings(Embeddings):
    """One of our embedding models in LangChain's shape."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return _as_lists(self._embedder.embed_documents(texts)) if texts else []

    def embed_query(self, text: str) -> list[float]:
        return _as_lists(self._embedder.embed_queries([text]))[0]


def _as_lists(vectors: Vectors) -> list[list[float]]:
    return [[float(value) for value in vector] for vector in vectors]
