from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from knowledge.cards import Hit, Question
from knowledge.clarify import Which, which
from knowledge.filters import Filter
from knowledge.testing import a_card


def hit(id: str, score: float, **values: Any) -> Hit:
    card = a_card(id, **values)
    return Hit(id, card.title, score, 1, card)


PUMP = hit("a", 1.0, product="HX-200", steps="Open the valve.")
BOILER = hit("b", 0.95, product="Boiler 9", steps="Bleed the radiator.")


def test_two_products_that_fit_are_asked_about() -> None:
    assert which(Question("it leaks"), [PUMP, BOILER]) == Which("product", ("HX-200", "Boiler 9"))


@pytest.mark.parametrize(
    ("question", "hits"),
    [
        (Question("my HX-200 leaks"), [PUMP, BOILER]),
        (Question("it leaks", only=Filter(product="HX-200")), [PUMP, BOILER]),
        (Question("it leaks"), [PUMP, replace(BOILER, score=0.5)]),
        (Question("it leaks"), [PUMP, hit("c", 0.99, product="Boiler 9", steps="Open the valve.")]),
        (Question("it leaks"), [PUMP, hit("c", 0.99, product=None, steps="Call the plumber.")]),
        (Question("it leaks"), [PUMP, hit("raised", 0.95, product="Boiler 9", steps="更换阀门。", lang="zh")]),
        (Question("it leaks"), [PUMP]),
    ],
)
def test_nothing_is_asked_when_it_is_said_or_does_not_matter(question: Question, hits: list[Hit]) -> None:
    assert which(question, hits) is None


def test_two_causes_of_one_problem_are_asked_about() -> None:
    filter_ = hit("a", 1.0, product="HX-200", cause="The filter is full of lime.", steps="Rinse the filter.")
    seal = hit("b", 0.97, product="HX-200", cause="A worn seal on the lid.", steps="Replace the seal.")
    assert which(Question("the pump leaks"), [filter_, seal]) == Which(
        "cause", ("The filter is full of lime.", "A worn seal on the lid.")
    )
    assert which(Question("the pump leaks, the seal on the lid is worn"), [filter_, seal]) is None
    assert which(Question("the pump leaks"), [filter_, hit("c", 0.97, steps="Do both.")]) is None


def test_chinese_products_and_causes_too() -> None:
    one = hit("a", 1.0, product="净水器", cause="滤芯堵塞", steps="更换滤芯。")
    other = hit("b", 0.95, product="热水器", cause="阀门老化", steps="更换阀门。")
    assert which(Question("漏水怎么办"), [one, other]) == Which("product", ("净水器", "热水器"))
    assert which(Question("热水器漏水怎么办"), [one, other]) is None
