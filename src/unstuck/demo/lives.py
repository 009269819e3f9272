"""The life of one ticket: picked up, asked about, handed over, waited for, solved, and what came after.

Agents move in their office's working hours, customers when they are awake. Nobody here looks at
when the history ends: what lies after it is cut off by `desk.generate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from unstuck.demo.arrivals import ZONES
from unstuck.demo.diary import Diary
from unstuck.demo.people import AUTOMATION, DeskPerson, DeskTeam
from unstuck.demo.planted import Planted
from unstuck.demo.replies import AgentVoice
from unstuck.demo.requests import Case, a_request, a_title
from unstuck.demo.stages import (
    CLOSED,
    DUPLICATE,
    NEW,
    SOLVED,
    STATUS_OF_WAIT,
    WAIT_CUSTOMER,
    WAIT_WAREHOUSE,
    WORKING,
)
from unstuck.demo.typos import with_typos
from unstuck.demo.wording import phrase, say
from unstuck.i18n import Lang
from unstuck.tickets.calendars import BusinessCalendar

HOUR = 3600.0
DAY = 24 * HOUR
_TEAM_OF_HANDLER = {"tech": "tech-support", "repairs": "repairs", "finance": "finance-desk", "logistics": "wuliu"}
_FRONT: dict[Lang, str] = {"en": "front-desk", "zh": "kefu"}
#: Working hours until somebody picks the ticket up (median).
_PICK_UP = {"Urgent": 0.2, "High": 0.5, "Normal": 1.0, "Low": 2.0}
_PRIORITIES = ("Urgent",) * 4 + ("High",) * 14 + ("Normal",) * 62 + ("Low",) * 20
#: The timer that closes what is solved, and the one that gives up on silent customers.
AUTO_CLOSE = 5 * DAY
_REMIND_AFTER, _GIVE_UP_AFTER = 3 * DAY, 7 * DAY
_USUAL_WAREHOUSE_HOURS = 16.0


@dataclass(frozen=True, slots=True)
class Office:
    """The people and hours that a ticket's life runs into."""

    teams: Mapping[str, DeskTeam]
    people: Mapping[str, DeskPerson]
    hours: Mapping[str, BusinessCalendar]
    planted: Planted

    def after(self, calendar: str, at: float, work: float) -> float:
        """The moment when `work` seconds of working time have passed since `at`; all in epoch seconds."""
        return self.hours[calendar].after(datetime.fromtimestamp(at, UTC), max(1, int(work))).timestamp()


