"""The button that gives a ticket back to the queue: the owner's "no longer on it", or the lead's yes."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App

from bot import blocks
from bot.blocks.nudges import GIVE_BACK
from bot.desk import Desk
from bot.intake import Job
from bot.pressing import Pressed, row_id
from unstuck.hand_back import give_back
from unstuck.nudges import message
from unstuck.nudges.contract import GIVEN_UP, HAND_OVER, HANDED_BACK
from unstuck.nudges.desk import read_desk


def register(app: App) -> None:
    app.action(GIVE_BACK)(on_give_back)


def on_give_back(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _give_back(pressed, row_id(action["value"]), desk), pressed.whisper))


def _give_back(pressed: Pressed, nudge_id: int, desk: Desk) -> None:
    """Only where the message stands: in the owner's or lead's own conversation, or their team's channel."""
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    deps = desk.deps
    with deps.sessions.begin() as session:
        if not message.stands_in(session.connection(), nudge_id, pressed.channel):
            pressed.whisper.tell("bot.why_gone")
            return
        place, home = read_desk(session.connection(), deps.settings, {}), deps.settings.directory
        words = deps.settings.lang
        name = member.email or member.id
        outcome = give_back(session, place, home, nudge_id, deps.clock, words, by=member.id, name=name)
        view = message.view(session.connection(), nudge_id, place, lang)
    if outcome not in (GIVEN_UP, HANDED_BACK):
        pressed.whisper.tell("bot.nudge_gone")
    elif outcome == GIVEN_UP and view.ask == HAND_OVER:
        pressed.whisper.tell("contract.by_hand", ticket=view.ticket)
        return
    pressed.replace(blocks.nudge(view, lang))
