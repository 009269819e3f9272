from __future__ import annotations

from pathlib import Path

import pytest

from bot import answers, asked
from bot.blocks import which
from bot.playground.standin import SlackStandIn
from bot.posting import Place
from bot.testing import small_desk
from knowledge.cards import PUBLIC, Answer, Card, Question
from unstuck.deps import Deps
from unstuck.i18n import Lang

LEAKS = (
    Card("L-1", "Water under the machine", "There is water under the machine.", "Open the valve.", product="HX-200"),
    Card("L-2", "Water under the machine", "There is water under the machine.", "Bleed it.", product="Boiler 9"),
    Card("L-3", "Dishwasher stops, E24", "The dishwasher stops and blinks E24.", "Straighten the hose."),
)


class Aside(Place):
    """A place where nobody listens."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang


@pytest.fixture
def deps(tmp_path: Path, slack: SlackStandIn):  # type: ignore[no-untyped-def]
    with small_desk(tmp_path, slack) as desk:
        desk.knowledge.learn(LEAKS)
        yield desk


def ask(deps: Deps, text: str, thread: str = "C:1", lang: Lang = "en") -> Answer:
    return answers.find(deps, text, Aside(lang), thread, alone=False)


def test_two_products_that_fit_are_asked_about_and_the_reply_chooses(deps: Deps) -> None:
    back = ask(deps, "there is water under the machine")
    assert (back.answered, back.reason, set(back.choices)) == (False, "which_product", {"HX-200", "Boiler 9"})
    assert "?" in which(back, "en").text
    assert "？" in which(back, "zh").text
    second = back.choices.index("Boiler 9") + 1
    assert ask(deps, str(second)).text == "Bleed it."
    assert ask(deps, "the HX-200", "C:2").answered is False
    ask(deps, "there is water under the machine", "C:3")
    assert ask(deps, "the hx-200", "C:3").text == "Open the valve."


def test_what_did_not_help_gets_another_answer_and_not_the_same_again(deps: Deps) -> None:
    first = ask(deps, "why does the dishwasher blink E24?")
    assert first.answered
    other = ask(deps, "that didn't help")
    assert {one.id for one in other.citations}.isdisjoint(one.id for one in first.citations)
    assert {one.id for one in (*first.citations, *other.citations)} == {"T-101", "L-3"}
    third = ask(deps, "还是不行，还有别的办法吗？", lang="zh")
    assert not {one.id for one in third.citations} & {"T-101", "L-3"}


def test_a_thread_is_remembered_by_another_process(deps: Deps) -> None:
    ask(deps, "why does the dishwasher blink E24? write to jane@example.com")
    kept = asked.find(deps.sessions, "C:1")
    assert kept is not None
    assert "jane" not in kept.text
    assert kept.told


def test_a_new_question_owes_nothing_to_the_one_before() -> None:
    before = asked.Asked("there is water under the machine", ("L-1",), ("HX-200", "Boiler 9"), "product")
    question = Question(
        "why does the dishwasher blink E24 since the firmware update of last week?", visible=frozenset({PUBLIC})
    )
    assert asked.go_on(question, before) == (question, None)
