"""Where an import's changes go: into the store, or nowhere (a dry run)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from unstuck.clock import Clock
from unstuck.imports.mapping import ColumnMap
from unstuck.tickets import store
from unstuck.tickets.changes import PersonRecord, StageClass, TeamRecord, TicketChange
from unstuck.tickets.history import stages_of
from unstuck.tickets.stages import guess
from unstuck.tickets.tables import Calendar, Source


class Sink(Protocol):
    """Takes changes batch by batch."""

    def rows_done(self) -> int:
        """Number of the last row that an earlier, interrupted run has stored; 0 when there is none."""

    def put(self, changes: Sequence[TicketChange], *, last_row: int) -> store.Applied: ...

    def finish(self) -> dict[str, StageClass]:
        """Close the import; the statuses whose class was told by their name alone."""


class StoreSink:
    """Stores each batch in a transaction of its own, together with how far the file has been stored."""

    def __init__(
        self, engine: Engine, mapping: ColumnMap, clock: Clock, *, source: str, stream: str,
        calendars: Iterable[Calendar] = (),
    ) -> None:  # fmt: skip
        self._engine = engine
        self._map = mapping
        self._clock = clock
        self._source = source
        #: Names the file's content and its map: a kill and a second run meet under it.
        self._stream = stream
        self._known: set[tuple[str, str]] = set()
        self._begin(list(calendars))

    def _begin(self, calendars: list[Calendar]) -> None:
        """What is true of the desk, whatever the rows say."""
        with Session(self._engine) as session, session.begin():
            source = self._get_source(session)
            if self._map.kind == "map":
                store.put_stages(session, source, _meanings(self._map, self._map.classes), "map")
            store.put_calendars(session, calendars)
            teams = [TeamRecord(calendar.name, calendar.name, calendar=calendar.name) for calendar in calendars[1:]]
            store.put_teams(session, source, teams)

    def _get_source(self, session: Session) -> Source:
        return store.get_source(session, self._source, self._map.kind)

    def rows_done(self) -> int:
        with Session(self._engine) as session, session.begin():
            value = store.get_cursor(session, self._get_source(session), self._stream)
        done = json.loads(value) if value else {"rows": 0, "whole": False}
        # A file that was stored whole is read again in full: that is what proves nothing is missing.
        return 0 if done["whole"] else int(done["rows"])

    def put(self, changes: Sequence[TicketChange], *, last_row: int) -> store.Applied:
        with Session(self._engine) as session, session.begin():
            source = self._get_source(session)
            now = self._clock.now()
            names = self._new_names(changes)
            self._put_names(session, source, names)
            applied = store.apply(session, source, changes, seen_at=now)
            self._put_cursor(session, source, last_row, whole=False)
        self._known |= names
        return applied

    def _put_cursor(self, session: Session, source: Source, last_row: int, *, whole: bool) -> None:
        value = json.dumps({"rows": last_row, "whole": whole})
        store.put_cursor(session, source, self._stream, value, at=self._clock.now())

    def _new_names(self, changes: Iterable[TicketChange]) -> set[tuple[str, str]]:
        """(`status`, `team` or `agent`; name) of what these changes are the first to mention."""
        names: set[tuple[str, str]] = set()
        for change in changes:
            for field, kind in (("status", "status"), ("team", "team"), ("assignee", "agent")):
                if name := change.values.get(field):
                    names.add((kind, name))
            if change.message and change.actor and change.message.author_kind == "agent":
                names.add(("agent", change.actor))
        return names - self._known

    def _put_names(self, session: Session, source: Source, names: set[tuple[str, str]]) -> None:
        of_kind = {kind: sorted(name for k, name in names if k == kind) for kind, _ in names}
        if self._map.kind != "map":
            told = _told_by_system(self._map, of_kind.get("status", []))
            store.put_stages(session, source, _meanings(self._map, told), "recognised")
        store.put_teams(session, source, [TeamRecord(name, name) for name in of_kind.get("team", [])])
        store.put_people(session, source, [PersonRecord(name, name, "agent") for name in of_kind.get("agent", [])])

    def finish(self) -> dict[str, StageClass]:
        with Session(self._engine) as session, session.begin():
            source = self._get_source(session)
            self._put_cursor(session, source, 0, whole=True)
            assert source.id is not None
            stages = stages_of(session.connection(), source.id)
        used = {name for kind, name in self._known if kind == "status"}
        return {status: meant[1] for status, meant in stages.items() if status in used - self._map.classes.keys()}


class DrySink:
    """Counts what would be new, and stores nothing."""

    def __init__(self, engine: Engine | None, mapping: ColumnMap, *, source: str) -> None:
        self._engine = engine
        self._map = mapping
        self._source = source
        self._statuses: set[str] = set()

    def rows_done(self) -> int:
        return 0

    def put(self, changes: Sequence[TicketChange], *, last_row: int) -> store.Applied:  # noqa: ARG002
        self._statuses.update(status for change in changes if (status := change.values.get("status")))
        messages = sum(change.message is not None for change in changes)
        return store.Applied(len(changes), self._count_new(changes), messages)

    def _count_new(self, changes: Sequence[TicketChange]) -> int:
        if self._engine is None:
            return len({change.change_id for change in changes})
        with store.reading(self._engine) as connection:
            return store.count_new(connection, self._source, changes)

    def finish(self) -> dict[str, StageClass]:
        told = _told_by_system(self._map, self._statuses)
        guessed = {status: guess(status) for status in sorted(self._statuses)}
        return {status: meant for status, meant in {**guessed, **told}.items() if status not in self._map.classes}


def _told_by_system(mapping: ColumnMap, statuses: Iterable[str]) -> dict[str, StageClass]:
    """The classes that the recognised system gives statuses, whatever their capitals."""
    told = {status: mapping.classes.get(status.casefold()) for status in statuses}
    return {status: stage_class for status, stage_class in told.items() if stage_class is not None}


def _meanings(mapping: ColumnMap, classes: Mapping[str, StageClass]) -> dict[str, tuple[str, StageClass]]:
    return {status: (mapping.stages.get(status, status), stage_class) for status, stage_class in classes.items()}
