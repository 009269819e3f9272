"""Texts with choices (`The [washer|machine] stops` is said in two ways), and the phrases everybody uses."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from unstuck.i18n import Lang

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def say(text: str, random: Random) -> str:
    """`text` with one option taken for each choice. Choices may nest; an option may be empty."""
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda found: random.choice(found[1].split("|")), text)
    return text


def variants(text: str) -> Iterator[str]:
    """Every way to say `text`."""
    found = _CHOICE.search(text)
    if found is None:
        yield text
        return
    for option in found[1].split("|"):
        yield from variants(text[: found.start()] + option + text[found.end() :])


@cache
def data(name: str) -> dict[str, dict[str, Any]]:
    """The word list `phrases/<name>.toml`, by section."""
    return tomllib.loads((files("unstuck.demo") / "phrases" / f"{name}.toml").read_text(encoding="utf-8"))


def phrase(key: str, lang: Lang, random: Random, **params: str) -> str:
    """One way to say `who.what` (`agent.hello`) in `lang`, its placeholders filled in."""
    who, what = key.split(".")
    return say(random.choice(data(lang)[who][what]), random).format(**params)
