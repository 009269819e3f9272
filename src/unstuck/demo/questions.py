"""Questions held out of the desk's history: how an agent would ask, and which problem answers it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from unstuck.i18n import Lang


@dataclass(frozen=True, slots=True)
class HeldOut:
    """An agent's question."""

    text: str
    lang: Lang
    #: The problem whose tickets answer it; nothing when the desk never solved such a thing.
    problem: str | None


@cache
def load_questions() -> tuple[HeldOut, ...]:
    """The questions of `questions.toml`, answerable and not, in file order."""
    text = (files("unstuck.demo") / "questions.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["question"]
    return tuple(HeldOut(row["text"], cast(Lang, row["lang"]), row.get("problem")) for row in rows)
