"""The last look before a nudge goes out: whether it still holds, for whom, and at what hour. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from unstuck.clock import iso
from unstuck.nudges.desk import Desk
from unstuck.nudges.rules import RUNGS
from unstuck.nudges.sweep import Past
from unstuck.nudges.told import Told, base
from unstuck.nudges.trial import is_held_out
from unstuck.stalls.histories import Known
from unstuck.stalls.turn import Turn, whose_turn

#: What the last look makes of a nudge: it holds, or it becomes what its row then says.
Fate = Literal["due", "withdrawn", "failed", "held"]


class Outgoing(Protocol):
    """A nudge that has been written down: its row, or the `ladder.Next` that it was."""

    @property
    def rule(self) -> str: ...

    @property
    def occasion(self) -> str: ...

    @property
    def step(self) -> int: ...

    @property
    def recipient(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """The ticket of a nudge, looked at once more."""

    ticket: Known
    #: It still stands as it did.
    holds: bool
    #: Its recipient still stands on that rung: is here, has the ticket, leads the team.
    meant: bool
    #: When its recipient may be disturbed next; now, or later.
    decent_at: datetime
    #: Business seconds it has waited by now.
    waited: int


def look_once_more(past: Past, nudge: Outgoing, told: Sequence[Told], desk: Desk, now: datetime) -> Seen:
    """How the ticket of a nudge stands now. `told` are all nudges about it."""
    timeline, source = past.at(now), past.ticket.source_id
    policy = desk.policy(source)
    turn = whose_turn(timeline, policy.bots) if timeline else None
    if turn is None:
        return Seen(past.ticket, False, False, now, 0)
    place = desk.situation(source, turn)
    return Seen(
        ticket=past.ticket,
        holds=_holds(nudge, turn, told, desk),
        meant=place.who(RUNGS[nudge.step]) == nudge.recipient,
        decent_at=place.decent(now, nudge.recipient),
        waited=policy.calendar_of(turn.team).between(turn.since, now),
    )


def _holds(nudge: Outgoing, turn: Turn, told: Sequence[Told], desk: Desk) -> bool:
    """Whether the ticket still stands as it did, on a party the rule is about, and nobody has answered."""
    rule = desk.rules.rule_for(turn.party.kind)
    if iso(turn.still_since) != base(nudge.occasion) or rule is None or rule.name != nudge.rule:
        return False
    answers = ("mine", "snoozed", "false_alarm")
    return not any(one.occasion == nudge.occasion and one.outcome in answers for one in told)


def fate_of(
    seen: Seen, nudge: Outgoing, told: Sequence[Told], desk: Desk, now: datetime, *, asks: str | None = None
) -> Fate:
    """What becomes of a nudge that nobody has tried to send: `due` while it may be sent, at `seen.decent_at`."""
    if not seen.holds:
        return "withdrawn"
    if not seen.meant:
        return "failed"
    held_out = is_held_out(seen.ticket.id, nudge.occasion, nudge.recipient, desk.rules.trial.hold_out)
    # Not once somebody has heard of this stall.
    heard = any(base(one.occasion) == base(nudge.occasion) and one.state == "sent" for one in told)
    return "held" if held_out and not asks and not heard and seen.decent_at <= now else "due"
