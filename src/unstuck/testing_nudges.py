"""A small desk with tickets that stand still: what tests of nudges and of their delivery start from."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from unstuck import deps
from unstuck.clock import Clock, FrozenClock
from unstuck.deps import Deps
from unstuck.nudges.desk import read_desk
from unstuck.nudges.plan import Planned, plan_nudges
from unstuck.nudges.rules import FILE
from unstuck.nudges.sweep import NUDGE, look
from unstuck.settings import Settings
from unstuck.testing import NOON
from unstuck.tickets import store
from unstuck.tickets.changes import PersonRecord, TeamRecord, TicketChange
from unstuck.tickets.database import reading

#: Everything is late after an hour; nobody minds many messages.
HASTY = """
[[target]]
within = "1h"
[caps]
person_per_day = 1000
[digest]
enabled = false
"""


@dataclass(frozen=True, slots=True)
class RunningClock:
    """Runs from another instant than the machine's clock, and faster: processes that share `since` agree."""

    at: datetime
    #: Seconds since 1970 at which it was `at`.
    since: float
    #: Seconds that pass on it in one second.
    speed: float = 25.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=(time.time() - self.since) * self.speed)


@contextmanager
def small_desk(
    url: str, home: Path, *, rules: str = HASTY, clock: Clock | None = None, **settings: Any
) -> Iterator[Deps]:
    """A store at `url` with rules of its own, at a Wednesday noon."""
    home.mkdir(parents=True, exist_ok=True)
    (home / FILE).write_text(rules, encoding="utf-8")
    loaded = Settings(home=home, database_url=url, **settings)
    built = deps.build(loaded, clock=clock or FrozenClock(NOON))
    try:
        yield built
    finally:
        built.close()


def tell(
    built: Deps,
    changes: Iterable[TicketChange],
    people: Iterable[PersonRecord] = (),
    teams: Iterable[TeamRecord] = (),
) -> None:
    """Store what a ticket system says."""
    with built.sessions.begin() as session:
        source = store.get_source(session, "test", "test")
        store.put_people(session, source, people)
        store.put_teams(session, source, teams)
        store.apply(session, source, changes, seen_at=built.clock.now())


def sweep(built: Deps) -> Planned:
    """One sweep without learned thresholds."""
    with reading(built.engine) as connection:
        desk = read_desk(connection, built.settings, {})
        findings = look(connection, desk, built.clock.now())
    return plan_nudges(built.sessions, findings, desk)


def mark_sent(built: Deps) -> None:
    """As if delivery had sent all that is due."""
    sent = {"state": "sent", "sent_at": built.clock.now(), "slack_ts": "1.1"}
    with built.sessions.begin() as session:
        session.execute(update(NUDGE).where(NUDGE.c.state == "due").values(**sent))
