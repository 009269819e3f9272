"""The two buttons by which an admin says whether the desk rests on a day: the answer goes into its calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

from slack_bolt import Ack, App

from bot.blocks import days_off as drawing
from bot.blocks.text import Markup, person
from bot.desk import Desk
from bot.intake import Job
from bot.pressing import Pressed
from unstuck import notices
from unstuck.nudges.days_off import key_of
from unstuck.tickets.roster import except_day


def register(app: App) -> None:
    app.action(drawing.OFF)(on_said)
    app.action(drawing.OPEN)(on_said)


def on_said(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed, closed = Pressed(body, desk), action["action_id"] == drawing.OFF
    desk.work.take(Job(lambda: _settle(pressed, action["value"], desk, closed=closed), pressed.whisper))


def _settle(pressed: Pressed, value: str, desk: Desk, *, closed: bool) -> None:
    """Who may is asked on every press; only a day that was asked about can be answered."""
    member, day = desk.people.get(pressed.user), _day(value)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    if not desk.roles.administers(member) or desk.teams is not None:
        pressed.whisper.tell("manners.admins_only")
        return
    with desk.deps.sessions.begin() as session:
        asked = notices.find(session.connection(), key_of(day))
        kept = asked is not None and except_day(session, day, closed=closed)
    if not kept:
        pressed.whisper.tell("days_off.gone")
        return
    pressed.replace(drawing.settled(asked.payload, lang, closed=closed, by=Markup(person(member.id))))


def _day(value: str) -> date:
    """The day that a button names; one that nobody asked about for anything else. It comes back from a client."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return date.min
