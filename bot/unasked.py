"""Messages that nobody addressed to the bot, in channels whose admin wants them taken up: drafted, or answered."""

from __future__ import annotations

from bot import answers, sharing
from bot.blocks import Drawn
from bot.blocks import manners as drawing
from bot.blocks.text import fallback
from bot.desk import Desk
from bot.manners import Manners
from bot.posting import InThread, Place, Whispered
from bot.reading import Message
from bot.roles import Role
from bot.saving import permalink
from bot.sharing import Shareable
from knowledge.cards import Answer


def is_wanted(message: Message, manners: Manners) -> bool:
    """Whether such a message is taken up: the first of a thread, with something to go by."""
    return manners.mode != "mention" and not message.is_reply and not message.names_others and bool(message.text)


def take_up(message: Message, manners: Manners, desk: Desk) -> None:
    """Answer what the base is sure of, and keep silent otherwise. Never a number: nobody asked for one."""
    place = desk.thread(message.channel, message.thread_ts, message.lang)
    insider = message.is_bot or (not message.is_stranger and _is_member(message, desk))
    if manners.mode == "auto" and (message.is_shared or not insider):
        return
    found = answers.find(desk.deps, message.text, place, message.thread_key, alone=False, only=manners.only)
    if not found.answered:
        return
    if manners.mode == "auto":
        answers.show(desk.deps, found, message.text, message.user, place, alone=False)
    elif manners.drafts is not None:
        _draft(found, message, manners.drafts, desk)
    elif insider and not message.is_bot:
        # In the channel: in a thread that does not exist yet nobody would find it.
        _offer(found, message, Whispered(desk.client, message.channel, None, message.user, message.lang), desk)


def _draft(found: Answer, message: Message, channel: str, desk: Desk) -> None:
    """For the agents, in their own channel: any of them may share it."""
    place = InThread(desk.client, channel, None, desk.deps.settings.lang)
    head = drawing.draft(message.text, permalink(desk, message.channel, message.ts), place.lang)
    place.say(Drawn(fallback(message.text), head))
    _offer(found, message, place, desk, anybody=True)


def _offer(found: Answer, message: Message, place: Place, desk: Desk, *, anybody: bool = False) -> None:
    shareable = Shareable(message.text, "" if anybody else message.user, message.channel, message.thread_ts)
    offer = sharing.offer(desk, shareable, place.lang)
    answers.show(desk.deps, found, message.text, message.user, place, alone=False, offer=offer)


def _is_member(message: Message, desk: Desk) -> bool:
    return desk.roles.role(desk.people.get(message.user)) >= Role.MEMBER
