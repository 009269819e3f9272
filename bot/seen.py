"""What happens once: whoever writes its key first does it, in this process or another. Whole requests: `errands.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot import errands, refusals
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


@contextmanager
def once(sessions: sessionmaker[Session], key: str, now: datetime) -> Iterator[bool]:
    """Whether whoever enters is the first. What fails for good is left to whoever tries next."""
    is_first = claim(sessions, key, now)
    try:
        yield is_first
    except Exception as error:
        # A failure that passes is tried again by the same errand, which holds the claim.
        if is_first and not refusals.is_passing(error):
            give_back(sessions, key)
        raise


def give_back(sessions: sessionmaker[Session], key: str) -> None:
    """It was not done after all."""
    with sessions.begin() as session:
        session.execute(delete(SeenEvent).where(col(SeenEvent.key) == key))


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
