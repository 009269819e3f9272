"""The button "Why this?" on a nudge: its rule and reasons, shown to whoever asked and to nobody else."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App

from bot.blocks.nudges import WHY
from bot.blocks.why import why
from bot.desk import Desk
from bot.intake import Job
from bot.pressing import Pressed, row_id
from unstuck.nudges import message
from unstuck.nudges.desk import read_desk
from unstuck.tickets.database import reading


def register(app: App) -> None:
    app.action(WHY)(on_why)


def on_why(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _tell(pressed, row_id(action["value"]), desk), pressed.whisper))


def _tell(pressed: Pressed, nudge_id: int, desk: Desk) -> None:
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    with reading(desk.deps.engine) as connection:
        if not message.stands_in(connection, nudge_id, pressed.channel):
            pressed.whisper.tell("bot.why_gone")
            return
        place = read_desk(connection, desk.deps.settings, {})
        view = message.view(connection, nudge_id, place, lang)
    pressed.whisper.say(why(view, place.rules.steps_of(view.rule), lang))
