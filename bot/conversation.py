"""What people write to the bot: mentions, direct messages, and replies in a thread it takes part in.

A question is tried as a manager's first; what the planner does not understand is an agent's, for the
knowledge base. What neither can answer is refused with the words that were not understood, or with an
honest "I don't know".
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot import answers, asked, blocks, insights, manners, seen, sharing, unasked
from bot.blocks.text import Block
from bot.desk import Desk
from bot.intake import Job, Unasked
from bot.manners import Manners
from bot.posting import LINE_BROKEN, InThread, Place, Whispered
from bot.reading import Message, read_message
from bot.sharing import Shareable
from bot.streaming import growing, take_back_earlier
from knowledge.filters import EVERYTHING, Filter
from unstuck.i18n import t

log = logging.getLogger("unstuck.bot")

HELP = frozenset(
    {"help", "hi", "hello", "?", "？", "帮助", "你好", "你能做什么", "what can you do", "what can you do?"}
)


def register(app: App) -> None:
    app.event("app_mention")(on_message)
    # Also the catch-all: an event that nobody takes is answered 404, and Slack repeats it.
    app.event("message")(on_message)


def on_message(body: dict[str, Any], desk: Desk) -> None:
    how = _manners(body, desk)
    message = read_message(body, desk.bot_user, desk.team_id, bots=how.bots)
    if message is None:
        return
    if not message.is_bot and _is_for_us(message, desk):
        place = desk.thread(message.channel, message.thread_ts, message.lang)
        desk.work.take(Job(lambda: _take_up(message, place, how, desk), _Asked(message, place, desk)))
    elif unasked.is_wanted(message, how):
        desk.work.take(Job(lambda: unasked.take_up(message, how, desk), Unasked("a message nobody addressed to us")))


def _manners(body: dict[str, Any], desk: Desk) -> Manners:
    """What holds in the channel; with one person alone there is nothing to set."""
    event = body["event"]
    if event.get("channel_type") == "im" or not event.get("channel"):
        return Manners()
    return manners.of(desk, str(event["channel"]))


def _is_for_us(message: Message, desk: Desk) -> bool:
    if message.is_direct or message.names_bot:
        return True
    if not message.is_reply or message.names_others:
        return False
    return seen.is_known(desk.deps.sessions, _asker_key(message))


def _asker_key(message: Message) -> str:
    """Who asks goes on without a mention; what others say in the thread is not meant for the bot."""
    return f"asker:{message.channel}:{message.thread_ts}:{message.user}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where a question was asked: what is said there when it cannot be answered as usual."""

    message: Message
    place: InThread
    desk: Desk

    def busy(self) -> None:
        self.place.busy()

    def too_busy(self) -> None:
        self.place.too_busy()

    def failed(self, error: Exception) -> None:
        self.place.failed(error)

    def too_late(self) -> None:
        """The bot was away: unless somebody else has answered since, it says so."""
        if self.message.is_direct or not self._others_wrote():
            self.place.too_late()

    def _others_wrote(self) -> bool:
        message = self.message
        found = self.desk.client.conversations_replies(channel=message.channel, ts=message.thread_ts, limit=200)
        return any(
            said["ts"] > message.ts and not said.get("bot_id") and said.get("user") != message.user
            for said in found["messages"]
        )


def _take_up(message: Message, place: InThread, how: Manners, desk: Desk) -> None:
    """Answer one message, in the thread, or alone where strangers read along or the channel wants it so."""
    take_back_earlier(place)
    # Within an organisation the person's own workspace may be another one; Slack knows who they are.
    if message.is_stranger and desk.enterprise_id is None:
        place.tell("bot.not_member")
        return
    member = desk.people.get(message.user)
    if not message.text:
        place = replace(place, lang=desk.lang(member))
    if not desk.admits(member, place):
        return
    if message.is_shared:
        place = desk.direct(message.user, place.lang)
    seen.claim(desk.deps.sessions, _asker_key(message), desk.deps.clock.now())
    _show_working(message, desk)
    if how.alone_first and not message.is_shared:
        _answer_alone(message, place, how, desk)
    else:
        _answer(message, place, how, desk)


def _answer_alone(message: Message, place: InThread, how: Manners, desk: Desk) -> None:
    """Whoever asked sees it first, more of it maybe than the channel may, and says whether it is shared."""
    thread = message.thread_ts if message.is_reply else None
    alone = Whispered(desk.client, message.channel, thread, message.user, place.lang)
    if not message.text or message.text.lower().rstrip("!！。") in HELP:
        alone.say(blocks.help_(place.lang))
        return
    shareable = Shareable(message.text, message.user, message.channel, message.thread_ts)
    offer = sharing.offer(desk, shareable, place.lang)
    reply(message.text, message.user, message.thread_key, alone, desk, alone=True, offer=offer, only=how.only)


def _answer(message: Message, place: InThread, how: Manners, desk: Desk) -> None:
    if not message.text:
        place.tell("bot.empty")
    elif message.text.lower().rstrip("!！。") in HELP:
        place.say(blocks.help_(place.lang))
    else:
        alone = message.is_direct or message.is_shared
        reply(message.text, message.user, message.thread_key, place, desk, alone=alone, only=how.only)


def reply(
    text: str,
    user: str,
    thread_key: str,
    place: Place,
    desk: Desk,
    *,
    alone: bool,
    offer: Block | None = None,
    only: Filter = EVERYTHING,
) -> None:
    """Answer a question of either kind. `alone`: nobody but the asker reads the answer.

    `offer`: see `answers.show`; `only`: what resolutions may be taken from.
    """
    asked.as_it_stood(desk.deps.sessions, thread_key, desk.deps.clock.now())
    reading = insights.read(desk, text, user, thread_key, place.lang)
    if reading.understood:
        insights.show(desk, reading, place)
        return
    with growing(place, user, desk.team_id) as place:
        found = answers.find(desk.deps, text, place, thread_key, alone=desk.alone(alone=alone), only=only)
        # A card that matches but is doubted is about the question; the planner's guess is not.
        if not found.answered and found.reason != "doubted" and not found.choices and reading.is_about_numbers:
            insights.show(desk, reading, place)
        else:
            answers.show(desk.deps, found, text, user, place, alone=alone, offer=offer)


def _show_working(message: Message, desk: Desk) -> None:
    """Slack's own "is typing"; when that fails, nobody misses it."""
    if not message.is_direct:
        return
    try:
        desk.client.assistant_threads_setStatus(
            channel_id=message.channel, thread_ts=message.thread_ts, status=t("bot.thinking", message.lang)
        )
    except (SlackApiError, *LINE_BROKEN) as error:
        log.info("no status shown: %s", error)
