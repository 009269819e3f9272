"""Modals and their inputs. An input's block and action have one name: what is filled in is found by it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from bot.blocks.text import Block, clip, plain
from unstuck.i18n import Lang, t

MAX_TITLE, MAX_METADATA, MAX_INPUT, MAX_OPTION, MAX_OPTION_VALUE, MAX_OPTIONS = 24, 3000, 3000, 75, 150, 100
#: What a modal may not hold although a message may.
NOT_IN_MODALS = frozenset({"context_actions", "data_table", "data_visualization", "markdown", "table"})

Option = tuple[str, str]


def modal(
    title: str,
    blocks: Iterable[Block],
    lang: Lang,
    *,
    callback_id: str | None = None,
    submit: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A modal; with `submit` (the button's words) it can be sent. `metadata` holds ids to look up, never facts."""
    view: dict[str, Any] = {
        "type": "modal",
        "title": plain(title, MAX_TITLE),
        "blocks": [block for block in blocks if block["type"] not in NOT_IN_MODALS][:100],
        "close": plain(t("forms.cancel" if submit else "forms.close", lang), MAX_TITLE),
    }
    if callback_id is not None:
        view["callback_id"] = callback_id
    if submit is not None:
        view["submit"] = plain(submit, MAX_TITLE)
    if metadata is not None:
        view["private_metadata"] = _metadata(metadata)
    return view


def loading() -> dict[str, Any]:
    """What stands there until we know who looks: in no language."""
    return {
        "type": "modal",
        "title": plain("Unstuck", MAX_TITLE),
        "blocks": [{"type": "section", "text": plain("…", 10)}],
    }


def words_input(
    name: str,
    label: str,
    *,
    initial: str = "",
    hint: str | None = None,
    lines: bool = True,
    optional: bool = False,
    most: int = MAX_INPUT,
) -> Block:
    """A field to write in. What stands there at first is cut to what fits."""
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": lines, "max_length": most}
    if start := clip(initial, most):
        element["initial_value"] = start
    return _input(name, label, element, hint=hint, optional=optional)


def choice(
    name: str, label: str, options: Sequence[Option], *, initial: str | None = None, hint: str | None = None
) -> Block:
    """One of a few: `options` are (value, words), at most ten."""
    drawn = [option(value, words) for value, words in options[:10]]
    element: Block = {"type": "radio_buttons", "action_id": name, "options": drawn}
    return _input(name, label, _starting(element, drawn, initial), hint=hint)


def menu(
    name: str,
    label: str,
    options: Sequence[Option],
    *,
    initial: str | None = None,
    optional: bool = False,
    hint: str | None = None,
) -> Block:
    """One of at most a hundred."""
    drawn = [option(value, words) for value, words in options[:MAX_OPTIONS]]
    element: Block = {"type": "static_select", "action_id": name, "options": drawn}
    return _input(name, label, _starting(element, drawn, initial), hint=hint, optional=optional)


def search(name: str, label: str, placeholder: str, *, hint: str | None = None) -> Block:
    """One of any number: Slack asks us while somebody types."""
    element: Block = {
        "type": "external_select",
        "action_id": name,
        "placeholder": plain(placeholder, 150),
        "min_query_length": 0,
    }
    return _input(name, label, element, hint=hint)


def conversation(name: str, label: str, initial: str | None, *, hint: str | None = None) -> Block:
    """A channel of this workspace that nobody outside reads."""
    element: Block = {
        "type": "conversations_select",
        "action_id": name,
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
    }
    if initial:
        element["initial_conversation"] = initial
    return _input(name, label, element, hint=hint, optional=True)


def day(name: str, label: str, initial: date | None = None) -> Block:
    element: Block = {"type": "datepicker", "action_id": name}
    if initial is not None:
        element["initial_date"] = initial.isoformat()
    return _input(name, label, element)


def time_of_day(name: str, label: str, initial: str | None, *, optional: bool = False) -> Block:
    """`initial`: `18:30`."""
    element: Block = {"type": "timepicker", "action_id": name}
    if initial:
        element["initial_time"] = initial
    return _input(name, label, element, optional=optional)


def ticks(name: str, label: str, options: Sequence[Option], chosen: Iterable[str] = ()) -> Block:
    """Any of at most ten."""
    wanted = set(chosen)
    drawn = [option(value, words) for value, words in options[:10]]
    element: Block = {"type": "checkboxes", "action_id": name, "options": drawn}
    if initial := [one for one in drawn if one["value"] in wanted]:
        element["initial_options"] = initial
    return _input(name, label, element, optional=True)


def option(value: str, words: str) -> Block:
    if len(value) > MAX_OPTION_VALUE:
        raise ValueError(f"option value of {len(value)} characters")
    return {"text": plain(words, MAX_OPTION), "value": value}


def _starting(element: Block, drawn: Sequence[Block], initial: str | None) -> Block:
    start = next((one for one in drawn if one["value"] == initial), None)
    return element | {"initial_option": start} if start is not None else element


def _input(name: str, label: str, element: Block, *, hint: str | None = None, optional: bool = False) -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(label, 2000),
        "element": element,
        "optional": optional,
    }
    return block | {"hint": plain(hint, 2000)} if hint else block


def _metadata(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_METADATA:
        raise ValueError(f"private_metadata of {len(text)} characters")
    return text
