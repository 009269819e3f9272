"""The morning digest: one message a person in place of a pile. Its lines are nudges like any other.

A nudge that may wait is written down with the key of the next morning's notice, which `notices` delivers once.
What it shows is decided when it is sent: whatever has moved by then is left out. Where no digest can be sent,
its nudges go out by themselves (`outbox`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select, update
from sqlalchemy.orm import Session

from unstuck import notices
from unstuck.i18n import Lang
from unstuck.nudges import message, outbox
from unstuck.nudges.desk import Desk
from unstuck.nudges.plan import look_again
from unstuck.nudges.sweep import NUDGE
from unstuck.nudges.view import NudgeView


@dataclass(frozen=True, slots=True)
class Morning:
    """What a digest can tell now."""

    #: Nudges that still hold, the longest wait first.
    nudges: Sequence[int]
    #: When its reader may be disturbed; now, or later.
    decent_at: datetime


def gather(session: Session, key: str, desk: Desk, now: datetime) -> Morning:
    """Look once more at what waits for a digest; whatever has moved is withdrawn."""
    holding: list[tuple[int, int]] = []
    decent_at = [now]
    for row in session.execute(select(NUDGE).where(NUDGE.c.digest == key, NUDGE.c.state == "due")).all():
        seen = outbox.recheck(session, row, desk, now)
        if seen is not None:
            holding.append((-seen.waited, row.id))
            decent_at.append(seen.decent_at)
            payload = {**row.payload, "waited": seen.waited}
            session.execute(update(NUDGE).where(NUDGE.c.id == row.id).values(payload=payload))
    return Morning([nudge for _, nudge in sorted(holding)], max(decent_at))


def views(connection: Connection, nudges: Iterable[int], desk: Desk, lang: Lang, now: datetime) -> list[NudgeView]:
    """The lines of a digest as they stand now."""
    return [message.view(connection, nudge, desk, lang, now=now) for nudge in nudges]


def sent(session: Session, nudges: Sequence[int], channel: str, ts: str, now: datetime) -> None:
    """These stand in a digest in Slack. What has moved meanwhile will be struck through."""
    moved = NUDGE.c.state == "withdrawn"
    values: dict[str, Any] = {
        "state": case((NUDGE.c.state == "due", "sent"), else_=NUDGE.c.state),
        "sent_at": case((NUDGE.c.state == "due", now), else_=NUDGE.c.sent_at),
        "redraw": case((moved, True), else_=NUDGE.c.redraw), "slack_channel": channel, "slack_ts": ts,
    }  # fmt: skip
    session.execute(update(NUDGE).where(NUDGE.c.id.in_(nudges)).values(**values))
    for ticket in session.execute(select(NUDGE.c.ticket_id).where(NUDGE.c.id.in_(nudges))).scalars().all():
        look_again(session.connection(), ticket, now)


@dataclass(frozen=True, slots=True)
class Stale:
    """A digest in Slack that no longer shows what holds."""

    key: str
    nudges: Sequence[int]
    #: When each line of it that is to be drawn anew was settled, as read.
    settled: dict[int, datetime | None]
    channel: str
    ts: str
    lang: str | None


def stale(connection: Connection, *, limit: int = 50) -> list[Stale]:
    """Digests to redraw."""
    outdated = NUDGE.c.redraw, NUDGE.c.digest.is_not(None), NUDGE.c.slack_ts.is_not(None)
    keys = connection.execute(select(NUDGE.c.digest).where(*outdated).distinct().limit(limit)).scalars().all()
    return [found for key in keys if (found := find(connection, key)) is not None]


def find(connection: Connection, key: str) -> Stale | None:
    """A digest that has been sent."""
    notice = notices.find(connection, key)
    if notice is None or notice.slack_ts is None:
        return None
    shown = notice.payload.get("shown", [])
    rows = connection.execute(select(NUDGE.c.id, NUDGE.c.outcome_at).where(NUDGE.c.id.in_(shown), NUDGE.c.redraw))
    lang = notice.payload.get("lang")
    return Stale(key, shown, {row.id: row.outcome_at for row in rows}, notice.slack_channel, notice.slack_ts, lang)


def redrawn(session: Session, one: Stale) -> None:
    """The message shows what held when it was read; whatever was pressed since is drawn the next time."""
    for nudge, at in one.settled.items():
        same = NUDGE.c.id == nudge, NUDGE.c.outcome_at.is_not_distinct_from(at)
        session.execute(update(NUDGE).where(*same).values(redraw=False))


def key_of(connection: Connection, nudge: int) -> str | None:
    """The digest that a nudge stands in."""
    found: str | None = connection.execute(select(NUDGE.c.digest).where(NUDGE.c.id == nudge)).scalar()
    return found
