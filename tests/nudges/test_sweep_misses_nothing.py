"""The minute sweep looks at few tickets; a close look at every open one each time must lead to the same nudges."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.plan import plan_nudges
from unstuck.nudges.rules import FILE
from unstuck.nudges.sweep import NUDGE, Findings, Wanted, examine, look, look_anew, told_of
from unstuck.stalls.histories import histories
from unstuck.stalls.thresholds import Group, Threshold
from unstuck.testing import Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, TeamRecord, TicketChange
from unstuck.tickets.database import reading
from unstuck.tickets.tables import Calendar, Team, Ticket

#: A Tuesday; the clocks in Berlin go forward on the Sunday after.
START = datetime(2026, 3, 24, 5, tzinfo=UTC)
TEAMS = {"t1": "Europe/Berlin", "t2": "Asia/Shanghai"}
PEOPLE = [f"{team}-{number}" for team in TEAMS for number in range(3)]
STATUSES = ["Active", "Wait_Customer", "Wait_Vendor", "Solved"]
RULES = [
    "",
    "[caps]\nperson_per_day = 2\n",
    '[late]\nat_least = "9h"\nquiet = "2h"\n',
    '[[target]]\npriority = "high"\nwithin = "1h"\n[hours]\nfrom = "10:00"\n',
    """
[[rule]]
name = "overdue"
waiting_on = ["agent", "team", "nobody", "internal", "vendor", "approval"]
steps = [{ to = "lead" }, { to = "manager", after = "3h" }]
[[rule]]
name = "customer_silent"
waiting_on = ["customer"]
steps = [{ to = "owner" }]
""",
]


@dataclass
class House:
    """A desk that sweeps in its own way."""

    deps: Deps
    sweep: Callable[[Connection, Desk, datetime], Findings]
    #: Whether it remembers by which desk it looked the last time.
    incremental: bool
    before: Desk | None = None

    def round(self, learned: dict[Group, Threshold]) -> None:
        now = self.deps.clock.now()
        with reading(self.deps.engine) as connection:
            desk = read_desk(connection, self.deps.settings, learned)
        if self.incremental:
            with self.deps.sessions.begin() as session:
                look_anew(session.connection(), self.before, desk, now)
            self.before = desk
        with reading(self.deps.engine) as connection:
            findings = self.sweep(connection, desk, now)
        plan_nudges(self.deps.sessions, findings, desk)

    def nudges(self) -> list[tuple[object, ...]]:
        columns = (NUDGE.c[name] for name in ("key", "recipient", "due_at", "state", "outcome"))
        with reading(self.deps.engine) as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(NUDGE.c.key))]

    def deliver(self) -> None:
        """All that is due goes out at once; the sweep is told, as by the outbox."""
        from unstuck.nudges.plan import look_again

        now = self.deps.clock.now()
        with self.deps.sessions.begin() as session:
            due = session.execute(select(NUDGE.c.id, NUDGE.c.ticket_id).where(NUDGE.c.state == "due")).all()
            for nudge, ticket in due:
                session.execute(update(NUDGE).where(NUDGE.c.id == nudge).values(state="sent", sent_at=now))
                look_again(session.connection(), ticket, now)


def look_closely(connection: Connection, desk: Desk, now: datetime) -> Findings:
    """Every open ticket's whole history, each time."""
    from unstuck.nudges.ladder import base

    tickets = list(connection.execute(select(Ticket.__table__.c.id)).scalars())  # type: ignore[attr-defined]
    told = told_of(connection, tickets)
    wanted: list[Wanted] = []
    moved: list[int] = []
    for history in histories(connection, tickets):
        mine = told.get(history.ticket.id, {})
        verdict = examine(history, list(mine.values()), desk, now)
        moved += [
            nudge
            for nudge, one in mine.items()
            if one.outcome is None and one.state in ("due", "sent") and base(one.occasion) != verdict.still
        ]
        if verdict.stall and verdict.next and verdict.next.at <= now:
            wanted.append(Wanted(history.ticket, verdict.stall, verdict.next))
    return Findings(now, 0, wanted, moved)


