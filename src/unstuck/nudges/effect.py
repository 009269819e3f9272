"""Whether nudges help: stalls that somebody was told about beside stalls held back by the draw, to the next action.

Times are compared by what is left of them up to a horizon (the restricted mean of a Kaplan-Meier curve), so that
stalls that have not moved yet count for as long as they are known. The interval comes from drawing tickets again
with replacement, 2,000 times: stalls of one ticket are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from unstuck.clock import iso
from unstuck.nudges.recipients import MANAGER
from unstuck.nudges.rules import Rules
from unstuck.nudges.sweep import NUDGE
from unstuck.nudges.told import base

Floats = NDArray[np.float64]

#: Beyond this nobody would say that it was the nudge.
HORIZON = timedelta(days=3)
#: Fewer stalls, or moves, in either group say nothing.
FEWEST, FEWEST_MOVES = 20, 5
DRAWS, SEED = 2000, 20
#: A rule is judged from so many nudges on.
FEWEST_NUDGES = 10
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Stalled:
    """One stall and how long it took to the next action, or is known to have lasted."""

    ticket: int
    held: bool
    seconds: float
    moved: bool
    #: Seconds since it was told or held back, whether or not it has moved.
    followed: float


@dataclass(frozen=True, slots=True)
class Group:
    """How one group fared. Shares and mean allow for stalls that have not been followed to their end."""

    n: int
    moved: int
    moved_2h: float | None
    moved_1d: float | None
    #: Mean seconds to the next action, none counted for longer than the horizon.
    mean_s: float | None


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """What people said about a rule's nudges."""

    rule: str
    sent: int
    false_alarms: int
    #: Of all sent, and what it surely is at least (Wilson, 95%).
    share: float
    at_least: float
    #: Whether that is more than the rules accept.
    retire: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What nudges did between two instants."""

    since: datetime
    until: datetime
    #: No time is counted for longer than this, in seconds: as long as both groups have been followed.
    horizon_s: float
    sent: Group
    held: Group
    #: Seconds by which a told stall was sooner (below zero) or later, and its 95% interval; None: too few.
    difference_s: float | None
    interval_s: tuple[float, float] | None
    #: What was pressed, by outcome; `none` for nudges that nobody answered.
    answers: dict[str, int]
    rules: tuple[RuleRecord, ...]


def effect(connection: Connection, rules: Rules, now: datetime, days: int) -> Effect:
    """Look at the stalls of the `days` before `now`."""
    since = now - timedelta(days=days)
    rows = connection.execute(
        select(NUDGE)
        .where(NUDGE.c.state.in_(("sent", "held")), NUDGE.c.sent_at > since, NUDGE.c.sent_at <= now)
        .order_by(NUDGE.c.sent_at, NUDGE.c.id)
    ).all()
    stalls = first_tellings(rows, now)
    told, held = ([one for one in stalls if one.held == kept] for kept in (False, True))
    horizon = horizon_of(told, held)
    compared = compare(told, held, horizon)
    answers: dict[str, int] = {}
    for row in rows:
        if row.state == "sent":
            answers[row.outcome or "none"] = answers.get(row.outcome or "none", 0) + 1
    return Effect(
        since,
        now,
        horizon,
        group_of(told, horizon),
        group_of(held, horizon),
        *compared,
        answers,
        tuple(records(rows, rules)),
    )


def first_tellings(rows: Sequence[Any], now: datetime) -> list[Stalled]:
    """The first telling of each stall, from the first one held back on: before that there was nothing to compare.

    Where nothing is held back, all of them.
    """
    first: dict[tuple[int, str], Any] = {}
    for row in rows:
        first.setdefault((row.ticket_id, base(row.occasion)), row)
    # What goes to managers is never held back, so it compares with nothing.
    fair = [row for row in first.values() if row.recipient != MANAGER]
    began = min((row.sent_at for row in fair if row.state == "held"), default=None)
    return [
        Stalled(
            row.ticket_id,
            row.state == "held",
            ((row.moved_at or now) - row.sent_at).total_seconds(),
            row.moved_at is not None and row.moved_at <= now,
            (now - row.sent_at).total_seconds(),
        )
        for row in fair
        if began is None or row.sent_at >= began
    ]


def horizon_of(told: Sequence[Stalled], held: Sequence[Stalled]) -> float:
    """Seconds for which both groups have been followed, at most `HORIZON`: beyond that there is nothing to compare."""
    longest = [max(one.followed for one in some) for some in (told, held) if some]
    return min([HORIZON.total_seconds(), *longest])


def group_of(stalls: Sequence[Stalled], horizon: float) -> Group:
    moved = sum(one.moved for one in stalls)
    if not stalls:
        return Group(0, 0, None, None, None)
    curve = _Curve.of(stalls, horizon)
    weight = np.ones((1, len(stalls)))
    within = [float(1 - curve.surviving(weight, hours * 3600)[0]) for hours in (2, 24)]
    return Group(len(stalls), moved, within[0], within[1], float(curve.mean(weight)[0]))


def compare(
    told: Sequence[Stalled], held: Sequence[Stalled], horizon: float
) -> tuple[float | None, tuple[float, float] | None]:
    """How much sooner, in seconds, with a 95% interval; nothing where there is too little to say."""
    if (
        min(len(told), len(held)) < FEWEST
        or min(sum(one.moved for one in some) for some in (told, held)) < FEWEST_MOVES
    ):
        return None, None
    dice = np.random.default_rng(SEED)
    drawn = _draws(told, horizon, dice) - _draws(held, horizon, dice)
    low, high = (float(value) for value in np.quantile(drawn, (0.025, 0.975)))
    point = [_Curve.of(some, horizon).mean(np.ones((1, len(some))))[0] for some in (told, held)]
    return float(point[0] - point[1]), (low, high)


def _draws(stalls: Sequence[Stalled], horizon: float, dice: np.random.Generator) -> Floats:
    """The group's mean, for each drawing of its tickets."""
    curve = _Curve.of(stalls, horizon)
    tickets, member = np.unique([one.ticket for one in stalls], return_inverse=True)
    means: list[Floats] = []
    # So many drawings at a time as fit into a few megabytes.
    at_once = max(1, 2_000_000 // len(stalls))
    for start in range(0, DRAWS, at_once):
        size = min(at_once, DRAWS - start)
        weight = dice.multinomial(len(tickets), np.full(len(tickets), 1 / len(tickets)), size=size)
        means.append(curve.mean(weight[:, member].astype(np.float64)))
    return np.concatenate(means)


@dataclass(frozen=True, slots=True)
class _Curve:
    """A group's times in order; each stall may be counted any number of times."""

    order: NDArray[np.int64]
    seconds: Floats
    moved: NDArray[np.bool_]
    #: Seconds.
    horizon: float

    @classmethod
    def of(cls, stalls: Sequence[Stalled], horizon: float) -> _Curve:
        seconds = np.array([min(one.seconds, horizon) for one in stalls], dtype=np.float64)
        moved = np.array([one.moved and one.seconds <= horizon for one in stalls])
        # Of equal times moves come first: whoever is lost sight of then was still there.
        order = np.lexsort((~moved, seconds))
        return cls(order, seconds[order], moved[order], horizon)

    def _steps(self, weight: Floats) -> Floats:
        """The share still standing after each stall's time, a row a drawing."""
        weight = weight[:, self.order]
        at_risk = weight[:, ::-1].cumsum(axis=1)[:, ::-1]
        lost = np.where(self.moved, weight, 0) / np.maximum(at_risk, 1e-12)
        steps: Floats = np.cumprod(1 - lost, axis=1)
        return steps

    def mean(self, weight: Floats) -> Floats:
        """Mean seconds up to the horizon: the area below the curve."""
        standing = np.concatenate([np.ones((len(weight), 1)), self._steps(weight)], axis=1)
        widths = np.diff(np.concatenate([[0.0], self.seconds, [self.horizon]]))
        means: Floats = standing @ widths
        return means

    def surviving(self, weight: Floats, seconds: float) -> Floats:
        """The share still standing after so long."""
        place = int(np.searchsorted(self.seconds, seconds, side="right"))
        return self._steps(weight)[:, place - 1] if place else np.ones(len(weight))


def records(rows: Sequence[Any], rules: Rules) -> list[RuleRecord]:
    """What was said about each rule's nudges, the most often wrong first."""
    sent: dict[str, list[bool]] = {}
    for row in rows:
        if row.state == "sent":
            sent.setdefault(row.rule, []).append(row.outcome == "false_alarm")
    found = [_record(rule, len(said), sum(said), rules) for rule, said in sent.items()]
    return sorted(found, key=lambda one: (-one.at_least, one.rule))


def _record(rule: str, n: int, wrong: int, rules: Rules) -> RuleRecord:
    least = at_least(wrong, n)
    retire = n >= FEWEST_NUDGES and least > rules.trial.retire_above
    return RuleRecord(rule, n, wrong, wrong / n, least, retire)


def at_least(wrong: int, n: int) -> float:
    """The lower end of Wilson's 95% interval of a share."""
    share = wrong / n
    middle, spread = share + _Z**2 / (2 * n), _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, (middle - spread) / (1 + _Z**2 / n))


def as_json(found: Effect) -> dict[str, Any]:
    return {
        "since": iso(found.since),
        "until": iso(found.until),
        "horizon_s": found.horizon_s,
        "sent": asdict(found.sent),
        "held": asdict(found.held),
        "difference_s": found.difference_s,
        "interval_s": list(found.interval_s) if found.interval_s else None,
        "enough": found.difference_s is not None,
        "answers": found.answers,
        "rules": [asdict(one) for one in found.rules],
    }
