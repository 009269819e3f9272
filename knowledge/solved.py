"""A solved ticket as a ticket system hands it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.cards import PUBLIC


@dataclass(frozen=True, slots=True)
class Said:
    """A message on a ticket."""

    id: str
    at: datetime
    #: `customer`, `agent` or `bot`.
    author_kind: str
    public: bool
    body: str


@dataclass(frozen=True, slots=True)
class Solved:
    """A solved ticket."""

    #: Unique over all ticket systems: `source/ticket`.
    id: str
    title: str
    description: str
    solved_at: datetime
    messages: Sequence[Said] = ()
    #: What the ticket system has in its resolution field, if anything.
    resolution: str = ""
    url: str | None = None
    owner: str | None = None
    team: str | None = None
    product: str | None = None
    visibility: str = PUBLIC

    def public(self, author_kind: str) -> list[Said]:
        """What one side said for the other to read, oldest first."""
        told = (said for said in self.messages if said.public and said.author_kind == author_kind)
        return sorted(told, key=lambda said: said.at)
