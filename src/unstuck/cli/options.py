"""Options that every command shares, and the way every command prints."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from unstuck.clock import Clock, FrozenClock, SystemClock, parse_instant
from unstuck.errors import UsageError
from unstuck.i18n import LANGS, Lang

Home = Annotated[
    Path | None, typer.Option("--home", help="Directory with database, vectors, snapshots. [default: ~/.unstuck]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help='What "now" is: ISO 8601 with offset.')]
LangOption = Annotated[str | None, typer.Option("--lang", help="en or zh. [default: the question's]")]

#: For people; stdout carries nothing but results.
progress = Console(stderr=True)


def clock(as_of: str | None) -> Clock:
    """The clock that `--as-of` asks for. Raises `UsageError` on anything but an ISO 8601 instant."""
    if as_of is None:
        return SystemClock()
    try:
        return FrozenClock(parse_instant(as_of))
    except ValueError:
        raise UsageError("bad_as_of", value=as_of) from None


def lang_or(default: Lang, lang: str | None) -> Lang:
    """The language of `--lang`, else `default`. Raises `UsageError` on an unknown one."""
    if lang is None:
        return default
    for known in LANGS:
        if known == lang:
            return known
    raise UsageError("bad_lang", value=lang)


def chosen_lang() -> Lang:
    """The language for messages that come before any question was read: `--lang zh` or English."""
    words = sys.argv
    return "zh" if "--lang=zh" in words or ("--lang", "zh") in itertools.pairwise(words) else "en"


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    print(json.dumps(value, ensure_ascii=False, default=_plain), flush=True)


def print_json_lines(values: Iterable[Any]) -> None:
    for value in values:
        print_json(value)


def _plain(value: object) -> str:
    from unstuck.clock import iso

    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"cannot print {type(value).__name__} as JSON")
