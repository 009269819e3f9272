"""Connector to store: page by page, each in one transaction with the cursor that is then complete.

A kill at any moment repeats at most one page, and a repeated page changes nothing. Two processes that read the same
source at once meet at the cursor: the one that finds it moved stops.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from unstuck.clock import Clock, iso
from unstuck.connectors import Connector, Page
from unstuck.sources.config import SourceConfig
from unstuck.sources.statuses import put_statuses
from unstuck.sources.turns import turns
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, TicketChange
from unstuck.tickets.database import lock_for_writing
from unstuck.tickets.history import TICKET, chunks
from unstuck.tickets.roster import id_of
from unstuck.tickets.tables import Source

log = logging.getLogger("unstuck.sources")

#: Stream of the cursor.
FEED = "feed"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did: the document of `unstuck sync --json`."""

    source: str
    #: Changes read, known ones included.
    pulled: int = 0
    new_changes: int = 0
    cursor: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is, in the ticket system's own rows."""

    rows: int
    #: Rows still to come; `None` where the system does not say.
    left: int | None
    changes: int


Sessions = sessionmaker[Any]
Shown = Callable[[Progress], None]


def engine_of(sessions: Sessions) -> Engine:
    """For what only reads: a session would hold the write lock."""
    engine: Engine = sessions.kw["bind"]
    return engine


class _Overtaken(Exception):
    """Another process has moved the cursor."""


@dataclass(slots=True)
class Pull:
    """One source being read."""

    config: SourceConfig
    connector: Connector
    sessions: Sessions
    clock: Clock
    _known_apart: dict[str, datetime] = field(default_factory=dict)

    def run(self, show: Shown = lambda _: None) -> Pulled:
        """Read what happened since the last time. Raises `ConnectorError`; what was read until then is stored."""
        begun = time.monotonic()
        cursor = self._begin()
        total = Pulled(self.config.name, cursor=cursor)
        rows = 0
        try:
            for page in self.connector.changes(cursor):
                applied = self.put(page, before=cursor)
                cursor = page.cursor
                rows += page.rows
                total = replace(
                    total, pulled=total.pulled + applied.changes, new_changes=total.new_changes + applied.new_changes,
                    cursor=cursor,
                )  # fmt: skip
                show(Progress(rows, page.left, total.pulled))
        except _Overtaken:
            log.info("%s: another process is reading it", self.config.name)
        return replace(total, seconds=round(time.monotonic() - begun, 2))

    def _begin(self) -> str | None:
        """The cursor; before the first page, what the system's words mean."""
        with self.sessions.begin() as session:
            cursor = store.get_cursor(session, self.source(session), FEED)
            store.put_stages(
                session, self.source(session), {s: (s, meant) for s, meant in self.config.classes.items()}, "map"
            )
        if cursor is None:
            self.learn_words()
        return cursor

    def learn_words(self) -> int | None:
        """Store statuses, teams and people; how many tickets the system says it has."""
        said = self.connector.describe()
        with self.sessions.begin() as session:
            source = self.source(session)
            put_statuses(session, source, said.statuses, self.config.classes, self.clock.now())
            store.put_teams(session, source, said.teams)
            store.put_people(session, source, said.people)
        return said.tickets

    def source(self, session: Session) -> Source:
        return store.get_source(session, self.config.name, self.config.system)

    def source_id(self) -> int:
        with self.sessions.begin() as session:
            return id_of(self.source(session))

    def put(self, page: Page, *, before: str | None = None, moves: bool = True) -> store.Applied:
        """Store a page in one transaction; with `moves`, the cursor with it."""
        turns.give_way()
        with self.sessions.begin() as session:
            source, now = self.source(session), self.clock.now()
            # Between reading the cursor and moving it nobody else may.
            lock_for_writing(session.connection())
            if moves and store.get_cursor(session, source, FEED) != before:
                raise _Overtaken
            store.put_people(session, source, page.people)
            store.put_teams(session, source, page.teams)
            applied = store.apply(session, source, self.told_apart(session, source, page.changes), seen_at=now)
            if moves and page.cursor is not None:
                store.put_cursor(session, source, FEED, page.cursor, at=now)
        return applied

    def told_apart(self, session: Session, source: Source, changes: Sequence[TicketChange]) -> Iterator[TicketChange]:
        """Tickets that got the number of a deleted one become tickets of their own: `42` and `42@2026-03-01T…Z`."""
        stated = {change.ticket: change.ticket_created_at for change in changes if change.ticket_created_at}
        for some in chunks(stated.keys() - self._known_apart.keys()):
            wanted = select(TICKET.c.ext_id, TICKET.c.created_at).where(
                TICKET.c.source_id == id_of(source), TICKET.c.ext_id.in_(some)
            )
            self._known_apart.update((row[0], row[1]) for row in session.connection().execute(wanted))
        for change in changes:
            created = change.ticket_created_at
            first = self._known_apart.setdefault(change.ticket, created) if created else None
            if first is None or created is None or first == created:
                yield change
            else:
                yield gone(change.ticket, first, at=created)
                yield replace(change, ticket=f"{change.ticket}@{iso(created)}")


def gone(number: str, created: datetime, *, at: datetime) -> TicketChange:
    """That a ticket is no longer there, known since `at`: the same change however it was found out."""
    return TicketChange(number, f"{number}@{iso(created)}:gone", at, ChangeKind.DELETED, ticket_created_at=created)


def pull(
    config: SourceConfig, sessions: Sessions, clock: Clock, connector: Connector | None = None,
    show: Shown = lambda _: None,
) -> Pulled:  # fmt: skip
    """Read a source. Raises `ConnectorError` and `UserError`; what was read until then is stored."""
    return Pull(config, connector or config.open(), sessions, clock).run(show)
