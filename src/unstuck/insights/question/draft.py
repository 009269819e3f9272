"""A plan in the making: the words of one reading, and what each of them has been bound to.

The rules bind words; nothing else does. A word that is still free when all rules have run was not
understood, and the reading is no answer (`coverage.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from unstuck.insights.plan import Aggregate, Filter, Grain, Kind, Plan
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import EMPTY, Role, Word
from unstuck.insights.question.normalise import Text
from unstuck.insights.question.periods import Reader, Span


class NoReadingError(Exception):
    """The words do not fit together this way; `words` are to blame."""

    def __init__(self, *words: Word) -> None:
        super().__init__("no reading")
        self.words = words


class DoubtError(Exception):
    """It must be asked back although only one reading was found; `slot` is what is unclear."""

    def __init__(self, slot: str) -> None:
        super().__init__(slot)
        self.slot = slot


class UnsupportedError(Exception):
    """A number that the definitions know and that cannot be computed here."""

    def __init__(self, metric: str) -> None:
        super().__init__(metric)
        self.metric = metric


@dataclass(slots=True)
class Draft:
    """Words, what they were bound to, and the slots of the plan so far."""

    text: Text
    words: tuple[Word, ...]
    reader: Reader
    lexicon: Lexicon
    #: The plan before, when this is a follow-up.
    previous: Plan | None = None
    #: Place of a word to the slot it was bound to.
    bound: dict[int, str] = field(default_factory=dict)
    metric: str | None = None
    variant: str | None = None
    aggregate: Aggregate | None = None
    kind: Kind | None = None
    by: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    #: As-of instants; None in it is "now".
    points: list[Span] = field(default_factory=list)
    against: Span | None = None
    against_metric: str | None = None
    compare_by: str | None = None
    grain: Grain | None = None
    descending: bool = True
    limit: int | None = None
    min_n: int | None = None
    within: float | None = None
    clock: str = "calendar"
    ticket: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    # --- looking at words ---

    def free(self, role: Role, *ids: str) -> list[Word]:
        """Words of a role (and ids) that nothing has been bound to yet."""
        return [word for word in self.words if word.place not in self.bound and word.is_a(role, *ids)]

    def has(self, role: Role, *ids: str) -> bool:
        return any(word.is_a(role, *ids) for word in self.words)

    def first(self, role: Role, *ids: str) -> Word | None:
        return next(iter(self.free(role, *ids)), None)

    def content(self) -> Iterator[Word]:
        return (word for word in self.words if word.role not in EMPTY)

    def before(self, word: Word) -> Word | None:
        """The word in front, empty words skipped."""
        return next((w for w in reversed(self.words[: word.place]) if w.role not in EMPTY), None)

    def after(self, word: Word) -> Word | None:
        """The word behind, empty words skipped."""
        return next((w for w in self.words[word.place + 1 :] if w.role not in EMPTY), None)

    def said(self, word: Word) -> str:
        return self.text.plain[word.start : word.end]

    # --- binding ---

    def bind(self, slot: str, *words: Word | None) -> None:
        for word in words:
            if word is not None:
                self.bound[word.place] = slot

    def bind_all(self, slot: str, words: Iterable[Word]) -> None:
        self.bind(slot, *words)

    def left(self) -> list[Word]:
        """Content words bound to nothing."""
        return [word for word in self.content() if word.place not in self.bound]

    def bound_to(self, *slots: str) -> bool:
        return any(slot in slots for slot in self.bound.values())

    def bound_words(self, role: Role) -> list[Word]:
        return [word for word in self.words if word.role is role and word.place in self.bound]
