"""The form of `/unstuck channel`, and drafts of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.blocks.forms import MAX_OPTION_VALUE, choice, conversation, modal, ticks
from bot.blocks.shapes import section
from bot.blocks.text import Block, clip, link, passage, say
from unstuck.i18n import Lang, t

HOW, MODE, ALONE, BOTS, DRAFTS, SOURCES = "channel_manners", "mode", "alone", "bots", "drafts", "sources"
MODES = ("mention", "draft", "auto")
MAX_QUESTION = 600


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds in a channel now."""

    mode: str = "mention"
    alone: bool = False
    bots: bool = False
    drafts: str | None = None
    #: All sources, and those whose resolutions are used.
    sources: Sequence[str] = ()
    used: Sequence[str] = ()


def form(chosen: Chosen, channel: str, lang: Lang) -> dict[str, Any]:
    modes = [(mode, t(f"manners.mode_{mode}", lang)) for mode in MODES]
    switches = [(ALONE, t("manners.alone", lang)), (BOTS, t("manners.bots", lang))]
    on = [name for name, is_on in ((ALONE, chosen.alone), (BOTS, chosen.bots)) if is_on]
    blocks = [
        section(say("manners.intro", lang)),
        choice(MODE, t("manners.mode", lang), modes, initial=chosen.mode),
        conversation(DRAFTS, t("manners.drafts", lang), chosen.drafts, hint=t("manners.drafts_hint", lang)),
        ticks(ALONE, t("manners.more", lang), switches, on),
    ]
    names = [(name, name) for name in chosen.sources if 0 < len(name) <= MAX_OPTION_VALUE]
    if len(names) > 1:
        blocks.append(ticks(SOURCES, t("manners.sources", lang), names, chosen.used))
    return modal(
        t("manners.title", lang), blocks, lang, callback_id=HOW, submit=t("manners.submit", lang),
        metadata={"channel": channel, "lang": lang},
    )  # fmt: skip


def draft(question: str, url: str | None, lang: Lang) -> list[Block]:
    """What stands above a draft: whose question it answers."""
    line = say("manners.draft", lang, thread=link(url, t("manners.draft_thread", lang)))
    return [section(line), *passage(clip(question, MAX_QUESTION), quoted=True)]
