"""Buttons below a manager's answer: its rows as a file, and the same answer computed again."""

from __future__ import annotations

from bot.blocks.shapes import Drawn, actions, button
from unstuck.i18n import Lang, t

SAVE, AGAIN = "insight_save", "insight_again"
#: As Slack shows them and as files end.
FORMATS = ("csv", "xlsx")


def with_buttons(drawn: Drawn, number: int | None, lang: Lang) -> Drawn:
    """The answer with its buttons. An answer that was not kept has no number to find it by."""
    if number is None:
        return drawn
    saves = [
        button(t(f"bot.save_{suffix}", lang), f"{SAVE}_{suffix}", f"{number}:{suffix}:{lang}") for suffix in FORMATS
    ]
    again = button(t("bot.again", lang), AGAIN, f"{number}::{lang}")
    return Drawn(drawn.text, [*drawn.blocks, actions([*saves, again])])
