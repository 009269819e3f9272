"""The outbox: each nudge is its own row in it. Claimed under a lease, checked again, sent, marked.

    due ── claim ──► sending ── sent ──► sent
     ▲                  │
     └── give_back ─────┤  refused for certain: nothing is in Slack
                        ├── leave_unsure      nobody knows: looked up in Slack before the next try
                        ├── withdraw ──► withdrawn      the ticket has moved
                        └── fail ──► failed   nobody can be reached; the next rung is tried

A due row may also be found `held` back by a trial, or wait for a digest, which a notice carries (`digest`).
A row that its worker left in `sending` (killed, or cut off) is claimed by another one when the lease has run
out, and counts as unsure. Every mark is guarded by the claim: a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.orm import Session

from unstuck.notices import NOTICE
from unstuck.nudges.desk import Desk
from unstuck.nudges.plan import look_again
from unstuck.nudges.recheck import Seen, fate_of, look_once_more
from unstuck.nudges.sweep import NUDGE, told_of
from unstuck.nudges.told import Told
from unstuck.stalls.histories import Known, histories

#: Long enough for every call to Slack that one nudge may need to time out.
LEASE = timedelta(seconds=120)
#: Waits between attempts: this, doubled each time, at most an hour.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
#: Attempts refused for certain after which nobody is expected to answer.
MOST_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """One nudge in the hands of one worker."""

    nudge_id: int
    key: str
    ticket: Known
    rule: str
    occasion: str
    step: int
    recipient: str
    payload: dict[str, Any]
    attempts: int
    #: Unguessable: who holds the claim.
    token: str
    lease_until: datetime
    #: Since when there may be a message in Slack that nobody has confirmed; None when there is none for certain.
    tried_at: datetime | None
    #: Where it may be.
    slack_channel: str | None
    #: The ticket has moved: nothing to send, only to find out whether it was sent.
    moved: bool
    #: Business seconds the ticket has waited by now.
    waited: int


def claim(session: Session, desk: Desk, now: datetime, *, lease: timedelta = LEASE) -> Claim | None:
    """Take the next nudge that still holds, in the caller's transaction; None when nothing is due.

    What no longer holds is withdrawn on the way, what is due outside decent hours put off.
    """
    while (row := _pick(session, now)) is not None:
        taken = _check(session, row, desk, now, lease)
        if taken is not None:
            return taken
    return None


def _pick(session: Session, now: datetime) -> Any:
    """The next row in the outbox, locked; rows that other workers hold are passed over."""
    # Those of a digest go with it, unless they came too late for it.
    gathered = select(NOTICE.c.key).where(NOTICE.c.key == NUDGE.c.digest, NOTICE.c.state == "due").exists()
    due = and_(NUDGE.c.state == "due", NUDGE.c.due_at <= now, or_(NUDGE.c.digest.is_(None), ~gathered))
    left_behind = and_(NUDGE.c.state == "sending", NUDGE.c.lease_until <= now)
    wanted = select(NUDGE).where(or_(due, left_behind)).order_by(NUDGE.c.due_at, NUDGE.c.id).limit(1)
    return session.execute(wanted.with_for_update(skip_locked=True)).one_or_none()


def _check(session: Session, row: Any, desk: Desk, now: datetime, lease: timedelta) -> Claim | None:
    """Look at the ticket once more: claim the nudge, or put it where it belongs.

    One that may be in Slack already is claimed in any case, to find out.
    """
    if row.tried_at is not None:
        return _take(session, row, _look(session, row, _told(session, row), desk, now), now, lease)
    seen = recheck(session, row, desk, now)
    if seen is None:
        return None
    if seen.decent_at > now:
        _update(session, row.id, due_at=seen.decent_at)
        return None
    return _take(session, row, seen, now, lease)


def recheck(session: Session, row: Any, desk: Desk, now: datetime) -> Seen | None:
    """The ticket of a nudge that has not been tried, seen once more; None when it is not to be sent, and is marked so."""
    told = _told(session, row)
    seen = _look(session, row, told, desk, now)
    match fate_of(seen, row, told, desk, now, asks=row.payload.get("ask")):
        case "withdrawn":
            _update(session, row.id, state="withdrawn", outcome=row.outcome or "moved", outcome_at=now)
            return None
        case "failed":
            # As if they could not be reached: the ladder goes on at once.
            _update(session, row.id, state="failed")
        case "held":
            # As if it had been sent: the ladder goes on by its waits, and what becomes of the ticket is followed.
            _update(session, row.id, state="held", sent_at=now, digest=None)
        case "due":
            return seen
    look_again(session.connection(), row.ticket_id, now)
    return None


def _told(session: Session, row: Any) -> list[Told]:
    """All nudges about the ticket of one."""
    return list(told_of(session.connection(), [row.ticket_id]).get(row.ticket_id, {}).values())


def _look(session: Session, row: Any, told: Sequence[Told], desk: Desk, now: datetime) -> Seen:
    history = next(histories(session.connection(), [row.ticket_id]), None)
    if history is None:
        return Seen(Known(row.ticket_id, 0, "?"), False, False, now, 0)
    return look_once_more(history, row, told, desk, now)


def _take(session: Session, row: Any, seen: Seen, now: datetime, lease: timedelta) -> Claim:
    token, until = uuid.uuid4().hex, now + lease
    lock = {"state": "sending", "lease_until": until, "leased_by": token, "attempts": row.attempts + 1}
    _update(session, row.id, **lock, tried_at=row.tried_at or now)
    return Claim(
        nudge_id=row.id,
        key=row.key,
        ticket=seen.ticket,
        rule=row.rule,
        occasion=row.occasion,
        step=row.step,
        recipient=row.recipient,
        payload=row.payload,
        attempts=row.attempts + 1,
        token=token,
        lease_until=until,
        tried_at=row.tried_at,
        slack_channel=row.slack_channel,
        moved=not seen.holds,
        waited=seen.waited,
    )


def _update(session: Session, nudge: int, **values: Any) -> None:
    session.execute(update(NUDGE).where(NUDGE.c.id == nudge).values(**values))


def _mark(session: Session, held: Claim, **values: Any) -> bool:
    """Change a nudge that is still ours; whether it was."""
    ours = NUDGE.c.id == held.nudge_id, NUDGE.c.state == "sending", NUDGE.c.leased_by == held.token
    marked = session.execute(update(NUDGE).where(*ours).values(**values).returning(NUDGE.c.id))
    return marked.one_or_none() is not None


def aim(session: Session, held: Claim, channel: str) -> bool:
    """Note the Slack channel before posting there, so that somebody else knows where to look."""
    return _mark(session, held, slack_channel=channel)


def sent(session: Session, held: Claim, channel: str, ts: str, now: datetime, *, lang: str | None) -> bool:
    """It is in Slack, in that language if known. If its ticket has moved since, it will be struck through."""
    values: dict[str, Any] = {
        "state": "sent", "slack_channel": channel, "slack_ts": ts, "sent_at": now, "error": None, "tried_at": None,
        "payload": {**held.payload, "waited": held.waited, "lang": lang},
    }  # fmt: skip
    # One that came too late for its digest stands by itself.
    values["digest"] = None
    if held.moved:
        values |= {"outcome": "moved", "outcome_at": now, "redraw": True}
    look_again(session.connection(), held.ticket.id, now)
    return _mark(session, held, **values)


def give_back(session: Session, held: Claim, at: datetime, error: str, *, counts: bool = True) -> bool:
    """Nothing was posted: try again at `at`, or give up after many attempts that count."""
    attempts = held.attempts if counts else held.attempts - 1
    if attempts >= MOST_ATTEMPTS:
        return fail(session, held, at, error)
    again = {"state": "due", "due_at": at, "attempts": attempts}
    return _mark(session, held, **again, leased_by=None, tried_at=None, error=error)


def leave_unsure(session: Session, held: Claim, at: datetime, error: str) -> bool:
    """Nobody knows whether it is in Slack: from `at` on somebody looks, then sends it if it is not."""
    return _mark(session, held, lease_until=at, leased_by=None, error=error)


def withdraw(session: Session, held: Claim, now: datetime) -> bool:
    """The ticket has moved, and nothing is in Slack."""
    return _mark(session, held, state="withdrawn", outcome="moved", outcome_at=now, tried_at=None)


def fail(session: Session, held: Claim, now: datetime, error: str) -> bool:
    """Nobody can be reached on this rung: an admin sees why, and the ladder goes on."""
    look_again(session.connection(), held.ticket.id, now)
    return _mark(session, held, state="failed", error=error, tried_at=None)


def wait_before(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Stale:
    """A message in Slack that no longer shows what holds."""

    nudge_id: int
    channel: str
    ts: str
    lang: str | None
    outcome: str | None
    outcome_at: datetime | None


def stale(connection: Connection, *, limit: int = 100) -> Iterator[Stale]:
    """Messages to redraw, oldest first."""
    columns = (NUDGE.c[name] for name in ("id", "slack_channel", "slack_ts", "payload", "outcome", "outcome_at"))
    wanted = select(*columns).where(NUDGE.c.redraw, NUDGE.c.slack_ts.is_not(None), NUDGE.c.digest.is_(None))
    for nudge, channel, ts, payload, outcome, at in connection.execute(wanted.order_by(NUDGE.c.id).limit(limit)):
        yield Stale(nudge, channel, ts, payload.get("lang"), outcome, at)


def redrawn(session: Session, one: Stale) -> None:
    """The message shows what held when it was read; whatever was pressed since is drawn the next time."""
    same = NUDGE.c.id == one.nudge_id, NUDGE.c.outcome_at.is_not_distinct_from(one.outcome_at)
    session.execute(update(NUDGE).where(*same).values(redraw=False))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A nudge that is not getting through, for an admin to see."""

    key: str
    state: str
    attempts: int
    error: str


def troubles(session: Session, *, limit: int = 50) -> Iterator[Trouble]:
    """Nudges that failed, or were refused and will be tried again; newest first."""
    stuck = NUDGE.c.error.is_not(None), NUDGE.c.state.in_(("due", "sending", "failed"))
    columns = NUDGE.c.key, NUDGE.c.state, NUDGE.c.attempts, NUDGE.c.error
    rows = session.execute(select(*columns).where(*stuck).order_by(NUDGE.c.id.desc()).limit(limit))
    return (Trouble(*row) for row in rows)
