"""What managers hear in the morning before it is late: risks, surges, and work that nobody owns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Select, and_, func, select
from sqlalchemy.orm import Session

from unstuck import notices
from unstuck.clock import iso
from unstuck.notices import Told
from unstuck.nudges import risks, surges
from unstuck.nudges.at_risk import LIKELY
from unstuck.nudges.desk import read_desk
from unstuck.nudges.hours import local_day, next_decent
from unstuck.nudges.recipients import MANAGER, PERSON, directory_of
from unstuck.nudges.rules import Rules, load
from unstuck.nudges.surges import Surge
from unstuck.settings import Settings
from unstuck.tickets.database import reading
from unstuck.tickets.history import TICKET

if TYPE_CHECKING:
    from unstuck.facts import Facts

KIND = "early"
#: Tickets of each kind that are named.
MOST = 8
#: So long into the day it is still a morning's news.
MORNING = timedelta(hours=4)
#: Nobody need own a ticket that came or moved so recently.
SETTLES = timedelta(days=1)


def is_due(rules: Rules, timezone: str, now: datetime) -> str | None:
    """The local day whose news is due at `now`; None outside working mornings."""
    start, _ = local_day(now, rules.hours, None, timezone)
    first = next_decent(start, rules.hours, None, timezone)
    if not rules.early or not first <= now < first + MORNING:
        return None
    return str(now.astimezone(ZoneInfo(rules.hours.timezone or timezone)).date())


def tell(engine: Engine, facts: Facts, settings: Settings, now: datetime) -> int:
    """Write down today's news for each manager, once; how many of them will hear."""
    day = is_due(load(settings.directory), settings.timezone, now)
    if day is None:
        return 0
    with reading(engine) as connection:
        rules = read_desk(connection, settings, {}).rules
        keys = {one: f"early:{day}:{one}" for one in _whom(connection, settings)}
        if all(notices.find(connection, key) is not None for key in keys.values()):
            return 0
        news = gather(connection, facts, settings.timezone, now)
    with Session(engine) as session, session.begin():
        for one, key in keys.items():
            due = next_decent(now, rules.hours_of(one.partition(":")[2]), None, settings.timezone)
            notices.put(session, Told(key, KIND, news, one), due, idle=not any(news.values()))
    return len(keys) if any(news.values()) else 0


def _whom(connection: Connection, settings: Settings) -> list[str]:
    """Every manager by themselves; the channel for all where none is named."""
    directory = directory_of(connection, settings, None)
    return [f"{MANAGER}:{one}" for one in directory.managers] or ([MANAGER] if directory.channel else [])


def gather(connection: Connection, facts: Facts, timezone: str, now: datetime) -> dict[str, Any]:
    """The news as JSON, without titles: it may be read in a channel. Empty lists and zeros: none."""
    likely = [one for one in risks.read(connection, now) if one.risk.chance >= LIKELY]
    with closing(facts.connect()) as con:
        found = surges.find(con, now, timezone)
    urls = _urls(connection, [one.ticket_id for one in likely[:MOST]])
    at_risk = [
        {
            "ticket": one.ticket, "url": urls.get(one.ticket_id), "stage": one.stage, "what": one.what,
            "due": iso(one.due), "chance": one.risk.chance, "reasons": [asdict(r) for r in one.risk.reasons],
        }
        for one in likely[:MOST]
    ]  # fmt: skip
    return {
        "at_risk": at_risk,
        "at_risk_n": len(likely),
        "surges": [_surge(one) for one in found],
        **dict(_nobodys(connection, now)),
    }


def _surge(one: Surge) -> dict[str, Any]:
    return {"stage": one.stage, "since": iso(one.since), "entered": one.entered, "usual": one.usual}


def _urls(connection: Connection, tickets: list[int]) -> Mapping[int, str | None]:
    rows = connection.execute(select(TICKET.c.id, TICKET.c.url).where(TICKET.c.id.in_(tickets)))
    return {row.id: row.url for row in rows}


def _nobodys(connection: Connection, now: datetime) -> Iterator[tuple[str, Any]]:
    """Open tickets without an owner, and those whose owner is gone, the longest still first."""
    standing = and_(
        TICKET.c.stage_class.in_(risks.OPEN), TICKET.c.deleted_at.is_(None), TICKET.c.still_since < now - SETTLES
    )
    owner = and_(PERSON.c.source_id == TICKET.c.source_id, PERSON.c.ext_id == TICKET.c.assignee)
    unowned = select(TICKET).where(standing, TICKET.c.assignee.is_(None))
    orphaned = select(TICKET).join(PERSON, owner).where(standing, PERSON.c.active.is_(False))
    for name, wanted in (("unowned", unowned), ("orphaned", orphaned)):
        yield name, _oldest(connection, wanted)
        yield f"{name}_n", connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()


def _oldest(connection: Connection, wanted: Select[Any]) -> list[dict[str, Any]]:
    rows = connection.execute(wanted.order_by(TICKET.c.still_since, TICKET.c.id).limit(MOST)).all()
    return [{"ticket": row.ext_id, "url": row.url, "since": iso(row.still_since)} for row in rows]
