"""The problems the demo desk knows: symptoms, causes and steps, in English and Chinese.

A product family is one TOML file in `problems/`; the file's `product`, `product_zh`, `models` and
`category` hold for each of its problems unless the problem says otherwise.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from unstuck.demo.wording import variants
from unstuck.i18n import LANGS, Lang

#: What a customer's symptom needs: at least so many ways to say it, in each language.
PHRASINGS = 3
#: Who solves what the first line cannot, and what a ticket may have to wait for.
HANDLERS = ("front", "tech", "repairs", "finance", "logistics")
WAITS = ("parts", "warehouse", "finance")
REGIONS = ("EU", "CN")


class ProblemError(ValueError):
    """A problem file says something the desk cannot use."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said about a problem in one language. Texts may hold `[this|that]` choices."""

    titles: tuple[str, ...]
    symptoms: tuple[str, ...]
    #: What the agent asks back, and what the customer answers.
    ask: str
    reply: str
    cause: str
    steps: tuple[str, ...]
    #: An internal note between agents.
    note: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that goes wrong, and what helps."""

    id: str
    product: str
    product_zh: str
    #: Model codes a customer may name; none where there is no machine.
    models: tuple[str, ...]
    #: Whether it is about a machine that the customer has, not about an order or an invoice.
    is_device: bool
    category: str
    #: One of `HANDLERS`.
    handler: str
    #: One of `WAITS`, or nothing.
    wait: str | None
    #: How often it comes, relative to the others.
    weight: float
    talk: dict[Lang, Talk]
    #: Where it comes up; a fapiao is asked for in China only.
    regions: tuple[str, ...] = REGIONS
    #: Comes up in the planted surge only.
    only_in_surge: bool = False

    def product_in(self, lang: Lang) -> str:
        return self.product_zh if lang == "zh" else self.product


@cache
def load_problems() -> tuple[Problem, ...]:
    """All problems, ordered by id. Raises `ProblemError` on a file that lacks something."""
    folder = files("unstuck.demo") / "problems"
    found = [
        problem
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
        for problem in read_family(entry.name, entry.read_text(encoding="utf-8"))
    ]
    ids = [problem.id for problem in found]
    for name in ids:
        if ids.count(name) > 1:
            raise ProblemError(f"problem {name} exists twice")
    return tuple(sorted(found, key=lambda problem: problem.id))


def read_family(name: str, text: str) -> list[Problem]:
    """The problems of one family file, checked."""
    family = tomllib.loads(text)
    return [_problem({**family, **row}, f"{name}: {row.get('id')}") for row in family.get("problem", [])]


def _problem(row: dict[str, Any], where: str) -> Problem:
    is_device = bool(row.get("device", True))
    problem = Problem(
        id=_text(row, "id", where),
        product=_text(row, "product", where),
        product_zh=_text(row, "product_zh", where),
        models=_texts(row, "models", where, at_least=1 if is_device else 0),
        is_device=is_device,
        category=_text(row, "category", where),
        handler=_one_of(row.get("handler", "front"), HANDLERS, where),
        wait=_one_of(row["wait"], WAITS, where) if "wait" in row else None,
        weight=float(row.get("weight", 1.0)),
        talk={lang: _talk(row.get(lang, {}), f"{where} [{lang}]", lang) for lang in LANGS},
        regions=tuple(_one_of(region, REGIONS, where) for region in row.get("regions", REGIONS)),
        only_in_surge=bool(row.get("only_in_surge", False)),
    )
    if problem.weight <= 0:
        raise ProblemError(f"{where}: weight must be above 0")
    return problem


def _talk(row: dict[str, Any], where: str, lang: Lang) -> Talk:
    talk = Talk(
        titles=_texts(row, "titles", where, at_least=2),
        symptoms=_texts(row, "symptoms", where, at_least=PHRASINGS),
        ask=_text(row, "ask", where),
        reply=_text(row, "reply", where),
        cause=_text(row, "cause", where),
        steps=_texts(row, "steps", where, at_least=2),
        note=_text(row, "note", where),
    )
    for text in (*talk.titles, *talk.symptoms, talk.ask, talk.reply, talk.cause, *talk.steps, talk.note):
        _check_text(text, lang, where)
    return talk


def _check_text(text: str, lang: Lang, where: str) -> None:
    """English holds no Chinese characters and the other way round; choices are well-formed."""
    has_han = any("\u4e00" <= char <= "\u9fff" for char in text)
    if has_han != (lang == "zh"):
        raise ProblemError(f"{where}: not written in its language: {text}")
    if text.count("[") != text.count("]") or any(not option for option in variants(text)):
        raise ProblemError(f"{where}: unbalanced choice in: {text}")


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ProblemError(f"{where}: {key} is missing")
    return value


def _texts(row: dict[str, Any], key: str, where: str, at_least: int) -> tuple[str, ...]:
    values = row.get(key, [])
    if len(set(values)) < at_least:
        raise ProblemError(f"{where}: {key} needs at least {at_least} different texts")
    return tuple(values)


def _one_of(value: str, allowed: tuple[str, ...], where: str) -> str:
    if value not in allowed:
        raise ProblemError(f"{where}: {value} is none of {', '.join(allowed)}")
    return value
