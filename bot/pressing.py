"""A pressed button as a value: who, on which message, and where its answer goes."""

from __future__ import annotations

import dataclasses
from typing import Any

from bot.blocks import Drawn
from bot.desk import Desk
from bot.posting import InThread, Privately
from unstuck.i18n import Lang


def row_id(value: object) -> int:
    """The row that a button names; 0, which no row has, for anything else. It comes back from a client: look it up."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else 0


class Pressed:
    """Anybody in the channel can press: what somebody may do is checked on every press."""

    def __init__(self, body: dict[str, Any], desk: Desk) -> None:
        self.user: str = body["user"]["id"]
        self.message: dict[str, Any] | None = body.get("message")
        self.channel: str | None = (body.get("channel") or {}).get("id")
        self._client = desk.client
        lang = desk.deps.settings.lang
        self.whisper = desk.privately(body["response_url"], self.user)
        self.place: InThread | Privately = self.whisper
        if self.message is not None and self.channel is not None:
            root = self.message.get("thread_ts") or self.message["ts"]
            self.place = InThread(desk.client, self.channel, root, lang)

    def whispering(self, lang: Lang) -> Privately:
        """Where only whoever pressed reads, in their language."""
        return dataclasses.replace(self.whisper, lang=lang)

    def replace(self, drawn: Drawn) -> None:
        """Redraw the message that the button sits on."""
        if isinstance(self.place, InThread) and self.message is not None:
            self._client.chat_update(
                channel=self.place.channel, ts=self.message["ts"], text=drawn.text, blocks=drawn.blocks
            )
        else:
            self.whisper.replace(drawn)
