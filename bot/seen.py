"""What happens once: whoever writes its key first does it, in this process or another. Whole requests: `errands.py`."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot import errands
from unstuck.tickets.tables import SeenEvent

#: Slack repeats an event for minutes, not days.
KEPT_FOR = timedelta(days=2)


def claim(sessions: sessionmaker[Session], key: str, now: datetime) -> bool:
    """Whether `key` is new. True once, for one caller, however many ask at the same time.

    An errand that is done again after a crash gets what it claimed before.
    """
    held = errands.current()
    by = held.key if held is not None else None
    try:
        with sessions.begin() as session:
            session.add(SeenEvent(key=key, at=now, by=by))
    except IntegrityError:
        return by is not None and _claimed_by(sessions, key) == by
    return True


def _claimed_by(sessions: sessionmaker[Session], key: str) -> str | None:
    with sessions() as session:
        return session.scalar(select(col(SeenEvent.by)).where(col(SeenEvent.key) == key))


def is_known(sessions: sessionmaker[Session], key: str) -> bool:
    """Whether somebody claimed `key` before."""
    with sessions() as session:
        return session.get(SeenEvent, key) is not None


def forget_old(sessions: sessionmaker[Session], now: datetime) -> int:
    """Drop keys that Slack can no longer repeat; the number dropped."""
    with sessions.begin() as session:
        gone = session.execute(delete(SeenEvent).where(col(SeenEvent.at) < now - KEPT_FOR))
        return int(getattr(gone, "rowcount", 0))
