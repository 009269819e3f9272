"""Whose turn it is on a ticket, since when, and what says so. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

from unstuck.stalls.words import Weight, weigh
from unstuck.tickets.changes import ChangeKind, StageClass
from unstuck.tickets.timeline import Activity, Stay, Timeline

#: How many messages back we look for the last one that counts.
LOOK_BACK = 20
#: Characters of a message that are kept as evidence.
EXCERPT = 120


class PartyKind(StrEnum):
    AGENT = "agent"
    #: A team has it, nobody in it.
    TEAM = "team"
    #: Neither a person nor a team has it.
    NOBODY = "nobody"
    CUSTOMER = "customer"
    #: Another team that the ticket was put on hold for.
    INTERNAL = "internal"
    VENDOR = "vendor"
    #: Somebody who has to approve.
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Party:
    """Who has to move."""

    kind: PartyKind
    #: The source's id of the person or team, where known.
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a decision: `stay`, `message`, `activity`, or `skipped` (words that do not count)."""

    kind: str
    #: UTC.
    at: datetime
    #: Who: the source's id, or None when the source does not say.
    who: str | None = None
    #: A stage's name, or the start of a message. Foreign text: escape it.
    what: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Who has to move on an open ticket, and since when."""

    party: Party
    stage: str
    stage_class: StageClass
    #: The last team known to hold the ticket, and who in it does.
    team: str | None
    assignee: str | None
    #: Since when the ticket waits for them: start of the visit to this stage with this team, or of the
    #: customer's answer. UTC.
    since: datetime
    #: The last sign of life that counts, UTC; never before `since`.
    still_since: datetime
    #: The customer has answered, but the ticket still says that it waits for them.
    answered: bool
    evidence: tuple[Evidence, ...]


def whose_turn(timeline: Timeline, bots: frozenset[str] = frozenset()) -> Turn | None:
    """Who has to move; None when nobody has, because the ticket is solved, closed or gone.

    `bots` are the source's ids of actors whose updates are no activity.
    """
    if not timeline.stays or timeline.deleted_at or not timeline.current.stage_class.is_open:
        return None
    stay = timeline.current
    team, visit_at = _visit(timeline.stays)
    words = _words(timeline)
    spoken = words[-1] if words else None
    party, since = _party(stay, team, visit_at, words)
    started = max(since, stay.start_at)
    moved = _last_move(timeline, started, party, bots)
    return Turn(
        party=party,
        stage=stay.stage or stay.stage_class.value,
        stage_class=stay.stage_class,
        team=team,
        assignee=stay.assignee,
        since=since,
        still_since=moved.at if moved else started,
        answered=stay.stage_class is StageClass.WAIT_CUSTOMER and party.kind is not PartyKind.CUSTOMER,
        evidence=tuple(_evidence(timeline, visit_at, team, spoken, moved)),
    )


def _visit(stays: tuple[Stay, ...]) -> tuple[str | None, datetime]:
    """The team that holds the ticket, and when its present visit to the stage began with that team.

    An unknown team between two known ones is no hand-off: the team known last still has it.
    """
    team: str | None = None
    began, stage = stays[0].start_at, stays[0].stage
    for stay in stays:
        if stay.stage != stage or (stay.team is not None and stay.team != team):
            began = stay.start_at
        stage, team = stay.stage, stay.team or team
    return team, began


def _words(timeline: Timeline) -> list[Activity]:
    """The last public messages that count, oldest first."""
    public = [a for a in timeline.activities if a.kind is ChangeKind.MESSAGE and a.public and a.author_kind != "bot"]
    return [message for message in public[-LOOK_BACK:] if weigh(message.body or "").counts]


def _party(stay: Stay, team: str | None, visit_at: datetime, words: list[Activity]) -> tuple[Party, datetime]:
    """Who has to move and since when: by the stage's class, unless the last words say otherwise."""
    ours = _holder(stay, team)
    last = words[-1] if words and words[-1].at >= visit_at else None
    match stay.stage_class:
        case StageClass.WAIT_CUSTOMER if last and last.author_kind == "customer" and not _promises(last):
            return ours, _first_unanswered(words, visit_at)
        case StageClass.WAIT_CUSTOMER:
            return Party(PartyKind.CUSTOMER), visit_at
        case StageClass.WAIT_INTERNAL:
            return Party(PartyKind.INTERNAL, team), visit_at
        case StageClass.WAIT_VENDOR:
            return Party(PartyKind.VENDOR), visit_at
        case _ if last and last.at >= stay.start_at and (elsewhere := _elsewhere(last)):
            return Party(elsewhere), last.at
        case _:
            return ours, visit_at


