"""Curves of many groups: against curves worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unstuck.stalls import curves
from unstuck.stalls.curves import Nested, joined


def learn(group: list[int], lasted: list[float], ended: list[bool], weight: list[float] | None = None) -> curves.Curves:
    order = np.lexsort((~np.array(ended), np.array(lasted)))
    columns = np.array(group), np.array(lasted, float), np.array(ended), np.array(weight or [1.0] * len(group))
    return curves.learn(*(column[order] for column in columns), max(group) + 1)


def test_those_not_ended_count_for_as_long_as_they_were_seen() -> None:
    # At 1 one of four ends (3/4 left), at 2 one is merely seen, at 3 one of two ends: 3/4 * 1/2.
    one = learn([0, 0, 0, 0], [1, 2, 3, 4], [True, False, True, False])
    assert one.outlast(np.array([0, 0, 0]), np.array([0.5, 2.0, 3.0])) == pytest.approx([1, 0.75, 0.375])


def test_groups_do_not_mix_and_weights_count() -> None:
    both = learn([0, 1, 1], [5, 1, 9], [True, True, True], [1, 3, 1])
    assert both.outlast(np.array([0, 1]), np.array([1.0, 1.0])) == pytest.approx([1, 0.25])


def test_a_small_group_leans_on_the_larger_one() -> None:
    coarse, fine = np.zeros(10, dtype=np.int64), np.array([1] + [0] * 9)
    lasted, ended = [9.0] + [1.0] * 9, [True] * 10
    whole = learn([0] * 10, lasted, ended)
    nested = Nested([(coarse, whole), (fine, learn(list(fine), lasted, ended))], 10, whole)
    # Of the stage one in ten lasts longer than 5; the one of its own group did: (1 + 10 * 0.1) / 11.
    rows, limit = np.array([0]), np.array([5.0])
    assert nested.late(rows, limit, np.zeros(1)) == pytest.approx([2 / 11])
    # Having lasted longer than any other already, it will go on.
    assert nested.late(rows, limit, np.array([2.0])) == pytest.approx([1.0])
    assert nested.finest(0, enough=2) == (0, 10)


def test_for_a_group_that_nobody_has_seen_all_others_speak() -> None:
    lasted = [1.0, 1.0, 1.0, 9.0]
    seen, whole = learn([0, 0, 0, 1], lasted, [True] * 4), learn([0] * 4, lasted, [True] * 4)
    empty = curves.learn(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.bool_), np.zeros(0), 1)
    rows, limit = np.array([0]), np.array([5.0])
    assert Nested([(np.array([1]), seen)], 10, whole).late(rows, limit, np.zeros(1)) == pytest.approx([1])
    assert Nested([(np.array([0]), empty)], 10, whole).late(rows, limit, np.zeros(1)) == pytest.approx([0.25])


def test_combinations_get_a_code_each() -> None:
    codes = joined([np.array([0, 0, 1, 1, 0]), np.array([0, 1, 0, 0, 0])])
    assert len(set(codes)) == 3
    assert codes[0] == codes[4]
    assert codes[2] == codes[3]
