"""What a nudge says, as a value: nudges fill it, `bot.blocks.nudge(view, lang)` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from unstuck.nudges.rules import CHOICES, Choice
from unstuck.stalls.turn import Evidence

__all__ = ["Evidence", "NudgeView", "RiskView"]


@dataclass(frozen=True, slots=True)
class RiskView:
    """The chance that a ticket will be late, and why, in the reader's language."""

    #: `overstay`, or the field of the deadline that it may miss.
    what: str
    chance: float
    #: When it will be late if nothing happens, UTC.
    due: datetime
    #: At most two, the strongest first. Hold foreign values: escape them.
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NudgeView:
    """Everything that one message about one stalled ticket shows."""

    #: Database id; goes into the buttons' values.
    nudge_id: int
    #: Opaque id in Slack's message metadata.
    key: str
    #: The ticket as the source calls it, its title and link. Hostile text: escape it.
    ticket: str
    title: str | None
    url: str | None
    stage: str
    #: `agent`, `team`, `nobody`, `internal`, `vendor`, `approval` or `customer`.
    waiting_on: str
    #: Name of that party, where known.
    party: str | None
    #: Business seconds in this stage so far, and after how many it counts as late.
    waited: int
    threshold: int
    #: Since when nothing has moved, UTC.
    still_since: datetime
    priority: str | None
    customer: str | None
    #: Finished and open visits that the threshold was learned from, and what they have in common:
    #: `stage`, `priority`, `team` in any combination, joined by `+`; `fixed` when a rule set it, `answered` when
    #: the customer has answered and the ticket still waits for the customer: both compare with nothing.
    comparables: int
    compared_by: str
    #: Why it is late, one sentence in the reader's language.
    reason: str
    evidence: tuple[Evidence, ...]
    #: Rule that asked for the nudge, and its rung: 0 owner, 1 team, 2 lead, 3 manager.
    rule: str
    step: int
    #: `person:<id>`, `team:<id>`, `lead:<id>` or `manager`; `recipient_name` is what people call it.
    recipient: str
    recipient_name: str
    #: Why somebody else hears it than the rung says (`away`, `not_in_slack`), as a finished sentence.
    note: str | None = None
    #: Seconds of a working day on the clock of `waited` and `threshold`; 86,400 where every hour counts.
    working_day: int = 86_400
    #: Whether it will miss a deadline, where that is worth telling.
    risk: RiskView | None = None
    #: Title and link of the best past resolution, if there is one.
    hint_title: str | None = None
    hint_url: str | None = None
    #: `still` (whether its owner is still on it), `hand_over` (whether it goes back to the queue), or None.
    ask: str | None = None
    #: When somebody last said that they are on it, UTC.
    promised_at: datetime | None = None
    #: None while it is open, else `mine`, `snoozed`, `false_alarm`, `moved`, `given_up` or `handed_back`: the
    #: message is redrawn without buttons.
    outcome: str | None = None
    outcome_by: str | None = None
    snoozed_until: datetime | None = None
    #: The snooze ends as soon as the customer writes.
    until_reply: bool = False
    #: What the snooze menu offers.
    snoozes: tuple[Choice, ...] = CHOICES
