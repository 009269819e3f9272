"""Slack's documented rules for Block Kit, without Slack. What each object may hold is in `grammar.py`.

Stricter than Slack where Slack is silent: unknown properties and repeated ids are always refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.playground.grammar import BLOCKS, HOME_FORBIDS, MESSAGE_FORBIDS, MODAL_FORBIDS, OBJECTS, Field, Shape

MAX_BLOCKS = {"message": 50, "modal": 100, "home": 100}
FORBIDDEN = {"message": MESSAGE_FORBIDS, "modal": MODAL_FORBIDS, "home": HOME_FORBIDS}
MAX_ID = 255
# Slack refuses a message as a whole (`msg_blocks_too_long`) by a formula that it does not document;
# these two numbers are what developers measured (bolt-js#2509), rounded down.
MAX_TOTAL, TOTAL_PER_BLOCK = 13_000, 125
MAX_CHARTS = 2
MAX_MARKDOWN_TOTAL = 12_000
MAX_VIEW_STRING = {"private_metadata": 3000, "callback_id": MAX_ID, "external_id": MAX_ID}
MAX_VIEW_TEXT = {"title": 24, "submit": 24, "close": 24}
VIEW_KEYS = {
    "modal": {
        "type",
        "title",
        "blocks",
        "submit",
        "close",
        "private_metadata",
        "callback_id",
        "external_id",
        "clear_on_close",
        "notify_on_close",
    },
    "home": {"type", "blocks", "private_metadata", "callback_id", "external_id"},
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: where (a JSON pointer) and what, in the words Slack would use."""

    pointer: str
    text: str
    error: str = "invalid_blocks"


def problems(blocks: Any, surface: str = "message") -> list[Problem]:
    """Every rule that `blocks` break on a surface: `message`, `modal` or `home`."""
    if not isinstance(blocks, list):
        return [Problem("", "must be an array", "invalid_blocks_format")]
    found = [problem for index, block in enumerate(blocks) for problem in _block(block, f"/{index}", surface)]
    if len(blocks) > MAX_BLOCKS[surface]:
        found.append(Problem("", f"no more than {MAX_BLOCKS[surface]} items allowed"))
    found += _repeated(blocks)
    return found if found or surface != "message" else _whole_message(blocks)


def view_problems(view: Any, kind: str) -> list[Problem]:
    """Every rule that a modal or Home view breaks."""
    if not isinstance(view, dict) or view.get("type") != kind:
        return [Problem("/type", f"must be {kind}")]
    found = [Problem(f"/{key}", "unsupported property") for key in sorted(set(view) - VIEW_KEYS[kind])]
    for name, limit in MAX_VIEW_TEXT.items():
        if name in view:
            found += _value(view[name], Field("plain", maximum=limit), f"/{name}")
    if kind == "modal" and "title" not in view:
        found.append(Problem("/title", "missing required field"))
    for name, limit in MAX_VIEW_STRING.items():
        if name in view:
            found += _value(view[name], Field("text", maximum=limit), f"/{name}")
    for name in ("clear_on_close", "notify_on_close"):
        if name in view:
            found += _value(view[name], Field("flag"), f"/{name}")
    blocks = view.get("blocks")
    found += [Problem(f"/blocks{p.pointer}", p.text) for p in problems(blocks, kind)]
    if kind == "modal" and "submit" not in view and any(b.get("type") == "input" for b in blocks or []):
        found.append(Problem("/submit", "missing required field"))
    return found


def object_problems(value: Any) -> list[Problem]:
    """Every rule that one element breaks."""
    return _object(value, (str(value.get("type")),), "") if isinstance(value, dict) else [Problem("", "no object")]


def _block(block: Any, pointer: str, surface: str) -> list[Problem]:
    if not isinstance(block, dict) or block.get("type") not in BLOCKS:
        return [Problem(f"{pointer}/type", "unsupported type")]
    if block["type"] in FORBIDDEN[surface]:
        return [Problem(f"{pointer}/type", f"not allowed in a {surface}")]
    shape = BLOCKS[block["type"]]
    return list(_shape(block, shape, pointer, {"type": Field("any"), "block_id": Field("text", maximum=MAX_ID)}))


def _shape(value: dict[str, Any], shape: Shape, pointer: str, always: dict[str, Field]) -> Iterator[Problem]:
    fields = shape.fields | always
    for name in value:
        if name not in fields:
            yield Problem(f"{pointer}/{name}", "unsupported property")
        else:
            yield from _value(value[name], fields[name], f"{pointer}/{name}")
    for name, field in shape.fields.items():
        if field.required and name not in value:
            yield Problem(f"{pointer}/{name}", "missing required field")
    if shape.one_of and not any(name in value for name in shape.one_of):
        yield Problem(pointer, f"must define one of {', '.join(shape.one_of)}")
    if shape.check is not None:
        yield from (Problem(pointer, text) for text in shape.check(value))


