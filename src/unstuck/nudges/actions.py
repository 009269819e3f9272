"""What the buttons on a nudge do. Each may be pressed twice, by anybody, late: the first effect stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from unstuck.clock import iso
from unstuck.errors import UserError
from unstuck.nudges.hours import local_day, next_decent
from unstuck.nudges.plan import look_again
from unstuck.nudges.rules import Choice, Hours
from unstuck.nudges.sweep import NUDGE
from unstuck.tickets.tables import Audit

Outcome = Literal["mine", "snoozed", "false_alarm"]
#: A snooze until the customer replies ends after so long, should they never.
LONGEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a nudge stands after somebody pressed a button."""

    nudge_id: int
    ticket_id: int
    #: `mine`, `snoozed`, `false_alarm`, or `moved` when the ticket was faster.
    outcome: str
    by: str | None
    at: datetime
    snoozed_until: datetime | None
    #: Whether this press did it; False when it had been pressed before, or the ticket has moved.
    changed: bool


def mine(session: Session, nudge_id: int, by: str, now: datetime) -> Settled:
    """`by` (a Slack user id) takes the ticket: the ladder rests for as long as the rules say."""
    return _settle(session, nudge_id, "mine", by, now, None)


def snooze(
    session: Session, nudge_id: int, by: str, now: datetime, until: datetime, *, or_reply: bool = False
) -> Settled:
    """Nothing about this stall until then, or until the customer writes; if it still holds, the ladder starts anew."""
    return _settle(session, nudge_id, "snoozed", by, now, until, or_reply=or_reply)


def false_alarm(session: Session, nudge_id: int, by: str, now: datetime) -> Settled:
    """It is no stall: nothing more about it, unless the ticket moves and stands still again."""
    return _settle(session, nudge_id, "false_alarm", by, now, None)


def snooze_until(choice: Choice, now: datetime, hours: Hours, timezone: str) -> datetime:
    """When a snooze ends; `timezone` (IANA) is the person's or the desk's."""
    if choice == "hour":
        return now + timedelta(hours=1)
    if choice == "reply":
        return next_decent(now + LONGEST, hours, None, timezone)
    if choice == "week":
        return next_decent(now + timedelta(days=7), hours, None, timezone)
    _, tomorrow = local_day(now, hours, None, timezone)
    if choice == "workday":
        return next_decent(tomorrow, hours, None, timezone)
    every_day = Hours(hours.start, hours.end, frozenset(range(7)), hours.timezone)
    return next_decent(tomorrow, every_day, None, timezone)


def _settle(
    session: Session,
    nudge_id: int,
    outcome: Outcome,
    by: str,
    now: datetime,
    until: datetime | None,
    *,
    or_reply: bool = False,
) -> Settled:
    row = session.execute(_find(nudge_id).with_for_update()).one_or_none()
    if row is None:
        raise UserError("nudge_unknown", id=nudge_id)
    ticket, key, before, before_by, before_at, before_until, said = row
    pressed_already = before == outcome and (outcome != "snoozed" or before_until == until or now < before_until)
    if before == "moved" or pressed_already:
        return Settled(nudge_id, ticket, before, before_by, before_at, before_until, changed=False)
    news: dict[str, Any] = {
        "outcome": outcome, "outcome_by": by, "outcome_at": now, "snoozed_until": until, "redraw": True,
        "payload": {**said, "until_reply": or_reply},
    }  # fmt: skip
    session.execute(update(NUDGE).where(NUDGE.c.id == nudge_id).values(**news))
    details = {"outcome": outcome} | ({"until": iso(until)} if until else {})
    session.add(Audit(at=now, actor=by, action="nudge", subject=key, details=details))
    look_again(session.connection(), ticket, now)
    return Settled(nudge_id, ticket, outcome, by, now, until, changed=True)


def _find(nudge_id: int) -> Any:
    names = ("ticket_id", "key", "outcome", "outcome_by", "outcome_at", "snoozed_until", "payload")
    return select(*(NUDGE.c[name] for name in names)).where(NUDGE.c.id == nudge_id)
