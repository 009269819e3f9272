"""Puts the demo desk into a ticket store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from unstuck.demo.desk import SOURCE, Desk
from unstuck.demo.people import DeskPerson, DeskTeam
from unstuck.tickets import store
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.tables import Calendar, Source

#: Changes in one transaction: few enough that others get their turn, many enough to be quick.
_BATCH = 4000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What went into the store."""

    tickets: int
    changes: int
    #: Changes the store did not have yet: none the second time.
    new_changes: int
    messages: int


def load(engine: Engine, desk: Desk, progress: Callable[[int, int], None] | None = None) -> Loaded:
    """Store `desk`; loading it twice adds nothing. `progress` hears (changes done, changes in all)."""
    with Session(engine) as session, session.begin():
        _put_house(session, store.get_source(session, SOURCE, SOURCE), desk)
    # Ticket by ticket: each is folded once.
    changes = iter(sorted(desk.changes, key=lambda change: (change.ticket, change.order)))
    applied = store.Applied()
    while batch := list(islice(changes, _BATCH)):
        with Session(engine) as session, session.begin():
            source = store.get_source(session, SOURCE, SOURCE)
            applied += store.apply(session, source, batch, seen_at=desk.end)
        if progress is not None:
            progress(applied.changes, len(desk.changes))
    tickets = len({change.ticket for change in desk.changes})
    return Loaded(tickets, applied.changes, applied.new_changes, applied.messages)


def _put_house(session: Session, source: Source, desk: Desk) -> None:
    """What holds for all tickets: calendars, teams, people, and what each status means."""
    store.put_calendars(
        session,
        [
            Calendar(
                name=calendar.name,
                timezone=calendar.timezone,
                hours=calendar.hours,
                country=calendar.country,
                exceptions=calendar.exceptions,
            )
            for calendar in desk.calendars
        ],
    )
    store.put_teams(session, source, [_team(team) for team in desk.teams])
    store.put_people(session, source, [_person(person) for person in desk.people])
    stages = {status: (status, stage_class) for status, stage_class in desk.stages.items()}
    store.put_stages(session, source, stages, set_by="map")


def _team(team: DeskTeam) -> TeamRecord:
    return TeamRecord(team.id, team.name, slack_channel=team.slack_channel, calendar=team.calendar, lead=team.lead)


def _person(person: DeskPerson) -> PersonRecord:
    return PersonRecord(person.id, person.name, kind=person.kind, email=person.email, team=person.team)
