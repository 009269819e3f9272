"""What an admin sees at a glance: ticket systems and how far behind they are, who and what cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Table, func, select
from sqlalchemy.orm import Session

from unstuck import troubles
from unstuck.nudges import rules
from unstuck.sources import config as configured
from unstuck.sources.pull import FEED
from unstuck.tickets.database import reading
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Cursor, Notice, Nudge, Person, Source, Team, WriteBack
from unstuck.troubles import Seen

if TYPE_CHECKING:
    from unstuck.deps import Deps

CURSOR, NOTICE, NUDGE, PERSON = table_of(Cursor), table_of(Notice), table_of(Nudge), table_of(Person)
SOURCE, TEAM, WRITE = table_of(Source), table_of(Team), table_of(WriteBack)
#: Trouble that is older is over.
RECENT = timedelta(days=7)
#: Names of a kind that are shown.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Connected:
    """A ticket system, and when it was read last."""

    name: str
    system: str
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Names:
    """Some names of many."""

    shown: tuple[str, ...]
    n: int


@dataclass(frozen=True, slots=True)
class Health:
    connected: tuple[Connected, ...]
    #: Agents who cannot be written to in Slack: neither an e-mail address nor a Slack id is known.
    unmapped: Names
    #: Teams without a channel in Slack: what they should hear goes to their lead or the managers.
    silent: Names
    #: Rule to whether it is on.
    rules: tuple[tuple[str, bool], ...]
    #: Messages of the last days that reached nobody, and writes that a ticket system refused.
    failed_messages: int
    refused_writes: int
    #: What did not get through to Slack in the last day, newest first.
    troubles: tuple[Seen, ...] = ()


def health(deps: Deps) -> Health:
    since = deps.clock.now() - RECENT
    home = deps.settings.directory
    desk_rules = rules.load(home)
    with reading(deps.engine) as connection:
        read = _read_at(connection)
        agents = PERSON.c.kind == "agent", PERSON.c.active, PERSON.c.email.is_(None), PERSON.c.slack_id.is_(None)
        unheard = TEAM.c.slack_channel.is_(None), TEAM.c.name.not_in(list(desk_rules.channels))
        failed = _count(connection, NUDGE, NUDGE.c.state == "failed", NUDGE.c.due_at >= since)
        failed += _count(connection, NOTICE, NOTICE.c.state == "failed", NOTICE.c.due_at >= since)
        return Health(
            connected=tuple(
                Connected(name, configured.get(home, name).system, read.get(name)) for name in configured.names(home)
            ),
            unmapped=_names(connection, PERSON, *agents),
            silent=_names(connection, TEAM, *unheard),
            rules=tuple((rule.name, rule.enabled) for rule in desk_rules.rules),
            failed_messages=failed,
            refused_writes=_count(connection, WRITE, WRITE.c.state == "refused", WRITE.c.asked_at >= since),
            troubles=tuple(islice(troubles.recent(Session(connection), deps.clock.now()), SHOWN)),
        )


def _read_at(connection: Connection) -> dict[str, datetime]:
    wanted = select(SOURCE.c.name, CURSOR.c.updated_at).join(SOURCE, SOURCE.c.id == CURSOR.c.source_id)
    return {row.name: row.updated_at for row in connection.execute(wanted.where(CURSOR.c.stream == FEED))}


def _names(connection: Connection, table: Table, *where: ColumnElement[bool]) -> Names:
    shown = connection.execute(select(table.c.name).where(*where).order_by(table.c.name).limit(SHOWN)).scalars()
    return Names(tuple(shown), _count(connection, table, *where))


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar() or 0)
