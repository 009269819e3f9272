"""What people read, in their language. A language is one file in `locales/`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = get_args(Lang)


def t(key: str, lang: Lang, /, **params: object) -> str:
    """The message `section.name` in `lang`, its `{placeholders}` filled from `params`.

    Raises `KeyError` for a key that the language lacks; a test keeps the languages in parity.
    """
    return messages(lang)[key].format(**params)


@cache
def messages(lang: Lang) -> dict[str, str]:
    """All messages of a language: `section.name` to template."""
    text = (files("unstuck") / "locales" / f"{lang}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def _flatten(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows


def language_of(text: str) -> Lang:
    """`zh` when the text holds Chinese characters, else `en`: what a reader would answer in."""
    return "zh" if any("\u3400" <= char <= "\u9fff" for char in text) else "en"
