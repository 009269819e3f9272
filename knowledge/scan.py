"""The vectors of the catalogue without an index: for processes that must not open the embedded Chroma, and for
the time in which there is none.

Of each vector only the signs are kept, less the average card's: 96 bytes of 1,536, so that a million cards are
compared in a tenth of a second. The signs pick ten times as many cards as are wanted; their vectors, read from the
catalogue, decide.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.catalogue import Catalogue
from knowledge.index import SHELVES, Vector, shelf_of

#: Cards looked up for each one that is wanted.
_LOOKED_UP = 10
#: Vectors read from the catalogue at once.
_READ_AT_ONCE = 5_000
#: Rows compared at once: few enough for the processor's cache.
_COMPARED_AT_ONCE = 16_384
#: So many vectors read anew are worth keeping in a file.
_WORTH_A_FILE = 20_000


@dataclass(frozen=True, slots=True)
class _Signs:
    """Every card's signs, as read up to a revision of the catalogue."""

    revision: int
    numbers: NDArray[np.int64]
    #: Place of each card's language in `SHELVES`.
    shelves: NDArray[np.uint8]
    #: 64 signs in a number.
    signs: NDArray[np.uint64]
    #: The average card of each shelf, one row each, of the first cards that were read.
    centres: Vector


class Scan:
    """Compares a question with every vector of a space. Safe to share between threads."""

    def __init__(self, catalogue: Catalogue, directory: Path, space: str) -> None:
        self._catalogue = catalogue
        self._space = space
        self.file = directory / f"scan-{hashlib.sha256(space.encode()).hexdigest()[:12]}.npz"
        self._lock = threading.Lock()
        self._signs: _Signs | None = None

    def nearest(self, vector: Vector, n: int, shelf: str) -> list[int]:
        signs = self._refreshed(len(vector))
        likely = _likely(signs, vector, _LOOKED_UP * n, SHELVES.index(shelf))
        vectors = self._catalogue.vectors(self._space, likely)
        return sorted(vectors, key=lambda number: -float(vectors[number] @ vector))[:n]

    def _refreshed(self, dimensions: int) -> _Signs:
        with self._lock:
            before = self._signs or _read(self.file, self._catalogue.revision()) or _nothing(dimensions)
            after = self._caught_up(before)
            if len(after.numbers) - len(before.numbers) >= _WORTH_A_FILE:
                _write(self.file, after)
            self._signs = after
            return after

    def _caught_up(self, before: _Signs) -> _Signs:
        """Cards that have gone stay in it: nobody looks them up."""
        parts = [before]
        while True:
            reached, rows = self._catalogue.vectors_since(self._space, parts[-1].revision, _READ_AT_ONCE)
            if reached == parts[-1].revision:
                return _joined(parts) if len(parts) > 1 else before
            parts.append(_signs_of(rows, reached, parts[-1].centres))


def _nothing(dimensions: int) -> _Signs:
    width = -(-dimensions // 64)
    return _Signs(
        0,
        np.empty(0, np.int64),
        np.empty(0, np.uint8),
        np.empty((0, width), np.uint64),
        np.full((len(SHELVES), dimensions), np.nan, np.float32),
    )


def _signs_of(rows: list[tuple[int, str, Vector]], revision: int, centres: Vector) -> _Signs:
    numbers = np.array([number for number, _, _ in rows], np.int64)
    shelves = np.array([SHELVES.index(shelf_of(lang)) for _, lang, _ in rows], np.uint8)
    vectors = np.array([vector for _, _, vector in rows], np.float32).reshape(len(rows), centres.shape[1])
    centres = centres.copy()
    for shelf in np.unique(shelves):
        if np.isnan(centres[shelf, 0]):
            centres[shelf] = vectors[shelves == shelf].mean(axis=0)
    return _Signs(revision, numbers, shelves, _packed(vectors - centres[shelves]), centres)


def _packed(vectors: Vector) -> NDArray[np.uint64]:
    signs = np.packbits(vectors > 0, axis=1)
    padding = -signs.shape[1] % 8
    return np.ascontiguousarray(np.pad(signs, ((0, 0), (0, padding)))).view(np.uint64)


def _joined(parts: list[_Signs]) -> _Signs:
    """Of a card that was read twice the last reading counts."""
    numbers = np.concatenate([part.numbers for part in parts])
    _, from_the_end = np.unique(numbers[::-1], return_index=True)
    kept = len(numbers) - 1 - from_the_end
    shelves = np.concatenate([part.shelves for part in parts])
    signs = np.concatenate([part.signs for part in parts])
    return _Signs(parts[-1].revision, numbers[kept], shelves[kept], signs[kept], parts[-1].centres)


def _likely(signs: _Signs, vector: Vector, n: int, shelf: int) -> list[int]:
    """Cards of a shelf whose signs differ least from the question's."""
    here = np.flatnonzero(signs.shelves == shelf)
    if len(here) > n:
        asked = _packed((vector - signs.centres[shelf])[None])[0]
        differing = np.empty(len(here), np.uint16)
        for first in range(0, len(here), _COMPARED_AT_ONCE):
            some = slice(first, first + _COMPARED_AT_ONCE)
            differing[some] = np.bitwise_count(signs.signs[here[some]] ^ asked).sum(axis=1, dtype=np.uint16)
        here = here[np.argpartition(differing, n)[:n]]
    return [int(number) for number in signs.numbers[here]]


def _read(file: Path, newest: int) -> _Signs | None:
    """What another process has read; `None` where there is nothing of use."""
    try:
        with np.load(file) as kept:
            signs = _Signs(int(kept["revision"]), *(kept[name] for name in ("numbers", "shelves", "signs", "centres")))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return signs if signs.revision <= newest else None  # newer than the catalogue: that was put back to a copy


def _write(file: Path, signs: _Signs) -> None:
    """Replaces the file at once, so that readers have the old one or the new one."""
    scratch = file.with_suffix(f".{os.getpid()}.tmp")
    with scratch.open("wb") as stream:
        np.savez(
            stream,
            revision=signs.revision,
            numbers=signs.numbers,
            shelves=signs.shelves,
            signs=signs.signs,
            centres=signs.centres,
        )
    os.replace(scratch, file)
