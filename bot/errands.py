"""Errands: what Slack was promised by an acknowledgement, kept until it is done.

    take ── keep ──► held ── done ──► a key that says so
              ▲       │ └── put_off      Slack is away: again in a moment
              └───────┘  its worker is gone: the lease runs out, somebody else takes it

The row is written before Slack hears that we took the request, because Slack repeats what was not acknowledged
and forgets what was. What it keeps is the request itself, encrypted, and only until the errand is done; doing
it again is dispatching that request again, as Slack would have. What was said for it already is found in Slack
by the errand's key (`bot/posting.py`).
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck import troubles
from unstuck.clock import Clock
from unstuck.sealing import Seal, SealBroken
from unstuck.tickets.database import insert_into
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Errand as Row

log = logging.getLogger("unstuck.bot")

ERRAND = table_of(Row)

#: How long a worker that is not heard of keeps its errands, and how often it is heard of.
LEASE, BEAT = timedelta(seconds=45), timedelta(seconds=5)
#: Slack repeats a request for minutes, not days.
REMEMBERED_FOR = timedelta(days=2)
#: An errand that took so many workers with it is not tried on another one.
MOST_CRASHES = 3
#: Nobody waits longer for an answer. A pressed button is somebody's decision: it counts for as long as the
#: response URL lives through which they hear what came of it (30 minutes).
QUESTION_GOOD_FOR, DECISION_GOOD_FOR = timedelta(minutes=10), timedelta(minutes=25)
DECISIONS = frozenset({"block_actions", "view_submission"})
#: Errands that one look takes up.
AT_MOST = 50
#: Requests that are dispatched at a time; each waits until it is kept.
DISPATCHERS = 4


SERVER_ERROR = 500

#: Gives a kept request to its listeners once more; the HTTP status that Slack would have seen.
Dispatch = Callable[["Arrived"], int]


#: Where Bolt's context has the request as it was kept, when it is dispatched once more.
KEPT = "kept"


class LostError(Exception):
    """Somebody else holds the errand now: whatever is still to be said, they say it."""


@dataclass(slots=True)
class Arrived:
    """A request from Slack, while its listener runs."""

    body: Mapping[str, Any]
    #: `app_mention`, `slash_command`, `block_actions`, …
    kind: str
    #: Whether Slack sends it again when it is not acknowledged.
    is_repeated: bool
    #: What makes it one errand. A text arrives as `app_mention` and as `message`: its place counts.
    key: str = ""
    #: Slack's id of the modal that its listener opened: the trigger lives for one, and not for long.
    opened: str | None = None

    def __post_init__(self) -> None:
        self.key = self.key or self._key()

    def _key(self) -> str:
        event = self.body.get("event") or {}
        team = self.team or ""
        if event.get("type") in ("app_mention", "message"):
            return f"{team}:text:{event.get('channel')}:{event.get('ts')}"
        if event:
            return f"{team}:event:{self.body.get('event_id')}"
        return f"{team}:trigger:{self.body.get('trigger_id') or uuid.uuid4().hex}"

    def name(self, place: int | str) -> str:
        """A name for something that belongs to the errand, the same whenever it is done again."""
        return f"{hashlib.sha256(self.key.encode()).hexdigest()[:24]}:{place}"

    @property
    def team(self) -> str | None:
        team = self.body.get("team_id") or (self.body.get("team") or {}).get("id")
        return str(team) if team else None

    @property
    def place(self) -> str:
        """The channel or person it came from."""
        event = self.body.get("event") or {}
        channel = event.get("channel") or self.body.get("channel_id") or (self.body.get("channel") or {}).get("id")
        return str(channel or event.get("user") or "")


@dataclass(slots=True)
class Held:
    """An errand in the hands of this process."""

    key: str
    attempts: int
    #: How many workers ended without a word while they held it.
    crashes: int
    at: datetime
    #: `ts` of a message that an earlier try was streaming.
    growing: str | None
    errands: Errands
    arrived: Arrived
    #: Messages said for it so far, in order.
    _said: int = field(default=0)

    @property
    def is_again(self) -> bool:
        """Whether an earlier try may have said something already."""
        return self.attempts > 1

    @property
    def is_late(self) -> bool:
        good_for = DECISION_GOOD_FOR if self.arrived.kind in DECISIONS else QUESTION_GOOD_FOR
        return self.errands.clock.now() - self.at > good_for

    def next_key(self, name: str | None = None) -> str:
        """The key of the next message, or of the one with that name: the same whenever the errand is done again."""
        self.check()
        if name is None:
            self._said += 1
        return self.arrived.name(name or self._said)

    def check(self) -> None:
        """Raises `LostError` when another process may have taken it up: this one was asleep, say."""
        if not self.errands.is_ours(self):
            raise LostError(self.key)

    def note_growing(self, ts: str | None) -> None:
        self.growing = ts
        self.errands.note_growing(self, ts)


#: The errand that this thread is on, and the request whose listener runs in it.
_current: ContextVar[Held | None] = ContextVar("errand", default=None)
_arrived: ContextVar[Arrived | None] = ContextVar("arrived", default=None)


def current() -> Held | None:
    """The errand that this thread is on."""
    return _current.get()


def arrived() -> Arrived | None:
    """The request whose listener this thread runs."""
    return _arrived.get()


def arrive(body: Mapping[str, Any], kind: str, before: Arrived | None = None) -> None:
    """From now on this thread runs the listener of that request. Bolt runs it after its middleware, not within.

    `before`: the request as it was kept when it arrived, if it is dispatched again.
    """
    _arrived.set(before or Arrived(body, kind, is_repeated="event" in body))


@contextmanager
def at_work(held: Held | None) -> Iterator[None]:
    """What this block says is said for that errand."""
    mark = _current.set(held)
    try:
        yield
    finally:
        _current.reset(mark)


class Errands:
    """The errands of one process, in the database that it shares with others. Thread-safe."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        clock: Clock,
        seal: Seal,
        lease: timedelta = LEASE,
        name: str | None = None,
    ) -> None:
        """`name`: the process, as `free` will call it; by default one that nobody else knows."""
        self.clock = clock
        self._sessions, self._seal, self._lease = sessions, seal, lease
        self._me = name or uuid.uuid4().hex
        self._lock = threading.Lock()
        #: Until when each of our errands is ours, as far as we have heard.
        self._holding: dict[str, datetime] = {}

    def is_ours(self, held: Held) -> bool:
        """Whether nobody else can have taken it up."""
        with self._lock:
            until = self._holding.get(held.key)
        return until is not None and self.clock.now() < until

    def keep(self, requests: Sequence[Arrived]) -> list[Held | None]:
        """Write requests down in one transaction; `None` for each that is done or in somebody's hands."""
        now = self.clock.now()
        kept: dict[str, Held] = {}
        # In one order in all processes, or two of them could wait for each other.
        by_key = {request.key: request for request in requests}
        with self._sessions.begin() as session:
            for key in sorted(by_key):
                row = session.execute(self._claim(session, by_key[key], now)).one_or_none()
                if row is not None:
                    kept[key] = Held(key, row.attempts, row.crashes, row.at, row.growing, self, by_key[key])
        with self._lock:
            self._holding |= dict.fromkeys(kept, now + self._lease)
        # The same request twice in one batch is one errand.
        return [kept.pop(request.key, None) for request in requests]

    def hand_over(self, requests: Sequence[Arrived]) -> None:
        """Write requests down in one transaction, for whoever works; those that are known already are left alone."""
        now, by_key = self.clock.now(), {request.key: request for request in requests}
        with self._sessions.begin() as session:
            for key in sorted(by_key):
                row = self._new(session, by_key[key], now, attempts=0, lease_until=now)
                session.execute(row.on_conflict_do_nothing(index_elements=["key"]))

    def _claim(self, session: Session, request: Arrived, now: datetime) -> Any:
        mine = {"lease_until": now + self._lease, "leased_by": self._me}
        new = self._new(session, request, now, attempts=1, **mine)
        # One that nobody put off was held by somebody who is no more.
        crashes = ERRAND.c.crashes + case((ERRAND.c.leased_by.is_not(None), 1), else_=0)
        again = {"attempts": ERRAND.c.attempts + 1, "crashes": crashes, **mine}
        taken = new.on_conflict_do_update(index_elements=["key"], set_=again, where=ERRAND.c.lease_until <= now)
        return taken.returning(ERRAND.c.attempts, ERRAND.c.crashes, ERRAND.c.at, ERRAND.c.growing)

    def _new(self, session: Session, request: Arrived, now: datetime, **values: Any) -> Any:
        body = self._seal.close({"kind": request.kind, "body": request.body, "opened": request.opened})
        return insert_into(session.connection(), ERRAND).values(
            key=request.key, at=now, team=request.team, body=body, **values
        )

    def done(self, held: Held) -> None:
        """Nothing is left to do; what was asked is forgotten."""
        self._mark(held, body=None, lease_until=None, leased_by=None, growing=None)
        self._let_go(held)

    def put_off(self, held: Held, wait: timedelta) -> None:
        """Again after `wait`, by whoever is there then."""
        self._mark(held, lease_until=self.clock.now() + wait, leased_by=None)
        self._let_go(held)

    def note_growing(self, held: Held, ts: str | None) -> None:
        self._mark(held, growing=ts)

    def _let_go(self, held: Held) -> None:
        with self._lock:
            self._holding.pop(held.key, None)

    def _mark(self, held: Held, **values: Any) -> None:
        """Change an errand that is still ours."""
        mine = ERRAND.c.key == held.key, ERRAND.c.leased_by == self._me
        with self._sessions.begin() as session:
            session.execute(update(ERRAND).where(*mine).values(**values))

    def renew(self) -> None:
        """Say that we are still here, and notice what somebody else took up meanwhile."""
        now = self.clock.now()
        with self._lock:
            believed = set(self._holding)
        longer = update(ERRAND).where(ERRAND.c.leased_by == self._me, ERRAND.c.lease_until.is_not(None))
        with self._sessions.begin() as session:
            ours = session.scalars(longer.values(lease_until=now + self._lease).returning(ERRAND.c.key)).all()
        with self._lock:
            for key in believed.difference(ours):
                self._holding.pop(key, None)
            self._holding |= {key: now + self._lease for key in ours if key in self._holding}

    def leave(self) -> None:
        """Let others take at once what we did not get to."""
        mine = ERRAND.c.leased_by == self._me, ERRAND.c.lease_until.is_not(None)
        with self._sessions.begin() as session:
            session.execute(update(ERRAND).where(*mine).values(lease_until=self.clock.now(), leased_by=None))

    def free(self, name: str) -> None:
        """Let others take at once what a process held that is no more."""
        theirs = ERRAND.c.leased_by == name, ERRAND.c.lease_until.is_not(None)
        with self._sessions.begin() as session:
            session.execute(update(ERRAND).where(*theirs).values(lease_until=self.clock.now()))

    def waiting(self) -> list[Arrived]:
        """Requests that nobody is on, oldest first: new ones, those put off until now, those whose workers are gone."""
        columns = ERRAND.c.key, ERRAND.c.body
        over = select(*columns).where(ERRAND.c.lease_until <= self.clock.now()).order_by(ERRAND.c.at).limit(AT_MOST)
        with self._sessions() as session:
            rows = session.execute(over).all()
        return [request for key, body in rows if (request := self._opened(key, body)) is not None]

    def give_up(self, key: str, why: str) -> None:
        """An errand that nobody took up although it was there to be taken; an admin sees that it was."""
        gone = {"body": None, "lease_until": None, "leased_by": None}
        free = ERRAND.c.key == key, ERRAND.c.lease_until <= self.clock.now()
        with self._sessions.begin() as session:
            found = session.scalars(update(ERRAND).where(*free).values(**gone).returning(ERRAND.c.key)).all()
        if found:
            log.error("errand %s is given up: %s", key, why)
            self.trouble("errand", why)

    def _opened(self, key: str, body: bytes) -> Arrived | None:
        try:
            kept = self._seal.open(body)
        except SealBroken:
            # Slack's secrets were changed in between.
            self.give_up(key, "sealed with another secret")
            return None
        return Arrived(kept["body"], kept["kind"], is_repeated=False, key=key, opened=kept["opened"])

    def forget_team(self, team: str) -> None:
        """The app was removed there: what was asked is forgotten, done or not."""
        gone = {"body": None, "lease_until": None, "leased_by": None}
        with self._sessions.begin() as session:
            session.execute(update(ERRAND).where(ERRAND.c.team == team).values(**gone))

    def trouble(self, kind: str, word: str, place: str = "") -> None:
        """Count something that did not get through, for an admin to see."""
        try:
            with self._sessions.begin() as session:
                troubles.note(session, kind, word, self.clock.now(), place)
        except Exception:  # the net below the net: nothing may fail because it could not be counted
            log.exception("trouble could not be counted: %s %s", kind, word)


