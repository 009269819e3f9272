"""Conversations in Slack that belong to a ticket, because somebody said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.orm import Session

from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import KnowledgeUse, Nudge, Source, Team, TicketThread

NUDGE, SOURCE, TEAM = table_of(Nudge), table_of(Source), table_of(Team)
THREAD, USE = table_of(TicketThread), table_of(KnowledgeUse)
#: A nudge shows so many.
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A thread in Slack."""

    channel: str
    thread_ts: str
    #: Its permanent link.
    url: str | None = None


def find_ticket(session: Session, typed: str, teams: Sequence[str] | None = None) -> int | None:
    """`Ticket.id` of what somebody typed: a number, `source/number` or an address. `None`: no ticket, or several.

    `teams`: names of those whose tickets there are for whoever asks; `None`: all.
    """
    name = typed.strip().removeprefix("#").strip()
    source, _, number = name.partition("/")
    is_named = or_(
        TICKET.c.ext_id == name, TICKET.c.url == name, (SOURCE.c.name == source) & (TICKET.c.ext_id == number)
    )
    wanted = select(TICKET.c.id).join(SOURCE, SOURCE.c.id == TICKET.c.source_id)
    if teams is not None:
        theirs = (TEAM.c.source_id == TICKET.c.source_id) & (TEAM.c.ext_id == TICKET.c.team)
        wanted = wanted.join(TEAM, theirs).where(TEAM.c.name.in_(teams))
    found = session.execute(wanted.where(is_named, TICKET.c.deleted_at.is_(None)).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


def link(session: Session, ticket_id: int, place: Place, by: str, now: datetime) -> None:
    """Tie a thread to a ticket, in the place of another; answers given there before count for it, too."""
    here = THREAD.c.channel == place.channel, THREAD.c.thread_ts == place.thread_ts
    session.execute(delete(THREAD).where(*here))
    session.add(
        TicketThread(
            ticket_id=ticket_id, channel=place.channel, thread_ts=place.thread_ts, url=place.url, by=by, at=now
        )
    )
    told = USE.c.channel == place.channel, USE.c.thread_ts == place.thread_ts
    session.execute(update(USE).where(*told).values(ticket_id=ticket_id))


def ticket_of(session: Session, channel: str, thread_ts: str) -> int | None:
    """The ticket of a thread: the one that somebody tied it to, or that of the nudge it began with."""
    tied = select(THREAD.c.ticket_id).where(THREAD.c.channel == channel, THREAD.c.thread_ts == thread_ts)
    begun = select(NUDGE.c.ticket_id).where(NUDGE.c.slack_channel == channel, NUDGE.c.slack_ts == thread_ts)
    found = session.execute(tied).scalar()
    return found if found is not None else session.execute(begun).scalar()


def links_of_nudge(connection: Connection, nudge_id: int) -> Sequence[str]:
    """Where the ticket of a nudge is talked about, the latest first."""
    wanted = select(THREAD.c.url).join(NUDGE, NUDGE.c.ticket_id == THREAD.c.ticket_id)
    wanted = wanted.where(NUDGE.c.id == nudge_id, THREAD.c.url.is_not(None))
    return connection.execute(wanted.order_by(THREAD.c.id.desc()).limit(SHOWN)).scalars().all()
