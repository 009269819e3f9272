"""The buttons below an answer: it helped, or no and why. The card's owner hears why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from slack_bolt import Ack, App

from bot import blocks
from bot.blocks import feedback as drawing
from bot.blocks.feedback import COMMENT, COMMENT_FORM, HELPED, NO, REASON, WORDS
from bot.blocks.text import Block
from bot.desk import Desk
from bot.intake import Job
from bot.modals import InModal, Sent, View, open_form, sent, take_form
from bot.notices import deliver_notices
from bot.people import Member
from bot.posting import InThread
from bot.pressing import Pressed
from knowledge.fate import REASONS, Outcome
from unstuck import feedback
from unstuck.i18n import Lang


def register(app: App) -> None:
    app.action(HELPED)(on_helped)
    app.action(NO)(on_no)
    app.action(COMMENT)(on_comment)
    app.view(COMMENT_FORM)(on_commented)
    app.action(re.compile(rf"^{REASON}_\w+$"))(on_reason)


def on_comment(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()

    def draw(member: Member, place: InModal) -> View | None:
        value = str(action["value"])
        uses = _own(desk, value, member)
        if not uses or uses[0].verdict != "bad" or uses[0].comment is not None:
            place.tell("bot.feedback_commented" if uses else "bot.expired")
            return None
        return drawing.comment_form(str(uses[0].reason), value, place.lang)

    open_form(body, desk, draw)


def on_commented(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    take_form(ack, sent(body), desk, lambda form, member, place: _comment(form, member, place, desk))


def _comment(form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    uses = _own(desk, str(form.metadata.get("answer")), member)
    said = feedback.comment(desk.deps, uses, form.get(WORDS))
    place.tell("bot.feedback_comment_sent" if said else "bot.feedback_commented")
    deliver_notices(desk.deps, desk.client)


def _own(desk: Desk, value: str, member: Member) -> Sequence[feedback.Use]:
    """The uses that `value` names, if they are all this person's."""
    uses = feedback.find(desk.deps, feedback.read_ids(value))
    return uses if all(use.asked_by == member.id for use in uses) else []


def on_helped(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    _take(body, desk, action["value"], Outcome.HELPED)


def on_no(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    _take(body, desk, action["value"], None)


def on_reason(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    reason, _, value = action["value"].partition(":")
    if reason in REASONS:
        _take(body, desk, value, Outcome(reason))


def _take(body: dict[str, Any], desk: Desk, value: str, outcome: Outcome | None) -> None:
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _settle(pressed, value, outcome, desk), pressed.whisper))


def _settle(pressed: Pressed, value: str, outcome: Outcome | None, desk: Desk) -> None:
    """Only who asked says whether it helped, and the first word stands."""
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    uses = feedback.find(desk.deps, feedback.read_ids(value))
    if not uses:
        pressed.whisper.tell("bot.expired")
    elif any(use.asked_by != member.id for use in uses):
        pressed.whisper.tell("bot.feedback_not_yours")
    elif outcome is None and uses[0].verdict is None:
        _redraw(pressed, drawing.why_not(value, lang), lang)
    else:
        _say(pressed, uses, value, outcome, lang, desk)


def _say(
    pressed: Pressed, uses: Sequence[feedback.Use], value: str, outcome: Outcome | None, lang: Lang, desk: Desk
) -> None:
    # Pressed again, after a crash say, all of it is done again: each part once.
    said = feedback.say(desk.deps, uses, outcome)
    _redraw(pressed, drawing.thanks(said, value, lang), lang)
    deliver_notices(desk.deps, desk.client)


def _redraw(pressed: Pressed, block: Block, lang: Lang) -> None:
    message = pressed.message
    if isinstance(pressed.place, InThread) and message is not None:
        drawn = blocks.Drawn(str(message.get("text") or "…"), drawing.with_block(message["blocks"], block))
    else:
        drawn = drawing.alone(block, lang)
    pressed.replace(drawn)
