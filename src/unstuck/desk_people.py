"""People of the desk, found by who they are in Slack."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Person, Team

PERSON, TEAM = table_of(Person), table_of(Team)


@dataclass(frozen=True, slots=True)
class DeskPerson:
    """Somebody as one ticket system knows them."""

    source_id: int
    ext_id: str
    name: str
    team: str | None
    team_name: str | None


def every(session: Session, slack_id: str, email: str | None) -> list[DeskPerson]:
    """Who somebody in Slack is in each ticket system: matched by Slack id, else by e-mail."""
    is_me = PERSON.c.slack_id == slack_id
    if email:
        is_me = or_(is_me, func.lower(PERSON.c.email) == email.lower())
    same_team = (TEAM.c.source_id == PERSON.c.source_id) & (TEAM.c.ext_id == PERSON.c.team)
    columns = (PERSON.c.source_id, PERSON.c.ext_id, PERSON.c.name, PERSON.c.team, TEAM.c.name)
    wanted = select(*columns).outerjoin(TEAM, same_team).where(is_me, PERSON.c.kind != "customer")
    return [DeskPerson(*row) for row in session.execute(wanted.order_by(PERSON.c.id))]


def find(session: Session, slack_id: str, email: str | None) -> DeskPerson | None:
    """The first of them."""
    return next(iter(every(session, slack_id, email)), None)
