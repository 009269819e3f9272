"""The forms behind a nudge: pass it on, waiting on somebody, put off until a day, a comment, a reply to the customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.blocks.forms import choice, day, modal, search, words_input
from bot.blocks.shapes import Drawn, context, section
from bot.blocks.text import Block, clip, fallback, passage, person, rich, say, split, words
from unstuck.i18n import Lang, t

REASSIGN, WAITING, UNTIL, COMMENT, REPLY, CONFIRM = (
    "nudge_reassign", "nudge_waiting", "nudge_until", "nudge_comment", "nudge_reply", "nudge_reply_confirm",
)  # fmt: skip
#: What the menu on a nudge offers: words in the locales, `nudge_forms.<name>_menu`.
MENU = ("reassign", "waiting", "comment", "reply")
WHO, WORDS, ON, FOR, DAY = "who", "words", "on", "what_for", "day"
PARTIES = ("customer", "vendor", "team")
MAX_WORDS, MAX_TITLE = 2500, 120

View = dict[str, Any]


def reassign(ticket: str, metadata: Mapping[str, Any], lang: Lang, *, writes: bool) -> View:
    """Pass a ticket on to a person or team of the desk."""
    blocks = [
        _about(ticket, lang),
        search(WHO, t("nudge_forms.who", lang), t("nudge_forms.who_hint", lang)),
        context(say("nudge_forms.reassign_written" if writes else "nudge_forms.reassign_off", lang)),
    ]
    return _form(REASSIGN, "reassign", blocks, metadata, lang)


def waiting(ticket: str, metadata: Mapping[str, Any], until: date, lang: Lang, *, writes: bool) -> View:
    """Whose turn it is instead, what for, and when to look again."""
    parties = [(name, t(f"nudge_forms.on_{name}", lang)) for name in PARTIES]
    blocks = [
        _about(ticket, lang),
        choice(ON, t("nudge_forms.on", lang), parties, initial=PARTIES[0]),
        words_input(FOR, t("nudge_forms.what_for", lang), lines=False, most=300),
        day(DAY, t("nudge_forms.look_again", lang), until),
        context(say("nudge_forms.waiting_written" if writes else "nudge_forms.waiting_off", lang)),
    ]
    return _form(WAITING, "waiting", blocks, metadata, lang)


def until(ticket: str, metadata: Mapping[str, Any], start: date, lang: Lang) -> View:
    """Put a reminder off until a day."""
    return _form(UNTIL, "until", [_about(ticket, lang), day(DAY, t("nudge_forms.day", lang), start)], metadata, lang)


def comment(ticket: str, metadata: Mapping[str, Any], lang: Lang, *, writes: bool) -> View:
    """A note for colleagues; the customer never sees it."""
    blocks = [
        _about(ticket, lang),
        words_input(WORDS, t("nudge_forms.comment", lang), most=MAX_WORDS),
        context(say("nudge_forms.comment_written" if writes else "nudge_forms.comment_off", lang)),
    ]
    return _form(COMMENT, "comment", blocks, metadata, lang)


def reply(ticket: str, metadata: Mapping[str, Any], lang: Lang, *, start: str = "") -> View:
    """What the customer is to read; it is shown once more before it goes."""
    blocks = [
        _about(ticket, lang),
        words_input(WORDS, t("nudge_forms.reply", lang), initial=start, most=MAX_WORDS),
        context(say("nudge_forms.reply_next", lang)),
    ]
    return _form(REPLY, "reply", blocks, metadata, lang)


def confirm(ticket: str, as_read: str, metadata: Mapping[str, Any], lang: Lang) -> View:
    """Exactly what the customer will see, and whether to send it."""
    blocks = [_about(ticket, lang), section(say("nudge_forms.customer_sees", lang)), *_exactly(as_read)]
    blocks.append(context(say("nudge_forms.no_way_back", lang)))
    return _form(CONFIRM, "confirm", blocks, metadata, lang)


def off(kind: str, lang: Lang) -> Drawn:
    """Why there is no such form, and what can be done instead."""
    key = f"nudge_forms.{kind}_off"
    return Drawn(fallback(t(key, lang)), [section(say(key, lang))])


def passed_on(payload: Mapping[str, Any], lang: Lang) -> Drawn:
    """What somebody hears whom a ticket was passed on to."""
    title = words(f"{clip(str(payload['ticket']), 60)}  {clip(str(payload.get('title') or ''), MAX_TITLE)}".strip())
    line = say("nudge_forms.passed_on", lang, by=person(str(payload["by"])))
    shown = rich({"type": "rich_text_section", "elements": [title]})
    return Drawn(fallback(t("nudge_forms.passed_on_short", lang, ticket=payload["ticket"])), [section(line), shown])


def said(key: str, by: str, text: str, lang: Lang, **values: object) -> Drawn:
    """What somebody said in a form, in the thread of the nudge."""
    line = say(f"nudge_forms.{key}", lang, by=person(by), **values)
    return Drawn(
        fallback(t("nudge_forms.said_short", lang)), [section(line), *passage(clip(text, MAX_WORDS), quoted=True)]
    )


def _about(ticket: str, lang: Lang) -> Block:
    return context(say("nudge_forms.about", lang, ticket=clip(ticket, 60)))


def _exactly(text: str) -> list[Block]:
    """Text as it is, spaces and all; Slack parses nothing in it."""
    pieces = split(text, 2900) or ["…"]
    return [rich({"type": "rich_text_preformatted", "elements": [words(piece)]}) for piece in pieces]


def _form(callback_id: str, name: str, blocks: list[Block], metadata: Mapping[str, Any], lang: Lang) -> View:
    title, submit = t(f"nudge_forms.{name}_title", lang), t(f"nudge_forms.{name}_submit", lang)
    return modal(title, blocks, lang, callback_id=callback_id, submit=submit, metadata=metadata)
