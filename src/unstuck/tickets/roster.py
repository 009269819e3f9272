"""Who and what a source knows beside its tickets: people, teams, calendars, and how far it has been read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.orm import Session

from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.database import insert_into
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Calendar, Cursor, Person, Source, Team


def id_of(source: Source) -> int:
    if source.id is None:
        raise ValueError("the source has not been stored: use get_source")
    return source.id


def put_people(session: Session, source: Source, people: Iterable[PersonRecord]) -> None:
    """Store people by (source, ext_id); what a record does not know is kept."""
    rows = [
        {
            "source_id": id_of(source),
            "ext_id": person.ext_id,
            "kind": person.kind,
            "name": person.name,
            "email": person.email,
            "team": person.team,
            "active": person.active,
        }
        for person in people
    ]
    _upsert(session.connection(), table_of(Person), ["source_id", "ext_id"], rows, unknown={"kind": "unknown"})


def put_teams(session: Session, source: Source, teams: Iterable[TeamRecord]) -> None:
    """Store teams by (source, ext_id); what a record does not know is kept."""
    rows = [
        {
            "source_id": id_of(source),
            "ext_id": team.ext_id,
            "name": team.name,
            "slack_channel": team.slack_channel,
            "calendar": team.calendar,
            "lead": team.lead,
        }
        for team in teams
    ]
    _upsert(session.connection(), table_of(Team), ["source_id", "ext_id"], rows)


def put_calendars(session: Session, calendars: Iterable[Calendar]) -> None:
    """Store business calendars by name."""
    for calendar in calendars:
        session.merge(calendar)


def except_day(session: Session, day: date, *, closed: bool) -> bool:
    """Say in all calendars that the desk rests on a day, or works its usual hours; `False` when there are none."""
    found = session.execute(select(Calendar).with_for_update()).scalars().all()
    for calendar in found:
        usual = calendar.hours.get(str(day.weekday()), [])
        calendar.exceptions = {**calendar.exceptions, day.isoformat(): "off" if closed else usual}
    return bool(found)


def get_cursor(session: Session, source: Source, stream: str) -> str | None:
    """How far `stream` has been stored; `None` before its first batch."""
    cursor = table_of(Cursor)
    wanted = select(cursor.c.value).where(cursor.c.source_id == id_of(source), cursor.c.stream == stream)
    return session.connection().execute(wanted).scalar()


def put_cursor(session: Session, source: Source, stream: str, value: str, *, at: datetime) -> None:
    """Say how far `stream` has been stored: in the transaction that stores it."""
    row = {"source_id": id_of(source), "stream": stream, "value": value, "updated_at": at}
    _upsert(session.connection(), table_of(Cursor), ["source_id", "stream"], [row])


def _upsert(
    connection: Connection,
    table: Table,
    key: list[str],
    rows: Sequence[dict[str, Any]],
    unknown: Mapping[str, str] = {},
) -> None:
    """Insert or update by `key`; a null, or the value that `unknown` names for a column, changes nothing."""
    if not rows:
        return
    statement = insert_into(connection, table)
    news = {name: statement.excluded[name] for name in rows[0] if name not in key}
    stated = {name: func.nullif(new, unknown[name]) if name in unknown else new for name, new in news.items()}
    kept = {name: func.coalesce(new, table.c[name]) for name, new in stated.items()}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=kept), rows)
