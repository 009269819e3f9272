"""“Save as resolution” in a message's menu: a thread becomes a card that waits for somebody's yes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App
from slack_sdk.errors import SlackApiError
from sqlmodel import Session

from bot import refusals
from bot.blocks import resolution
from bot.blocks.resolution import INTERNAL, PROBLEM, PRODUCT, STEPS, TITLE, VISIBILITY, Draft
from bot.blocks.text import clip
from bot.desk import Desk
from bot.modals import InModal, Sent, View, open_form, sent, take_form
from bot.people import Member
from bot.reading import spoken
from knowledge import redact
from knowledge.cards import PUBLIC, Card
from knowledge.resolutions import says_something
from unstuck import desk_people, discussions
from unstuck.i18n import language_of
from unstuck.tickets.tables import Source, Ticket

log = logging.getLogger("unstuck.bot")

SAVE_THIS = "save_resolution"
#: Messages of a thread that are read.
MOST = 100

Message = dict[str, Any]


def register(app: App) -> None:
    app.shortcut(SAVE_THIS)(on_save_this)
    app.view(resolution.SAVE)(on_saved)


def on_save_this(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    ack()

    def draw(_: Member, place: InModal) -> View:
        channel, message = body["channel"]["id"], body["message"]
        root = str(message.get("thread_ts") or message["ts"])
        draft = draft_of(_thread(desk, channel, root) or [message], message)
        product = next(iter(desk.deps.knowledge.products_in(f"{draft.problem}\n{draft.steps}")), "")
        return resolution.form(replace(draft, product=product), {"channel": channel, "thread": root}, place.lang)

    open_form(body, desk, draw)


def draft_of(thread: Sequence[Message], chosen: Message) -> Draft:
    """The problem is what the thread began with; the steps are what was chosen, or the last that says what to do."""
    root = thread[0]
    problem = redact.text(spoken(str(root.get("text") or "")))
    if chosen["ts"] != root["ts"]:
        steps = spoken(str(chosen.get("text") or ""))
    else:
        others = [m for m in thread[1:] if m.get("user") != root.get("user") and not m.get("bot_id")]
        told = [text for m in others if says_something(text := spoken(str(m.get("text") or "")))]
        steps = told[-1] if told else ""
    title = next(iter(problem.splitlines()), "")
    return Draft(clip(title, resolution.MAX_TITLE), problem, redact.text(steps))


def on_saved(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    take_form(ack, sent(body), desk, lambda form, member, place: _save(form, member, place, desk))


def _save(form: Sent, member: Member, place: InModal, desk: Desk) -> None:
    """Propose the card. Sent twice it is one card: it is named after its thread."""
    channel, thread = str(form.metadata.get("channel")), str(form.metadata.get("thread"))
    card = _card(form, channel, thread, member, desk)
    desk.deps.knowledge.propose([card])
    waits = desk.deps.knowledge.ledger.waiting(card.id) is not None
    place.say(resolution.saved(card.title, card.url, place.lang, waits=waits))


def _card(form: Sent, channel: str, thread: str, member: Member, desk: Desk) -> Card:
    title, problem, steps = form.get(TITLE), form.get(PROBLEM), form.get(STEPS)
    with desk.deps.sessions() as session:
        someone = desk_people.find(session, member.id, member.email)
        source = _ticket_name(session, channel, thread)
    return Card(
        id=f"slack:{channel}/{thread}",
        title=title,
        text=problem,
        steps=steps,
        lang=language_of(title + problem + steps),
        url=permalink(desk, channel, thread),
        created=desk.deps.clock.now(),
        owner=someone.name if someone else None,
        team=someone.team_name if someone else None,
        product=form.get(PRODUCT) or None,
        visibility=PUBLIC if form.get(VISIBILITY) == PUBLIC else INTERNAL,
        source=source,
    )


def _ticket_name(session: Session, channel: str, thread: str) -> str | None:
    """The ticket that the thread belongs to, as cards name tickets."""
    ticket_id = discussions.ticket_of(session, channel, thread)
    ticket = session.get(Ticket, ticket_id) if ticket_id is not None else None
    source = session.get(Source, ticket.source_id) if ticket is not None else None
    return f"{source.name}/{ticket.ext_id}" if ticket is not None and source is not None else None


def _thread(desk: Desk, channel: str, root: str) -> list[Message]:
    """The thread's messages, oldest first; none where the bot is no member. Raises while Slack is away."""
    try:
        found = desk.client.conversations_replies(channel=channel, ts=root, limit=MOST)
        return list(found["messages"])
    except SlackApiError as error:
        if refusals.is_passing(error):
            raise
        log.info("the thread %s of %s cannot be read: %s", root, channel, error)
        return []


def permalink(desk: Desk, channel: str, ts: str) -> str | None:
    """The address of a message; `None` where Slack shows us none. Raises while Slack is away."""
    try:
        return str(desk.client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
    except SlackApiError as error:
        if refusals.is_passing(error):
            raise
        log.info("no link to the thread %s of %s: %s", ts, channel, error)
        return None
