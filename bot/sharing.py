"""“Share here”: an answer that one person has seen is told to the channel, as far as the channel may see it."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from typing import Any

from slack_bolt import Ack, App
from slack_sdk.errors import SlackApiError

from bot import answers, manners, refusals, seen
from bot.blocks.shapes import actions, button
from bot.blocks.text import Block
from bot.channels import look_at
from bot.desk import Desk
from bot.intake import Job
from bot.pressing import Pressed
from knowledge import redact
from unstuck.i18n import Lang, t
from unstuck.tickets.tables import Thread

SHARE = "answer_share"
_PREFIX = "share:"


@dataclass(frozen=True, slots=True)
class Shareable:
    """A question that was answered to one person alone, and where it could be answered to all."""

    text: str
    #: Who may share it; empty: anybody at the desk.
    user: str
    channel: str
    thread_ts: str


def register(app: App) -> None:
    app.action(SHARE)(on_share)


def offer(desk: Desk, one: Shareable, lang: Lang) -> Block:
    """The button. What it shares stays in the database, redacted; the button carries an id."""
    name = uuid.uuid4().hex
    kept = asdict(one) | {"text": redact.text(one.text)}
    with desk.deps.sessions.begin() as session:
        session.add(Thread(key=_PREFIX + name, plan=kept, updated_at=desk.deps.clock.now()))
    return actions([button(t("sharing.share", lang), SHARE, name)])


def on_share(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _share(pressed, str(action["value"]), desk), pressed.whisper))


def _share(pressed: Pressed, name: str, desk: Desk) -> None:
    """Answer again, from what may stand in the channel: the person may have read more than that."""
    one = _find(desk, name)
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    whisper = pressed.whispering(lang)
    if not desk.admits(member, whisper):
        return
    if one is None or one.user not in ("", member.id):
        whisper.tell("sharing.not_yours" if one else "bot.expired")
        return
    if look_at(desk.client, one.channel).is_shared:
        whisper.tell("sharing.outsiders")
        return
    place = desk.thread(one.channel, one.thread_ts, lang)
    only = manners.of(desk, one.channel).only
    key = f"slack:{one.channel}:{one.thread_ts}"
    found = answers.find(desk.deps, one.text, place, key, alone=False, only=only)
    if not found.answered:
        whisper.tell("sharing.internal")
        return
    try:
        with seen.once(desk.deps.sessions, _PREFIX + name, desk.deps.clock.now()) as is_first:
            if is_first:
                answers.show(desk.deps, found, one.text, member.id, place, alone=False, shared_by=member.id)
    except SlackApiError as error:
        if refusals.word(error) not in refusals.UNREACHABLE:
            raise
        whisper.tell("sharing.invite")
        return
    whisper.tell("sharing.shared" if is_first else "sharing.already")


def _find(desk: Desk, name: str) -> Shareable | None:
    with desk.deps.sessions() as session:
        row = session.get(Thread, _PREFIX + name)
        return Shareable(**row.plan) if row is not None else None
