"""Everything that the bot can draw, filled with whatever may come: Slack takes it, and no foreign word acts in it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

import bot.blocks
from bot.blocks.shapes import Drawn
from bot.playground.validator import problems, view_problems
from bot.testing import HOSTILE, live
from bot.testing_drawings import DRAWINGS, Content, pieces
from unstuck.i18n import LANGS, Lang

#: What a drawing function returns.
DRAWN = re.compile(r"\b(Drawn|Block|View|Markup)\b|dict\[str, Any\]")
BAD_URLS, LONG = ("javascript:alert(1)", "https://a|b>c", "http://["), 4_000
CONTENTS = {
    "empty": [Content("", 0, None), Content(" ", 1, "")],
    "20,000 characters": [
        *(Content(words) for words in ("x" * 20_000, "一句话。" * 5_000, "word " * 4_000, "line\n" * 4_000)),
        Content("x" * 20_000, 500, f"https://desk.example/{'a' * 2_400}"),
    ],
    "emoji": [Content("👩‍👩‍👧‍👦" * 200), Content("🏳️‍🌈e\u0301" * 2_000)],
    "right to left": [Content("مرحبا بالعالم \u202egnihsihp\u202c"), Content("\u2067שלום\u2069 " * 900)],
    "500 tickets": [Content("Pump stops", 500), Content("x" * 20_000, 500), Content("<!channel> *_~`", 500)],
    "hostile": [
        Content(words, 2, url) for words, url in zip(HOSTILE, cycle(BAD_URLS), strict=False) if len(words) < LONG
    ],
}
#: What nobody may be able to say through us: pings, links under another name, formats that run on.
PINGS = re.compile(r"<(?:@U123ABC|#C123|!subteam|!channel|!here|!everyone)|<https://evil\.example")
FORMATS = re.compile(r"\*bold\*|\b_it_\b|~gone~|code`")
every_lang = pytest.mark.parametrize("lang", LANGS)


def drawing_functions() -> Iterator[str]:
    """Every public function of `bot.blocks` whose result goes to Slack."""
    for found in pkgutil.iter_modules(bot.blocks.__path__):
        module = importlib.import_module(f"bot.blocks.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            if is_own and DRAWN.search(str(inspect.signature(function).return_annotation)):
                yield f"{found.name}.{name}"


def test_every_drawing_function_is_in_the_table() -> None:
    assert sorted(DRAWINGS) == sorted(drawing_functions())


def marked(value: Any) -> Iterator[str]:
    """The texts in which Slack looks for marks."""
    if isinstance(value, list):
        for one in value:
            yield from marked(one)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value["verbatim"] is True, "Slack would look for mentions and addresses in it"
            yield value["text"]
        for one in value.values():
            yield from marked(one)


def parsed(value: Any) -> Iterator[dict[str, Any]]:
    """Elements of rich text that act: mentions and links."""
    if isinstance(value, list):
        for one in value:
            yield from parsed(one)
    elif isinstance(value, dict):
        if value.get("type") in ("user", "usergroup", "channel", "broadcast", "link"):
            yield value
        for one in value.values():
            yield from parsed(one)


def check(piece: Any) -> None:
    if isinstance(piece, Drawn):
        assert 0 < len(piece.text) <= 8000
        assert "<" not in piece.text
        piece = piece.blocks
    if isinstance(piece, dict):
        assert view_problems(piece, piece["type"]) == []
    else:
        assert problems(piece) == []
    assert live(piece) == []
    for words in marked(piece):
        assert not PINGS.search(words)
        assert not FORMATS.search(words)
    for one in parsed(piece):
        assert one["type"] == "link"
        assert one["url"].startswith("https://desk.example/")


@every_lang
@pytest.mark.parametrize("name", DRAWINGS)
def test_whatever_it_is_filled_with_slack_takes_it(name: str, lang: Lang) -> None:
    for kind, contents in CONTENTS.items():
        for content in contents:
            drawn = pieces(DRAWINGS[name](content, lang))
            assert drawn
            for piece in drawn:
                try:
                    check(piece)
                except AssertionError as error:
                    raise AssertionError(
                        f"{name}, {lang}, {kind}: {content.words[:60]!r} × {content.n}: {error}"
                    ) from None
