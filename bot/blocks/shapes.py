"""Block Kit shapes that several messages share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.blocks.text import Block, Markup, mrkdwn, plain

MAX_BUTTON, MAX_BUTTON_VALUE, MAX_HEADER = 75, 2000, 150


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message ready to post: `text` for notifications and screen readers, `blocks` for the eye."""

    text: str
    blocks: list[Block]


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, MAX_HEADER)}


def section(markup: Markup, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(markup)}
    return block | {"accessory": accessory} if accessory else block


def context(*markups: Markup) -> Block:
    """Small print: at most ten parts."""
    return {"type": "context", "elements": [mrkdwn(markup, 2000) for markup in markups[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def button(label: str, action_id: str, value: str, *, style: str | None = None) -> Block:
    """`value` comes back from the client: an id to look up, never a fact to trust."""
    if len(value) > MAX_BUTTON_VALUE:
        raise ValueError(f"button value of {len(value)} characters")
    shape: Block = {"type": "button", "text": plain(label, MAX_BUTTON), "action_id": action_id, "value": value}
    return shape | {"style": style} if style else shape


def fitting(groups: Iterable[Sequence[Block]], room: int) -> list[Sequence[Block]]:
    """As many groups of blocks, from the first, as show no more than `room` characters together."""
    shown: list[Sequence[Block]] = []
    for group in groups:
        room -= _length(group)
        if room < 0 and shown:
            break
        shown.append(group)
    return shown


def _length(value: Any) -> int:
    """Characters that Slack counts: of every text, with the addresses in it."""
    if isinstance(value, dict):
        return sum(
            len(one) if name in ("text", "url") and isinstance(one, str) else _length(one)
            for name, one in value.items()
        )
    return sum(_length(one) for one in value) if isinstance(value, list | tuple) else 0


def actions(elements: Iterable[Block], block_id: str | None = None) -> Block:
    shape: Block = {"type": "actions", "elements": list(elements)[:25]}
    return shape | {"block_id": block_id} if block_id else shape
