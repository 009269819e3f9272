from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.calibrate import mangled
from knowledge.measures import UNKNOWN_SHARE, Measures, Trials, coverage, evidence


def _at(*values: float) -> Any:
    return np.asarray(values, np.float32)


found = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=40, max_size=200).map(sorted)


@given(found, found, found, st.sampled_from([0.05, 0.1, 0.2, 0.5]))
def test_at_most_the_target_of_the_answers_to_tried_questions_is_wrong(
    right: list[float], mixed_up: list[float], unknown: list[float], target: float
) -> None:
    threshold = Trials(right, mixed_up, unknown).threshold(target)
    known = (1 - UNKNOWN_SHARE) / (len(right) + len(mixed_up))
    good = known * sum(value >= threshold for value in right)
    bad = known * sum(value >= threshold for value in mixed_up)
    bad += UNKNOWN_SHARE * sum(value >= threshold for value in unknown) / len(unknown)
    assert bad <= target * (good + bad) + 1e-9


def test_the_threshold_is_the_least_that_will_do() -> None:
    trials = Trials(right=[0.1, 0.5, 0.6] * 50, mixed_up=[0.2] * 20, unknown=[0.3] * 40)
    trials = Trials(sorted(trials.right), trials.mixed_up, trials.unknown)
    assert trials.threshold(0.1) == 0.5
    assert trials.threshold(0.5) == 0.1


def test_where_every_answer_would_be_as_likely_wrong_none_is_given() -> None:
    assert Trials([0.5] * 100, [0.5] * 100, [0.5] * 100).threshold(0.1) == math.inf
    assert 0 < Measures(trials={"en": Trials([0.5] * 100, [0.5] * 100, [0.5] * 100)}).confidence(0.5, 0.1, "en") < 1


@given(found, found, st.floats(-1, 2), st.floats(-1, 2))
def test_more_evidence_is_never_less_sure(right: list[float], unknown: list[float], one: float, other: float) -> None:
    measured = Measures(trials={"zh": Trials(right, (), unknown)})
    low, high = sorted([one, other])
    assert 0 < measured.confidence(low, 0.1, "zh") <= measured.confidence(high, 0.1, "zh") < 1


def test_with_nothing_tried_nothing_is_answered() -> None:
    assert Measures().threshold(0.1, "en") == math.inf
    assert Measures().confidence(5.0, 0.1, "en") == 0.0


def test_measures_survive_storing() -> None:
    measured = Measures(3, {"zh": _at(0.5, 0.25)}, {"en": _at(1.0, 0.0)}, {"en": Trials([0.1, 0.2], [0.15], [0.0])})
    stored = json.loads(json.dumps(measured.to_json()))
    assert Measures.from_json(stored).to_json() == measured.to_json()


def test_a_card_fits_by_what_sets_it_and_the_question_off() -> None:
    """Questions share a direction, and so do a language's cards: what is left decides, in either language alike."""
    measured = Measures(100, {"en": _at(0.9, 0, 0, 0), "zh": _at(0, 0.5, 0, 0)}, {"en": _at(0, 0.9, 0, 0)}, {})
    asked = _at(0, 0.9, 0.3, 0)
    about_it = {"en": _at(0.9, 0, 0.2, 0), "zh": _at(0, 0.5, 0.1, 0)}
    about_else = _at(0.9, 0.4, 0, 0.2)
    assert measured.fits(asked, "en", [about_it["en"], about_else], "en") == pytest.approx([1.0, 0.0])
    assert measured.fits(asked, "en", [about_it["zh"]], "zh") == pytest.approx([1.0])
    assert float(asked @ about_else) > float(asked @ about_it["en"])
    assert measured.fits(asked, "zh", [about_else], "en") is None
    assert measured.fits(asked, "en", [about_else], "other") is None
    assert measured.usual_cosine("en") == pytest.approx(0.0)
    assert measured.usual_cosine("zh") is None


def test_coverage_weighs_rare_words_more() -> None:
    weights = {"error": 1.0, "e-104": 4.0}
    assert coverage(weights, ["e-104"]) == 0.8
    assert coverage(weights, ["error", "error"]) == 0.2
    assert coverage({}, ["error"]) == 0.0


def test_each_language_has_a_threshold_of_its_own_when_it_has_enough_questions() -> None:
    def trials(evidence: float, times: int) -> Trials:
        return Trials([evidence] * times, (), [evidence - 0.1] * times)

    measured = Measures(trials={"en": trials(0.3, 100), "zh": trials(0.5, 100), "other": trials(0.9, 3)})
    assert (measured.threshold(0.1, "en"), measured.threshold(0.1, "zh")) == (0.3, 0.5)
    assert measured.threshold(0.1, "other") in (0.3, 0.5)


def test_a_lead_counts_up_to_a_point_and_a_card_that_trails_has_none() -> None:
    assert evidence(0.5, 0.0, 0.9) == evidence(0.5, 0.0, 0.5) > evidence(0.5, 0.0, 0.1)
    assert evidence(0.5, 0.0, -0.3) == evidence(0.5, 0.0, 0.0)


def test_mangling_leaves_words_out_the_same_way_each_time_and_never_all() -> None:
    question = "The pump hums all night and the display stays dark"
    assert mangled(question, 1) == mangled(question, 1) != mangled(question, 2)
    assert set(mangled(question, 1).split()) < set(question.split())
    assert len(mangled("Printer offline", 0).split()) == 2
    assert mangled("水泵整晚嗡嗡响屏幕不亮", 0)
