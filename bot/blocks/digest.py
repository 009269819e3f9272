"""Notices: what the owner of a card hears, and the week's newest resolutions for a team's channel."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from bot.blocks.days_off import proposed
from bot.blocks.early import early
from bot.blocks.feedback import complaint
from bot.blocks.nudge_forms import passed_on
from bot.blocks.shapes import Drawn, context, fitting, section
from bot.blocks.text import Block, clip, fallback, rich, rich_link, say, words
from unstuck.i18n import Lang, format_share, t

MAX_CARDS, MAX_TITLE, MAX_STEPS, MAX_LENGTH = 10, 140, 240, 9_000


def notice_of(kind: str, payload: Mapping[str, Any], lang: Lang, *, alone: bool) -> Drawn:
    """A notice by its kind. `alone`: one person reads it, not a channel."""
    if kind == "feedback":
        return complaint(payload, lang, alone=alone)
    if kind == "retire":
        return retire(payload, lang)
    if kind == "day_off":
        return proposed(payload, lang)
    if kind == "early":
        return early(payload, lang, alone=alone)
    if kind == "passed_on":
        return passed_on(payload, lang)
    return digest(payload, lang) if kind == "digest" else waiting(payload, lang)


def waiting(payload: Mapping[str, Any], lang: Lang) -> Drawn:
    """How much waits for a decision."""
    return Drawn(fallback(t("upkeep.waiting", lang, **payload)), [section(say("upkeep.waiting", lang, **payload))])


def retire(payload: Mapping[str, Any], lang: Lang) -> Drawn:
    """A rule that is wrong too often."""
    told = {**payload, "share": format_share(round(payload["share"], 2), lang)}
    return Drawn(fallback(t("effect.retire", lang, **told)), [section(say("effect.retire", lang, **told))])


def digest(payload: Mapping[str, Any], lang: Lang) -> Drawn:
    """The newest resolutions that are known to have helped."""
    shown = payload["cards"][:MAX_CARDS]
    blocks = [section(say("bot.digest_title", lang, n=len(payload["cards"])))]
    blocks += chain(*fitting(([_card(card)] for card in shown), MAX_LENGTH))
    blocks.append(context(say("bot.digest_next", lang)))
    return Drawn(fallback(t("bot.digest_title", lang, n=len(payload["cards"]))), blocks)


def _card(card: Mapping[str, Any]) -> Block:
    title = rich_link(card["url"], clip(card["title"], MAX_TITLE) or "?")
    return rich(
        {"type": "rich_text_section", "elements": [title]},
        {"type": "rich_text_quote", "elements": [words(clip(card["steps"], MAX_STEPS))]},
    )