def forget_old(sessions: sessionmaker[Session], now: datetime) -> None:
    """Drop keys that Slack can no longer repeat."""
    with sessions.begin() as session:
        old = ERRAND.c.at < now - REMEMBERED_FOR
        session.execute(delete(ERRAND).where(old, ERRAND.c.lease_until.is_(None)))


def take_up(errands: Errands, dispatch: Dispatch, pool: ThreadPoolExecutor | None = None) -> None:
    """Dispatch what nobody is on until no more of it is left; several at once, with a pool."""
    went_well: dict[str, bool] = {}
    while new := [request for request in _still_waiting(errands, went_well) if request.key not in went_well]:
        statuses = (pool.map if pool is not None else map)(dispatch, new)
        went_well |= {request.key: status < SERVER_ERROR for request, status in zip(new, statuses, strict=True)}


def _still_waiting(errands: Errands, went_well: Mapping[str, bool]) -> list[Arrived]:
    """What waits. Of that, what was dispatched without a fault and was not taken is given up."""
    waiting = errands.waiting()
    for request in waiting:
        if went_well.get(request.key):
            errands.give_up(request.key, "nobody does such a thing any more")
    return waiting


@contextmanager
def recovering(errands: Errands, dispatch: Dispatch, beat: timedelta = BEAT) -> Iterator[threading.Event]:
    """While this block runs: our errands stay ours, and what nobody is on is dispatched.

    Setting the event makes it look at once; otherwise it looks at every beat.
    """
    stop, wake = threading.Event(), threading.Event()

    def watch(pool: ThreadPoolExecutor) -> None:
        renewed = -math.inf
        while not stop.is_set():
            wake.wait(beat.total_seconds())
            wake.clear()
            try:
                if time.monotonic() - renewed >= beat.total_seconds():
                    errands.renew()
                    renewed = time.monotonic()
                take_up(errands, dispatch, pool)
            except Exception:  # the database may be away; the next beat tries again
                log.exception("errands could not be looked after")

    with ThreadPoolExecutor(DISPATCHERS, "unstuck-dispatch") as pool:
        thread = threading.Thread(target=watch, args=(pool,), name="unstuck-errands", daemon=True)
        thread.start()
        try:
            yield wake
        finally:
            stop.set()
            wake.set()
            thread.join(timeout=10)
