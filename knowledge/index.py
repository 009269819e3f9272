"""The vector index: which cards mean something close to a question. The one file that knows Chroma.

Embedded Chroma allows one writing process; the caller holds a lock for it. Cards live in one
collection for each language and vector space: Chroma's own filters cost time in proportion to what
they let through, and a search must be able to ask each language for its best.

The index is a cache. Its mark, the catalogue revision it has reached, is moved only after the rows up
to it were written, and writing a row twice does no harm: after a kill the next catch-up repeats a little.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from knowledge.catalogue import Catalogue

log = logging.getLogger(__name__)

#: Chroma takes at most 5,461 rows in one call.
_AT_ONCE = 2_000
#: Languages that have a collection of their own; all others share one.
_OWN = ("en", "zh")
OTHER = "other"
SHELVES = (*_OWN, OTHER)

Vector = NDArray[np.float32]


def shelf_of(lang: str) -> str:
    """The collection that a card of this language lies in."""
    return lang if lang in _OWN else OTHER


class VectorIndex(Protocol):
    """Finds the nearest cards of one language shelf."""

    def nearest(self, vector: Vector, n: int, shelf: str) -> list[int]: ...


class ChromaIndex:
    """Vectors of one space, in an embedded Chroma or in a Chroma server."""

    def __init__(self, client: Any, space: str) -> None:
        self._client = client
        self._space = space
        self._collections = {shelf: self._open(shelf) for shelf in SHELVES}

    @property
    def revision(self) -> int:
        """How far all collections have caught up with the catalogue."""
        return min(int((collection.metadata or {}).get("revision", 0)) for collection in self._collections.values())

    def upsert(self, rows: Sequence[tuple[int, str, Vector]]) -> None:
        """Put cards in or replace them: (card number, language, vector)."""
        for shelf, collection in self._collections.items():
            here = [(number, vector) for number, lang, vector in rows if shelf_of(lang) == shelf]
            for some in _groups(here):
                collection.upsert(ids=[str(number) for number, _ in some], embeddings=np.stack([v for _, v in some]))
            if collection.count() > 0:
                # A card that has changed its language would be found twice.
                self._delete(collection, [number for number, lang, _ in rows if shelf_of(lang) != shelf])

    def delete(self, numbers: Iterable[int]) -> None:
        every = list(numbers)
        for collection in self._collections.values():
            self._delete(collection, every)

    def mark(self, revision: int) -> None:
        """Say that everything up to `revision` is in."""
        for collection in self._collections.values():
            collection.modify(metadata={"revision": revision})

    def nearest(self, vector: Vector, n: int, shelf: str) -> list[int]:
        collection = self._collections[shelf]
        size = min(n, collection.count())
        if size == 0:
            return []
        found = collection.query(query_embeddings=[vector], n_results=size, include=[])
        return [int(number) for number in found["ids"][0]]

    def drop_other_spaces(self) -> None:
        """Delete what earlier models left."""
        ours = {collection.name for collection in self._collections.values()}
        for collection in self._client.list_collections():
            if collection.name.startswith("cards-") and collection.name not in ours:
                self._client.delete_collection(collection.name)

    def _open(self, shelf: str) -> Any:
        return self._client.get_or_create_collection(
            f"cards-{hashlib.sha256(self._space.encode()).hexdigest()[:12]}-{shelf}",
            embedding_function=None,  # the default one would download a model
            configuration={"hnsw": {"space": "cosine"}},
        )

    @staticmethod
    def _delete(collection: Any, numbers: Sequence[int]) -> None:
        for some in _groups(numbers):
            collection.delete(ids=[str(number) for number in some])


class ExactIndex:
    """Compares with every vector in the catalogue: for a process that must not open the embedded Chroma."""

    def __init__(self, catalogue: Catalogue, space: str) -> None:
        self._catalogue = catalogue
        self._space = space
        self._read_at = -1
        self._shelves: dict[str, tuple[list[int], Vector]] = {}

    def nearest(self, vector: Vector, n: int, shelf: str) -> list[int]:
        self._refresh()
        numbers, vectors = self._shelves.get(shelf, ([], np.empty((0, len(vector)), np.float32)))
        best = np.argsort(-(vectors @ vector))[:n]
        return [numbers[at] for at in best]

    def _refresh(self) -> None:
        revision = self._catalogue.revision()
        if revision == self._read_at:
            return
        rows = self._catalogue.vectors_since(self._space, 0, 2**31)
        for shelf in SHELVES:
            here = [(number, vector) for number, lang, _, vector in rows if shelf_of(lang) == shelf]
            if here:
                self._shelves[shelf] = [number for number, _ in here], np.stack([vector for _, vector in here])
            else:
                self._shelves.pop(shelf, None)
        self._read_at = revision


def open_embedded(directory: Path, space: str) -> ChromaIndex:
    """Chroma in this process. What cannot be read is thrown away and filled again from the catalogue."""
    folder = directory / "chroma"
    try:
        return ChromaIndex(_embedded(folder), space)
    except Exception:
        # Chroma raises whatever its Rust core or SQLite does; all of it means the same: the cache is damaged.
        log.exception("the vector index in %s cannot be read; it is built anew", folder)
        shutil.rmtree(folder, ignore_errors=True)
        return ChromaIndex(_embedded(folder), space)


def open_server(url: str, space: str) -> ChromaIndex:
    """A Chroma server, such as `https://chroma.example:8000`."""
    import chromadb

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    client = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if secure else 8000),
        ssl=secure,
        settings=_settings(),
    )
    return ChromaIndex(client, space)


def _embedded(folder: Path) -> Any:
    import chromadb

    folder.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=str(folder), settings=_settings())


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def catch_up(index: ChromaIndex, catalogue: Catalogue, space: str) -> None:
    """Bring the index to the catalogue's state; goes on from its mark."""
    target = catalogue.revision()
    since = index.revision
    if since == target:
        return
    index.delete(catalogue.gone_since(since))
    while rows := catalogue.vectors_since(space, since, _AT_ONCE):
        index.upsert([(number, lang, vector) for number, lang, _, vector in rows])
        since = rows[-1][2]
        index.mark(min(since, target))
    index.mark(target)


def _groups(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for first in range(0, len(values), _AT_ONCE):
        yield values[first : first + _AT_ONCE]
