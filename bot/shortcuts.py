"""“Answer this” in a message's menu, and “Ask Unstuck” anywhere in Slack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot import posting, seen, sharing
from bot.blocks import asking
from bot.conversation import reply
from bot.desk import Desk
from bot.intake import Job
from bot.modals import open_form, sent
from bot.posting import InThread, Privately
from bot.reading import spoken
from bot.sharing import Shareable
from unstuck.i18n import language_of

ANSWER_THIS, ASK_UNSTUCK = "answer_this", "ask_unstuck"


def register(app: App) -> None:
    app.shortcut(ANSWER_THIS)(on_answer_this)
    app.shortcut(ASK_UNSTUCK)(on_ask)
    app.view(asking.ASK)(on_asked)


def on_answer_this(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    """The answer goes to whoever chose it; the channel hears it when they say so."""
    ack()
    place = desk.privately(body["response_url"], body["user"]["id"])
    desk.work.take(Job(lambda: _answer(body, place, desk), place))


def _answer(body: dict[str, Any], place: Privately, desk: Desk) -> None:
    member = desk.people.get(body["user"]["id"])
    lang = desk.lang(member)
    place = replace(place, lang=lang)
    if not desk.admits(member, place):
        return
    message, channel = body["message"], body["channel"]["id"]
    text = spoken(str(message.get("text") or ""))
    if not text:
        place.tell("bot.empty")
        return
    root = str(message.get("thread_ts") or message["ts"])
    offer = sharing.offer(desk, Shareable(text, member.id, channel, root), lang)
    key = f"shortcut:{channel}:{message['ts']}:{member.id}"
    reply(text, member.id, key, place, desk, alone=True, offer=offer)


def on_ask(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    ack()
    open_form(body, desk, lambda _, place: asking.form(place.lang))


def on_asked(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    """The answer comes in the conversation with the bot, where it can be gone on with."""
    ack()
    form = sent(body)
    question = form.get(asking.QUESTION)
    place = desk.directly(form.user, language_of(question))
    key = f"view:{body['view']['id']}:{body['view'].get('hash')}"
    desk.work.take(Job(lambda: _take_up(question, form.user, key, desk), place))


def _take_up(question: str, user: str, key: str, desk: Desk) -> None:
    with seen.once(desk.deps.sessions, key, desk.deps.clock.now()) as is_first:
        if is_first:
            _answer_alone(question, user, desk)


def _answer_alone(question: str, user: str, desk: Desk) -> None:
    lang = language_of(question)
    direct = desk.direct(user, lang)
    if not desk.admits(desk.people.get(user), direct):
        return
    ts = posting.post_once(desk.client, direct.channel, asking.asked(question, lang))
    place = InThread(desk.client, direct.channel, ts, lang)
    # Whoever asked goes on in this thread without naming the bot: it is the conversation with it.
    reply(question, user, f"slack:{direct.channel}:{ts}", place, desk, alone=True)
