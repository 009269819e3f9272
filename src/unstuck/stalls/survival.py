"""How long things last when some have not ended yet: Kaplan-Meier. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Products of fractions miss round shares by this much at most.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Reached:
    """A point of the curve: by `value` this `share` had ended."""

    value: int
    share: float


def quantile(lasted: NDArray[np.int64], ended: NDArray[np.bool_], p: float) -> Reached | None:
    """By when a share `p` had ended, those that have not (`ended` false) counted for as long as they were seen.

    Equals the nearest-rank quantile when all have ended. Where the curve does not get to `p`, the last
    point it reaches; None when nothing has ended.
    """
    if not ended.any():
        return None
    # At one instant endings come before those merely seen until then: these were still at risk.
    order = np.lexsort((~ended, lasted))
    gone = ended[order]
    at_risk = np.arange(len(lasted), 0, -1)
    share = 1.0 - np.cumprod(1.0 - gone / at_risk)
    there = np.flatnonzero(gone & (share >= p - ROUNDING))
    at = int(there[0]) if len(there) else int(np.flatnonzero(gone)[-1])
    return Reached(int(lasted[order][at]), float(share[at]))
