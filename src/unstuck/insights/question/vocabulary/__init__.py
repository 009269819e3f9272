"""The words of both languages as data: `en.toml` and `zh.toml`, and the metrics' own words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from unstuck.i18n import LANGS
from unstuck.insights.question.meaning import Meaning, Role
from unstuck.insights.question.normalise import key

_BRACES = re.compile(r"\{([^{}]*)\}")
#: Sections that hold one list of words instead of one for each id.
_PLAIN = {Role.FUNCTION.value, Role.TICKET.value, Role.HOW_LONG.value, Role.SHARE.value}
#: Metrics' words that are read in parts here: "each day" is a grain, not a rate per business day.
_IN_PARTS = {
    "solved per day",
    "每天解决多少",
    "日均解决",
    "环节耗时",
    "在各组停留",
    "从到多久",
    "queue",
    "close",
    "of tickets solved in",
    "of the tickets solved",
    "for tickets resolved in",
}


@cache
def vocabulary() -> dict[str, tuple[Meaning, ...]]:
    """Phrase (normalised) to everything it can mean, without live values and times."""
    words: dict[str, tuple[Meaning, ...]] = {}
    for phrase, meaning in [*_from_files(), *_from_metrics()]:
        known = words.get(phrase, ())
        if _adds(known, meaning):
            words[phrase] = (*known, meaning)
    return words


def _adds(known: tuple[Meaning, ...], meaning: Meaning) -> bool:
    """Whether a further meaning counts: a metric's own word yields to the finer roles of the files."""
    if meaning in known:
        return False
    if meaning.role is Role.METRIC and known:
        return any(
            other.role is Role.METRIC and other.id == meaning.id and not other.value for other in known
        ) and bool(meaning.value)
    return True


def _from_files() -> Iterator[tuple[str, Meaning]]:
    for lang in LANGS:
        for section, content in _read(lang).items():
            if section == "limit":
                continue
            for name, phrases in ({"": content} if section in _PLAIN else content).items():
                meaning = Meaning(Role(section), name)
                for phrase in phrases:
                    yield from ((word, meaning) for word in expand(phrase))


def _from_metrics() -> Iterator[tuple[str, Meaning]]:
    from unstuck.insights.metrics import METRICS

    for metric in METRICS.values():
        for phrases in metric.words.values():
            yield from ((key(word), Meaning(Role.METRIC, metric.id)) for word in phrases if key(word) not in _IN_PARTS)
        for variant, by_lang in metric.variants.items():
            for phrases in by_lang.values():
                yield from (
                    (key(word), Meaning(Role.METRIC, metric.id, variant))
                    for word in phrases
                    if key(word) not in _IN_PARTS
                )


@cache
def limits() -> dict[str, tuple[str, ...]]:
    """Comparators in front of a number, by `Op` name, longest first; `for` merely introduces a duration."""
    merged: dict[str, list[str]] = {}
    for lang in LANGS:
        for name, phrases in _read(lang)["limit"].items():
            merged.setdefault(name, []).extend(word for phrase in phrases for word in expand(phrase))
    return {name: tuple(sorted(words, key=len, reverse=True)) for name, words in merged.items()}


@cache
def dimension_words(dimension: str) -> tuple[str, ...]:
    """What people call a dimension, in both languages."""
    return tuple(
        word for lang in LANGS for phrase in _read(lang)["dimension"].get(dimension, ()) for word in expand(phrase)
    )


def expand(phrase: str) -> list[str]:
    """`{a,b} c` as `a c` and `b c`, normalised."""
    if "{" not in phrase:
        return [key(phrase)]
    parts = _BRACES.split(phrase)
    choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
    return list(dict.fromkeys(word for word in (key("".join(choice)) for choice in product(*choices)) if word))


@cache
def _read(lang: str) -> dict[str, Any]:
    return tomllib.loads((files(__name__) / f"{lang}.toml").read_text(encoding="utf-8"))
