"""The morning digest in Slack: drawn when it is sent, its lines' buttons, and drawn anew as tickets move."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import refusals
from bot.blocks import Drawn
from bot.blocks.morning import LINE, OFFERS, morning
from bot.blocks.why import why
from bot.desk import Desk
from bot.intake import Job
from bot.posting import LINE_BROKEN
from bot.pressing import Pressed, row_id
from unstuck import troubles
from unstuck.i18n import Lang, lang_named
from unstuck.nudges import actions, digest, message
from unstuck.nudges.desk import read_desk
from unstuck.tickets.database import reading

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")


def register(app: App) -> None:
    app.action(LINE)(on_line)


def on_line(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    nudge, _, what = str(action["selected_option"]["value"]).partition(":")
    desk.work.take(Job(lambda: _settle(pressed, row_id(nudge), what, desk), pressed.whisper))


def _settle(pressed: Pressed, nudge_id: int, what: str, desk: Desk) -> None:
    """The first press stands; whoever pressed sees the digest as it is then."""
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    deps, now = desk.deps, desk.deps.clock.now()
    with deps.sessions.begin() as session:
        place = read_desk(session.connection(), deps.settings, {})
        key = digest.key_of(session.connection(), nudge_id)
        found = digest.find(session.connection(), key) if key else None
        # Ids come back from the client: one of a digest elsewhere is not for this reader.
        if found is None or found.channel != pressed.channel or what not in OFFERS:
            pressed.whisper.tell("bot.why_gone")
            return
        if what == "why":
            view = message.view(session.connection(), nudge_id, place, lang)
            pressed.whisper.say(why(view, place.rules.steps_of(view.rule), lang))
            return
        by = partial(_act, what, hours=place.rules.hours_of(member.email, member.id), timezone=member.timezone)
        if not by(session, nudge_id, member.id, now).changed:
            pressed.whisper.tell("bot.nudge_gone")
        drawn = morning(digest.views(session.connection(), found.nudges, place, lang, now), lang)
    pressed.replace(drawn)


def _act(what: str, session: Any, nudge_id: int, by: str, now: Any, *, hours: Any, timezone: str) -> actions.Settled:
    if what == "mine":
        return actions.mine(session, nudge_id, by, now)
    if what == "false_alarm":
        return actions.false_alarm(session, nudge_id, by, now)
    until = actions.snooze_until("tomorrow", now, hours, timezone)
    return actions.snooze(session, nudge_id, by, now, until)


def draw(deps: Deps, nudges: list[int], lang: Lang) -> Drawn:
    """A digest of these nudges."""
    with reading(deps.engine) as connection:
        place = read_desk(connection, deps.settings, {})
        return morning(digest.views(connection, nudges, place, lang, deps.clock.now()), lang)


def redraw(deps: Deps, client: WebClient) -> int:
    """Bring digests up to date that no longer show what holds; how many those are. Twice does no harm."""
    with reading(deps.engine) as connection:
        outdated = digest.stale(connection)
    return sum(_redraw(one, deps, client) for one in outdated)


def _redraw(one: digest.Stale, deps: Deps, client: WebClient) -> bool:
    drawn = draw(deps, list(one.nudges), lang_named(one.lang, deps.settings.lang))
    try:
        client.chat_update(channel=one.channel, ts=one.ts, text=drawn.text, blocks=drawn.blocks)
    except (SlackApiError, *LINE_BROKEN) as error:
        word = refusals.word(error)
        log.warning("digest %s cannot be redrawn: %s", one.key, word)
        if refusals.may_succeed_later(error):
            with deps.sessions.begin() as session:
                troubles.note(session, "digest", word, deps.clock.now(), one.channel)
            return False
    with deps.sessions.begin() as session:
        digest.redrawn(session, one)
    return True
