"""Help, what waits for somebody, and the short messages that every feature may need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.shapes import Drawn, context, section
from bot.blocks.text import Block, clip, escape, fallback, rich, rich_link, say, words
from unstuck.i18n import Lang, format_duration, t

MAX_NUDGES = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of "my nudges": a ticket that waits for the reader."""

    ticket: str
    title: str | None
    url: str | None
    stage: str
    #: Business seconds.
    waited: int


def help_(lang: Lang) -> Drawn:
    """What can be asked, with examples to copy."""
    blocks = [section(say(f"help.{part}", lang)) for part in ("intro", "answers", "insights", "nudges", "commands")]
    return Drawn(fallback(t("help.intro", lang)), blocks)


def waiting_list(waiting: Sequence[Waiting], lang: Lang) -> Drawn:
    """My nudges, as a message."""
    title = t("home.waiting", lang)
    return Drawn(fallback(title), [section(escape(title)), *_waiting(waiting, lang)])


def notice(key: str, lang: Lang, **values: object) -> Drawn:
    """One sentence of ours: busy, sorry, not for you."""
    return Drawn(fallback(t(key, lang, **values)), [section(say(key, lang, **values))])


def _waiting(waiting: Sequence[Waiting], lang: Lang) -> list[Block]:
    if not waiting:
        return [section(say("home.nothing_waits", lang))]
    items = [_item(line, lang) for line in waiting[:MAX_NUDGES]]
    blocks: list[Block] = [rich({"type": "rich_text_list", "style": "bullet", "elements": items})]
    if len(waiting) > MAX_NUDGES:
        blocks.append(context(say("bot.more_rows", lang, n=len(waiting) - MAX_NUDGES)))
    return blocks


def _item(line: Waiting, lang: Lang) -> Block:
    detail = t("home.item", lang, stage=clip(line.stage, 60), waited=format_duration(line.waited, lang))
    title = f"  {clip(line.title, 120)}" if line.title else ""
    parts = [rich_link(line.url, clip(line.ticket, 60) or "?"), words(f"{title}  {detail}")]
    return {"type": "rich_text_section", "elements": parts}
