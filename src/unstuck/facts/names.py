"""What ids mean: statuses, teams and people of each source, as they were looked up for a snapshot.

A snapshot holds names, not ids, so that no query has to join them in. It remembers each look-up it
made; once one of them would come out differently (a team renamed, a status mapped anew, a calendar
changed) the snapshot is out of date. Names that it never needed may change freely.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from unstuck.tickets.calendars import BusinessCalendar, load_calendars
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import STAGE
from unstuck.tickets.stages import Stages, stage_of

PERSON: Table = SQLModel.metadata.tables["person"]
TEAM: Table = SQLModel.metadata.tables["team"]
SOURCE: Table = SQLModel.metadata.tables["source"]

#: Kind of thing, source, id.
Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Looks ids up, and remembers what came out."""

    sources: Mapping[int, str]
    #: By source: what its statuses mean.
    stages: Mapping[int, Stages]
    #: (source, id) to (name, calendar).
    teams: Mapping[tuple[int, str], tuple[str, str | None]]
    #: (source, id) to (name, kind, team) of everybody but customers.
    people: Mapping[tuple[int, str], tuple[str, str, str | None]]
    #: By team name; `None` is the desk's own.
    calendars: Mapping[str | None, BusinessCalendar]
    #: What has been looked up so far.
    used: dict[Key, str] = field(default_factory=dict)

    def team(self, source: int, ext_id: str | None) -> str | None:
        """A team's name, else its id."""
        return None if ext_id is None else self._look_up("team", source, ext_id)

    def person(self, source: int, ext_id: str | None) -> str | None:
        """A person's name, else the id; customers keep their ids."""
        return None if ext_id is None else self._look_up("person", source, ext_id)

    def kind(self, source: int, ext_id: str) -> str | None:
        """`agent`, `bot` or `unknown`; `None` for customers and strangers."""
        return self._look_up("kind", source, ext_id) or None

    def stages_of(self, source: int) -> Stages:
        """What the source's statuses mean."""
        return self.stages.get(source, {})

    def note_status(self, source: int, status: str | None) -> None:
        """Remember that the stage of `status` was used."""
        if status is not None and ("status", source, status) not in self.used:
            self._look_up("status", source, status)

    def calendar(self, team: str | None) -> BusinessCalendar | None:
        """The calendar that a team (by name) works by: its own, else the desk's."""
        found = self.calendars.get(team)
        return found if found is not None else self.calendars.get(None)

    def agree_with(self, used: Iterable[tuple[Key, str]]) -> bool:
        """Whether every look-up that a snapshot made still comes out the same."""
        return all(self._find(*key) == value for key, value in used)

    def _look_up(self, what: str, source: int, ext_id: str) -> str:
        key = (what, source, ext_id)
        found = self.used.get(key)
        if found is None:
            found = self.used[key] = self._find(what, source, ext_id)
        return found

    def _find(self, what: str, source: int, ext_id: str) -> str:
        if what == "team":
            return self.teams.get((source, ext_id), (ext_id,))[0]
        if what == "person":
            return self.people.get((source, ext_id), (ext_id,))[0]
        if what == "kind":
            known = self.people.get((source, ext_id))
            return known[1] if known else ""
        if what == "status":
            stage, stage_class = stage_of(ext_id, self.stages_of(source))
            return f"{stage_class}:{stage}"
        return _fingerprint(self.calendars)

    def note_calendars(self) -> None:
        """Remember that business time was counted by the calendars as they are."""
        self._look_up("calendars", 0, "")


def _by_source(rows: Iterable[Any]) -> dict[int, dict[str, tuple[str, StageClass]]]:
    stages: dict[int, dict[str, tuple[str, StageClass]]] = {}
    for source, status, stage, meant in rows:
        stages.setdefault(source, {})[status] = (stage, StageClass(meant))
    return stages


def _fingerprint(calendars: Mapping[str | None, BusinessCalendar]) -> str:
    listed = sorted((team or "", repr(calendar)) for team, calendar in calendars.items())
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def read_names(connection: Connection) -> Names:
    """The names as the store knows them now."""
    stages = connection.execute(select(STAGE.c.source_id, STAGE.c.status, STAGE.c.stage, STAGE.c.stage_class))
    teams = connection.execute(select(TEAM.c.source_id, TEAM.c.ext_id, TEAM.c.name, TEAM.c.calendar))
    people = connection.execute(
        select(PERSON.c.source_id, PERSON.c.ext_id, PERSON.c.name, PERSON.c.kind, PERSON.c.team).where(
            PERSON.c.kind != "customer"
        )
    )
    return Names(
        sources={row[0]: row[1] for row in connection.execute(select(SOURCE.c.id, SOURCE.c.name))},
        stages=_by_source(stages),
        teams={(source, ext_id): (name, calendar) for source, ext_id, name, calendar in teams},
        people={(source, ext_id): (name, kind, team) for source, ext_id, name, kind, team in people},
        calendars=load_calendars(connection),
    )
