"""Kaplan-Meier curves of many groups at once, cases weighted, small groups leaning on larger ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Longer than anything lasts, in seconds; spreads groups along one axis.
_FAR = 10_000_000_000.0

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curves:
    """By group: which share still lasts after so long."""

    #: Group and length in one number, ascending; the log of the share that outlasts each, over all groups.
    _places: Floats
    _logs: Floats
    #: By group: where it begins, the log of the share before its first case, its cases (by weight) and their number.
    _begins: Codes
    _base: Floats
    weight: Floats
    cases: Codes

    def outlast(self, group: Codes, length: Floats) -> Floats:
        """The share of each row's group that lasts longer than the row's length."""
        places = np.searchsorted(self._places, group * _FAR + np.clip(length, -1, _FAR - 1), side="right")
        kept: Floats = np.exp(self._logs[np.maximum(places, self._begins[group])] - self._base[group])
        return kept


def learn(group: Codes, lasted: Floats, ended: NDArray[np.bool_], weight: Floats, groups: int) -> Curves:
    """Curves from cases in the order in which they lasted; those not `ended` were seen for as long.

    At one length endings come before those merely seen until then: these were still at risk.
    """
    order = np.argsort(group, kind="stable")
    group, lasted, ended, weight = group[order], lasted[order], ended[order], weight[order]
    begins = np.searchsorted(group, np.arange(groups)).astype(np.int64)
    before = np.concatenate([[0.0], np.cumsum(weight)])
    total: Floats = np.bincount(group, weight, groups).astype(np.float64)
    at_risk = total[group] - (before[:-1] - before[begins][group])
    ending = np.where(ended, weight / np.maximum(at_risk, 1e-12), 0.0)
    logs = np.concatenate([[0.0], np.cumsum(np.log1p(-np.minimum(ending, 1 - 1e-9)))])
    return Curves(
        group * _FAR + lasted, logs, begins, logs[begins], total, np.bincount(group, minlength=groups).astype(np.int64)
    )


@dataclass(frozen=True, slots=True)
class Nested:
    """Curves of finer and finer groups, each leaning on the one above as if by `lean` cases of it."""

    levels: Sequence[tuple[Codes, Curves]]
    lean: float
    #: All cases as one group: it speaks for coarsest groups that have none yet.
    whole: Curves

    def late(self, rows: Codes, limit: Floats, waited: Floats) -> Floats:
        """The chance that each row lasts longer than its limit, having lasted as long as it has."""
        share: Floats | None = None
        for codes, curves in self.levels:
            group = codes[rows]
            own, still = _goes_on(curves, group, limit, waited)
            cases = curves.weight[group] * still
            if share is None:
                anybody, _ = _goes_on(self.whole, np.zeros_like(group), limit, waited)
                share = np.where(curves.cases[group] > 0, own, anybody)
            else:
                share = (cases * np.minimum(own, 1) + self.lean * share) / (cases + self.lean)
        assert share is not None
        return share

    def finest(self, row: int, enough: int) -> tuple[int, int]:
        """The finest level on which a row has that many comparable cases, and how many: (0, n) at the coarsest."""
        counts = [int(curves.cases[codes[row]]) for codes, curves in self.levels]
        level = max((number for number, n in enumerate(counts) if n >= enough), default=0)
        return level, counts[level]


def _goes_on(curves: Curves, group: Codes, limit: Floats, waited: Floats) -> tuple[Floats, Floats]:
    """Of each row's group that lasted as long as the row, the share that outlasts its limit; and how many did."""
    still = curves.outlast(group, waited)
    return np.where(limit > waited, curves.outlast(group, limit) / np.maximum(still, 1e-9), 1.0), still


def joined(columns: Sequence[Codes]) -> Codes:
    """One code for each combination."""
    together = columns[0]
    for column in columns[1:]:
        together = np.unique(together * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1]
    return together.astype(np.int64)
