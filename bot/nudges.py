"""The buttons on a nudge: I'm on it, remind me later, not stalled. The message becomes its ended state."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from slack_bolt import Ack, App
from slack_sdk.errors import SlackApiError
from sqlmodel import Session

from bot import blocks
from bot.blocks.nudges import FALSE_ALARM, MINE, SNOOZE, SNOOZES, UNTIL
from bot.desk import Desk
from bot.intake import Job
from bot.nudge_forms import open_nudge_form
from bot.people import Member
from bot.posting import LINE_BROKEN
from bot.pressing import Pressed, row_id
from unstuck.errors import UsageError
from unstuck.i18n import Lang
from unstuck.nudges import NudgeView, actions, message, rules
from unstuck.nudges.actions import Settled
from unstuck.nudges.desk import read_desk

log = logging.getLogger("unstuck.bot")

#: `(session, nudge id, Slack user id, now)`.
Settle = Callable[[Session, int, str, datetime], Settled]


def register(app: App) -> None:
    app.action(MINE)(on_mine)
    app.action(SNOOZE)(on_snooze)
    app.action(FALSE_ALARM)(on_false_alarm)


def on_mine(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    _take(body, desk, action["value"], actions.mine)


def on_false_alarm(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    _take(body, desk, action["value"], actions.false_alarm)


def on_snooze(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    nudge_id, _, choice = action["selected_option"]["value"].partition(":")
    if choice == UNTIL:
        open_nudge_form(body, nudge_id, choice, desk)
        return
    _take(body, desk, nudge_id, partial(_snooze, desk, choice))


def _snooze(desk: Desk, choice: str, session: Session, nudge_id: int, by: str, now: datetime) -> Settled:
    """Until when is told on the clock of whoever pressed."""
    if choice not in SNOOZES:
        raise UsageError("nudge_unknown", id=nudge_id)
    member = desk.people.get(by)
    hours = rules.load(desk.deps.settings.directory).hours_of(member.email, by)
    until = actions.snooze_until(choice, now, hours, member.timezone)
    return actions.snooze(session, nudge_id, by, now, until, or_reply=choice == "reply")


def _take(body: dict[str, Any], desk: Desk, value: str, settle: Settle) -> None:
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _settle(pressed, row_id(value), settle, desk), pressed.whisper))


def _settle(pressed: Pressed, nudge_id: int, settle: Settle, desk: Desk) -> None:
    """Anybody at the desk may press, twice or late: the first effect stands, and who pressed sees it."""
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    settled, view = _settled(nudge_id, settle, member, lang, desk)
    _redraw(pressed, view, lang)
    if not settled.changed:
        pressed.whisper.tell("bot.nudge_gone")


def _settled(nudge_id: int, settle: Settle, member: Member, lang: Lang, desk: Desk) -> tuple[Settled, NudgeView]:
    with desk.deps.sessions.begin() as session:
        settled = settle(session, nudge_id, member.id, desk.deps.clock.now())
        place = read_desk(session.connection(), desk.deps.settings, {})
        return settled, message.view(session.connection(), nudge_id, place, lang)


def _redraw(pressed: Pressed, view: NudgeView, lang: Lang) -> None:
    try:
        pressed.replace(blocks.nudge_done(view, lang))
    except (SlackApiError, *LINE_BROKEN) as error:
        # The outbox keeps it marked for redrawing; the next delivery does what failed here.
        log.warning("nudge %s could not be redrawn at once: %s", view.nudge_id, error)