def _first_unanswered(words: list[Activity], visit_at: datetime) -> datetime:
    """When the customer first said what nobody has answered; `words` end with the customer's."""
    unanswered = takewhile(lambda m: m.author_kind == "customer" and m.at >= visit_at, reversed(words))
    return min(message.at for message in unanswered)


def _holder(stay: Stay, team: str | None) -> Party:
    if stay.assignee is not None:
        return Party(PartyKind.AGENT, stay.assignee)
    return Party(PartyKind.TEAM, team) if team is not None else Party(PartyKind.NOBODY)


def _promises(message: Activity) -> bool:
    """Whether a customer says that they will do their part, which is not to have done it."""
    return message.author_kind == "customer" and weigh(message.body or "") is Weight.PROMISES


#: Who has to move after an agent's message, where it is not the agent.
_AFTER_AGENT = {
    Weight.ASKS: PartyKind.CUSTOMER,
    Weight.APPROVAL: PartyKind.APPROVAL,
    Weight.VENDOR: PartyKind.VENDOR,
    Weight.INTERNAL: PartyKind.INTERNAL,
}


def _elsewhere(message: Activity) -> PartyKind | None:
    """Who but us has to move after the last words; None when it is us."""
    if message.author_kind == "agent":
        return _AFTER_AGENT.get(weigh(message.body or ""))
    return PartyKind.CUSTOMER if _promises(message) else None


def _last_move(timeline: Timeline, after: datetime, party: Party, bots: frozenset[str]) -> Activity | None:
    for activity in reversed(timeline.activities):
        if activity.at <= after:
            return None
        if _moves(activity, party, bots):
            return activity
    return None


def _moves(activity: Activity, party: Party, bots: frozenset[str]) -> bool:
    """Whether an activity is a sign of life of those who have to move."""
    if activity.kind is ChangeKind.FEEDBACK or (activity.actor is not None and activity.actor in bots):
        return False
    if activity.kind is not ChangeKind.MESSAGE:
        return True
    # A customer who asks again while we owe the answer has not moved anything.
    if activity.author_kind == "bot" or (activity.author_kind == "customer" and party.kind is not PartyKind.CUSTOMER):
        return False
    return weigh(activity.body or "").counts


def _evidence(
    timeline: Timeline, visit_at: datetime, team: str | None, spoken: Activity | None, moved: Activity | None
) -> Iterator[Evidence]:
    stay = timeline.current
    yield Evidence("stay", visit_at, stay.assignee or team, stay.stage or stay.stage_class.value)
    if spoken is not None:
        yield Evidence("message", spoken.at, spoken.actor, _excerpt(spoken))
    if moved is not None and moved is not spoken:
        yield Evidence("activity", moved.at, moved.actor)
    skipped = _skipped(timeline, spoken.at if spoken else visit_at)
    if skipped is not None:
        yield Evidence("skipped", skipped.at, skipped.actor, _excerpt(skipped))


def _skipped(timeline: Timeline, after: datetime) -> Activity | None:
    """The last public message, when it is one that does not count."""
    public = (a for a in reversed(timeline.activities) if a.kind is ChangeKind.MESSAGE and a.public)
    last = next(public, None)
    return last if last is not None and last.at > after and not weigh(last.body or "").counts else None


def _excerpt(message: Activity) -> str:
    words = " ".join((message.body or "").split())
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"
