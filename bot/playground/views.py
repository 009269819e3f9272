"""Modals and the Home as Slack keeps them: stacks of three, what is filled in, one trigger for one view."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.playground.calls import Json, Refusal

if TYPE_CHECKING:
    from bot.playground.workspace import Workspace

#: How long a trigger opens a view, and how many views lie on each other.
TRIGGER_LIVES = timedelta(seconds=3)
MAX_STACK = 3

#: Where each kind of element keeps what was entered, and where the app puts what stands there at first.
_TEXT = ("value", "initial_value")
_OPTION, _OPTIONS = ("selected_option", "initial_option"), ("selected_options", "initial_options")
STATEFUL: dict[str, tuple[str, str]] = {
    "plain_text_input": _TEXT,
    "email_text_input": _TEXT,
    "url_text_input": _TEXT,
    "number_input": _TEXT,
    "static_select": _OPTION,
    "external_select": _OPTION,
    "radio_buttons": _OPTION,
    "multi_static_select": _OPTIONS,
    "checkboxes": _OPTIONS,
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}


class NotFilledIn(ValueError):
    """Slack's own window refuses to submit: these blocks are empty or hold nothing it takes."""

    def __init__(self, blocks: dict[str, str]) -> None:
        super().__init__(f"not filled in: {blocks}")
        self.blocks = blocks


class BadAnswer(ValueError):
    """The app answered a submission with something that Slack does not take; the person sees an error."""


@dataclass(slots=True)
class Trigger:
    """Proof that somebody just did something: it opens one view, soon."""

    user: str
    at: datetime
    #: The modal it was pressed in, if it was one.
    view: str | None = None
    used: bool = False


@dataclass(slots=True)
class View:
    """A modal or Home as it stands before one person."""

    id: str
    user: str
    #: What the app gave, with the ids that Slack adds.
    content: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    #: What is filled in: block id, action id, `{"type": …, "value": …}`.
    state: dict[str, dict[str, Json]] = field(default_factory=dict)
    #: What the app says is wrong, by block id.
    errors: dict[str, str] = field(default_factory=dict)
    #: Options that a search offered, by action id.
    offered: dict[str, list[Json]] = field(default_factory=dict)

    def as_json(self) -> Json:
        """As Slack's methods and payloads show it."""
        own = {"id": self.id, "hash": self.hash, "root_view_id": self.root_id, "previous_view_id": self.previous_id}
        filled = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None}
        more = {"close": None, "clear_on_close": False, "notify_on_close": False}
        state = {"state": {"values": self.state}}
        return copy.deepcopy({**filled, **more, **self.content, **own, **state})

    def elements(self) -> Iterator[tuple[Json, Json]]:
        """Every block with each of its elements that somebody can press, choose in or fill in."""
        for block in self.content["blocks"]:
            for element in elements_of(block):
                yield block, element

    def find(self, name: str) -> tuple[Json, Json]:
        """Block and element by action id or block id. Raises `LookupError`."""
        for block, element in self.elements():
            if name in (element["action_id"], block["block_id"]):
                return block, element
        raise LookupError(f"no {name!r} in the view; it has {[e['action_id'] for _, e in self.elements()]}")

    def fill(self, name: str, value: Any) -> None:
        """Enter or choose something. Raises `LookupError` when it cannot be entered there."""
        block, element = self.find(name)
        entered = entry(element, value, self.offered.get(element["action_id"], []))
        self.state.setdefault(block["block_id"], {})[element["action_id"]] = entered

    def check(self) -> None:
        """What Slack's window checks by itself before it submits. Raises `NotFilledIn`."""
        wrong = {}
        for block, element in self.elements():
            if block["type"] == "input":
                entered = self.state[block["block_id"]][element["action_id"]][STATEFUL[element["type"]][0]]
                if problem := _problem(element, entered, optional=bool(block.get("optional"))):
                    wrong[block["block_id"]] = problem
        if wrong:
            raise NotFilledIn(wrong)


def elements_of(block: Json) -> Iterator[Json]:
    """The interactive elements of a block."""
    inside = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
    for element in inside:
        if isinstance(element, dict) and "action_id" in element:
            yield element


def entry(element: Json, value: Any, offered: list[Json] | None = None) -> Json:
    """What an element holds once `value` is entered; options are named by their value. Raises `LookupError`."""
    kind = element["type"]
    name = STATEFUL[kind][0]
    if name == "selected_option":
        chosen = None if value is None else _option(element, value, offered)
        return {"type": kind, name: chosen}
    if name == "selected_options":
        return {"type": kind, name: [_option(element, one, offered) for one in value or ()]}
    return {"type": kind, name: None if value == "" else value}


