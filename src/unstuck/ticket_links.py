"""Addresses of tickets: whose they are, and on which hosts they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urldefrag, urlsplit

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Person, Source, Team

PERSON, SOURCE, TEAM = table_of(Person), table_of(Source), table_of(Team)
#: Slack takes so many domains.
MOST_DOMAINS = 5
#: Tickets whose addresses are looked at to learn the hosts of a source.
SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Linked:
    """A ticket behind an address. All of it is the ticket system's text."""

    ticket: str
    title: str | None
    url: str | None
    status: str | None
    stage_class: str | None
    #: Names, where they are known.
    team: str | None
    assignee: str | None
    still_since: datetime
    #: The team's id and channel, to tell whose ticket it is.
    team_id: str | None
    team_channel: str | None


def find(session: Session, url: str) -> Linked | None:
    """The one known ticket with this address; what stands after `#` or `?` and a last slash do not matter."""
    team = (TEAM.c.source_id == TICKET.c.source_id) & (TEAM.c.ext_id == TICKET.c.team)
    person = (PERSON.c.source_id == TICKET.c.source_id) & (PERSON.c.ext_id == TICKET.c.assignee)
    columns = (
        TICKET.c.ext_id, TICKET.c.title, TICKET.c.url, TICKET.c.status, TICKET.c.stage_class, TEAM.c.name,
        PERSON.c.name, TICKET.c.still_since, TICKET.c.team, TEAM.c.slack_channel,
    )  # fmt: skip
    wanted = select(*columns).outerjoin(TEAM, team).outerjoin(PERSON, person)
    for form in _forms(url):
        rows = session.execute(wanted.where(TICKET.c.url == form, TICKET.c.deleted_at.is_(None)).limit(2)).all()
        if rows:
            return Linked(*tuple(rows[0])) if len(rows) == 1 else None
    return None


def is_team_channel(session: Session, channel: str) -> bool:
    """Whether some team has this channel for its own."""
    return session.execute(select(TEAM.c.id).where(TEAM.c.slack_channel == channel).limit(1)).first() is not None


def domains(connection: Connection, sources: Iterable[str]) -> Iterator[str]:
    """Hosts on which the tickets of these sources lie, the most frequent first."""
    for source in sources:
        wanted = select(TICKET.c.url).join(SOURCE, SOURCE.c.id == TICKET.c.source_id)
        wanted = wanted.where(SOURCE.c.name == source, TICKET.c.url.is_not(None)).order_by(TICKET.c.id.desc())
        urls = connection.execute(wanted.limit(SAMPLE)).scalars()
        hosts = Counter(host for url in urls if (host := host_of(url)) is not None)
        yield from (host for host, _ in hosts.most_common(2))


def host_of(url: str) -> str | None:
    """The host of a web address; `None` where there is none that Slack would take, such as this machine's."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    return host if parts.scheme in ("http", "https") and "." in host and not host.replace(".", "").isdigit() else None


def _forms(url: str) -> Iterator[str]:
    plain = urldefrag(url).url
    bare = plain.partition("?")[0]
    yield from dict.fromkeys((url, plain, bare, bare.rstrip("/"), bare.rstrip("/") + "/"))
