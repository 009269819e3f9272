"""Who hears next about a stall, and when: the ladder, its waits, and what buttons did to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from unstuck.clock import iso
from unstuck.nudges.contract import HAND_OVER, STILL, Promise, find_promise
from unstuck.nudges.hours import local_day, next_decent, zone_of
from unstuck.nudges.rules import RUNGS, Hours, Rule, Rules, Rung, Step
from unstuck.nudges.told import Told, base, round_of
from unstuck.stalls.clocks import ROUND_THE_CLOCK
from unstuck.stalls.find import Stall
from unstuck.stalls.turn import PartyKind
from unstuck.tickets.calendars import BusinessCalendar

__all__ = ["Next", "Situation", "Told", "base", "next_nudge", "occasion_of"]


@dataclass(frozen=True, slots=True)
class Next:
    """The next nudge that a stall asks for."""

    rule: str
    occasion: str
    #: Rung: 0 owner, 1 team, 2 lead, 3 manager.
    step: int
    recipient: str
    #: Not before this; a decent hour, UTC.
    at: datetime
    #: What it asks: `still` on it, or to `hand_over` the ticket; None: it only tells.
    ask: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a stall happens: what the ladder must know beside the stall itself."""

    rules: Rules
    #: The calendar of the ticket's team, if one is set, and the desk's time zone.
    calendar: BusinessCalendar | None
    timezone: str
    #: Who is meant by a rung; None when there is nobody.
    who: Callable[[Rung], str | None]
    #: When a recipient may be disturbed, where that is not the rules' to say alone.
    hours_of: Callable[[str], Hours] | None = None
    #: When a recipient works, where that is not the ticket's team's to say.
    calendar_of: Callable[[str], BusinessCalendar | None] | None = None

    def decent(self, at: datetime, recipient: str) -> datetime:
        return next_decent(at, *self._theirs(recipient))

    def day(self, at: datetime, recipient: str) -> tuple[datetime, datetime]:
        """The recipient's day that `at` lies in, as `[start, end)` in UTC."""
        return local_day(at, *self._theirs(recipient))

    def date(self, at: datetime, recipient: str) -> date:
        """The date that `at` has for the recipient."""
        return at.astimezone(zone_of(*self._theirs(recipient))).date()

    def _theirs(self, recipient: str) -> tuple[Hours, BusinessCalendar | None, str]:
        hours = self.hours_of(recipient) if self.hours_of else self.rules.hours
        return hours, self.calendar_of(recipient) if self.calendar_of else self.calendar, self.timezone

    def next_day(self, at: datetime, recipient: str) -> datetime:
        """The first decent hour after that day."""
        return self.decent(self.day(at, recipient)[1], recipient)

    @property
    def clock(self) -> BusinessCalendar:
        return self.calendar or ROUND_THE_CLOCK


def occasion_of(stall: Stall) -> str:
    """Names the stretch of standing still; a repeat of it gets `+1`, `+2`, …"""
    return iso(stall.still_since)


def next_nudge(stall: Stall, told: Sequence[Told], place: Situation, now: datetime) -> Next | None:
    """The next nudge about a stall, due at `now` or later; None when nobody is left to tell.

    `told` are all earlier nudges about the ticket.
    """
    rule = place.rules.rule_for(stall.waiting_on.kind)
    about_this = [one for one in told if base(one.occasion) == occasion_of(stall)]
    if rule is None or any(one.outcome == "false_alarm" for one in about_this):
        return None
    wanted = _kept(stall, rule, about_this, place, now)
    if wanted is None:
        wanted = _continue(rule, about_this, place, now) if about_this else _begin(rule, occasion_of(stall), place, now)
    if wanted is None:
        return None
    spaced = _not_too_often(wanted, told, place)
    # One that is overdue waits for a decent hour all the same.
    return replace(spaced, at=place.decent(max(spaced.at, now), spaced.recipient))


def _begin(rule: Rule, occasion: str, place: Situation, at: datetime) -> Next | None:
    """The first rung on which somebody stands."""
    return _climb(rule.steps, set(), rule, occasion, place, lambda _: at)


