"""A desk over weeks: two teams, holidays, clock changes, people away, downtime, buttons, late and doubled news.

What people get is checked against the simulation's own books, not against what Unstuck believes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest
from sqlalchemy import select, update

from unstuck import notices
from unstuck.clock import FrozenClock, parse_instant
from unstuck.deps import Deps
from unstuck.nudges import actions, digest, outbox
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.ladder import base
from unstuck.nudges.plan import plan_nudges
from unstuck.nudges.sweep import NUDGE, look, look_anew
from unstuck.testing import Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, TeamRecord, TicketChange
from unstuck.tickets.database import reading
from unstuck.tickets.tables import Calendar, Team

#: Spring Festival and its worked Saturdays come in February, summer time in Europe at the end of March.
START = datetime(2026, 1, 26, tzinfo=UTC)
ZONES = {"berlin": "Europe/Berlin", "shanghai": "Asia/Shanghai"}
COUNTRIES = {"berlin": "DE-BE", "shanghai": "CN"}
RULES = '[[target]]\nwithin = "1d"\n'
TICKET_PER_DAY, PERSON_PER_DAY, COOL_DOWN = 2, 5, timedelta(hours=4)
MINUTE = timedelta(minutes=1)
#: What "I'm on it" buys at least: a working day of eight hours.
TAKEN_FOR = timedelta(hours=8)
#: A last step has its waits before it; a stall younger than this at the end may still be on its way.
CLIMBS = timedelta(days=16)


#: What people write, and what it amounts to: `None` is a courtesy, which moves nothing.
WORDS = {
    "agent": {
        "Could you please send us the log file of that day?": "asks",
        "I have restarted the server and will keep an eye on it.": "says",
        "您好，请提供一下订单号，谢谢": "asks",
    },
    "customer": {
        "Here is the log file, the error in it is E-4711.": "says",
        "订单号是 20260115-88，昨天下单的": "says",
        "Thank you!": None,
        "谢谢": None,
    },
}


@dataclass
class Book:
    """What Unstuck has been told about one ticket, kept by the simulation and read by rules of its own."""

    events: dict[str, TicketChange] = field(default_factory=dict)

    def state(self) -> State:
        state = State()
        for change in sorted(self.events.values(), key=lambda one: one.at):
            state.follow(change)
        return state


@dataclass
class State:
    """How a ticket stands: whose turn it is, and since when nobody who has to has moved."""

    status: str = "New"
    team: str = ""
    assignee: str | None = None
    moved_at: datetime = START
    #: Who spoke last since the status or the team changed, what it amounted to, and whether since the last hand-over.
    spoke: tuple[str, str] | None = None
    fresh: bool = False

    def follow(self, change: TicketChange) -> None:
        if change.message is not None:
            said = WORDS[change.message.author_kind][change.message.body]
            if said is not None:
                self.spoke, self.fresh = (change.message.author_kind, said), True
                if change.message.author_kind == "agent":
                    self.moved_at = change.at
            return
        before = self.status, self.team, self.assignee
        self.status = str(change.values.get("status", self.status))
        self.team = str(change.values.get("team", self.team))
        self.assignee = change.values.get("assignee", self.assignee)
        if (self.status, self.team) != before[:2]:
            self.spoke = None
        if (self.status, self.team, self.assignee) != before:
            self.fresh = False
        self.moved_at = change.at

    @property
    def is_ours(self) -> bool:
        """Whether somebody at the desk, or somebody they can ask, has to move."""
        if self.status == "Solved":
            return False
        if self.status == "Wait_Customer":
            return self.spoke is not None and self.spoke[0] == "customer"
        if self.status in ("Wait_Vendor", "Wait_Internal"):
            return True
        return not (self.fresh and self.spoke == ("agent", "asks"))


@dataclass(frozen=True)
class Pressed:
    """A button that somebody pressed."""

    #: When the ticket had moved last by then: it holds for that stall.
    moved_at: datetime
    #: Until when nobody may hear of it; None: for good.
    until: datetime | None


@cache
def days_off(team: str, year: int) -> frozenset[date]:
    country, _, part = COUNTRIES[team].partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


def works(team: str, at: datetime) -> bool:
    """Whether a team works at an instant and may be disturbed: by the public calendars, not by ours."""
    local = at.astimezone(ZoneInfo(ZONES[team]))
    return (
        local.weekday() < 5
        and local.date() not in days_off(team, local.year)
        and (9 <= local.hour < 12 or 13 <= local.hour < 18)
    )


@dataclass
class Simulation:
    """The desk, and what really happened on it."""

    deps: Deps
    clock: FrozenClock
    dice: random.Random
    tickets: int
    #: The share of tickets that nobody ever solves.
    abandoned: float
    #: From sweep to sweep, on average; any minute may be one.
    step: timedelta
    books: dict[str, Book] = field(default_factory=dict)
    #: News that will arrive later.
    mail: list[tuple[datetime, TicketChange]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    #: When, by which team's clock, about which ticket, to whom, on which rung, in which message.
    sent: list[tuple[datetime, str, str, str, int, str]] = field(default_factory=list)
    #: Buttons that will be pressed: below which nudge, about which ticket, when.
    to_press: list[tuple[int, str, datetime]] = field(default_factory=list)
    pressed: dict[str, Pressed] = field(default_factory=dict)
    desk: Desk | None = None

    def run(self, days: int) -> None:
        self._people()
        for number in range(self.tickets):
            self._life(f"T-{number}", START + timedelta(hours=self.dice.uniform(0, 24 * days)))
        self.mail.sort(key=lambda item: item[0])
        down = START + timedelta(days=days // 2, hours=7)
        while self.clock.at < START + timedelta(days=days):
            self.clock.tick(timedelta(minutes=self.dice.randint(1, int(self.step / MINUTE) * 2)))
            self._receive()
            self._press()
            if self.clock.at.hour in (1, 4, 10):
                self._somebody_leaves_or_returns()
            if not down <= self.clock.at < down + timedelta(hours=6):
                with reading(self.deps.engine) as connection:
                    desk = read_desk(connection, self.deps.settings, {})
                # What was not delivered the last time meets the news of this one.
                self._deliver(desk)
                self._sweep(desk)
                if self.dice.random() < 0.6:
                    self._deliver(desk)

    def _people(self) -> None:
        with self.deps.sessions.begin() as session:
            hours = {str(day): [["09:00", "12:00"], ["13:00", "18:00"]] for day in range(5)}
            for name, zone in ZONES.items():
                session.add(Calendar(name=name, timezone=zone, hours=hours, country=COUNTRIES[name], exceptions={}))
        tell(self.deps, (), [*self._records()], [TeamRecord(name, name.title(), calendar=name) for name in ZONES])
        with self.deps.sessions.begin() as session:
            for name in ZONES:
                session.execute(update(Team).where(Team.ext_id == name).values(lead=f"{name}-0"))  # type: ignore[arg-type]

    def _records(self) -> Iterator[PersonRecord]:
        for team in ZONES:
            for number in range(12):
                name = f"{team}-{number}"
                yield PersonRecord(name, name, "agent", f"{name}@example.com", team, active=name not in self.away)

    def _somebody_leaves_or_returns(self) -> None:
        name = f"{self.dice.choice(list(ZONES))}-{self.dice.randrange(12)}"
        self.away ^= {name}
        tell(self.deps, (), self._records())

    def _life(self, name: str, start: datetime) -> None:
        start = start.replace(microsecond=0)
        team = self.dice.choice(list(ZONES))
        owned = {"assignee": f"{team}-{self.dice.randrange(12)}"} if self.dice.random() < 0.8 else {}
        changes, at = a_ticket(name, start=start, team=team, **owned), start
        for _ in range(self.dice.randrange(7)):
            at = (at + timedelta(hours=self.dice.expovariate(1 / 60), seconds=1)).replace(microsecond=0)
            changes.append(change := self._something(name, at, team))
            team = str(change.values.get("team", team))
        if self.dice.random() >= self.abandoned:
            changes.append(a_change(name, at + timedelta(hours=self.dice.randrange(1, 30)), status="Solved"))
        for change in changes:
            late = timedelta(hours=self.dice.uniform(1, 30)) if self.dice.random() < 0.1 else timedelta()
            self.mail.append((change.at + late, change))
            if self.dice.random() < 0.2:
                self.mail.append((change.at + late + timedelta(hours=self.dice.uniform(0, 5)), change))

    def _something(self, name: str, at: datetime, team: str) -> TicketChange:
        what = self.dice.random()
        if what < 0.5:
            status = self.dice.choice(["Active", "Wait_Customer", "Wait_Vendor", "Wait_Internal", "Solved"])
            return a_change(name, at, status=status, actor=f"{team}-1")
        if what < 0.6:
            return a_change(name, at, assignee=f"{team}-{self.dice.randrange(12)}", actor=f"{team}-1")
        if what < 0.7:
            other = next(one for one in ZONES if one != team)
            owner = f"{other}-{self.dice.randrange(12)}" if self.dice.random() < 0.5 else None
            return a_change(name, at, team=other, assignee=owner, actor=f"{team}-1")
        who = self.dice.choice(list(WORDS))
        body = self.dice.choice(list(WORDS[who]))
        actor = f"{team}-1" if who == "agent" else "customer"
        return a_change(name, at, kind=ChangeKind.MESSAGE, actor=actor, message=Message(body, who))

    def _receive(self) -> None:
        here = [change for at, change in self.mail if at <= self.clock.at]
        del self.mail[: len(here)]
        if here:
            tell(self.deps, here)
        for change in here:
            self.books.setdefault(change.ticket, Book()).events[change.change_id] = change

    def _will_press(self, nudge: int, ticket: str) -> None:
        """One message in ten gets an answer, within a day or so. Earlier ones about the ticket have no buttons now."""
        self.to_press = [one for one in self.to_press if one[1] != ticket]
        if self.dice.random() < 0.1:
            self.to_press.append((nudge, ticket, self.clock.at + timedelta(hours=self.dice.uniform(0.1, 30))))

    def _press(self) -> None:
        """Whoever was going to press a button by now does."""
        now = self.clock.at
        for nudge, ticket, _ in [one for one in self.to_press if one[2] <= now]:
            self._press_one(nudge, ticket, now)
        self.to_press = [one for one in self.to_press if one[2] > now]

    def _press_one(self, nudge: int, ticket: str, now: datetime) -> None:
        until, button = None, self.dice.choice(["mine", "snooze", "false_alarm"])
        with self.deps.sessions.begin() as session:
            if button == "snooze":
                until = now + timedelta(hours=self.dice.choice([1, 24, 100]))
                done = actions.snooze(session, nudge, "U2", now, until)
            elif button == "mine":
                until, done = now + TAKEN_FOR, actions.mine(session, nudge, "U2", now)
            else:
                done = actions.false_alarm(session, nudge, "U2", now)
        if done.changed:
            self.pressed[ticket] = Pressed(self.books[ticket].state().moved_at, until)

    def _sweep(self, desk: Desk) -> None:
        with self.deps.sessions.begin() as session:
            look_anew(session.connection(), self.desk, desk, self.clock.at)
        with reading(self.deps.engine) as connection:
            findings = look(connection, desk, self.clock.at)
        plan_nudges(self.deps.sessions, findings, desk)
        self.desk = desk

    def _deliver(self, desk: Desk) -> None:
        while True:
            with self.deps.sessions.begin() as session:
                held = outbox.claim(session, desk, self.clock.at)
            if held is None:
                break
            self._check(held.ticket.ext_id, held.occasion, held.recipient, held.step, held.key)
            self._will_press(held.nudge_id, held.ticket.ext_id)
            with self.deps.sessions.begin() as session:
                assert outbox.aim(session, held, "C1")
                assert outbox.sent(session, held, "C1", str(held.nudge_id), self.clock.at, lang="en")

        self._deliver_digests()

    def _deliver_digests(self) -> None:
        while True:
            with self.deps.sessions.begin() as session:
                notice = notices.claim(session, self.clock.at)
                if notice is None:
                    return
                desk, key = read_desk(session.connection(), self.deps.settings, {}), notice.told.key
                found = digest.gather(session, key, desk, self.clock.at)
                if not found.nudges:
                    notices.withdraw(session, notice)
                elif found.decent_at > self.clock.at:
                    notices.wait(session, notice, found.decent_at)
                else:
                    rows = session.execute(select(NUDGE).where(NUDGE.c.id.in_(found.nudges))).all()
                    for row in rows:
                        ticket = row.key.partition("/")[2].partition(":")[0]
                        self._check(ticket, row.occasion, row.recipient, row.step, key)
                        self._will_press(row.id, ticket)
                    digest.sent(session, found.nudges, "C1", key, self.clock.at)
                    assert notices.sent(session, notice, "C1", key, self.clock.at)

    def _check(self, ticket: str, occasion: str, recipient: str, step: int, message: str) -> None:
        now = self.clock.at
        state = self.books[ticket].state()
        assert parse_instant(base(occasion)) >= state.moved_at, f"{ticket} had moved at {state.moved_at}"
        assert state.is_ours, f"{ticket} waits for somebody else: {state}"
        # A person by their own team's hours, though the ticket is another's.
        whose = recipient.partition(":")[2].partition("-")[0] or state.team
        assert works(whose, now), f"{recipient} does not work at {now}"
        lead = f"{state.team}-0"
        due = [f"person:{state.assignee}", f"team:{state.team}", f"lead:{lead}", "manager"]
        assert recipient == due[step], f"{recipient} has nothing to do with {state}"
        pressed = self.pressed.get(ticket)
        if pressed is not None and pressed.moved_at == state.moved_at:
            assert pressed.until is not None, f"{ticket} is no stall, somebody said"
            assert now >= pressed.until, f"{ticket} rests until {pressed.until}"
        kind, _, person = recipient.partition(":")
        assert kind not in ("person", "lead") or person not in self.away, f"{person} is away"
        self.sent.append((now, whose, ticket, recipient, step, message))

    def check_caps(self) -> None:
        """No ticket and no person heard more on one of their days than the rules allow, or twice within four hours."""
        days = [
            (at.astimezone(ZoneInfo(ZONES[team])).date(), ticket, who, message)
            for at, team, ticket, who, _, message in self.sent
        ]
        assert max(Counter((day, ticket) for day, ticket, _, _ in days).values()) <= TICKET_PER_DAY
        # Managers hear of both teams, whose days begin at different hours. A digest is one message.
        persons = {(day, who, message) for day, _, who, message in days if who != "manager"}
        assert max(Counter((day, who) for day, who, _ in persons).values()) <= PERSON_PER_DAY
        heard: dict[str, datetime] = {}
        for at, _, ticket, _, _, _ in sorted(self.sent):
            assert ticket not in heard or at - heard[ticket] >= COOL_DOWN, f"{ticket} again at {at}"
            heard[ticket] = at

    def climbed(self) -> list[str]:
        """Tickets that have stood still for longer than the whole ladder takes."""
        states = {ticket: book.state() for ticket, book in self.books.items()}
        return [
            name
            for name, one in states.items()
            if one.is_ours
            and self.clock.at - one.moved_at > CLIMBS
            # Whoever pressed a button has the ladder rest or begin anew.
            and (name not in self.pressed or self.pressed[name].moved_at != one.moved_at)
        ]

    def unknown_to_managers(self) -> list[str]:
        """Those of them of which no manager has heard."""
        heard = {(ticket, step) for _, _, ticket, _, step, _ in self.sent}
        return [ticket for ticket in self.climbed() if (ticket, 3) not in heard]


def simulate(url: str, home: Path, *, tickets: int, days: int, abandoned: float, step: timedelta) -> Simulation:
    clock = FrozenClock(START)
    with small_desk(url, home, rules=RULES, clock=clock, timezone="Europe/Berlin", managers="U1") as deps:
        simulation = Simulation(deps, clock, random.Random(11), tickets, abandoned, step)
        simulation.run(days)
        simulation.check_caps()
        with deps.engine.connect() as connection:
            keys = list(connection.execute(select(NUDGE.c.key)).scalars())
    assert len(keys) == len(set(keys))
    return simulation


def test_four_weeks_of_a_small_desk(databases: Databases, tmp_path: Path) -> None:
    found = simulate(databases.sqlite(), tmp_path / "home", tickets=40, days=28, abandoned=0.6, step=timedelta(hours=2))
    assert len(found.sent) > 30
    assert found.climbed()
    assert any(message.startswith("morning:") for *_, message in found.sent)
    assert found.unknown_to_managers() == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ninety_days_of_five_thousand_tickets(databases: Databases, tmp_path: Path) -> None:
    found = simulate(databases.sqlite(), tmp_path / "home", tickets=5000, days=90, abandoned=0.04, step=15 * MINUTE)
    assert found.unknown_to_managers() == []