class Life:
    """One ticket from arrival to its end; each method is one thing that can happen to it."""

    def __init__(self, ticket: str, case: Case, office: Office, random: Random) -> None:
        self.case = case
        self.diary = Diary(ticket)
        self.random = random
        self._office = office
        self._team = _FRONT[case.lang]
        self._agent: DeskPerson | None = None
        self._priority = random.choice(_PRIORITIES)
        self._created_at = 0.0
        self._trouble = 0.0

    # -- time and people ------------------------------------------------------------------

    def _spread(self, median: float, sigma: float = 0.8) -> float:
        """A log-normal span around `median` hours, in seconds."""
        return median * HOUR * math.exp(self.random.gauss(0, sigma))

    def _work(self, median_hours: float, sigma: float = 0.8) -> float:
        """When the team in charge has put that much working time in."""
        calendar = self._office.teams[self._team].calendar
        return self._office.after(calendar, self.diary.at, self._spread(median_hours, sigma))

    def _customer_time(self, median_hours: float, sigma: float = 0.9) -> float:
        """When the customer gets round to it: never between midnight and seven."""
        at = self.diary.at + self._spread(median_hours, sigma)
        hour = datetime.fromtimestamp(at, ZONES[self.case.lang]).hour
        return at + (7 - hour) * HOUR + self.random.random() * 2 * HOUR if hour < 7 else at

    @property
    def _owner(self) -> DeskPerson:
        assert self._agent is not None
        return self._agent

    def _voice(self) -> AgentVoice:
        team = self._office.teams[self._team].name
        return AgentVoice(self.case, self._agent or AUTOMATION, team, self.random)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    # -- beginning ------------------------------------------------------------------------

    def begin(self, at: float, prefix: str = "") -> None:
        """The ticket arrives; the desk's automation confirms it where the channel allows."""
        self._created_at = at
        body = prefix + a_request(self.case, self.random)
        by_phone = self.case.channel == "Phone"
        self.diary.create(at, self._anybody() if by_phone else self.case.customer, self._first_values(body))
        if self.case.channel in ("Email", "Web form") and self._chance(0.8):
            receipt = self._voice().say("receipt", number=self.diary.ticket)
            self.diary.message(at + 20, AUTOMATION, receipt)

    def _first_values(self, body: str) -> dict[str, str | None]:
        problem, customer = self.case.problem, self.case.customer
        return {
            "title": a_title(self.case, self.random),
            "description": body,
            "status": NEW,
            "team": self._team,
            "assignee": None,
            "priority": self._priority,
            "product": problem.product,
            "category": problem.category,
            "customer": customer.id,
            "tier": customer.tier,
            "region": customer.region,
            "language": customer.lang,
            "channel": self.case.channel,
            "url": f"https://desk.tidewell.test/tickets/{self.diary.ticket}",
            "number": self.diary.ticket,
        }

    def _anybody(self) -> DeskPerson:
        return self._office.people[self.random.choice(self._office.teams[self._team].members)]

    def pick_up(self, hurry: float = 1.0) -> None:
        """Somebody of the team takes the ticket out of the queue."""
        at = self._work(_PICK_UP[self._priority] * hurry, sigma=0.9)
        self._agent = self._anybody()
        self.diary.update(at, self._owner, assignee=self._owner.id, status=WORKING)
        if self._chance(0.06):
            higher = "Urgent" if self._priority == "High" else "High"
            if self._priority not in ("Urgent", higher):
                self._priority = higher
                self.diary.update(at + 60, self._owner, priority=higher)

    def merge_into(self, other: str) -> None:
        """Somebody sees that this customer has a ticket about it already."""
        at = self._work(1.0)
        self.diary.merge(at, self._anybody(), other, DUPLICATE)

    # -- talking --------------------------------------------------------------------------

    def _reply(self, at: float, body: str) -> None:
        self.diary.message(at, self._owner, body)
        if self.case.channel == "Email" and self._chance(0.04):
            self.diary.message(at + 45, self.case.customer, phrase("customer.away", self.case.lang, self.random))

    def _customer_writes(self, at: float, body: str, *, quote: bool = False) -> None:
        body = with_typos(body, self.case.lang, self.random, 0.04)
        if quote and self.case.channel == "Email" and self._chance(0.35):
            body += self._quoted()
        self.diary.message(at, self.case.customer, body)

    def _quoted(self) -> str:
        last = next(change for change in reversed(self.diary.changes) if change.message is not None)
        assert last.message is not None
        line = next((line for line in last.message.body.split("\n") if len(line) > 25), last.message.body)
        day = last.at.date().isoformat()
        return phrase("agent.quote", self.case.lang, self.random, day=day, who=self._owner.name, quoted=line)

    def ask_back(self) -> bool:
        """The agent needs to know more. Says whether the customer ever answers."""
        at = self._work(0.35)
        self._reply(at, self._voice().question())
        self.diary.update(at, self._owner, status=WAIT_CUSTOMER)
        if self._chance(0.05):
            self._give_up()
            return False
        answer = say(self.case.talk.reply, self.random)
        self._answered(self._customer_time(6), answer)
        return True

    def _answered(self, at: float, body: str) -> None:
        self._customer_writes(at, body, quote=True)
        self.diary.update(self.diary.at, status=WORKING)

    def _give_up(self) -> None:
        """The customer stays silent: reminded once, then closed by the timer."""
        since = self.diary.at
        self.diary.message(since + _REMIND_AFTER, AUTOMATION, self._voice().say("remind"))
        self.diary.message(since + _GIVE_UP_AFTER, AUTOMATION, self._voice().say("closed_silent"))
        self.diary.update(since + _GIVE_UP_AFTER, status=CLOSED)

    def propose(self) -> bool:
        """The agent sends the steps and lets the customer try. Says whether the customer confirms."""
        at = self._work(0.5)
        self._reply(at, self._voice().answer())
        self.diary.update(at, self._owner, status=WAIT_CUSTOMER)
        if self._chance(0.035):
            self._give_up()
            return False
        works = phrase("customer.works", self.case.lang, self.random, agent=self._owner.first)
        self._answered(self._customer_time(9), works)
        return True

    # -- hand-offs and waits --------------------------------------------------------------

    def route(self) -> None:
        """The first line solves what it can and hands over the rest; now and then it goes to and fro."""
        target = _TEAM_OF_HANDLER.get(self.case.problem.handler)
        if target is None:
            if self._chance(0.05):
                self._bounce(self.random.choice(("tech-support", "finance-desk")))
            return
        if self.case.problem.wait is None and self._chance(0.35):
            return
        self._hand_over(target)
        if self._chance(0.09):
            self._return_to(_FRONT[self.case.lang])
            self._hand_over(target, note="again_to")

    def _hand_over(self, team: str, note: str = "handoff") -> None:
        self._move_to(team, note)
        at = self._work(0.9, sigma=0.9)
        self._agent = self._anybody()
        self.diary.update(at, self._owner, assignee=self._owner.id)

    def _return_to(self, team: str) -> None:
        self._trouble += 1.0
        self._hand_over(team, note="back")

    def _bounce(self, team: str) -> None:
        """Handed to the wrong team, which sends it back."""
        home = self._team
        self._hand_over(team)
        self._return_to(home)

    def _move_to(self, team: str, note: str) -> None:
        at = self._work(0.4)
        voice, to = self._voice(), self._office.teams[team].name
        body = voice.handoff(to) if note == "handoff" else voice.say(note, to=to)
        self.diary.message(at, self._owner, body, public=False)
        self.diary.update(at, self._owner, team=team, assignee=None)
        self._team = team

    def wait(self) -> None:
        """Parts, the warehouse or Finance have to move before the ticket can."""
        kind = self.case.problem.wait
        if kind is None or not self._chance(0.95):
            return
        at = self._work(0.5)
        self.diary.message(at, self._owner, self._voice().say(f"wait_{kind}"), public=False)
        if self._chance(0.6):
            self._reply(at, self._voice().letter(f"tell_{kind}"))
        self.diary.update(at, self._owner, status=STATUS_OF_WAIT[kind])
        until = self._until(STATUS_OF_WAIT[kind])
        self._meanwhile(until)
        self.diary.message(until, self._owner, self._voice().say(f"got_{kind}"), public=False)
        self.diary.update(until, self._owner, status=WORKING)

    def _until(self, status: str) -> float:
        """When the wait that starts now ends: slow where a bottleneck is planted."""
        bottleneck = self._office.planted.bottleneck(status)
        hours = _USUAL_WAREHOUSE_HOURS
        if bottleneck is not None:
            is_slow = self.diary.at >= bottleneck.since.timestamp()
            hours = bottleneck.slow_hours if is_slow else bottleneck.usual_hours
        assert bottleneck is not None or status == WAIT_WAREHOUSE
        return self.diary.at + self._spread(hours, sigma=0.55)

    def _meanwhile(self, until: float) -> None:
        """In a long wait customers ask for news and agents ask for patience."""
        while until - self.diary.at > 3.5 * DAY and self._chance(0.6):
            at = self._customer_time(60, sigma=0.3)
            if at >= until:
                return
            self._customer_writes(at, phrase("customer.chase", self.case.lang, self.random))
            at = self._work(2.0)
            if at < until and self._chance(0.5):
                self._reply(at, self._voice().letter("still"))
        self._trouble += 1.0 if until - self.diary.at > 3 * DAY else 0.0

    # -- the end --------------------------------------------------------------------------

    def solve(self, told: bool) -> None:
        """Solved, with the resolution on record; `told` when the customer has the steps already."""
        at = self._work(0.5)
        if self._chance(0.35):
            self.diary.message(at - 30, self._owner, self._voice().note(), public=False)
        is_short = told and self._chance(0.5)
        self._reply(at, self._voice().letter("solved_short") if is_short else self._voice().summary())
        values = {"status": SOLVED}
        if self._chance(0.3):
            values["resolution"] = self._voice().resolution()
        self.diary.update(self.diary.at, self._owner, **values)

    def reopen(self) -> None:
        """It comes back within days, while the ticket is still only solved."""
        at = min(self._customer_time(26, sigma=0.7), self.diary.at + AUTO_CLOSE - 6 * HOUR)
        self._customer_writes(at, phrase("customer.again", self.case.lang, self.random), quote=True)
        self.diary.update(self.diary.at, status=WORKING)
        self._trouble += 1.5

    def after(self) -> None:
        """Thanks, feedback, and the timer that closes what stays solved."""
        solved_at = self.diary.at
        if self._chance(0.22):
            thanks = phrase("customer.thanks", self.case.lang, self.random, agent=self._owner.first)
            self._customer_writes(min(self._customer_time(4), solved_at + AUTO_CLOSE - HOUR), thanks)
        if self._chance(0.36):
            self._rate(min(self._customer_time(8), solved_at + AUTO_CLOSE - 0.5 * HOUR), solved_at)
        self.diary.update(solved_at + AUTO_CLOSE, status=CLOSED)

    def _rate(self, at: float, solved_at: float) -> None:
        days = min((solved_at - self._created_at) / DAY, 8)
        score = round(4.9 - 0.25 * days - 0.7 * self._trouble + self.random.gauss(-0.1, 1.2))
        score = min(5, max(1, score))
        mood = "good" if score >= 4 else "fair" if score == 3 else "bad"
        text = phrase(f"feedback.{mood}", self.case.lang, self.random, agent=self._owner.first)
        self.diary.feedback(at, self.case.customer, score, text)

    def chase(self) -> None:
        """The customer asks for news that does not come."""
        self._customer_writes(self._customer_time(40, sigma=0.4), phrase("customer.chase", self.case.lang, self.random))


def live(life: Life, at: datetime, slow: float = 1.0) -> None:
    """An ordinary ticket's life. `slow` stretches the time it queues, as in a surge."""
    life.begin(at.timestamp())
    life.pick_up(slow)
    told = False
    if life.random.random() < 0.42 and not life.ask_back():
        return
    life.route()
    life.wait()
    if life.case.problem.wait is None and life.random.random() < 0.55:
        if not life.propose():
            return
        told = True
    life.solve(told)
    if life.random.random() < 0.045:
        life.reopen()
        life.solve(told=False)
    life.after()


def live_unowned(life: Life, at: datetime) -> None:
    """Nobody picks it up."""
    life.begin(at.timestamp())
    life.chase()


def live_unanswered(life: Life, at: datetime) -> None:
    """The customer has answered, and the agent has not."""
    life.begin(at.timestamp())
    life.pick_up()
    if life.ask_back() and life.random.random() < 0.5:
        life.chase()


def live_twin(life: Life, at: datetime, original: str) -> None:
    """The customer writes again about the same thing; the desk merges it."""
    prefix = phrase("customer.duplicate", life.case.lang, life.random)
    life.begin(at.timestamp(), prefix + (" " if life.case.lang == "en" else ""))
    life.merge_into(original)
