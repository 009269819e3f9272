"""Every event once: whoever writes its key first takes it up, in this process or another."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from unstuck.tickets.tables import SeenEvent

#: Slack repeats an event for minutes, not days.
KEPT_FOR = timedelta(days=2)


def claim(sessions: sessionmaker[Session], key: str, now: datetime) -> bool:
    """Whether `key` is new. True once, for one caller, however many ask at the same time."""
    try:
        with sessions.begin() as session:
            session.add(SeenEvent(key=key, at=now))
    except IntegrityError:
        return False
    return True


def is_known(sessions: sessionmaker[Session], key: str) -> bool:
    """Whether somebody claimed `key` before."""
    with sessions() as session:
        return session.get(SeenEvent, key) is not None


def forget_old(sessions: sessionmaker[Session], now: datetime) -> int:
    """Drop keys that Slack can no longer repeat; the number dropped."""
    with sessions.begin() as session:
        gone = session.execute(delete(SeenEvent).where(col(SeenEvent.at) < now - KEPT_FOR))
        return int(getattr(gone, "rowcount", 0))
