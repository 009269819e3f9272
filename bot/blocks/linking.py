"""The form of “Link to ticket”."""

from __future__ import annotations

from typing import Any

from bot.blocks.forms import modal, words_input
from bot.blocks.shapes import section
from bot.blocks.text import say
from unstuck.i18n import Lang, t

LINK, TICKET = "link_ticket", "ticket"
MAX_TICKET = 300


def form(ticket: str | None, metadata: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """`ticket`: what the thread is tied to now."""
    blocks = [
        section(say("linking.intro", lang)),
        words_input(
            TICKET,
            t("linking.ticket", lang),
            initial=ticket or "",
            lines=False,
            hint=t("linking.hint", lang),
            most=MAX_TICKET,
        ),
    ]
    return modal(
        t("linking.title", lang), blocks, lang, callback_id=LINK, submit=t("linking.submit", lang), metadata=metadata
    )
