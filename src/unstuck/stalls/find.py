"""Which tickets stall: those that wait longer than is usual here while nothing happens. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from unstuck.stalls.clocks import A_DAY, Calendars, Span
from unstuck.stalls.thresholds import Threshold, Thresholds
from unstuck.stalls.turn import Evidence, Party, Turn, whose_turn
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.changes import StageClass
from unstuck.tickets.timeline import Timeline

#: `Stall.compared_by` of a ticket whose customer has answered.
ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts as a stall on this desk."""

    thresholds: Thresholds
    calendars: Calendars = field(default_factory=Calendars)
    #: Teams' names by the source's ids: thresholds and calendars go by name.
    team_names: Mapping[str, str] = field(default_factory=dict)
    #: Somebody who did something on the ticket is left alone this long, or for the threshold where that
    #: is shorter.
    quiet: Span = A_DAY
    #: How soon a customer's answer should be noticed on a ticket that waits for it.
    answer_noticed: Span = A_DAY
    #: The source's ids of actors whose updates are no activity.
    bots: frozenset[str] = frozenset()

    def calendar_of(self, team: str | None) -> BusinessCalendar:
        """The calendar of a team, by the source's id of it."""
        return self.calendars.of(self.team_name(team))

    def team_name(self, team: str | None) -> str | None:
        return self.team_names.get(team, team) if team is not None else None


@dataclass(frozen=True, slots=True)
class Stall:
    """A ticket that waits too long on a known party."""

    ticket: int
    stage: str
    #: Who has to move.
    waiting_on: Party
    team: str | None
    assignee: str | None
    priority: str | None
    #: Since when it waits for them, UTC.
    since: datetime
    #: Since when nothing has moved, UTC; names the occasion.
    still_since: datetime
    #: Business seconds since `since`, and after how many it counts as late.
    waited: int
    threshold: int
    #: Visits that the threshold was learned from, what they have in common, and which share of them was
    #: over by then; `fixed` and `answered` have none.
    comparables: int
    compared_by: str
    rate: float | None
    evidence: tuple[Evidence, ...]


def find(timeline: Timeline, policy: Policy, now: datetime) -> Stall | None:
    """The stall that a ticket is in at `now`; None when it moves, or is nobody's turn, or nothing compares.

    `timeline` holds what was known at `now`, nothing later.
    """
    turn = whose_turn(timeline, policy.bots)
    return judge(turn, timeline, policy, now) if turn else None


def judge(turn: Turn, timeline: Timeline, policy: Policy, now: datetime) -> Stall | None:
    """The stall, once it is clear whose turn it is."""
    late = late_after(turn, timeline, policy)
    if late is None:
        return None
    calendar = policy.calendar_of(turn.team)
    waited = calendar.between(turn.since, now)
    if waited <= late.seconds or calendar.between(turn.still_since, now) <= _quiet(policy, calendar, late):
        return None
    return Stall(
        ticket=timeline.ticket,
        stage=turn.stage,
        waiting_on=turn.party,
        team=turn.team,
        assignee=turn.assignee,
        priority=_priority(timeline),
        since=turn.since,
        still_since=turn.still_since,
        waited=waited,
        threshold=late.seconds,
        comparables=late.finished + late.still_open,
        compared_by=late.compared_by,
        rate=late.share,
        evidence=turn.evidence,
    )


def next_look(turn: Turn, timeline: Timeline, policy: Policy) -> datetime | None:
    """When the ticket becomes a stall if nothing happens; None when nothing compares."""
    late = late_after(turn, timeline, policy)
    if late is None:
        return None
    calendar = policy.calendar_of(turn.team)
    return max(
        calendar.after(turn.since, late.seconds + 1),
        calendar.after(turn.still_since, _quiet(policy, calendar, late) + 1),
    )


@dataclass(frozen=True, slots=True)
class Soonest:
    """Business seconds before which no ticket of a kind stalls: since it came into being, and since it stood still."""

    late: int
    quiet: int


def soonest(
    stage: str, stage_class: StageClass, priority: str | None, team: str | None, policy: Policy
) -> Soonest | None:
    """How soon tickets of a kind can stall, whoever's turn it turns out to be; None: never."""
    calendar = policy.calendar_of(team)
    usual = policy.thresholds.find(stage, priority, policy.team_name(team), calendar)
    lates = [usual.seconds] if usual else []
    if stage_class is StageClass.WAIT_CUSTOMER:
        lates.append(policy.answer_noticed.on(calendar))
    if not lates:
        return None
    return Soonest(min(lates), min(policy.quiet.on(calendar), *lates))


def late_after(turn: Turn, timeline: Timeline, policy: Policy) -> Threshold | None:
    """After how long this turn is late; None when there is nothing to compare it with."""
    calendar = policy.calendar_of(turn.team)
    if turn.answered:
        return Threshold(policy.answer_noticed.on(calendar), None, 0, 0, ANSWERED)
    return policy.thresholds.find(turn.stage, _priority(timeline), policy.team_name(turn.team), calendar)


def _quiet(policy: Policy, calendar: BusinessCalendar, late: Threshold) -> int:
    return min(policy.quiet.on(calendar), late.seconds)


def _priority(timeline: Timeline) -> str | None:
    return (timeline.values or {}).get("priority")
