"""Both indexes of a base, and which process may write them.

A lock file in the directory says who writes: the process that holds it brings the indexes up to date
with the catalogue. Every other process only reads: the word index as it is, the vectors straight from
the catalogue, and what it learns waits in the catalogue until the holder catches up. The system
releases the lock when the holder dies.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from knowledge.catalogue import Catalogue
from knowledge.index import ChromaIndex, ExactIndex, VectorIndex, catch_up, open_embedded, open_server
from knowledge.lexical import LexicalIndex

#: Cards put into the word index in one commit: a kill costs at most this much work again.
_AT_ONCE = 5_000


class Indexes:
    """Opened when first used: starting a command that needs no search must not load Chroma."""

    def __init__(self, catalogue: Catalogue, directory: Path, space: str | None, chroma_url: str | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._catalogue = catalogue
        self._directory = directory
        #: Vector space that is searched; `None` without a model.
        self.space = space
        self._chroma_url = chroma_url
        self._lock = FileLock(directory / "writer.lock", thread_local=False)
        self._chroma: ChromaIndex | None = None
        self._exact = ExactIndex(catalogue, space) if space else None
        self._lexical: LexicalIndex | None = None
        self._seen = -1

    @property
    def lexical(self) -> LexicalIndex:
        if self._lexical is None:
            self._lexical = LexicalIndex(self._directory)
        return self._lexical

    @property
    def vectors(self) -> VectorIndex | None:
        """Chroma where this process may use it, else a comparison with every vector; `None` without a model."""
        if self.space is None:
            return None
        return self._open_chroma() or self._exact

    def is_writer(self) -> bool:
        """Take the lock if it is free."""
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def catch_up(self) -> bool:
        """Bring both indexes to the catalogue's state. Returns whether this process may do so."""
        if not self.is_writer():
            return False
        revision = self._catalogue.revision()
        if revision == self._seen:
            return True
        self._catch_up_words()
        chroma = self._open_chroma()
        if chroma is not None and self.space is not None:
            catch_up(chroma, self._catalogue, self.space)
        self._seen = revision
        return True

    def close(self) -> None:
        self._chroma = self._lexical = None
        self._lock.release()

    def _catch_up_words(self) -> None:
        target = self._catalogue.revision()
        since = self.lexical.revision
        while since < target:
            rows = self._catalogue.changed(since, _AT_ONCE)
            since = max(rows[-1].revision, since) if rows else target
            texts = [(row.number, f"{row.card.title}\n{row.card.text}\n{row.card.steps}") for row in rows if row.live]
            self.lexical.write(texts, [row.number for row in rows if not row.live], since)

    def _open_chroma(self) -> ChromaIndex | None:
        if self._chroma is None and self.space is not None:
            if self._chroma_url is not None:
                self._chroma = open_server(self._chroma_url, self.space)
            elif self.is_writer():
                self._chroma = open_embedded(self._directory, self.space)
        return self._chroma
