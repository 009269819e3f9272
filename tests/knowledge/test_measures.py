from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from knowledge.measures import Measures, coverage

known = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=40, max_size=200).map(sorted)


@given(known, st.sampled_from([0.05, 0.1, 0.2, 0.5]))
def test_at_most_three_quarters_of_the_target_of_unknown_problems_is_answered(
    unknown: list[float], target: float
) -> None:
    threshold = Measures(unknown={"en": unknown}).threshold(target, "en")
    answered = sum(value > threshold for value in unknown)
    assert answered <= 0.75 * target * (len(unknown) + 1)


@given(known, st.floats(-1, 2), st.floats(-1, 2))
def test_more_evidence_is_never_less_sure(unknown: list[float], one: float, other: float) -> None:
    measured = Measures(unknown={"zh": unknown})
    low, high = sorted([one, other])
    assert 0 < measured.confidence(low, 0.1, "zh") <= measured.confidence(high, 0.1, "zh") < 1


def test_with_nothing_held_out_nothing_is_answered() -> None:
    assert Measures().threshold(0.1, "en") == math.inf
    assert Measures().confidence(5.0, 0.1, "en") == 0.0


def test_measures_survive_storing() -> None:
    measured = Measures(3, {}, {"en": [0.1, 0.2]})
    assert Measures.from_json(measured.to_json()) == measured


def test_coverage_weighs_rare_words_more() -> None:
    weights = {"error": 1.0, "e-104": 4.0}
    assert coverage(weights, ["e-104"]) == 0.8
    assert coverage(weights, ["error", "error"]) == 0.2
    assert coverage({}, ["error"]) == 0.0


def test_each_language_has_a_threshold_of_its_own_when_it_has_enough_questions() -> None:
    measured = Measures(unknown={"en": [0.1] * 100, "zh": [0.5] * 100, "other": [0.9] * 3})
    assert (measured.threshold(0.1, "en"), measured.threshold(0.1, "zh")) == (0.1, 0.5)
    assert measured.threshold(0.1, "other") == 0.5
