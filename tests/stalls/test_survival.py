"""Kaplan-Meier against the definition, written out slowly."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unstuck.stalls.survival import quantile

SPELLS = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


def by_definition(spells: list[tuple[int, bool]], p: Fraction) -> int | None:
    """The smallest t at which 1 - S(t) reaches p; S falls at each t by the share of those at risk that end."""
    left = Fraction(1)
    for t in sorted({lasted for lasted, _ in spells}):
        at_risk = sum(lasted >= t for lasted, _ in spells)
        ended = sum(lasted == t and gone for lasted, gone in spells)
        left *= 1 - Fraction(ended, at_risk)
        if ended and 1 - left >= p:
            return t
    return None


@given(SPELLS)
def test_it_is_the_definition(spells: list[tuple[int, bool]]) -> None:
    found = quantile(np.array([s for s, _ in spells]), np.array([e for _, e in spells]), 0.9)
    wanted = by_definition(spells, Fraction(9, 10))
    if not any(ended for _, ended in spells):
        assert found is None
    else:
        assert found is not None
        assert (found.share >= 0.9 - 1e-9) == (wanted is not None)
        assert found.value == (wanted if wanted is not None else max(s for s, ended in spells if ended))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_with_nothing_open_it_is_the_nearest_rank(lasted: list[int]) -> None:
    found = quantile(np.array(lasted), np.ones(len(lasted), dtype=bool), 0.9)
    assert found is not None
    assert found.value == sorted(lasted)[math.ceil(0.9 * len(lasted)) - 1]
