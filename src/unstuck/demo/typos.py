"""Slips of the finger: what a hurried customer types instead of what they mean."""

from __future__ import annotations

import re
from random import Random

from unstuck.demo.wording import data
from unstuck.i18n import Lang


def with_typos(text: str, lang: Lang, random: Random, rate: float) -> str:
    """`text` with about `rate` of its words (English) or clauses (Chinese) mistyped. Codes and numbers stay."""
    return _english(text, random, rate) if lang == "en" else _chinese(text, random, rate)


def _english(text: str, random: Random, rate: float) -> str:
    text = _replaced(text, data("typos")["en"]["short"], random, rate * 4)
    words = re.split("([ \n])", text)
    return "".join(_slip(word, random) if random.random() < rate else word for word in words)


def _slip(word: str, random: Random) -> str:
    """One letter dropped, doubled or swapped with the next; short words and codes are left alone."""
    if len(word) < 4 or not word.isalpha() or word.isupper():
        return word
    at = random.randrange(1, len(word) - 1)
    kind = random.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _chinese(text: str, random: Random, rate: float) -> str:
    habits = data("typos")["zh"]
    text = _replaced(text, habits["homophones"], random, rate * 4)
    text = _replaced(text, habits["spoken"], random, rate * 3)
    if random.random() < rate * 6:
        text = text.replace("。", random.choice(("！", " ", "，", "～", random.choice(habits["particles"]) + "。")), 1)
    if random.random() < rate * 2:
        text = text.replace("，", " ")
    return text


def _replaced(text: str, pairs: list[list[str]], random: Random, chance: float) -> str:
    """`text` with the first occurrence of some of the `pairs`' left sides replaced by their right sides."""
    for right, wrong in pairs:
        if right in text and random.random() < chance:
            text = text.replace(right, wrong, 1)
    return text