@dataclass
class World:
    """The same things happen to both houses."""

    houses: list[House]
    clock: FrozenClock
    dice: random.Random
    tickets: int = 0
    away: set[str] = field(default_factory=set)
    learned: dict[Group, Threshold] = field(default_factory=dict)

    def begin(self) -> None:
        for house in self.houses:
            tell(house.deps, (), list(self._people()), [TeamRecord(team, team, calendar=team) for team in TEAMS])
            with house.deps.sessions.begin() as session:
                hours = {str(day): [["09:00", "17:30"]] for day in range(5)}
                for team, zone in TEAMS.items():
                    session.add(Calendar(name=team, timezone=zone, hours=hours, country=None, exceptions={}))
        self._another_idea_of_late()

    def _people(self) -> Iterator[PersonRecord]:
        for name in PEOPLE:
            yield PersonRecord(name, name, "agent", f"{name}@example.com", name[:2], active=name not in self.away)

    def happen(self) -> None:
        """Some news, and sometimes something else changes."""
        self.clock.tick(timedelta(minutes=self.dice.choice([1, 1, 7, 45, 180, 600]), seconds=self.dice.randrange(60)))
        news = [change for _ in range(self.dice.randrange(4)) for change in self._news()]
        for house in self.houses:
            tell(house.deps, news)
        if self.dice.random() < 0.25:
            self.dice.choice([self._leave, self._lead, self._holiday, self._rules, self._another_idea_of_late])()

    def _news(self) -> list[TicketChange]:
        # Some news comes late.
        at = self.clock.now() - timedelta(hours=self.dice.choice([0, 0, 0, 2, 30]))
        if self.dice.random() < 0.4 or not self.tickets:
            self.tickets += 1
            team = self.dice.choice(list(TEAMS))
            owned = {"assignee": f"{team}-{self.dice.randrange(3)}"} if self.dice.random() < 0.8 else {}
            teamed = {"team": team} if self.dice.random() < 0.8 else {}
            return a_ticket(
                f"T-{self.tickets}", start=at, priority=self.dice.choice(["high", "low"]), **teamed, **owned
            )
        name = f"T-{self.dice.randrange(self.tickets) + 1}"
        moves: list[dict[str, str | None]] = [
            {"status": self.dice.choice(STATUSES)},
            {"assignee": self.dice.choice([*PEOPLE, None])},
            {"team": self.dice.choice([*TEAMS, None])},
            {},
        ]
        if self.dice.random() < 0.2:
            words = Message(self.dice.choice(["It still leaks.", "Thanks!"]), self.dice.choice(["customer", "agent"]))
            return [a_change(name, at, kind=ChangeKind.MESSAGE, message=words)]
        return [a_change(name, at, actor="t1-0", **self.dice.choice(moves))]

    def _leave(self) -> None:
        self.away ^= {self.dice.choice(PEOPLE)}
        for house in self.houses:
            tell(house.deps, (), list(self._people()))

    def _lead(self) -> None:
        self._set(Team, Team.ext_id == self.dice.choice(list(TEAMS)), lead=self.dice.choice([*PEOPLE, None]))

    def _holiday(self) -> None:
        day = (self.clock.now() + timedelta(days=self.dice.randrange(3))).date().isoformat()
        self._set(Calendar, Calendar.name == self.dice.choice(list(TEAMS)), exceptions={day: "off"})

    def _set(self, table: type[Team | Calendar], which: object, **values: object) -> None:
        for house in self.houses:
            with house.deps.sessions.begin() as session:
                session.execute(update(table).where(which).values(**values))  # type: ignore[arg-type]

    def _rules(self) -> None:
        rules = self.dice.choice(RULES)
        for house in self.houses:
            (house.deps.settings.directory / FILE).write_text(rules, encoding="utf-8")

    def _another_idea_of_late(self) -> None:
        stages = ["New", "Active", "Wait_Vendor"]
        self.learned = {
            (stage,): Threshold(self.dice.randrange(1, 30) * 3600, 0.9, 50, 0, "stage")
            for stage in stages
            if self.dice.random() < 0.9
        }


def same(databases: Databases, home: Path, seed: int, rounds: int) -> int:
    """How many nudges both houses wrote, after each round the same."""
    clock = FrozenClock(START)
    ways = (look, True), (look_closely, False)
    desks = [
        small_desk(
            databases.sqlite(), home / str(number), rules="", clock=clock, timezone="Europe/Berlin", managers="U1"
        )
        for number in range(2)
    ]
    with desks[0] as one, desks[1] as other:
        houses = [House(deps, *way) for deps, way in zip((one, other), ways, strict=True)]
        world = World(houses, clock, random.Random(seed))
        world.begin()
        for _ in range(rounds):
            world.happen()
            for house in houses:
                house.round(world.learned)
            assert houses[0].nudges() == houses[1].nudges()
            for house in houses:
                house.deliver()
        return len(houses[0].nudges())


def test_it_wants_what_a_close_look_at_everything_wants(databases: Databases, tmp_path: Path) -> None:
    assert same(databases, tmp_path, 5, 60) > 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 10))
def test_over_weeks(databases: Databases, tmp_path: Path, seed: int) -> None:
    assert same(databases, tmp_path, seed, 400) > 100
