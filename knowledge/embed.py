"""Texts to vectors: the built-in model on onnxruntime, or any other through sentence-transformers."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import NoModel
from knowledge.models import build
from knowledge.models.build import BuiltModel
from knowledge.models.pinned import ENGLISH, MULTILINGUAL, RECIPES
from knowledge.words import is_rather_chinese

log = logging.getLogger(__name__)

#: One row a text, rows of length 1 at most, so that a product of two rows is how alike they are.
Vectors = NDArray[np.float32]

#: Tokens that go through the model at once. Small enough for the processor's caches: 8,192 take four
#: times as long a text.
_TOKENS_AT_ONCE = 512
#: The name that both built-in models have together.
_PAIR = f"{MULTILINGUAL.name}+{ENGLISH.name}"
#: Share of the English model in the likeness of two texts that are not Chinese; flat between 0.15 and 0.5.
ENGLISH_SHARE = 0.25


class Embedder(Protocol):
    """Turns texts into vectors that can be compared."""

    #: What is stored with the base; vectors of different names or revisions are never mixed.
    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...


def key_of(embedder: Embedder) -> str:
    """Names the space that vectors live in: the same key, comparable vectors."""
    return f"{embedder.name}@{embedder.revision}"


def choose(name: str | None = None, cache: Path | None = None) -> Embedder:
    """The embedder that the user named, else the built-in one.

    Raises `NoModel` when it cannot be loaded: search then goes on with words alone.
    """
    if name is None or name == _PAIR:
        return _built_in(cache)
    if name in RECIPES:
        return OnnxEmbedder(build.get(name, cache))
    from knowledge.transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(name)


def _built_in(cache: Path | None) -> Embedder:
    """Both built-in models as one, or the one that is here."""
    multilingual, english = build.find(MULTILINGUAL, cache), build.find(ENGLISH, cache)
    if multilingual is None and english is None:
        raise NoModel("not_fetched", MULTILINGUAL.name)
    if multilingual is None or english is None:
        here, missing = (english, MULTILINGUAL) if multilingual is None else (multilingual, ENGLISH)
        assert here is not None
        log.warning("%s is not here, so %s works alone; run: unstuck model fetch", missing.name, here.recipe.name)
        return OnnxEmbedder(here)
    return PairEmbedder(OnnxEmbedder(multilingual), OnnxEmbedder(english))


def find_embedder(name: str | None = None, cache: Path | None = None) -> Embedder | None:
    """As `choose`, or `None` when there is no model to be had."""
    try:
        return choose(name, cache)
    except NoModel as error:
        log.warning("no embedding model (%s): search goes by words alone", error)
        return None


class OnnxEmbedder:
    """A built-in model. Loads at first use; safe to share between threads."""

    def __init__(self, model: BuiltModel, threads: int | None = None) -> None:
        self.name = model.recipe.name
        self.revision = model.revision
        self.dimensions = model.recipe.dimensions
        self._model = model
        self._threads = threads
        self._loaded: tuple[Any, Any] | None = None

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self._model.recipe.passage_prefix + text for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self._model.recipe.query_prefix + text for text in texts])

    def _embed(self, texts: list[str]) -> Vectors:
        tokenizer, session = self._load()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for batch in _by_length(ids):
            tokens, mask = _padded([ids[number] for number in batch])
            vectors[batch] = session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return vectors

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import onnxruntime  # type: ignore[import-untyped]
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(self._model.folder / "tokenizer.json"))
            tokenizer.enable_truncation(self._model.recipe.max_tokens)
            tokenizer.no_padding()
            options = onnxruntime.SessionOptions()
            # The arena keeps the memory of the longest batch for ever: 1.8 GB in place of 0.5 GB.
            options.enable_cpu_mem_arena = False
            options.enable_mem_pattern = False  # each batch has another shape
            # Waiting threads sleep: on a shared machine spinning takes the processor from the one that works.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.intra_op_num_threads = self._threads or min(os.cpu_count() or 1, 8)
            session = onnxruntime.InferenceSession(
                str(self._model.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            self._loaded = tokenizer, session
        return self._loaded


class PairEmbedder:
    """Two models as one: a multilingual one for every text, and an English one beside it.

    A vector is both models' side by side, weighted so that the product of two is the weighted mean of their
    cosines. Chinese says nothing to the English model: such a text has the first model's part alone, and its
    vector is shorter than 1.
    """

    def __init__(self, multilingual: Embedder, english: Embedder, share: float = ENGLISH_SHARE) -> None:
        self.name = f"{multilingual.name}+{english.name}"
        self.revision = f"{multilingual.revision}+{english.revision}+{share}"
        self.dimensions = multilingual.dimensions + english.dimensions
        self._multilingual = multilingual
        self._english = english
        self._share = share

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._side_by_side(texts, self._multilingual.embed_documents(texts), self._english.embed_documents)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._side_by_side(texts, self._multilingual.embed_queries(texts), self._english.embed_queries)

    def _side_by_side(
        self, texts: Sequence[str], first: Vectors, english: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        # The same weight for every text: a whole vector would be nearer to everything than half a one.
        vectors[:, : first.shape[1]] = first * np.sqrt(1 - self._share)
        both = [number for number, text in enumerate(texts) if not is_rather_chinese(text)]
        if both:
            vectors[both, first.shape[1] :] = english([texts[number] for number in both]) * np.sqrt(self._share)
        return vectors


def _by_length(ids: list[list[int]]) -> list[list[int]]:
    """Numbers of the texts in batches of similar length: padding is work for nothing."""
    batches: list[list[int]] = []
    batch: list[int] = []
    for number in sorted(range(len(ids)), key=lambda number: len(ids[number])):
        if batch and (len(batch) + 1) * len(ids[number]) > _TOKENS_AT_ONCE:
            batches.append(batch)
            batch = []
        batch.append(number)
    return [*batches, batch] if batch else batches


def _padded(ids: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    width = max(map(len, ids))
    tokens = np.zeros((len(ids), width), np.int64)
    mask = np.zeros((len(ids), width), np.int64)
    for row, some in enumerate(ids):
        tokens[row, : len(some)] = some
        mask[row, : len(some)] = 1
    return tokens, mask
