"""Plain documents to cards: Markdown, HTML, text, CSV and JSON lines, one file or a folder of them.

What each file taught is remembered in the base. Learning the path again updates it: sections and files that
are no longer there are withdrawn, and a file that cannot be read this time keeps what it taught before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.base import KnowledgeBase
from knowledge.cards import Card, Learned
from knowledge.corpus import Rejected
from knowledge.documents.files import is_known, read
from knowledge.embedding import Progress
from knowledge.errors import BadRecord

__all__ = ["is_document", "learn"]

_CARDS_AT_ONCE = 500


def is_document(path: Path) -> bool:
    """Whether `learn` understands `path`: a folder, or a file that it knows by its name."""
    return path.is_dir() or is_known(path)


def learn(base: KnowledgeBase, path: Path, progress: Progress | None = None) -> Learned:
    """Learn a file or a folder, and withdraw what it taught before and no longer says.

    Files and lines that cannot be used are named in `skipped`. Raises `BadRecord` when `path` is a file that
    cannot be used at all, or a folder with nothing to learn (`no_documents`).
    """
    learned = _learn_folder(base, path) if path.is_dir() else _File(base, path, path.name).learn()
    base.catch_up(progress)
    return learned


def _learn_folder(base: KnowledgeBase, folder: Path) -> Learned:
    files = [path for path in sorted(folder.rglob("*")) if _is_wanted(path.relative_to(folder), path)]
    shelf = f"documents:{folder.resolve()}"
    before = set(base.cursor(shelf) or [])
    if not files and not before:
        raise BadRecord("no_documents", str(folder))
    there = {path.relative_to(folder).as_posix() for path in files}
    # Written down before anything is stored: a kill in between leaves no file that nobody remembers.
    base.put_cursor(shelf, sorted(before | there))
    learned = Learned()
    for path in files:
        inside = path.relative_to(folder).as_posix()
        try:
            learned += _File(base, path, f"{folder.resolve().name}/{inside}").learn()
        except BadRecord as problem:
            learned += Learned(skipped=((inside, problem.reason),))
    for inside in before - there:
        _File(base, folder / inside, "").forget()
    base.put_cursor(shelf, sorted(there))
    return learned


def _is_wanted(inside: Path, path: Path) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and is_known(path) and path.is_file()


@dataclass(frozen=True)
class _File:
    """A file, and what the base has learned from it."""

    base: KnowledgeBase
    path: Path
    #: What its cards' ids begin with.
    name: str
    _skipped: list[tuple[str, str]] = field(default_factory=list)

    def learn(self) -> Learned:
        # All of a document or nothing: what comes after a broken place may say the opposite.
        cards = list(self._usable(read(self.path, self.name)))
        before, now = set(self.base.cursor(self._shelf) or []), {card.id for card in cards}
        if now - before:
            self.base.put_cursor(self._shelf, sorted(before | now))
        learned = Learned(skipped=tuple(self._skipped))
        for some in _batches(cards):
            learned += self.base.store(some)
        # A line that cannot be used this time keeps what it said before.
        kept = now | (before & {name for name, _ in self._skipped})
        self.base.forget(before - kept)
        if before != kept:
            self.base.put_cursor(self._shelf, sorted(kept))
        return learned

    def forget(self) -> None:
        self.base.forget(self.base.cursor(self._shelf) or [])
        self.base.put_cursor(self._shelf, [])

    @property
    def _shelf(self) -> str:
        return f"documents:{self.path.resolve()}"

    def _usable(self, found: Iterator[Card | Rejected]) -> Iterator[Card]:
        for card in found:
            if isinstance(card, Rejected):
                self._skipped.append((card.id, card.reason))
            else:
                yield card


def _batches(cards: Sequence[Card]) -> Iterator[Sequence[Card]]:
    for first in range(0, len(cards), _CARDS_AT_ONCE):
        yield cards[first : first + _CARDS_AT_ONCE]
