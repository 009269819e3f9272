"""The form of the global shortcut, and the question as it then stands in the conversation."""

from __future__ import annotations

from typing import Any

from bot.blocks.forms import modal, words_input
from bot.blocks.shapes import Drawn, section
from bot.blocks.text import clip, fallback, passage, say
from unstuck.i18n import Lang, t

ASK, QUESTION = "ask_form", "question"
MAX_QUESTION = 2000


def form(lang: Lang) -> dict[str, Any]:
    question = words_input(QUESTION, t("asking.question", lang), hint=t("asking.hint", lang), most=MAX_QUESTION)
    return modal(t("asking.title", lang), [question], lang, callback_id=ASK, submit=t("asking.submit", lang))


def asked(question: str, lang: Lang) -> Drawn:
    """What was asked, as the first message of its thread."""
    quoted = list(passage(clip(question, MAX_QUESTION), quoted=True))
    return Drawn(fallback(t("asking.asked", lang)), [section(say("asking.asked", lang)), *quoted])
