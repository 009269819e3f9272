"""How far chances were off: expected calibration error, in ten steps of equal width by the chance that was said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def off(late: Flags, chance: Floats) -> float:
    """Expected calibration error."""
    step = np.minimum((chance * 10).astype(int), 9)
    gaps = [abs(late[step == s].mean() - chance[step == s].mean()) * (step == s).mean() for s in np.unique(step)]
    return float(sum(gaps))


def off_by_luck(chance: Floats, times: int = 400) -> tuple[float, float]:
    """Expected calibration error where all chances are exactly right: its median, and what 19 in 20 stay below."""
    dice = np.random.default_rng(0)
    found = [off(dice.random(len(chance)) < chance, chance) for _ in range(times)]
    return round(float(np.median(found)), 4), round(float(np.quantile(found, 0.95)), 4)
