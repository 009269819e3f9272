"""Words of the workspace's own: the offer below a refusal, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.blocks.shapes import Drawn, actions, button
from bot.blocks.text import Block, clean, clip, fallback, passage
from unstuck.i18n import Lang, t

TEACH = "alias_teach"
MOST_LINES = 30


def teach(word: str, lang: Lang) -> Block:
    """A button that says how to teach `word`."""
    return actions([button(t("bot.alias_teach", lang, word=clip(word, 40)), TEACH, clean(word))])


def told(lines: Sequence[str], lang: Lang) -> Drawn:
    """What was done, or the words there are."""
    shown = [clip(line, 300) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(t("bot.more_rows", lang, n=len(lines) - MOST_LINES))
    return Drawn(fallback(*shown), list(passage("\n".join(shown))))
