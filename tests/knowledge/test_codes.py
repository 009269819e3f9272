"""Exact codes, end to end with the built-in model: cards that differ in nothing but a code, a part number or a model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import knowledge
from knowledge import Card, Hit, KnowledgeBase, Question
from knowledge.codes import codes
from knowledge.testing import ScriptedModel, a_card

#: Each kind of code: how it is made from a number, and a problem in both languages.
KINDS = {
    "error": ("E-{n}", "The dishwasher stops and shows {code}", "洗碗机停机并显示{code}"),
    "hex": ("0x8007{n:04X}", "The update fails with {code}", "更新失败，错误代码{code}"),
    "number": ("{n}", "The connection breaks with error {code}", "宽带连接不上，报错误{code}"),
    "part": ("HX-{n}-2", "Where do I order part {code}", "在哪里可以订购零件{code}"),
    "model": ("KT{n}", "The {code} does not start any more", "{code}开不了机"),
    "version": ("7.{n}.1", "The router restarts since firmware {code}", "路由器升级到固件{code}后反复重启"),
}
#: Seventeen numbers known of each kind and language, and five that are not.
NUMBERS = list(range(204, 400, 9))


def code_of(kind: str, number: int) -> str:
    return KINDS[kind][0].format(n=number)


def problem(kind: str, number: int, lang: str) -> str:
    return KINDS[kind][1 if lang == "en" else 2].format(code=code_of(kind, number))


def solution(kind: str, number: int, lang: str) -> str:
    spare = f"{chr(65 + number % 23)}{chr(65 + number % 19)}"
    return f"Exchange module {spare} and start again." if lang == "en" else f"更换模块{spare}，然后重新启动。"


def known() -> list[Card]:
    return [
        a_card(
            f"{kind}/{lang}/{number}",
            problem(kind, number, lang),
            text="",
            steps=solution(kind, number, lang),
            lang=lang,
        )
        for kind in KINDS
        for lang in ("en", "zh")
        for number in NUMBERS[:17]
    ]


def asked(kind: str, number: int, lang: str, dice: random.Random) -> str:
    """The problem as somebody else would write it, the code in another spelling."""
    code = code_of(kind, number)
    if kind in ("error", "part", "model"):
        code = dice.choice([code, code.lower(), code.replace("-", "", 1), code.replace("KT", "KT-")])
    text = problem(kind, number, lang).replace(code_of(kind, number), code)
    return (
        dice.choice([f"Please help: {text}", f"{text}?"]) if lang == "en" else dice.choice([f"请问{text}怎么办", text])
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    directory = tmp_path_factory.mktemp("codes")
    opened = knowledge.open(f"sqlite:///{directory / 'cards.db'}", directory)
    assert opened.status()["embedder"] is not None
    opened.learn(known())
    yield opened
    opened.close()


def test_the_card_that_names_the_code_comes_first(base: KnowledgeBase) -> None:
    dice = random.Random(7)
    questions = [(k, n, lang) for k in KINDS for lang in ("en", "zh") for n in dice.sample(NUMBERS[:17], 5)]
    assert len(questions) == 60
    wrong = []
    for kind, number, lang in questions:
        text = asked(kind, number, lang, dice)
        (first, *_) = base.search(text, 3)
        if first.id.split("/")[::2] != [kind, str(number)]:
            wrong.append((text, first.title))
    assert len(wrong) <= 2, wrong


def test_an_unknown_code_gets_no_answer_about_another_one(base: KnowledgeBase) -> None:
    dice = random.Random(8)
    questions = [(k, n, lang) for k in KINDS for lang in ("en", "zh") for n in NUMBERS[17:]][:60]
    for kind, number, lang in dice.sample(questions, 30):
        answer = base.ask(Question(asked(kind, number, lang, dice)))
        assert [one.title for one in answer.citations] == []
        assert answer.confidence < 0.5


def test_a_known_code_is_still_answered(base: KnowledgeBase) -> None:
    answers = [base.ask(Question(problem(kind, NUMBERS[3], lang))) for kind in KINDS for lang in ("en", "zh")]
    assert sum(answer.answered for answer in answers) >= 9
    assert all(str(NUMBERS[3]) in one.id for answer in answers for one in answer.citations)


def test_a_model_never_sees_what_is_about_another_code(tmp_path: Path) -> None:
    def write(_system: str, user: str) -> str:
        assert "E-213" in user
        assert not [n for n in NUMBERS[:17] if n != 213 and f"E-{n}" in user]
        return '{"sentences": []}'

    model = ScriptedModel(*[write] * 3)
    base = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path, model=model)
    base.learn(card for card in known() if card.id.startswith("error/"))
    base.ask(Question("The dishwasher stops and shows E-213"))
    assert model.calls
    base.close()


def test_what_contradicts_is_still_shown_as_near(base: KnowledgeBase) -> None:
    hits: list[Hit] = base.search("The dishwasher stops and shows E-999", 3)
    assert [hit.contradicts for hit in hits] == [True] * 3


@pytest.mark.parametrize(
    "text",
    [
        "Windows 10 blue screen since 2024, 3 times a day",
        "win10蓝屏，重启3次",
        "order 20240117000123 of 2024-01-17 12:30 is late",
        "iPhone 12 with iOS 15 and USB-3, 128GB, 1080p, 24-hour support",
        "covid-19 utf-8 mp3 h264 x64 Office 365 4K",
        "in 30 minutes, step-12, part 2 of 3, page-104",
        "10-15 minutes in room 204",
    ],
)
def test_numbers_that_merely_occur_are_no_codes(text: str) -> None:
    assert codes(text) == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [("E-104", "error e104"), ("E–104", "Ｅ－１０４"), ("HX-2000-1", "hx2000-1"), ("firmware 2.3.1", "v2.3.1")],
)
def test_a_code_is_the_same_in_every_spelling(one: str, other: str) -> None:
    assert codes(one) == codes(other) != frozenset()
