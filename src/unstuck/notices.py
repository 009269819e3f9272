"""The outbox of what we tell people beside nudges: written down once, sent once, whatever is killed when.

    due ── claim ── aim ── sent ──► sent
     ▲        └ leased ┘ └── later      refused for now, or nobody knows: looked up in Slack before the next try
     └──────────────────────┘ └─ fail ──► failed

A row is claimed under a lease; where the message may be is written down before it is posted. A worker that
lost its lease changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from unstuck.tickets.database import insert_into
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Notice

NOTICE = table_of(Notice)

#: Long enough for every call to Slack that one notice may need to time out.
LEASE = timedelta(minutes=3)
#: Waits between attempts: this, doubled each time, at most an hour.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
MOST_ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be told, to whom."""

    #: The same key, the same message: it is sent once.
    key: str
    kind: str
    payload: dict[str, Any]
    recipient: str
    source_id: int | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One notice in the hands of one worker."""

    id: int
    told: Told
    attempts: int
    #: Unguessable: who holds it.
    token: str
    #: Since when there may be a message in `channel` that nobody has confirmed.
    tried_at: datetime | None
    channel: str | None


def put(session: Session, told: Told, due: datetime, *, idle: bool = False) -> bool:
    """Write a notice down; `False` when its key is known already. `idle`: only that there was nothing to tell."""
    statement = _insert(session.connection()).values(_row(told, due, "withdrawn" if idle else "due"))
    return session.execute(statement.returning(NOTICE.c.id)).first() is not None


def put_all(connection: Connection, told: Iterable[tuple[Told, datetime]]) -> None:
    """Write many notices down, each with when it is due; those whose key is known are left as they are."""
    if rows := [_row(one, due, "due") for one, due in told]:
        connection.execute(_insert(connection), rows)


def _insert(connection: Connection) -> postgresql.Insert | sqlite.Insert:
    return insert_into(connection, NOTICE).on_conflict_do_nothing(index_elements=["key"])


def _row(told: Told, due: datetime, state: str) -> dict[str, Any]:
    return {
        "key": told.key,
        "kind": told.kind,
        "payload": told.payload,
        "recipient": told.recipient,
        "source_id": told.source_id,
        "team": told.team,
        "state": state,
        "due_at": due,
        "attempts": 0,
    }


def find(connection: Connection, key: str) -> Any:
    """The row of a notice; None when there is none."""
    return connection.execute(select(NOTICE).where(NOTICE.c.key == key)).one_or_none()


def amend(session: Session, key: str, payload: Mapping[str, Any], now: datetime) -> bool:
    """Add to what a notice says and make it due. `False` when somebody may have read it already, or nobody wrote it."""
    unsent = NOTICE.c.key == key, NOTICE.c.state == "due", NOTICE.c.tried_at.is_(None), NOTICE.c.leased_by.is_(None)
    row = session.execute(select(NOTICE.c.id, NOTICE.c.payload).where(*unsent).with_for_update()).one_or_none()
    if row is None:
        return False
    said = {"payload": row.payload | dict(payload), "due_at": now}
    return bool(session.execute(update(NOTICE).where(NOTICE.c.id == row.id, *unsent).values(**said)).rowcount)  # type: ignore[attr-defined]


def claim(session: Session, now: datetime, *, lease: timedelta = LEASE) -> Held | None:
    """Take the next notice that is due, in the caller's transaction."""
    free = or_(NOTICE.c.lease_until.is_(None), NOTICE.c.lease_until <= now)
    due = select(NOTICE).where(NOTICE.c.state == "due", NOTICE.c.due_at <= now, free)
    row = session.execute(due.order_by(NOTICE.c.id).limit(1).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    token = uuid.uuid4().hex
    taken = {"lease_until": now + lease, "leased_by": token, "attempts": row.attempts + 1}
    session.execute(update(NOTICE).where(NOTICE.c.id == row.id).values(**taken))
    told = Told(row.key, row.kind, row.payload, row.recipient, row.source_id, row.team)
    return Held(row.id, told, row.attempts + 1, token, row.tried_at, row.slack_channel)


def aim(session: Session, held: Held, channel: str, now: datetime) -> bool:
    """From now on there may be a message in `channel`. `False` when the lease is lost or over."""
    here = NOTICE.c.lease_until > now
    return _mark(session, held, here, tried_at=now, slack_channel=channel, payload=held.told.payload)


def sent(session: Session, held: Held, channel: str, ts: str, now: datetime) -> bool:
    return _mark(session, held, state="sent", slack_channel=channel, slack_ts=ts, sent_at=now, error=None)


def later(
    session: Session, held: Held, now: datetime, error: str, *, unsure: bool, wait: timedelta | None = None
) -> bool:
    """Try again later. `unsure`: the message may be there, so it is looked for first.

    `wait`: Slack takes nothing before that, whatever it is; such a try is not counted.
    """
    forgotten: dict[str, Any] = {} if unsure else {"tried_at": None, "slack_channel": None}
    if wait is not None:
        forgotten["attempts"] = held.attempts - 1
    elif held.attempts >= MOST_ATTEMPTS and not unsure:
        return fail(session, held, error)
    else:
        wait = min(FIRST_WAIT * 2 ** min(held.attempts - 1, 10), LONGEST_WAIT)
    return _mark(session, held, due_at=now + wait, lease_until=None, error=error, **forgotten)


def wait(session: Session, held: Held, until: datetime) -> bool:
    """Not at this hour: nothing was tried."""
    return _mark(session, held, due_at=until, lease_until=None, attempts=held.attempts - 1)


def withdraw(session: Session, held: Held) -> bool:
    """What it was to tell holds no longer, and nothing is in Slack."""
    return _mark(session, held, state="withdrawn")


def fail(session: Session, held: Held, error: str) -> bool:
    """Nobody can be reached."""
    return _mark(session, held, state="failed", error=error)


def _mark(session: Session, held: Held, *where: Any, **values: Any) -> bool:
    mine = (NOTICE.c.id == held.id, NOTICE.c.leased_by == held.token, NOTICE.c.state == "due", *where)
    return bool(session.execute(update(NOTICE).where(*mine).values(**values)).rowcount)  # type: ignore[attr-defined]
