"""The open nudges of one person, for Home and `/unstuck nudges`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, func, or_, select

from bot.blocks import Waiting
from bot.people import Member
from unstuck.tickets.tables import Nudge, Person, Ticket


def waiting(session: Session, member: Member) -> list[Waiting]:
    """The tickets that a message to `member` is still open about, the longest wait first."""
    is_me = col(Person.slack_id) == member.id
    if member.email is not None:
        is_me = or_(is_me, func.lower(col(Person.email)) == member.email.lower())
    found = (
        select(Nudge, Ticket)
        .join(Ticket, col(Ticket.id) == col(Nudge.ticket_id))
        .join(Person, col(Person.source_id) == col(Ticket.source_id))
        .where(is_me, col(Nudge.recipient) == "person:" + col(Person.ext_id))
        .where(col(Nudge.state) == "sent", or_(col(Nudge.outcome).is_(None), col(Nudge.outcome) == "mine"))
    )
    return _latest(session.exec(found).all())


def _latest(rows: Iterable[tuple[Nudge, Ticket]]) -> list[Waiting]:
    """One line a ticket, however often it was nudged."""
    lines = {
        ticket.ext_id: Waiting(
            ticket.ext_id, ticket.title, ticket.url, str(nudge.payload["stage"]), int(nudge.payload["waited"])
        )
        for nudge, ticket in sorted(rows, key=lambda row: row[0].id or 0)
    }
    return sorted(lines.values(), key=lambda line: -line.waited)
