"""Which nudges wait for the next morning's digest, and which morning that is. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from unstuck.nudges.desk import Desk
from unstuck.nudges.sweep import Wanted
from unstuck.nudges.told import round_of

#: So long after a day's first decent instant its digest goes out: sweeps find by then what the night brought.
GATHER = timedelta(minutes=10)


def may_wait(one: Wanted, desk: Desk) -> bool:
    """Whether a nudge may stand in a digest: a person's first about it, and not urgent."""
    wait, first = desk.rules.digest, one.next.step == 0 and round_of(one.next.occasion) == 0
    is_person = one.next.recipient.startswith("person:")
    return wait.enabled and first and is_person and one.next.ask is None and one.stall.priority not in wait.urgent


def is_mild(one: Wanted, desk: Desk) -> bool:
    """Whether it is overdue by little enough to wait though today has room."""
    return may_wait(one, desk) and one.overdue < desk.rules.digest.below


def morning_of(one: Wanted, desk: Desk, now: datetime) -> tuple[str, datetime]:
    """The key of the digest that a nudge waits for, and its day's first decent instant."""
    place, whom = desk.situation(one.ticket.source_id, one.stall), one.next.recipient
    first = place.decent(place.day(now, whom)[0], whom)
    return _keyed(one, desk, first) if now < first + GATHER else next_morning_of(one, desk, now)


def next_morning_of(one: Wanted, desk: Desk, now: datetime) -> tuple[str, datetime]:
    """The same, of a later day than today."""
    place = desk.situation(one.ticket.source_id, one.stall)
    return _keyed(one, desk, place.next_day(now, one.next.recipient))


def _keyed(one: Wanted, desk: Desk, at: datetime) -> tuple[str, datetime]:
    source, whom = one.ticket.source_id, one.next.recipient
    return f"morning:{source}:{whom}:{desk.situation(source, one.stall).date(at, whom)}", at
