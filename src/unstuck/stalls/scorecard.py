"""The chance of being late, as a sum that can be read out: one shrunk rate for each thing known. Pure.

Each term is a rate ("of comparable tickets of this team, 31% lasted longer than this"), read off nested
Kaplan-Meier curves, so that tickets that still wait count for as long as they were seen. A logistic
regression weighs the rates' log odds; what it learns from are rates reckoned without the ticket itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.stalls import curves
from unstuck.stalls.curves import Codes, Floats, Nested, joined
from unstuck.stalls.moments import Moments

Flags = NDArray[np.bool_]

#: Cases that a small group leans on, and how strongly weights are held down.
LEAN, RIDGE = 10.0, 1.0
FOLDS = 5
#: What things known are combined into, beside each alone.
PAIRS = (("team", "category"), ("team", "assignee"))
_CERTAIN = 1e-4


@dataclass(frozen=True, slots=True)
class Cases:
    """What is known at one instant about moments, on one clock; rows are those of `Moments`."""

    #: How long each lasts or was seen to, how long it may, and how long it had lasted when asked.
    lasted: Floats
    limit: Floats
    waited: Floats
    ended: Flags
    #: Whether it is known by then if it was late, and if so whether it was.
    known: Flags
    late: Flags
    weight: Floats


def terms_of(moments: Moments) -> list[tuple[str, ...]]:
    """The things that have a rate of their own within a stage; the stage itself comes first."""
    alone = [(name,) for name in moments.facts if name != "stage"]
    return [(), *alone, *(pair for pair in PAIRS if set(pair) <= set(moments.facts))]


@dataclass(frozen=True, slots=True)
class Levels:
    """Codes of the groups that terms lead to, reckoned once for a table: `()` is the stage alone."""

    codes: Mapping[tuple[str, ...], Codes]

    def nested(self, terms: Sequence[tuple[str, ...]], rows: Codes, cases: Cases) -> list[Nested]:
        """Each term's curves, learned from some rows."""
        chains = {term[:depth] for term in terms for depth in range(len(term) + 1)}
        lasted, ended, weight = cases.lasted[rows], cases.ended[rows], cases.weight[rows]
        order = np.lexsort((~ended, lasted))
        rows, lasted, ended, weight = rows[order], lasted[order], ended[order], weight[order]
        learned = {
            chain: (codes, curves.learn(codes[rows], lasted, ended, weight, _n(codes)))
            for chain in chains
            if (codes := self.codes[chain]) is not None
        }
        whole = curves.learn(np.zeros_like(rows), lasted, ended, weight, 1)
        return [Nested([learned[term[:depth]] for depth in range(len(term) + 1)], LEAN, whole) for term in terms]


def levels(moments: Moments, terms: Sequence[tuple[str, ...]]) -> Levels:
    """The groups of each term: by stage, then by stage and the first thing, and so on."""
    stage, made = moments.facts["stage"].codes, {}
    for term in terms:
        for depth in range(len(term) + 1):
            chain = term[:depth]
            made[chain] = joined([stage, *(moments.facts[name].codes for name in chain)])
    return Levels(made)


def _n(codes: Codes) -> int:
    return int(codes.max(initial=0)) + 1


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Terms and what each weighs."""

    terms: Sequence[tuple[str, ...]]
    curves: Sequence[Nested]
    start: float
    weights: Floats

    def parts(self, rows: Codes, cases: Cases) -> Floats:
        """What each term adds to a row's log odds: its rate beside that of the stage."""
        return _odds(self.curves, rows, cases) * self.weights

    def late(self, rows: Codes, cases: Cases) -> Floats:
        """The chance that each row is late."""
        chance: Floats = 1 / (1 + np.exp(-np.clip(self.start + self.parts(rows, cases).sum(axis=1), -30, 30)))
        return np.where(cases.limit[rows] <= cases.waited[rows], 1.0, chance)


def fit(terms: Sequence[tuple[str, ...]], groups: Levels, rows: Codes, ticket: Codes, cases: Cases) -> Scorecard:
    """A scorecard from rows; those whose outcome is not known yet count in the rates alone."""
    odds = np.zeros((len(rows), len(terms)))
    # Spread tickets evenly over folds, the same way each time.
    fold = (ticket[rows] * 2_654_435_761 >> 7) % FOLDS
    for number in range(FOLDS):
        rest, here = rows[fold != number], fold == number
        if len(rest) and here.any():
            odds[here] = _odds(groups.nested(terms, rest, cases), rows[here], cases)
    usable = cases.known[rows] & (cases.limit[rows] > cases.waited[rows])
    chosen = rows[usable]
    weight = cases.weight[chosen]
    found = logistic(
        odds[usable], cases.late[chosen], weight / max(float(weight.mean()), 1e-12) if len(chosen) else weight
    )
    return Scorecard(terms, groups.nested(terms, rows, cases), float(found[0]), found[1:])


def _odds(nested: Sequence[Nested], rows: Codes, cases: Cases) -> Floats:
    limit, waited = cases.limit[rows], cases.waited[rows]
    odds = np.stack([log_odds(one.late(rows, limit, waited)) for one in nested], axis=1)
    odds[:, 1:] -= odds[:, :1]
    return odds


def log_odds(chance: Floats) -> Floats:
    held = np.clip(chance, _CERTAIN, 1 - _CERTAIN)
    return np.asarray(np.log(held / (1 - held)), dtype=np.float64)


def logistic(columns: Floats, late: Flags, weight: Floats) -> Floats:
    """Intercept and weights of a logistic regression, by Newton's method.

    The first column counts in full, the others' weights are held near zero: it is the stage's own log odds,
    which go up while a ticket waits although all was learned from tickets that had just come in.
    """
    wide = np.column_stack([np.ones(len(columns)), columns[:, 1:]])
    hold = np.diag([1e-6, *[RIDGE] * (wide.shape[1] - 1)])
    found: Floats = np.zeros(wide.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(columns[:, 0] + wide @ found, -30, 30)))
        slope = wide.T @ (weight * (late - chance)) - hold @ found
        bend = (wide * (weight * chance * (1 - chance))[:, None]).T @ wide + hold
        step = np.clip(np.linalg.solve(bend, slope), -5, 5)
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    return np.concatenate([found[:1], [1.0], found[1:]])
