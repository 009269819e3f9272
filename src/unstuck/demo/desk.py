"""The whole demo desk: a value made from a seed and an end, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from unstuck.demo import people
from unstuck.demo.arrivals import Arrival, ProblemMix, arrivals, surge
from unstuck.demo.lives import Life, Office, live, live_twin, live_unanswered, live_unowned
from unstuck.demo.offices import CALENDARS, DeskCalendar, opened
from unstuck.demo.people import AUTOMATION, DeskPerson, DeskTeam
from unstuck.demo.planted import DESK_NOW, SURGE_TICKETS, Planted, plan, start_of
from unstuck.demo.problems import Problem, load_problems
from unstuck.demo.questions import HeldOut, load_questions
from unstuck.demo.requests import a_case
from unstuck.demo.spam import live_spam
from unstuck.demo.stages import STAGES, WAIT_PARTS
from unstuck.i18n import Lang
from unstuck.tickets.changes import StageClass, TicketChange

#: Name and kind of the demo desk as a source of tickets.
SOURCE = "demo"
_EVERYDAY_TICKETS = 2860
_CUSTOMERS = 1150
_FIRST_NUMBER = 204_001
_TWIN_SHARE, _SPAM_SHARE, _ZOMBIE_SHARE = 0.02, 0.014, 0.001
#: Recent tickets that somebody forgot: how recent, and how many of them.
_FORGOTTEN_WITHIN = timedelta(days=12)
_UNOWNED_SHARE, _UNANSWERED_SHARE = 0.025, 0.025


@dataclass(frozen=True, slots=True)
class Desk:
    """A synthetic after-sales desk: nobody and nothing in it is real."""

    seed: int
    #: "Now" at the desk: nothing in `changes` is later.
    end: datetime
    #: By time; each ticket's own are in the order in which they happened.
    changes: tuple[TicketChange, ...]
    #: Agents, the desk's automation, and customers.
    people: tuple[DeskPerson, ...]
    teams: tuple[DeskTeam, ...]
    #: Status to stage class.
    stages: dict[str, StageClass]
    calendars: tuple[DeskCalendar, ...]
    problems: tuple[Problem, ...]
    #: What each ticket is about, by ticket id; spam is left out.
    problem_of: dict[str, str]
    planted: Planted
    questions: tuple[HeldOut, ...]

    @property
    def agents(self) -> tuple[DeskPerson, ...]:
        return tuple(person for person in self.people if person.kind == "agent")


def generate(seed: int = 7, end: datetime = DESK_NOW) -> Desk:
    """The desk with its history of about three months up to `end`; the same for the same arguments."""
    problems = load_problems()
    planted = plan(end)
    office = _office(planted)
    history = _History(seed, office)
    for number, arrival in enumerate(_arrivals(seed, problems, planted, end), start=_FIRST_NUMBER):
        history.add(str(number), arrival, end)
    changes = tuple(sorted((c for c in history.changes if c.at <= end), key=lambda c: (c.at, c.ticket, c.order)))
    return Desk(
        seed=seed,
        end=end,
        changes=changes,
        people=(*office.people.values(), AUTOMATION, *history.customers.values()),
        teams=people.teams(),
        stages=dict(STAGES),
        calendars=CALENDARS,
        problems=problems,
        problem_of=history.problem_of,
        planted=_filled(planted, history, changes),
        questions=load_questions(),
    )


def _office(planted: Planted) -> Office:
    return Office(
        teams={team.id: team for team in people.teams()},
        people={agent.id: agent for agent in people.agents()},
        hours=opened(),
        planted=planted,
    )


def _arrivals(seed: int, problems: tuple[Problem, ...], planted: Planted, end: datetime) -> list[Arrival]:
    """Everyday tickets and the surge, in time order."""
    random = Random(f"{seed}/arrivals")
    everyday = arrivals(ProblemMix(problems), _EVERYDAY_TICKETS, start_of(end), end, random)
    about = next(problem for problem in problems if problem.id == planted.surge.problem)
    surged = surge(about, SURGE_TICKETS, planted.surge.start, planted.surge.end, random)
    return sorted([*everyday, *surged], key=lambda arrival: arrival.at)


class _History:
    """Collects the tickets' lives, one after the other."""

    def __init__(self, seed: int, office: Office) -> None:
        self.changes: list[TicketChange] = []
        self.problem_of: dict[str, str] = {}
        self.customers: dict[str, DeskPerson] = {}
        self.fates: dict[str, list[str]] = {"unowned": [], "agent": []}
        self._seed = seed
        self._office = office

    def add(self, ticket: str, arrival: Arrival, end: datetime) -> None:
        random = Random(f"{self._seed}/{ticket}")
        if not arrival.problem.only_in_surge and random.random() < _SPAM_SHARE:
            self.changes += live_spam(ticket, arrival.at, arrival.lang, self._office, random)
            return
        customer = self._customer(arrival.lang, random)
        life = Life(ticket, a_case(arrival.problem, customer, random), self._office, random)
        self.problem_of[ticket] = arrival.problem.id
        self._run(life, arrival, end)
        self.changes += life.diary.changes
        if random.random() < _TWIN_SHARE:
            self._add_twin(life, arrival, random)

    def _run(self, life: Life, arrival: Arrival, end: datetime) -> None:
        """One of the ways a ticket can go; the forgotten ones are mostly recent."""
        roll = life.random.random()
        is_recent = end - _FORGOTTEN_WITHIN < arrival.at < end - timedelta(days=2)
        if is_recent and roll < _UNOWNED_SHARE:
            self.fates["unowned"].append(life.diary.ticket)
            live_unowned(life, arrival.at)
        elif roll < (_UNOWNED_SHARE + _UNANSWERED_SHARE if is_recent else _ZOMBIE_SHARE):
            self.fates["agent"].append(life.diary.ticket)
            live_unanswered(life, arrival.at)
        else:
            live(life, arrival.at, slow=2.0 if arrival.problem.only_in_surge else 1.0)

    def _add_twin(self, life: Life, arrival: Arrival, random: Random) -> None:
        """The same customer, the same problem, some hours later; merged by the desk."""
        original = life.diary.ticket
        twin = Life(f"{original}-2", a_case(arrival.problem, life.case.customer, random), self._office, random)
        live_twin(twin, arrival.at + timedelta(hours=random.uniform(1, 20)), original)
        self.problem_of[twin.diary.ticket] = arrival.problem.id
        self.changes += twin.diary.changes

    def _customer(self, lang: Lang, random: Random) -> DeskPerson:
        number = random.randrange(_CUSTOMERS) + (0 if lang == "en" else _CUSTOMERS)
        customer = people.a_customer(number, lang, Random(f"{self._seed}/customer/{number}"))
        return self.customers.setdefault(customer.id, customer)


def _filled(planted: Planted, history: _History, changes: tuple[TicketChange, ...]) -> Planted:
    """The plan with the tickets it came to."""
    about = planted.surge.problem
    tickets = tuple(ticket for ticket, problem in history.problem_of.items() if problem == about)
    status = _last_status(changes)
    stalled = {
        "unowned": tuple(history.fates["unowned"]),
        "agent": tuple(ticket for ticket in history.fates["agent"] if status.get(ticket) == "In progress"),
        "vendor": tuple(sorted(ticket for ticket, now in status.items() if now == WAIT_PARTS)),
    }
    return replace(planted, surge=replace(planted.surge, tickets=tickets), stalled=stalled)


def _last_status(changes: Iterable[TicketChange]) -> dict[str, str | None]:
    return {change.ticket: change.values["status"] for change in changes if "status" in change.values}
