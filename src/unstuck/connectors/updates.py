"""Cursors of systems that list tickets by when they were last updated: the moment up to which all have been read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from unstuck.clock import SystemClock, iso, parse_instant
from unstuck.errors import Malformed

BEGINNING = "1970-01-01T00:00:00Z"


def since_of(cursor: str | None, overlap: timedelta) -> str:
    """Where to read on: some of it again, because a slow transaction commits after its timestamp."""
    return iso(parse_instant(cursor) - overlap) if cursor else BEGINNING


def reached(cursor: str | None, newest: str, server_time: datetime | None) -> str:
    """The cursor after a page, by the system's own clock.

    Times in the future, of a clock since set right, do not move it: what comes after them would be passed over.
    """
    now = server_time or SystemClock().now()
    return max(cursor or BEGINNING, iso(min(parse_instant(newest), now)))


def moment(value: object) -> datetime:
    """A time as a system gives it: ISO 8601, or seconds or milliseconds since 1970."""
    text = str(value)
    try:
        if text.isdigit():
            # Milliseconds from 1973 on are more than seconds until the year 5138.
            return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
        return parse_instant(text)
    except (ValueError, OverflowError, OSError):
        raise Malformed("a time that is none") from None
