"""Texts with choices: `The [washer|machine] stops` is said in two ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

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
