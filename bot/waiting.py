"""What concerns one person, for Home and `/unstuck nudges`: their tickets, their open nudges, what they put off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from bot.blocks import Waiting
from bot.blocks.home import Line
from bot.people import Member
from unstuck.tickets.changes import StageClass
from unstuck.tickets.tables import Nudge, Person, Ticket

DONE = [one.value for one in (StageClass.SOLVED, StageClass.CLOSED, StageClass.DROPPED)]


def waiting(session: Session, member: Member) -> list[Waiting]:
    """The tickets that a message to `member` is still open about, the longest wait first."""
    found = (
        select(Nudge, Ticket)
        .join(Ticket, col(Ticket.id) == col(Nudge.ticket_id))
        .join(Person, col(Person.source_id) == col(Ticket.source_id))
        .where(_is(member), col(Nudge.recipient) == "person:" + col(Person.ext_id))
        .where(col(Nudge.state) == "sent", or_(col(Nudge.outcome).is_(None), col(Nudge.outcome) == "mine"))
    )
    return _latest(session.exec(found).all())


def open_tickets(session: Session, member: Member) -> list[Line]:
    """The open tickets that `member` has, the one that stands still longest first."""
    found = (
        select(Ticket)
        .join(Person, col(Person.source_id) == col(Ticket.source_id))
        .where(_is(member), col(Ticket.assignee) == col(Person.ext_id))
        .where(col(Ticket.deleted_at).is_(None), col(Ticket.stage_class).not_in(DONE))
        .order_by(col(Ticket.still_since), col(Ticket.id))
    )
    return [Line(one.ext_id, one.title, one.url, one.status) for one in session.exec(found)]


def snoozed(session: Session, member: Member, now: datetime) -> list[Line]:
    """What `member` put off and still rests, the next to come back first."""
    found = (
        select(Nudge, Ticket)
        .join(Ticket, col(Ticket.id) == col(Nudge.ticket_id))
        .where(col(Nudge.outcome) == "snoozed", col(Nudge.outcome_by) == member.id, col(Nudge.snoozed_until) > now)
        .order_by(col(Nudge.snoozed_until))
    )
    lines = {t.ext_id: Line(t.ext_id, t.title, t.url, until=n.snoozed_until) for n, t in session.exec(found)}
    return list(lines.values())


def _is(member: Member) -> ColumnElement[bool]:
    """The person as ticket systems know them: by Slack id, or by e-mail."""
    by_id = col(Person.slack_id) == member.id
    if member.email is None:
        return by_id
    return or_(by_id, func.lower(col(Person.email)) == member.email.lower())


def _latest(rows: Iterable[tuple[Nudge, Ticket]]) -> list[Waiting]:
    """One line a ticket, however often it was nudged."""
    lines = {
        ticket.ext_id: Waiting(
            ticket.ext_id, ticket.title, ticket.url, str(nudge.payload["stage"]), int(nudge.payload["waited"])
        )
        for nudge, ticket in sorted(rows, key=lambda row: row[0].id or 0)
    }
    return sorted(lines.values(), key=lambda line: -line.waited)
