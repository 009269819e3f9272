"""The form of “Save as resolution”, and what its sender hears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.blocks.forms import choice, modal, words_input
from bot.blocks.shapes import Drawn, context, section
from bot.blocks.text import fallback, link, say
from knowledge.cards import PUBLIC
from unstuck.i18n import Lang, t

SAVE = "save_resolution"
TITLE, PROBLEM, STEPS, PRODUCT, VISIBILITY = "title", "problem", "steps", "product", "visibility"
INTERNAL = "internal"
MAX_TITLE, MAX_PRODUCT = 140, 80


@dataclass(frozen=True, slots=True)
class Draft:
    """A resolution before somebody has looked at it. All of it may quote what people wrote."""

    title: str = ""
    problem: str = ""
    steps: str = ""
    product: str = ""


def form(draft: Draft, metadata: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """The form, filled in with what the thread says. Masked already: nothing personal goes in unseen."""
    seen_by = [(INTERNAL, t("saving.internal", lang)), (PUBLIC, t("saving.public", lang))]
    blocks = [
        section(say("saving.intro", lang)),
        words_input(TITLE, t("saving.title_label", lang), initial=draft.title, lines=False, most=MAX_TITLE),
        words_input(PROBLEM, t("saving.problem", lang), initial=draft.problem),
        words_input(STEPS, t("saving.steps", lang), initial=draft.steps, hint=t("saving.steps_hint", lang)),
        words_input(
            PRODUCT, t("saving.product", lang), initial=draft.product, lines=False, optional=True, most=MAX_PRODUCT
        ),
        choice(VISIBILITY, t("saving.visibility", lang), seen_by, initial=INTERNAL),
        context(say("saving.redacted", lang)),
    ]
    return modal(
        t("saving.title", lang), blocks, lang, callback_id=SAVE, submit=t("saving.submit", lang), metadata=metadata
    )


def saved(title: str, url: str | None, lang: Lang, *, waits: bool) -> Drawn:
    """It waits for somebody's yes; or the base has it already."""
    key = "saving.saved" if waits else "saving.known"
    return Drawn(fallback(t(key, lang, title=title)), [section(say(key, lang, title=link(url, title)))])
