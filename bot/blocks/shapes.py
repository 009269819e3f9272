"""Block Kit shapes that several messages share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def actions(elements: Iterable[Block], block_id: str | None = None) -> Block:
    shape: Block = {"type": "actions", "elements": list(elements)[:25]}
    return shape | {"block_id": block_id} if block_id else shape
