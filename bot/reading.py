"""Slack's message events as values: who asks what, where. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.blocks.text import unescape
from unstuck.i18n import Lang, language_of

#: Message subtypes that are still somebody saying something.
SPOKEN = frozenset({None, "file_share", "thread_broadcast"})
BOT = "bot_message"


@dataclass(frozen=True, slots=True)
class Message:
    """What one person wrote, as the bot takes it up."""

    #: Without the mention of the bot, unescaped.
    text: str
    user: str
    channel: str
    ts: str
    #: The thread that the answer belongs into: the message's own, or the one that it starts.
    thread_ts: str
    #: Whether the message is a reply in a thread.
    is_reply: bool
    #: Written to the bot alone.
    is_direct: bool
    #: Names the bot; or somebody else, or another bot.
    names_bot: bool
    names_others: bool
    #: From another organisation, by the event's own word.
    is_stranger: bool
    #: In a channel that another organisation reads along.
    is_shared: bool
    lang: Lang
    #: Written by another app.
    is_bot: bool = False

    @property
    def thread_key(self) -> str:
        """The conversation: follow-ups read what was asked before under this key."""
        return f"slack:{self.channel}:{self.thread_ts}"


def read_message(body: dict[str, Any], bot_user: str, team_id: str, *, bots: bool = False) -> Message | None:
    """The message in an event's body; None for edits, joins and everything else nobody said to us.

    `bots`: also what other apps write, but for replies: two apps that answer each other never end.
    """
    event = body["event"]
    is_bot = bool(event.get("bot_id")) or event.get("subtype") == BOT
    heard = not is_bot or (bots and event.get("user") != bot_user and not event.get("thread_ts"))
    if event.get("subtype") not in (*SPOKEN, *((BOT,) if bots else ())) or not heard or event.get("hidden"):
        return None
    author = event.get("user") or (event.get("bot_id") if is_bot else None)
    if not author:
        return None
    raw = str(event.get("text") or "")
    named = set(re.findall(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>", raw))
    text = unescape(re.sub(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", " ", raw)).strip()
    return Message(
        text=re.sub(r"[ \t]+", " ", text),
        user=author,
        channel=event["channel"],
        ts=event["ts"],
        thread_ts=event.get("thread_ts") or event["ts"],
        is_reply=bool(event.get("thread_ts")),
        is_direct=event.get("channel_type") == "im",
        names_bot=event["type"] == "app_mention" or bot_user in named,
        names_others=bool(named - {bot_user}),
        is_stranger=bool(event.get("user_team") and event["user_team"] != team_id),
        is_shared=bool(body.get("is_ext_shared_channel")),
        lang=language_of(text),
        is_bot=is_bot,
    )


def spoken(raw: str) -> str:
    """The words of a message as they stand in Slack's payloads, without its mentions and link marks."""
    text = re.sub(r"<(?:@[^>]*|![^>]*)>", " ", raw)
    text = re.sub(r"<#[^|>]*\|([^>]*)>", r"#\1", text)
    text = re.sub(r"<([^|>]+)\|([^>]*)>", r"\2", text)
    text = re.sub(r"<([^>]+)>", r"\1", text)
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in unescape(text).splitlines())
    return "\n".join(lines).strip()
