"""The ownership contract: whoever says "I'm on it" is asked whether they still are. Pure.

Silent twice, or no longer able to, and the ticket is the lead's to put back into the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from unstuck.nudges.told import Told, round_of

#: What a nudge asks beside telling: `Next.ask`.
STILL, HAND_OVER = "still", "hand_over"
#: `Nudge.outcome` when an owner gives a ticket back that we may not write to, and when it has gone back.
GIVEN_UP, HANDED_BACK = "given_up", "handed_back"
#: The same, where the ticket system would not have it.
REFUSED = "refused"
#: Questions without an answer after which the ticket is nobody's any more.
TIMES = 2
#: The first rung that hears of a hand-over: the lead's.
_LEAD = 2


@dataclass(frozen=True, slots=True)
class Promise:
    """How a promise stands that somebody made about a stretch of standing still."""

    #: When it was given; asked about once the patience of the rules is over.
    given_at: datetime
    #: Questions since that nobody answered, and when the last of them was sent.
    asked: int = 0
    asked_at: datetime | None = None
    #: The owner has given up.
    given_up: bool = False
    #: A lead, or whoever is above, has heard of it.
    handed_over: bool = False

    @property
    def is_broken(self) -> bool:
        return self.given_up or self.asked >= TIMES


def find_promise(told: Sequence[Told]) -> Promise | None:
    """The promise that holds; None when nobody gave one, or it has been dealt with otherwise.

    `told` are all nudges about one stretch of standing still.
    """
    promise: Promise | None = None
    for _, some in groupby(sorted(told, key=_order), key=lambda one: round_of(one.occasion)):
        promise = _after(promise, list(some))
    return promise


def _order(one: Told) -> tuple[int, int]:
    return round_of(one.occasion), one.step


def _after(promise: Promise | None, round_: Sequence[Told]) -> Promise | None:
    """The promise once a round of the ladder is over."""
    answered = [one for one in round_ if one.outcome in ("mine", "snoozed", GIVEN_UP) and one.outcome_at]
    last = max(answered, key=lambda one: (one.outcome_at, one.step), default=None)
    if last is not None and last.outcome_at is not None:
        if last.outcome == "mine":
            return Promise(last.outcome_at)
        if last.outcome == "snoozed" or promise is None:
            return None
        handed_over = any(one.step >= _LEAD for one in round_)
        return Promise(promise.given_at, promise.asked, last.outcome_at, given_up=True, handed_over=handed_over)
    if promise is None or not any(one.state in ("sent", "failed") for one in round_):
        return promise
    asked = promise.asked + any(one.step < _LEAD for one in round_)
    sent = [one.sent_at or one.due_at for one in round_]
    handed_over = any(one.step >= _LEAD for one in round_)
    return Promise(promise.given_at, asked, max(sent), given_up=promise.given_up, handed_over=handed_over)
