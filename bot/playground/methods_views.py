"""Web API methods: views.* and assistant.threads.*"""

from __future__ import annotations

import json

from bot.playground import views
from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.validator import view_problems
from bot.playground.views import View
from bot.playground.workspace import Workspace

MAX_PROMPTS = 4
MAX_VIEW_BYTES = 250_000


@method("views.publish", required="user_id view", optional="hash")
def publish(workspace: Workspace, args: Arguments) -> Json:
    user, content = workspace.user(args.need("user_id")), _view(args, "home")
    view = workspace.homes.get(user.id)
    if view is None:
        view_id = workspace.new_id("V")
        view = View(view_id, user.id, {}, "", view_id)
    else:
        _check_hash(args, view)
    workspace.homes[user.id] = views.write(workspace, view, content)
    return {"ok": True, "view": view.as_json()}


@method("views.open", required="view", optional="trigger_id interactivity_pointer")
def open_view(workspace: Workspace, args: Arguments) -> Json:
    content = _view(args, "modal")
    trigger = views.take_trigger(workspace, _trigger_id(args))
    return {"ok": True, "view": views.open_root(workspace, trigger.user, content).as_json()}


@method("views.push", required="view", optional="trigger_id interactivity_pointer")
def push_view(workspace: Workspace, args: Arguments) -> Json:
    content = _view(args, "modal")
    trigger = views.take_trigger(workspace, _trigger_id(args))
    below = workspace.views.get(trigger.view or "")
    if below is None:
        raise Refusal("not_found")
    return {"ok": True, "view": views.push(workspace, below, content).as_json()}


@method("views.update", required="view", optional="view_id external_id hash")
def update_view(workspace: Workspace, args: Arguments) -> Json:
    view = _standing(workspace, args)
    content = _view(args, "home" if view.user in workspace.homes and workspace.homes[view.user] is view else "modal")
    _check_hash(args, view)
    return {"ok": True, "view": views.write(workspace, view, content).as_json()}


@method(
    "assistant.threads.setStatus",
    required="channel_id thread_ts",
    optional="status loading_messages username icon_emoji icon_url",
    scope="chat:write",
)
def set_status(workspace: Workspace, args: Arguments) -> Json:
    workspace.channel(args.need("channel_id"))
    if "status" not in args:
        raise Refusal("invalid_arguments")
    workspace.statuses.append(dict(args.values))
    return {"ok": True}


@method(
    "assistant.threads.setSuggestedPrompts",
    required="channel_id prompts",
    optional="thread_ts title",
    scope="assistant:write",
)
def set_suggested_prompts(workspace: Workspace, args: Arguments) -> Json:
    workspace.channel(args.need("channel_id"))
    prompts = args.parsed("prompts")
    if not prompts or len(prompts) > MAX_PROMPTS or any(set(prompt) != {"title", "message"} for prompt in prompts):
        raise Refusal("invalid_arguments")
    workspace.prompts.append(dict(args.values) | {"prompts": prompts})
    return {"ok": True}


def _trigger_id(args: Arguments) -> str:
    return args.text("trigger_id") or args.need("interactivity_pointer")


def _standing(workspace: Workspace, args: Arguments) -> View:
    """The view that is to be changed. Raises `Refusal("not_found")` when nobody looks at it any more."""
    name, external = args.text("view_id"), args.text("external_id")
    for view in (*workspace.views.values(), *workspace.homes.values()):
        if view.id == name or (external is not None and view.content.get("external_id") == external):
            return view
    raise Refusal("not_found")


def _check_hash(args: Arguments, view: View) -> None:
    if args.text("hash") not in (None, view.hash):
        raise Refusal("hash_conflict")


def _view(args: Arguments, kind: str) -> Json:
    view = args.parsed("view", "invalid_arguments")
    found = view_problems(view, kind)
    if found:
        messages = [f"[ERROR] {problem.text} [json-pointer:/view{problem.pointer}]" for problem in found]
        raise Refusal("invalid_arguments", response_metadata={"messages": messages})
    if len(json.dumps(view, ensure_ascii=False).encode()) > MAX_VIEW_BYTES:
        raise Refusal("view_too_large")
    return dict(view)
