"""The morning digest: a line a ticket, each with what can be done about it; settled ones struck through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from bot.blocks.nudges import ended, waits
from bot.blocks.shapes import Drawn, context, fitting, section
from bot.blocks.text import Block, Markup, clip, escape, fallback, link, plain, rich, say, words
from unstuck.i18n import Lang, format_share, t
from unstuck.nudges.view import NudgeView

LINE = "nudge_line"
#: What the menu of a line offers: words in the locales, `digest.<what>`.
OFFERS = ("mine", "tomorrow", "false_alarm", "why")
MAX_LINES, MAX_TITLE, MAX_LENGTH = 20, 120, 9_000


def morning(views: Sequence[NudgeView], lang: Lang) -> Drawn:
    """`views`: the lines in order."""
    open_ = sum(view.outcome is None for view in views)
    title = t("digest.title" if open_ else "digest.done", lang, n=open_)
    lines = fitting((list(_line(view, lang)) for view in views[:MAX_LINES]), MAX_LENGTH)
    blocks = [section(say("digest.title" if open_ else "digest.done", lang, n=open_)), *chain(*lines)]
    if len(lines) < len(views):
        blocks.append(context(say("digest.more", lang, n=len(views) - len(lines))))
    return Drawn(fallback(title), [*blocks, context(say("digest.foot", lang))])


def _line(view: NudgeView, lang: Lang) -> Iterator[Block]:
    if view.outcome is not None:
        name = words(f"{clip(view.ticket, 60)} {clip(view.title or '', MAX_TITLE)}".strip(), strike=True)
        yield rich({"type": "rich_text_section", "elements": [name, words(" ")]})
        yield context(ended(view, lang))
        return
    head = Markup(f"{link(view.url, clip(view.ticket, 60) or '?')}  {escape(clip(view.title or '', MAX_TITLE))}")
    menu = {
        "type": "overflow",
        "action_id": LINE,
        "options": [_offer(view, what, lang) for what in OFFERS],
    }
    risk = say("digest.risk", lang, chance=format_share(round(view.risk.chance, 2), lang)) if view.risk else ""
    yield section(Markup(f"{head}\n{waits(view, lang)}{risk}"), menu)


def _offer(view: NudgeView, what: str, lang: Lang) -> Block:
    return {"text": plain(t(f"digest.{what}", lang), 75), "value": f"{view.nudge_id}:{what}"}