def _value(value: Any, field: Field, pointer: str) -> list[Problem]:
    if field.kind == "any":
        return []
    if field.kind in ("text", "url"):
        return _text(value, field, pointer)
    if field.kind in ("flag", "number"):
        wanted = bool if field.kind == "flag" else (int, float)
        return [] if isinstance(value, wanted) else [Problem(pointer, f"must be a {field.kind}")]
    if field.kind in ("plain", "mrkdwn", "either"):
        return _text_object(value, field, pointer)
    if field.kind == "list":
        return _list(value, field, pointer)
    return _object(value, field.of, pointer)


def _text(value: Any, field: Field, pointer: str) -> list[Problem]:
    if not isinstance(value, str):
        return [Problem(pointer, "must be a string")]
    if len(value) > field.maximum:
        return [Problem(pointer, f"must be less than {field.maximum + 1} characters")]
    if len(value) < field.minimum:
        return [Problem(pointer, f"must be more than {field.minimum - 1} characters")]
    if field.kind == "url" and not value.startswith(("http://", "https://", "mailto:", "slack://")):
        return [Problem(pointer, "must be a valid URL")]
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        return [Problem(pointer, "must be valid Unicode")]
    return []


def _text_object(value: Any, field: Field, pointer: str) -> list[Problem]:
    kinds = {"plain": ("plain_text",), "mrkdwn": ("mrkdwn",), "either": ("plain_text", "mrkdwn")}[field.kind]
    if not isinstance(value, dict) or value.get("type") not in kinds:
        return [Problem(pointer, f"must be {' or '.join(kinds)}")]
    known = {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text", "verbatim"}
    found = [Problem(f"{pointer}/{name}", "unsupported property") for name in sorted(set(value) - known)]
    limits = Field("text", maximum=field.maximum, minimum=max(field.minimum, 1))
    return found + _text(value.get("text"), limits, f"{pointer}/text")


def _list(value: Any, field: Field, pointer: str) -> list[Problem]:
    if not isinstance(value, list):
        return [Problem(pointer, "must be an array")]
    found = []
    if len(value) > field.maximum:
        found.append(Problem(pointer, f"no more than {field.maximum} items allowed"))
    if len(value) < field.minimum:
        found.append(Problem(pointer, f"no fewer than {field.minimum} items allowed"))
    item = field.item or Field("object", of=field.of)
    for index, entry in enumerate(value):
        found += _value(entry, item, f"{pointer}/{index}")
    return found


def _object(value: Any, kinds: tuple[str, ...], pointer: str) -> list[Problem]:
    """`kinds` name objects of the grammar; with several, the value's own `type` decides."""
    if not isinstance(value, dict):
        return [Problem(pointer, "must be an object")]
    kind = kinds[0] if len(kinds) == 1 and "type" not in OBJECTS[kinds[0]].always else value.get("type")
    if kind not in kinds:
        return [Problem(f"{pointer}/type", f"must be one of {', '.join(kinds)}")]
    return list(_shape(value, OBJECTS[kind], pointer, {name: Field("any") for name in OBJECTS[kind].always}))


def _repeated(blocks: list[Any]) -> list[Problem]:
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    found = [Problem("", f"block_id already exists: {name}") for name in sorted({i for i in ids if ids.count(i) > 1})]
    for index, block in enumerate(blocks):
        elements = block.get("elements") if isinstance(block, dict) else None
        actions = [e["action_id"] for e in elements or [] if isinstance(e, dict) and "action_id" in e]
        if len(actions) != len(set(actions)):
            found.append(Problem(f"/{index}/elements", "action_id already exists"))
    return found


def _whole_message(blocks: list[dict[str, Any]]) -> list[Problem]:
    found = []
    if sum(block["type"] in ("table", "data_table") for block in blocks) > 1:
        found.append(Problem("", "only_one_table_allowed", "invalid_attachments"))
    if sum(block["type"] == "data_visualization" for block in blocks) > MAX_CHARTS:
        found.append(Problem("", f"no more than {MAX_CHARTS} data_visualization blocks allowed"))
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MAX_MARKDOWN_TOTAL:
        found.append(Problem("", "markdown text is too long", "msg_too_long"))
    prose = [block for block in blocks if block["type"] not in ("table", "data_table", "data_visualization")]
    if sum(_length(block) for block in prose) > MAX_TOTAL - TOTAL_PER_BLOCK * len(prose):
        found.append(Problem("", "message is too long", "msg_blocks_too_long"))
    return found


def _length(value: Any) -> int:
    """Characters that the block shows."""
    if isinstance(value, list):
        return sum(_length(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = len(value["text"]) if isinstance(value.get("text"), str) else 0
    return own + sum(_length(item) for item in value.values())
