"""Upkeep of the knowledge base at this desk: who has left, what tickets cost, what teams hear each week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select
from sqlmodel import Session

from knowledge.cards import PUBLIC, Card
from knowledge.upkeep import Report, Upkeep
from unstuck import notices
from unstuck.card_owners import has_left
from unstuck.notices import Told
from unstuck.nudges.recipients import MANAGER
from unstuck.tickets.database import reading
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Source, Team

if TYPE_CHECKING:
    from unstuck.deps import Deps

SOURCE, TEAM = table_of(Source), table_of(Team)

#: Monday at this hour of the desk's day, or the first look after it.
HOUR = 9
#: Tickets that resemble a question, of which the middle one says what it costs.
_LIKE_IT = 5
_WEEK = "upkeep:week"


def look(deps: Deps) -> Report:
    """Find and show what needs people; cards whose owner has left go to the team."""
    hand_over(deps)
    return upkeep(deps).look()


def report(deps: Deps) -> Report:
    """What needs people as far as it is known already: quick enough to wait for."""
    return upkeep(deps).report()


def upkeep(deps: Deps) -> Upkeep:
    return Upkeep(
        deps.knowledge, deps.clock.now(), deps.settings.review_days, lambda question: ticket_cost(deps, question)
    )


def weekly(deps: Deps) -> Report | None:
    """The look of this week, unless it has been; teams and managers hear what came of it, once."""
    week = week_of(deps.clock.now(), deps.settings.timezone)
    if week is None or deps.knowledge.cursor(_WEEK) == week:
        return None
    found = look(deps)
    with deps.sessions.begin() as session:
        _tell_teams(session, found.newest, week, deps.clock.now())
        _tell_managers(session, deps, found, week)
    # Last: after a kill all is done again, and what was written down keeps its key.
    deps.knowledge.put_cursor(_WEEK, week)
    return found


def week_of(now: datetime, timezone: str) -> str | None:
    """The ISO week, such as `2026-W03`; `None` on a Monday before nine."""
    local = now.astimezone(ZoneInfo(timezone))
    year, week, weekday = local.isocalendar()
    return None if weekday == 1 and local.hour < HOUR else f"{year}-W{week:02}"


def hand_over(deps: Deps) -> int:
    """Give the cards of people who have left to their teams; how many cards that were."""
    handed = 0
    left: dict[str, bool] = {}
    with reading(deps.engine) as connection:
        for card in deps.knowledge.live_cards():
            if card.owner and left.setdefault(card.owner, has_left(connection, card)):
                deps.knowledge.ledger.put_care(card.id, owner="", team=card.team)
                handed += 1
    return handed


def ticket_cost(deps: Deps, question: str) -> float | None:
    """Seconds from opening to solving, in the middle of the tickets that resemble a question most."""
    everybody = frozenset({PUBLIC, "internal", *(f"team:{name}" for name in _team_names(deps))})
    hits = deps.knowledge.search(question, _LIKE_IT, visible=everybody)
    with reading(deps.engine) as connection:
        spans = [span for hit in hits if (span := _span(connection, hit.card.source or hit.id)) is not None]
    return median(spans) if spans else None


def _team_names(deps: Deps) -> Sequence[str]:
    with reading(deps.engine) as connection:
        return list(connection.execute(select(TEAM.c.name)).scalars())


def _span(connection: Connection, name: str) -> float | None:
    source, _, ext_id = name.partition("/")
    wanted = select(TICKET.c.created_at, TICKET.c.solved_at).join(SOURCE, SOURCE.c.id == TICKET.c.source_id)
    row = connection.execute(wanted.where(SOURCE.c.name == source, TICKET.c.ext_id == ext_id)).first()
    return (row.solved_at - row.created_at).total_seconds() if row is not None and row.solved_at else None


def _tell_teams(session: Session, newest: Sequence[Card], week: str, now: datetime) -> None:
    """The newest resolutions of each team that has a channel: public ones, for strangers may read there."""
    teams = session.connection().execute(select(TEAM).where(TEAM.c.slack_channel.is_not(None)))
    for team in teams.all():
        theirs = [card for card in newest if card.visibility == PUBLIC and card.team in (team.name, team.ext_id)]
        if theirs:
            shown = [{"title": c.title or c.id, "url": c.url, "steps": c.steps or c.text} for c in theirs]
            key = f"digest:{team.source_id}:{team.ext_id}:{week}"
            told = Told(key, "digest", {"cards": shown}, f"team:{team.ext_id}", team.source_id, team.ext_id)
            notices.put(session, told, now)


def _tell_managers(session: Session, deps: Deps, found: Report, week: str) -> None:
    """How much waits for a decision, when there is anybody to tell."""
    if not found.to_decide or not (deps.settings.managers or deps.settings.nudge_channel):
        return
    counts = {
        "proposals": len(found.proposals),
        "gaps": len(found.gaps),
        "pairs": len(found.pairs),
        "stale": len(found.stale),
    }
    notices.put(session, Told(f"upkeep:{week}", "upkeep", counts, MANAGER), deps.clock.now())
