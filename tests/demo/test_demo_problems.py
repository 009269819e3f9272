"""The problems are many, in both languages, and a bad file is refused with its name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unstuck.demo
from unstuck.demo.desk import Desk
from unstuck.demo.problems import PHRASINGS, Problem, ProblemError, load_problems, read_family
from unstuck.demo.questions import load_questions
from unstuck.demo.typos import with_typos
from unstuck.demo.wording import data, say, variants
from unstuck.i18n import LANGS, Lang

FAMILY = Path(unstuck.demo.__file__).parent / "problems" / "washing.toml"


def test_at_least_120_problems_each_told_in_three_ways_in_both_languages() -> None:
    problems = load_problems()
    assert len(problems) >= 120
    for problem in problems:
        for lang in LANGS:
            assert len(set(problem.talk[lang].symptoms)) >= PHRASINGS
            assert len(problem.talk[lang].steps) >= 2


def test_nothing_is_said_twice_about_different_problems() -> None:
    told = Counter(
        text for problem in load_problems() for talk in problem.talk.values() for text in (*talk.symptoms, talk.cause)
    )
    assert [text for text, count in told.items() if count > 1] == []


def test_every_everyday_problem_comes_up(desk: Desk) -> None:
    assert {problem.id for problem in desk.problems} == set(desk.problem_of.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('handler = "repairs"', 'handler = "magic"', "magic is none of"),
        ('wait = "parts"', 'wait = "godot"', "godot is none of"),
        ("The drain pump filter is clogged", "排水泵过滤器堵了", "not written in its language"),
        ("[washing machine|washer]", "[washing machine|washer", "unbalanced choice"),
        ("models = [", "colours = [", "models needs at least 1"),
        ('id = "wash-drain-e18"', 'id = ""', "id is missing"),
    ],
)
def test_a_bad_file_is_refused(old: str, new: str, message: str) -> None:
    text = FAMILY.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ProblemError, match=message):
        read_family("washing.toml", text.replace(old, new, 1))


def test_choices_can_be_said_in_every_way() -> None:
    text = "The [washer|machine] is [dead|still [loud|wet]]."
    assert say(text, Random(1)) in {
        "The washer is dead.", "The machine is dead.", "The washer is still loud.", "The machine is still loud.",
        "The washer is still wet.", "The machine is still wet.",
    }  # fmt: skip
    assert list(variants("[a|b] [c|]")) == ["a c", "a ", "b c", "b "]


def test_phrases_exist_in_both_languages() -> None:
    english, chinese = data("en"), data("zh")
    assert {(who, what) for who in english for what in english[who]} == {
        (who, what) for who in chinese for what in chinese[who]
    }


@given(st.text(alphabet="abc E18 W740-2\n电源线已经显示。，", max_size=80), st.sampled_from(LANGS), st.integers(0, 99))
def test_no_typos_at_rate_zero_and_codes_survive_any_rate(text: str, lang: Lang, seed: int) -> None:
    assert with_typos(text, lang, Random(seed), 0.0) == text
    assert "E18" in with_typos(f"{text} E18", lang, Random(seed), 0.5)


def test_typos_change_a_text_of_some_length() -> None:
    english = "The machine does not drain and the drum is full of water after every programme"
    chinese = "洗衣机一直不排水，已经清理过滤网了，还是显示故障，怎么办。"
    assert with_typos(english, "en", Random(2), 0.3) != english
    assert with_typos(chinese, "zh", Random(2), 0.3) != chinese


def test_held_out_questions_ask_for_known_problems_in_words_of_their_own(desk: Desk) -> None:
    known = {problem.id: problem for problem in desk.problems}
    questions = load_questions()
    for lang in LANGS:
        own = [question for question in questions if question.lang == lang]
        assert len([q for q in own if q.problem]) >= 30
        assert len([q for q in own if not q.problem]) >= 10
    assert len({question.text for question in questions}) == len(questions)
    for question in questions:
        if question.problem:
            assert question.text not in told_by_customers(known[question.problem])


def told_by_customers(problem: Problem) -> set[str]:
    return {text for talk in problem.talk.values() for symptom in talk.symptoms for text in variants(symptom)}
