"""Both indexes of a base, and which process may write them.

A lock file in the directory says who writes: the process that holds it brings the indexes up to date
with the catalogue. Every other process only reads: the word index as it is, the vectors straight from
the catalogue, and what it learns waits in the catalogue until the holder catches up. The system
releases the lock when the holder dies. A Chroma server's collections may be written by every holder of a lock:
writing a row twice does no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from knowledge.catalogue import Catalogue
from knowledge.embedding import Serving
from knowledge.errors import IndexLost
from knowledge.index import ChromaIndex, EmbeddedChroma, ServedChroma, VectorIndex, VectorIndexes, catch_up
from knowledge.lexical import LexicalIndex
from knowledge.scan import Scan

log = logging.getLogger(__name__)

#: Cards put into the word index in one commit: a kill costs at most this much work again.
_AT_ONCE = 5_000
#: A question waits while this many changed cards are indexed; more is left to `catch_up`.
_WHILE_ASKED = 2_000
#: After a failure the vector index is left alone for so long.
_LOST_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Indexes:
    """What one question is searched in."""

    lexical: LexicalIndex
    #: `None` without a model.
    vectors: VectorIndex | None
    #: Space of the vectors.
    space: str | None


class IndexDirectory:
    """Opened when first used: starting a command that needs no search must not load Chroma. Safe between threads."""

    def __init__(self, catalogue: Catalogue, directory: Path, chroma_url: str | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._catalogue = catalogue
        self._directory = directory
        self._on_server = chroma_url is not None
        self._chroma: VectorIndexes = ServedChroma(chroma_url) if chroma_url else EmbeddedChroma(directory)
        self._writer = FileLock(directory / "writer.lock", thread_local=False)
        self._lexical: LexicalIndex | None = None
        self._opened: dict[Serving, ChromaIndex] = {}
        self._scans: dict[str, Scan] = {}
        self._lost_until: dict[Serving, float] = {}
        #: Held while the indexes are written.
        self._writing = threading.Lock()
        self._opening = threading.RLock()
        self._seen: tuple[int, Serving] | None = None

    def view(self, serving: Serving) -> Indexes:
        """The indexes as they are: the vector index once it is whole, else a comparison with every vector."""
        if serving.space is None:
            return Indexes(self._words(), None, None)
        chroma = self._find_chroma(serving)
        usable = chroma is not None and self._is_whole(serving, chroma)
        return Indexes(self._words(), chroma if usable else self._scan(serving.space), serving.space)

    def is_writer(self) -> bool:
        """Take the lock if it is free."""
        if self._writer.is_locked:
            return True
        try:
            self._writer.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def catch_up(self, serving: Serving, *, asked: bool = False) -> bool:
        """Bring both indexes to the catalogue's state. Returns whether this process may do so.

        `asked`: a question waits, so only a little is done, and nothing while another thread is at it.
        """
        if not self.is_writer():
            return False
        if self._writing.acquire(blocking=not asked):
            try:
                self._catch_up(serving, asked)
            finally:
                self._writing.release()
        return True

    def build(self, target: Serving, enough: Callable[[], bool]) -> bool:
        """Fill the vector index that is to serve next. Returns whether it is whole."""
        if target.space is None or not self.is_writer():
            return False
        self._lost_until.pop(target, None)
        chroma = self._find_chroma(target)
        try:
            return chroma is not None and catch_up(chroma, self._catalogue, target.space, enough)
        except IndexLost as error:
            log.warning("vector index %s of %s cannot be built: %s", target.generation, target.space, error)
            self.lost(target)
            return False

    def lost(self, serving: Serving) -> None:
        """The vector index failed while a question was asked: compare with every vector for a while."""
        with self._opening:
            log.warning("vector index %s of %s fails; questions do without it", serving.generation, serving.space)
            self._opened.pop(serving, None)
            self._lost_until[serving] = time.monotonic() + _LOST_FOR_S

    def is_damaged(self, serving: Serving) -> bool:
        """Whether files of ours failed. A server that does not answer is not damaged."""
        return serving in self._lost_until and not self._on_server

    def drop_before(self, serving: Serving) -> None:
        """Delete what earlier models and generations have left, in the writing process."""
        if not self.is_writer():
            return
        with self._opening:
            for old in [one for one in self._opened if one.generation < serving.generation]:
                del self._opened[old]
            try:
                self._chroma.drop_before(serving.generation)
            except IndexLost as error:
                log.warning("old vector indexes were not deleted: %s", error)
        scans = {self._scan(space).file for space in [serving.space] if space is not None}
        for file in set(self._directory.glob("scan-*.npz")) - scans:
            file.unlink(missing_ok=True)

    def close(self) -> None:
        with self._opening:
            self._opened.clear()
            self._chroma.close()
            if self._lexical is not None:
                self._lexical.close()
            self._lexical = None
        self._writer.release()

    # -- inside --------------------------------------------------------------------------------

    def _catch_up(self, serving: Serving, asked: bool) -> None:
        revision = self._catalogue.revision()
        if (revision, serving) != self._seen and self._catch_up_words(asked) and self._catch_up_vectors(serving, asked):
            self._seen = (revision, serving)

    def _catch_up_words(self, asked: bool) -> bool:
        target = self._catalogue.revision()
        since = self._words().revision
        # An empty index is filled however long it takes: without a model there is nothing else to search.
        if since > 0 and asked and self._is_far_behind(since):
            return False
        while since < target and (rows := self._catalogue.changed(since, _AT_ONCE)):
            since = rows[-1].revision
            texts = [(row.number, f"{row.card.title}\n{row.card.text}\n{row.card.steps}") for row in rows if row.live]
            self._words().write(texts, [row.number for row in rows if not row.live], since)
        return True

    def _catch_up_vectors(self, serving: Serving, asked: bool) -> bool:
        chroma = self._find_chroma(serving)
        if chroma is None or serving.space is None:
            return serving.space is None
        try:
            far = asked and self._is_far_behind(chroma.read_mark())
            return not far and catch_up(chroma, self._catalogue, serving.space)
        except IndexLost:
            self.lost(serving)
            return False

    def _is_far_behind(self, revision: int) -> bool:
        return self._catalogue.count_changed(revision, _WHILE_ASKED) >= _WHILE_ASKED

    def _words(self) -> LexicalIndex:
        with self._opening:
            if self._lexical is None:
                self._lexical = LexicalIndex(self._directory)
            return self._lexical

    def _scan(self, space: str) -> Scan:
        return self._scans.setdefault(space, Scan(self._catalogue, self._directory, space))

    def _find_chroma(self, serving: Serving) -> ChromaIndex | None:
        """The vector index where this process may use it; `None` also for a while after it has failed."""
        if serving.space is None or not (self._on_server or self.is_writer()):
            return None
        with self._opening:
            if serving not in self._opened:
                if time.monotonic() < self._lost_until.get(serving, 0.0):
                    return None
                try:
                    self._opened[serving] = self._chroma.open(serving.space, serving.generation)
                except IndexLost:
                    log.exception("vector index %s of %s cannot be opened", serving.generation, serving.space)
                    self.lost(serving)
            return self._opened.get(serving)

    def _is_whole(self, serving: Serving, chroma: ChromaIndex) -> bool:
        if not chroma.is_whole:
            try:
                chroma.read_mark()  # another process may have filled it
            except IndexLost:
                self.lost(serving)
        return chroma.is_whole
