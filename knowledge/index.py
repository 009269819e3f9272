"""The vector index: which cards mean something close to a question. The one file that knows Chroma.

Cards live in one collection for each language, vector space and generation: Chroma's own filters cost time
in proportion to what they let through, and a search must be able to ask each language for its best. A new
generation is built beside the old one, which is deleted when the new one serves: in a directory of its
own, or in collections of its own on a server.

The index is a cache. Its mark, the catalogue revision it has reached, is moved only after the rows up
to it were written, and writing a row twice does no harm: after a kill the next catch-up repeats a little.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from knowledge.catalogue import Catalogue
from knowledge.errors import IndexLost

#: Chroma takes at most 5,461 rows in one call.
_AT_ONCE = 2_000
#: How long a Chroma server may take for one call.
_SERVER_TIMEOUT_S = 30.0
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
    """Vectors of one space and generation. Every call raises `IndexLost` when files or server are not what they were."""

    def __init__(self, client: Any, space: str, generation: int) -> None:
        self._client = client
        #: The collection whose metadata says how far all have come.
        self._marked = name_of(space, generation, OTHER)
        self._mark: dict[str, Any] = {}
        with _lost():
            self._collections = {shelf: self._open(name_of(space, generation, shelf)) for shelf in SHELVES}
            self.read_mark()

    @property
    def is_whole(self) -> bool:
        """Whether it has ever held everything: one that is being filled for the first time must not be asked."""
        return bool(self._mark.get("whole", False))

    def read_mark(self) -> int:
        """How far it has caught up with the catalogue. On a server other processes move the mark too."""
        with _lost():
            self._mark = self._client.get_collection(self._marked, embedding_function=None).metadata or {}
        return int(self._mark.get("revision", 0))

    def mark(self, revision: int, *, whole: bool = False) -> None:
        """Say that everything up to `revision` is in; `whole`: and with it all there was in the catalogue."""
        self._mark = {"revision": revision, "whole": whole or self.is_whole}
        with _lost():
            self._collections[OTHER].modify(metadata=self._mark)

    def upsert(self, rows: Sequence[tuple[int, str, Vector]]) -> None:
        """Put cards in or replace them: (card number, language, vector)."""
        with _lost():
            for shelf, collection in self._collections.items():
                here = [(number, vector) for number, lang, vector in rows if shelf_of(lang) == shelf]
                for some in _groups(here):
                    collection.upsert(
                        ids=[str(number) for number, _ in some], embeddings=np.stack([v for _, v in some])
                    )
                # A card that has changed its language would be found twice.
                _delete(collection, [number for number, lang, _ in rows if shelf_of(lang) != shelf])

    def delete(self, numbers: Iterable[int]) -> None:
        every = list(numbers)
        with _lost():
            for collection in self._collections.values():
                _delete(collection, every)

    def nearest(self, vector: Vector, n: int, shelf: str) -> list[int]:
        with _lost():
            found = self._collections[shelf].query(query_embeddings=[vector], n_results=n, include=[])
        return [int(number) for number in found["ids"][0]]

    def _open(self, name: str) -> Any:
        return self._client.get_or_create_collection(
            name,
            embedding_function=None,  # the default one would download a model
            configuration={"hnsw": {"space": "cosine"}},
        )


class VectorIndexes(Protocol):
    """Where vector indexes lie."""

    def open(self, space: str, generation: int) -> ChromaIndex: ...

    def drop_before(self, generation: int) -> None:
        """Delete what earlier generations have left. Never a later one: another process may be building it."""

    def close(self) -> None: ...


class EmbeddedChroma:
    """Chroma in this process, a directory for each generation: a damaged one harms no other, a deleted one frees the
    disk. Only one process may open it; the caller holds a lock for that.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clients: dict[Path, Any] = {}

    def open(self, space: str, generation: int) -> ChromaIndex:
        folder = self._directory / f"chroma-{generation}"
        with _lost():
            if folder not in self._clients:
                self._clients[folder] = _embedded(folder)
            return ChromaIndex(self._clients[folder], space, generation)

    def drop_before(self, generation: int) -> None:
        for folder in self._directory.glob("chroma*"):
            number = folder.name.removeprefix("chroma-")
            if not number.isdigit() or int(number) < generation:
                self._close(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        for folder in list(self._clients):
            self._close(folder)

    def _close(self, folder: Path) -> None:
        client = self._clients.pop(folder, None)
        if client is not None:
            client.close()


class ServedChroma:
    """A Chroma server, such as `https://chroma.example:8000`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    def open(self, space: str, generation: int) -> ChromaIndex:
        with _lost():
            if self._client is None:
                self._client = _served(self._url)
            return ChromaIndex(self._client, space, generation)

    def drop_before(self, generation: int) -> None:
        if self._client is None:
            return
        with _lost():
            for collection in self._client.list_collections():
                if _generation_of(collection.name) < generation:
                    self._client.delete_collection(collection.name)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
            # Chroma leaves its connections open, those of the client within the client too.
            for one in (client, client._admin_client):
                _session(one).close()


def catch_up(index: ChromaIndex, catalogue: Catalogue, space: str, enough: Callable[[], bool] = lambda: False) -> bool:
    """Bring the index to the catalogue's state, from its mark on. Returns whether it got there before it was `enough`."""
    target, since = catalogue.revision(), index.read_mark()
    gone = catalogue.gone_since(since) if since > 0 else []
    index.delete(gone)
    changed = bool(gone) or not index.is_whole
    while not enough():
        reached, rows = catalogue.vectors_since(space, since, _AT_ONCE)
        if reached == since:
            if changed:
                # Not `since`: beyond the target cards may have gone that were not deleted above.
                index.mark(target, whole=True)
            return True
        index.upsert(rows)
        since, changed = reached, True
        if len(rows) >= _AT_ONCE:  # there is more to come, so keep what was done
            index.mark(min(since, target))
    return False


def name_of(space: str, generation: int, shelf: str) -> str:
    """Name of a collection."""
    return f"cards-{hashlib.sha256(space.encode()).hexdigest()[:12]}-{generation}-{shelf}"


def _delete(collection: Any, numbers: Sequence[int]) -> None:
    for some in _groups(numbers):
        # Deleting what is not there costs as much as deleting what is, so look first.
        if here := collection.get(ids=[str(number) for number in some], include=[])["ids"]:
            collection.delete(ids=here)


def _generation_of(name: str) -> float:
    kind, _, generation, *_ = [*name.split("-"), "", "", ""]
    return int(generation) if kind == "cards" and generation.isdigit() else math.inf  # not ours


def _embedded(folder: Path) -> Any:
    import chromadb

    folder.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(path=str(folder), settings=_settings())


def _served(url: str) -> Any:
    import chromadb

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    client = chromadb.HttpClient(host=parts.hostname or "localhost", port=port, ssl=secure, settings=_settings())
    # Chroma would wait for ever; an upsert of a full group takes seconds.
    _session(client).timeout = _SERVER_TIMEOUT_S
    return client


def _session(client: Any) -> Any:
    """The client's HTTP session. It has no public name."""
    return client._server._session


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except IndexLost:
        raise
    except Exception as error:
        # Chroma raises whatever its Rust core, SQLite or HTTP client does; all of it means the same.
        raise IndexLost("index_lost", str(error)) from error


def _groups(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for first in range(0, len(values), _AT_ONCE):
        yield values[first : first + _AT_ONCE]
