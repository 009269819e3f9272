"""A rehearsal beside the real thing: the same history lived through, with tables, outbox and digests."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from unstuck import notices
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.nudges import digest, outbox, places, rules
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.plan import plan_nudges
from unstuck.nudges.rehearsal import Rehearsal, rehearse
from unstuck.nudges.sweep import NUDGE, look, look_at_all
from unstuck.testing import Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord, TicketChange
from unstuck.tickets.database import reading
from unstuck.tickets.history import TICKET
from unstuck.tickets.tables import Calendar

#: A Sunday's midnight.
START = datetime(2026, 3, 22, tzinfo=UTC)
STEP = timedelta(minutes=10)
TEAMS = {"t1": "Europe/Berlin", "t2": "Asia/Shanghai"}
STATUSES = ["Active", "Active", "Wait_Customer", "Wait_Vendor", "Solved"]
RULES = """
[[target]]
within = "6h"
[caps]
person_per_day = {cap}
[digest]
below = {below}
urgent = ["P1"]
[trial]
hold_out = {held}
"""


@dataclass
class Lived:
    """A desk through days, step by step."""

    deps: Deps
    clock: FrozenClock
    news: list[TicketChange]
    #: From which hour to which, UTC, anybody may be disturbed.
    day: tuple[int, int]

    def run(self, days: int) -> None:
        end = START + timedelta(days=days)
        while self.clock.now() <= end:
            now = self.clock.now()
            heard = [change for change in self.news if change.at <= now]
            self.news = [change for change in self.news if change.at > now]
            tell(self.deps, heard)
            self._sweep(now)
            self._deliver(now)
            self.clock.tick(STEP)
            while not self._is_awake(self.clock.now()):
                self.clock.tick(STEP)

    def _is_awake(self, now: datetime) -> bool:
        """At night and on Sundays nobody hears anything; but there may be news, and midnight looks at all."""
        decent = now.weekday() < 5 and self.day[0] <= now.hour < self.day[1]
        return decent or now.time() == START.time() or any(change.at <= now for change in self.news[:1])

    def _sweep(self, now: datetime) -> None:
        with reading(self.deps.engine) as connection:
            desk = read_desk(connection, self.deps.settings, {})
        if now.time() == START.time():
            with self.deps.sessions.begin() as session:
                look_at_all(session.connection(), now)
        with reading(self.deps.engine) as connection:
            findings = look(connection, desk, now)
        plan_nudges(self.deps.sessions, findings, desk)

    def _deliver(self, now: datetime) -> None:
        with reading(self.deps.engine) as connection:
            desk = read_desk(connection, self.deps.settings, {})
        with self.deps.sessions.begin() as session:
            while (claimed := outbox.claim(session, desk, now)) is not None:
                outbox.sent(session, claimed, "D1", f"{claimed.nudge_id}.1", now, lang="en")
            while (held := notices.claim(session, now)) is not None:
                found = digest.gather(session, held.told.key, desk, now)
                if not found.nudges:
                    notices.withdraw(session, held)
                elif found.decent_at > now:
                    notices.wait(session, held, found.decent_at)
                else:
                    notices.sent(session, held, "D1", "1.1", now)
                    digest.sent(session, found.nudges, "D1", "1.1", now)

    def told(self) -> list[tuple[object, ...]]:
        names = "sent_at", "occasion", "step", "recipient", "digest"
        wanted = select(TICKET.c.ext_id, *(NUDGE.c[name] for name in names)).join(
            TICKET, TICKET.c.id == NUDGE.c.ticket_id
        )
        with reading(self.deps.engine) as connection:
            desk = read_desk(connection, self.deps.settings, {})
            rows = connection.execute(wanted.where(NUDGE.c.state == "sent")).all()
        return sorted(
            (row.ext_id, row.sent_at, row.occasion, row.step, named(desk, row.recipient), str(row.digest))
            for row in rows
        )

    def moved_before(self) -> int:
        with reading(self.deps.engine) as connection:
            return len(connection.execute(select(NUDGE.c.id).where(NUDGE.c.state == "withdrawn")).all())


def named(desk: Desk, recipient: str) -> str:
    return desk.directory(1).name(recipient)


def lives(dice: random.Random, tickets: int, days: int) -> list[TicketChange]:
    """What happens on the desk, tickets opened over its days and the two before."""
    changes: list[TicketChange] = []
    for number in range(tickets):
        name, team = f"T-{number}", dice.choice(list(TEAMS))
        at = START + timedelta(minutes=dice.randrange(-2 * 1440, (days - 1) * 1440))
        priority, owner = dice.choice(["P1", "P2", "P2"]), dice.choice(["ana", "ben", "cai"])
        changes += a_ticket(name, start=at, team=team, assignee=owner, priority=priority)
        for _ in range(dice.randrange(4)):
            at += timedelta(minutes=round(dice.expovariate(1 / 1200)) + 1)
            move = dice.choice([{"status": dice.choice(STATUSES)}, {"assignee": dice.choice(["ana", "ben"])}])
            changes.append(a_change(name, at, actor="ana", **move))
    return sorted(changes, key=lambda change: change.at)


def both(databases: Databases, home: Path, seed: int, *, days: int, tickets: int, calendars: bool) -> Rehearsal:
    """A rehearsal, after it has been compared with what happened."""
    dice, clock = random.Random(seed), FrozenClock(START)
    settings = RULES.format(cap=dice.choice([2, 3]), below=dice.choice([1.5, 4]), held=dice.choice([0.0, 0.3]))
    with small_desk(databases.sqlite(), home, rules=settings, clock=clock, timezone="UTC") as deps:
        people = [PersonRecord("ana", "Ana", "agent", team="t1"), PersonRecord("cai", "Cai", "agent", team="t2")]
        tell(deps, (), people, [TeamRecord(team, team, calendar=team) for team in TEAMS])
        if calendars:
            with deps.sessions.begin() as session:
                hours = {str(day): [["09:00", "17:30"]] for day in range(5)}
                for team, zone in TEAMS.items():
                    session.add(Calendar(name=team, timezone=zone, hours=hours, country=None, exceptions={}))
        lived = Lived(deps, clock, lives(dice, tickets, days), (1, 18) if calendars else (9, 18))
        lived.run(days)
        found = rehearse(deps.engine, deps.facts, deps.settings, START + timedelta(days=days), days)
        assert (
            sorted((one.ticket, one.at, one.occasion, one.step, one.recipient, str(one.digest)) for one in found.sent)
            == lived.told()
        )
        assert found.moved_before == lived.moved_before()
    return found


def test_what_was_rehearsed_comes_true(databases: Databases, tmp_path: Path) -> None:
    found = both(databases, tmp_path, 1, days=3, tickets=40, calendars=False)
    told = found.counts()
    assert min(told["digests"], told["messages"] - told["digests"], found.moved_before, found.put_off) > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 12))
def test_it_comes_true_on_all_sorts_of_desks(
    databases: Databases, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (places, rules):
        monkeypatch.setattr(module, "DIGEST_LINES", 20 if seed % 3 else 4)
    both(databases, tmp_path, seed, days=11, tickets=100, calendars=seed % 2 == 1)