def _option(element: Json, value: str, offered: list[Json] | None) -> Json:
    options = [*element.get("options", []), *(offered or [])]
    options += [option for group in element.get("option_groups", []) for option in group["options"]]
    initial = element.get("initial_option")
    for option in [*options, *([initial] if initial else [])]:
        if option["value"] == value:
            return dict(option)
    raise LookupError(f"no option {value!r} in {element['action_id']!r}")


def _problem(element: Json, entered: Any, *, optional: bool) -> str | None:
    if entered in (None, "", []):
        return None if optional else "must be filled in"
    kind, text = element["type"], str(entered)
    if kind == "plain_text_input":
        if len(text) > int(element.get("max_length", 3000)):
            return "is too long"
        return "is too short" if len(text) < int(element.get("min_length", 0)) else None
    shapes = {
        "email_text_input": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "url_text_input": r"https?://\S+",
        "number_input": r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+",
        "datepicker": r"\d{4}-\d\d-\d\d",
        "timepicker": r"\d\d:\d\d",
    }
    return "is not valid" if kind in shapes and not re.fullmatch(shapes[kind], text) else None


# -- what Slack does with views; callers hold `workspace.changing()`


def take_trigger(workspace: Workspace, trigger_id: str) -> Trigger:
    """Use a trigger up. Raises `Refusal`."""
    trigger = workspace.triggers.get(trigger_id)
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if trigger.used:
        raise Refusal("exchanged_trigger_id")
    if workspace.clock.now() - trigger.at > TRIGGER_LIVES:
        raise Refusal("expired_trigger_id")
    trigger.used = True
    return trigger


def open_root(workspace: Workspace, user: str, content: Json) -> View:
    """A new window; an app has one at a time, so an older one goes."""
    for gone in workspace.stacks.pop(user, []):
        workspace.views.pop(gone, None)
    view_id = workspace.new_id("V")
    return _lay(workspace, View(view_id, user, {}, "", view_id), content)


def push(workspace: Workspace, below: View, content: Json) -> View:
    """A view on top of another. Raises `Refusal` when three lie there already."""
    if len(workspace.stacks.get(below.user, [])) >= MAX_STACK:
        raise Refusal("push_limit_reached")
    return _lay(workspace, View(workspace.new_id("V"), below.user, {}, "", below.root_id, below.id), content)


def _lay(workspace: Workspace, view: View, content: Json) -> View:
    write(workspace, view, content)
    workspace.views[view.id] = view
    workspace.stacks.setdefault(view.user, []).append(view.id)
    return view


def write(workspace: Workspace, view: View, content: Json) -> View:
    """Put new content into a view; what was filled in stays where block and action keep their ids."""
    _check_external_id(workspace, view, content)
    view.content = _with_ids(workspace, content)
    view.hash = f"{workspace.new_ts()}.{workspace.new_id('h')}"
    before, view.state, view.errors = view.state, {}, {}
    for block, element in view.elements():
        if element["type"] in STATEFUL:
            kept = before.get(block["block_id"], {}).get(element["action_id"])
            fresh = kept if kept is not None and kept["type"] == element["type"] else _initial(element)
            view.state.setdefault(block["block_id"], {})[element["action_id"]] = fresh
    return view


def close(workspace: Workspace, user: str, *, everything: bool = False) -> list[View]:
    """Take the top view away, or the whole stack; what went, top first."""
    stack = workspace.stacks.get(user, [])
    going = list(reversed(stack)) if everything else stack[-1:]
    for view_id in going:
        stack.remove(view_id)
    return [workspace.views.pop(view_id) for view_id in going]


def _initial(element: Json) -> Json:
    name, source = STATEFUL[element["type"]]
    empty: Any = [] if name == "selected_options" else None
    return {"type": element["type"], name: element.get(source, empty)}


def _with_ids(workspace: Workspace, content: Json) -> Json:
    content = copy.deepcopy(content)
    for block in content["blocks"]:
        block.setdefault("block_id", workspace.new_id("b"))
        for element in [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]:
            if isinstance(element, dict) and element.get("type") in (*STATEFUL, "button", "overflow"):
                element.setdefault("action_id", workspace.new_id("a"))
    return content


def _check_external_id(workspace: Workspace, view: View, content: Json) -> None:
    name = content.get("external_id")
    if name and any(v.content.get("external_id") == name for v in workspace.views.values() if v.id != view.id):
        raise Refusal("duplicate_external_id")
