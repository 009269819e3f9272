"""The rows of a manager's answer as a file in the thread, and an answer computed again by its number."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot import findings
from bot.blocks.exports import AGAIN, FORMATS, SAVE
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import InThread, Place, upload_once
from bot.pressing import Pressed
from unstuck.i18n import Lang, lang_named, t
from unstuck.insights import ask
from unstuck.insights.rows_file import content


def register(app: App) -> None:
    app.action(re.compile(rf"^{SAVE}_({'|'.join(FORMATS)})$"))(on_save)
    app.action(AGAIN)(on_again)


def on_save(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _save(pressed, action["value"], desk), pressed.whisper))


def on_again(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _again(pressed, action["value"], desk), pressed.whisper))


def replay(number: str, member: Member, place: Place, desk: Desk) -> None:
    """`/unstuck replay 12`: that answer, computed again at its time."""
    if not number.isdecimal():
        place.tell("bot.replay_hint")
        return
    scope = desk.roles.scope(member)
    if scope is None:
        place.tell("bot.managers_only")
        return
    reply = ask.replay(desk.deps, int(number), lang=place.lang, within=scope)
    if reply.told is not None and reply.plan is not None:
        told = replace(reply.told, sentence=reply.notes[0], notes=reply.notes[1:])
        findings.tell(desk, reply.plan, told, place)


def _again(pressed: Pressed, value: str, desk: Desk) -> None:
    number, _, lang = _read(value)
    member = desk.people.get(pressed.user)
    if desk.roles.scope(member) is None:
        pressed.whisper.tell("bot.managers_only")
    else:
        replay(number, member, replace(pressed.place, lang=lang), desk)


def _save(pressed: Pressed, value: str, desk: Desk) -> None:
    """What the file holds is computed anew: whoever presses gets only rows that both they and the asker may see."""
    number, suffix, lang = _read(value)
    scope = desk.roles.scope(desk.people.get(pressed.user))
    if scope is None or not number.isdecimal() or suffix not in FORMATS:
        pressed.whisper.tell("bot.managers_only")
        return
    reply = ask.replay(desk.deps, int(number), lang=lang, within=scope, every_row=True)
    assert reply.told is not None
    place = pressed.place if isinstance(pressed.place, InThread) else desk.direct(pressed.user, lang)
    title = t("bot.saved", lang, number=number, n=reply.told.n_rows)
    upload_once(place, content(reply.told, f".{suffix}"), f"unstuck-{number}", f".{suffix}", title=title)


def _read(value: str) -> tuple[str, str, Lang]:
    """Number, format and language of a button's value."""
    number, suffix, spoken = (*value.split(":"), "", "")[:3]
    return number, suffix, lang_named(spoken)
