"""Web API methods: views.* and assistant.threads.*"""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.validator import view_problems
from bot.playground.workspace import Workspace

MAX_PROMPTS = 4


@method("views.publish", required="user_id view", optional="hash")
def publish(workspace: Workspace, args: Arguments) -> Json:
    user, view = workspace.user(args.need("user_id")), _view(args, "home")
    workspace.homes[user.id] = view
    return {"ok": True, "view": {"id": workspace.new_id("V"), **view}}


@method("views.open", required="view", optional="trigger_id interactivity_pointer")
def open_view(workspace: Workspace, args: Arguments) -> Json:
    trigger = args.text("trigger_id") or args.need("interactivity_pointer")
    if trigger not in workspace.triggers:
        raise Refusal("expired_trigger_id")
    view = {"id": workspace.new_id("V"), **_view(args, "modal")}
    # Slack takes a trigger once.
    workspace.triggers.discard(trigger)
    workspace.views[view["id"]] = view
    return {"ok": True, "view": view}


@method("views.update", required="view", optional="view_id external_id hash")
def update_view(workspace: Workspace, args: Arguments) -> Json:
    view_id = args.need("view_id")
    if view_id not in workspace.views:
        raise Refusal("not_found")
    workspace.views[view_id] = {"id": view_id, **_view(args, "modal")}
    return {"ok": True, "view": workspace.views[view_id]}


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


def _view(args: Arguments, kind: str) -> Json:
    view = args.parsed("view", "invalid_arguments")
    found = view_problems(view, kind)
    if found:
        messages = [f"[ERROR] {problem.text} [json-pointer:/view{problem.pointer}]" for problem in found]
        raise Refusal("invalid_arguments", response_metadata={"messages": messages})
    return dict(view)
