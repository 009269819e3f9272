"""Everything is built here, once, at the edge. Nothing connects or loads a model at import."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.clock import Clock, SystemClock
from unstuck.settings import Settings
from unstuck.tickets.database import Sessions
from unstuck.tickets.store import open_store

if TYPE_CHECKING:
    from knowledge.base import KnowledgeBase
    from unstuck.facts import Facts
    from unstuck.model import LangChainModel


@dataclass(frozen=True)
class Deps:
    """What the features stand on. The heavy parts are opened when they are first asked for."""

    settings: Settings
    clock: Clock
    engine: Engine
    #: `with deps.sessions.begin() as session:` is one transaction; `deps.sessions()` only reads.
    sessions: sessionmaker[Session]

    @cached_property
    def facts(self) -> Facts:
        from unstuck.facts import Facts

        return Facts(self.engine, self.settings.directory / "facts")

    @cached_property
    def model(self) -> LangChainModel | None:
        """The language model of the settings, or None: everything works without one."""
        from unstuck.model import open_model

        return open_model(self.settings)

    @cached_property
    def knowledge(self) -> KnowledgeBase:
        import knowledge

        return knowledge.open(
            self.engine,
            self.settings.directory / "knowledge",
            chroma_url=self.settings.chroma_url,
            embedder=self.settings.embedder,
            model=self.model,
            wrong_target=self.settings.wrong_target,
            now=self.clock.now,
        )

    def close(self) -> None:
        """Give back what was opened."""
        if "knowledge" in self.__dict__:
            self.knowledge.close()
        self.engine.dispose()


def build(settings: Settings, *, clock: Clock | None = None) -> Deps:
    """Open the store of `settings` (migrating it if needed) and hang everything else on it.

    Raises `UserError` when the home directory or the database cannot be used.
    """
    engine = open_store(settings.url)
    return Deps(settings, clock or SystemClock(), engine, Sessions(engine, class_=Session))
