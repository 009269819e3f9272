"""The risks of open tickets, kept in the store so that messages need not reckon them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.orm import Session

from unstuck.i18n import Lang
from unstuck.nudges.at_risk import AtRisk, at_risk, reason_words
from unstuck.nudges.view import RiskView
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.risk import Reason, Risk
from unstuck.tickets.calendars import load_calendars
from unstuck.tickets.changes import StageClass
from unstuck.tickets.database import lock_for_writing, reading
from unstuck.tickets.history import TICKET, chunks, table_of
from unstuck.tickets.tables import TicketRisk

if TYPE_CHECKING:
    from unstuck.facts import Facts

RISK = table_of(TicketRisk)
OPEN = tuple(stage.value for stage in StageClass if stage.is_open)
#: A smaller chance says nothing that a reader could act on.
WORTH_TELLING = 0.2
#: What was reckoned longer ago is told no more: the job that reckons has stood still.
FRESH_FOR = timedelta(hours=6)


def reckon(engine: Engine, facts: Facts, now: datetime, every: timedelta) -> int:
    """Reckon all risks anew, unless another process has within `every`; how many are worth telling."""
    with reading(engine) as connection:
        last = connection.execute(select(func.max(RISK.c.reckoned_at))).scalar()
        calendars = Calendars(load_calendars(connection))
    if last is not None and now - last < every:
        return 0
    found = at_risk(facts, now, calendars, WORTH_TELLING)
    with Session(engine) as session, session.begin():
        keep(session, found, now)
    return len(found)


def keep(session: Session, found: Iterable[AtRisk], now: datetime) -> None:
    """Put these in the place of what was reckoned before."""
    connection = session.connection()
    lock_for_writing(connection)
    connection.execute(delete(RISK))
    rows = [_row(one, now) for one in found]
    for at in range(0, len(rows), 1000):
        connection.execute(insert(RISK), rows[at : at + 1000])


def _row(one: AtRisk, now: datetime) -> dict[str, Any]:
    said = asdict(one.risk)
    return {
        "ticket_id": one.ticket_id, "what": one.what, "chance": said.pop("chance"), "due_at": one.due,
        "said": {**said, "stage": one.stage}, "reckoned_at": now,
    }  # fmt: skip


def read(connection: Connection, now: datetime, tickets: Sequence[int] | None = None) -> list[AtRisk]:
    """Risks that still hold, the likeliest first; `tickets` (our ids): of these alone."""
    wanted = select(RISK, TICKET.c.ext_id).join(TICKET, TICKET.c.id == RISK.c.ticket_id)
    wanted = wanted.where(RISK.c.due_at > now, RISK.c.reckoned_at > now - FRESH_FOR, RISK.c.reckoned_at <= now)
    # Whatever was known of a ticket's wait ends with that wait; a deadline goes on.
    wanted = wanted.where((RISK.c.what != "overstay") | (TICKET.c.still_since <= RISK.c.reckoned_at))
    wanted = wanted.where(TICKET.c.stage_class.in_(OPEN), TICKET.c.deleted_at.is_(None))
    if tickets is None:
        rows = connection.execute(wanted).all()
    else:
        rows = [row for some in chunks(tickets) for row in connection.execute(wanted.where(RISK.c.ticket_id.in_(some)))]
    return sorted((_found(row) for row in rows), key=lambda one: (-one.risk.chance, one.ticket_id))


def _found(row: Any) -> AtRisk:
    said = row.said
    reasons = tuple(Reason(**reason) for reason in said["reasons"])
    group = tuple((fact, value) for fact, value in said["group"])
    risk = Risk(row.chance, group, said["comparables"], said["rate"], reasons)
    return AtRisk(row.ext_id, row.ticket_id, said["stage"], row.what, row.due_at, risk)


def known(engine: Engine, facts: Facts, now: datetime) -> list[AtRisk]:
    """Risks worth telling at `now`: those that were kept, or reckoned here where none were."""
    with reading(engine) as connection:
        found = read(connection, now)
        calendars = Calendars(load_calendars(connection))
    return found or at_risk(facts, now, calendars, WORTH_TELLING)


def best_by_ticket(found: Iterable[AtRisk]) -> dict[int, AtRisk]:
    """The likeliest risk of each ticket."""
    best: dict[int, AtRisk] = {}
    for one in found:
        if one.ticket_id not in best or one.risk.chance > best[one.ticket_id].risk.chance:
            best[one.ticket_id] = one
    return best


def as_view(one: AtRisk, lang: Lang) -> RiskView:
    """A risk as a message shows it, its reasons in words; how one person's tickets fare is nobody's business there."""
    told = (reason for reason in one.risk.reasons if "assignee" not in reason.fact.split("+"))
    reasons = tuple(reason_words(reason, lang) for reason in told)
    return RiskView(one.what, one.risk.chance, one.due, reasons)