def _kept(stall: Stall, rule: Rule, told: Sequence[Told], place: Situation, now: datetime) -> Next | None:
    """What the owner's promise asks for; None when there is none, or the ladder has the word."""
    if not told or stall.waiting_on.kind is not PartyKind.AGENT or not place.rules.contract.enabled:
        return None
    promise, owner = find_promise(told), place.who("owner")
    under_way = any(one.state in ("due", "sending") for one in told)
    if promise is None or owner is None or under_way or promise.handed_over:
        return None
    occasion, round_ = occasion_of(stall), max(round_of(one.occasion) for one in told)
    if promise.is_broken:
        due = now if promise.given_up else _answered_by(promise, place)
        above = [Step("lead"), Step("manager")]
        found = _climb(above, set(), rule, f"{occasion}+{round_}" if round_ else occasion, place, lambda _: due)
        return replace(found, ask=HAND_OVER) if found else None
    at = place.decent(_answered_by(promise, place), owner)
    return Next(rule.name, f"{occasion}+{round_ + 1}", 0, owner, at, STILL)


def _answered_by(promise: Promise, place: Situation) -> datetime:
    """When the owner's patience, or their time to answer, is over."""
    if promise.asked_at is None:
        return place.clock.after(promise.given_at, place.rules.mine.on(place.clock))
    return place.clock.after(promise.asked_at, place.rules.contract.answer_within.on(place.clock))


def _continue(rule: Rule, told: Sequence[Told], place: Situation, now: datetime) -> Next | None:
    round_ = max(round_of(one.occasion) for one in told)
    latest = [one for one in told if round_of(one.occasion) == round_]
    again = f"{base(latest[0].occasion)}+{round_ + 1}"
    last = max(latest, key=lambda one: one.step)
    if any(one.state in ("due", "sending") for one in latest):
        return None
    if (resume := _resumes_at(latest, place)) is not None:
        return _begin(rule, again, place, resume)
    if last.state == "withdrawn":
        return _begin(rule, again, place, now)
    rest = [step for step in rule.steps if RUNGS.index(step.to) > last.step]
    heard = {one.recipient for one in latest}
    since = last.sent_at

    def due(step: Step) -> datetime:
        # Nobody heard of a failed one, so the next rung does not wait.
        return now if since is None else place.clock.after(since, step.after.on(place.clock))

    return _climb(rest, heard, rule, last.occasion, place, due)


def _resumes_at(latest: Sequence[Told], place: Situation) -> datetime | None:
    """When the ladder starts anew after somebody snoozed it or took the ticket; None if nobody did."""
    answered = [one for one in latest if one.outcome in ("mine", "snoozed") and one.outcome_at]
    if not answered:
        return None
    last = max(answered, key=lambda one: (one.outcome_at, one.step))
    if last.outcome == "snoozed" and last.snoozed_until is not None:
        return last.snoozed_until
    assert last.outcome_at is not None
    return place.clock.after(last.outcome_at, place.rules.mine.on(place.clock))


def _climb(
    steps: Sequence[Step], heard: set[str], rule: Rule, occasion: str, place: Situation, due: Callable[[Step], datetime]
) -> Next | None:
    """The first of the steps on which somebody stands who has not heard yet."""
    for step in steps:
        recipient = place.who(step.to)
        if recipient is not None and recipient not in heard:
            return Next(rule.name, occasion, RUNGS.index(step.to), recipient, place.decent(due(step), recipient))
    return None


def _not_too_often(wanted: Next, told: Sequence[Told], place: Situation) -> Next:
    """The same nudge, put off until the ticket's cool-down is over and its day has room."""
    sent = sorted(one.sent_at for one in told if one.sent_at is not None)
    at = wanted.at
    if sent:
        cool = place.clock.after(sent[-1], place.rules.cool_down.on(place.clock))
        at = place.decent(max(at, cool), wanted.recipient)
    start, end = place.day(at, wanted.recipient)
    if sum(start <= moment < end for moment in sent) >= place.rules.ticket_per_day:
        at = place.decent(end, wanted.recipient)
    return replace(wanted, at=at)
