"""What Slack tells an app when a person writes, presses or opens something."""

from __future__ import annotations

import time
import uuid
from typing import Any

from bot.playground.calls import Json
from bot.playground.views import STATEFUL, Trigger, View, elements_of, entry
from bot.playground.workspace import APP_ID, BOT_ID, BOT_USER, TEAM_ID, Channel, Link, Message, User, Workspace


def event(workspace: Workspace, inner: Json) -> Json:
    """The envelope of the Events API around one event."""
    return {
        "token": "verification",
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": inner,
        "type": "event_callback",
        # Never the same again, also when a stand-in starts anew in front of an old database.
        "event_id": f"{workspace.new_id('Ev')}{uuid.uuid4().hex[:8].upper()}",
        "event_time": int(time.time()),
        "authorizations": [{"team_id": TEAM_ID, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": inner.get("channel") in workspace.shared,
    }


def message_event(channel: Channel, message: Message, user: User, kind: str = "message") -> Json:
    """A `message` or `app_mention` event."""
    inner: Json = {
        "type": kind,
        "user": user.id,
        "team": TEAM_ID,
        "text": message.text,
        "ts": message.ts,
        "event_ts": message.ts,
        "channel": channel.id,
    }
    if user.team != TEAM_ID:
        inner |= {"user_team": user.team, "source_team": user.team}
    if kind == "message":
        inner["channel_type"] = channel.kind
    if message.thread_ts is not None:
        inner["thread_ts"] = message.thread_ts
    return inner


def home_opened(user: User, channel: Channel, tab: str, at: str) -> Json:
    return {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": tab, "event_ts": at}


def user_changed(user: User, at: str) -> Json:
    return {"type": "user_change", "user": {"id": user.id, "locale": user.locale}, "event_ts": at}


def command(workspace: Workspace, user: User, channel: Channel, name: str, text: str, response_url: str) -> Json:
    """The form of a slash command."""
    return {
        "token": "verification",
        "team_id": TEAM_ID,
        "team_domain": "desk",
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": new_trigger(workspace, user.id),
    }


def press(
    workspace: Workspace,
    user: User,
    message: Message,
    action_id: str,
    value: Any,
    response_url: str,
    block: str | None = None,
) -> Json:
    """The payload of a pressed button or a chosen option. Raises `LookupError` when it is not there.

    `block`: the block's id, or `b` and its place in the message; needed where several have such a button.
    """
    block_id, element = _pressed(message, action_id, block)
    action = _action(element, block_id, message.ts, value)
    payload = _interaction(workspace, user, "block_actions") | {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
        },
        "channel": _channel(workspace, message.channel),
        "response_url": response_url,
        "actions": [action],
        "state": {"values": {}},
    }
    if message.ephemeral_to is None:
        payload["message"] = (workspace.message(message.channel, message.ts) or message).as_json()
    return payload


def press_in_view(
    workspace: Workspace, user: User, view: View, name: str, value: Any, at: str, block_id: str | None = None
) -> Json:
    """The payload of something pressed or chosen in a modal or on the Home; what was chosen is filled in already."""
    block, element = view.find(name, block_id)
    action = _action(element, block["block_id"], at, value, view.offered.get(element["action_id"]))
    modal = view.id if view.content["type"] == "modal" else None
    return _interaction(workspace, user, "block_actions", modal) | {
        "container": {"type": "view", "view_id": view.id},
        "view": _shown(view),
        "actions": [action],
    }


def submission(workspace: Workspace, user: User, view: View) -> Json:
    return _interaction(workspace, user, "view_submission", view.id) | {"view": _shown(view), "response_urls": []}


def closed(workspace: Workspace, user: User, view: View, *, everything: bool) -> Json:
    payload = _interaction(workspace, user, "view_closed") | {"view": _shown(view), "is_cleared": everything}
    del payload["trigger_id"]
    return payload


def suggestion(workspace: Workspace, user: User, view: View, name: str, typed: str) -> Json:
    """What Slack asks while somebody types into a select whose options the app has."""
    block, element = view.find(name)
    payload = _interaction(workspace, user, "block_suggestion") | {
        "container": {"type": "view", "view_id": view.id},
        "view": _shown(view),
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "value": typed,
    }
    del payload["trigger_id"]
    return payload


def message_shortcut(workspace: Workspace, user: User, message: Message, callback_id: str, response_url: str) -> Json:
    return _interaction(workspace, user, "message_action") | {
        "callback_id": callback_id,
        "action_ts": message.ts,
        "message_ts": message.ts,
        "message": message.as_json(),
        "channel": _channel(workspace, message.channel),
        "response_url": response_url,
    }


def global_shortcut(workspace: Workspace, user: User, callback_id: str, at: str) -> Json:
    return _interaction(workspace, user, "shortcut") | {"callback_id": callback_id, "action_ts": at}


def link_shared(unfurl_id: str, link: Link, domains: list[str], thread_ts: str | None, *, is_member: bool) -> Json:
    """The event about links of our domains. While a message is being written its channel is `COMPOSER`."""
    inner: Json = {
        "type": "link_shared",
        "user": link.user,
        "channel": link.channel,
        "message_ts": link.ts,
        "unfurl_id": unfurl_id,
        "source": link.source,
        "is_bot_user_member": is_member,
        "links": [{"url": url, "domain": domain} for url, domain in zip(link.urls, domains, strict=True)],
        "event_ts": link.ts,
    }
    return inner | ({"thread_ts": thread_ts} if thread_ts else {})


def new_trigger(workspace: Workspace, user: str, view: str | None = None) -> str:
    """A trigger id. `view`: the modal it was pressed in."""
    trigger = f"{workspace.new_id('trigger.')}.{uuid.uuid4().hex}"
    workspace.triggers[trigger] = Trigger(user, workspace.clock.now(), view)
    return trigger


def _interaction(workspace: Workspace, user: User, kind: str, view: str | None = None) -> Json:
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team},
        "api_app_id": APP_ID,
        "token": "verification",
        "team": {"id": TEAM_ID, "domain": "desk"},
        "trigger_id": new_trigger(workspace, user.id, view),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _shown(view: View) -> Json:
    ours = {"team_id": TEAM_ID, "app_id": APP_ID, "app_installed_team_id": TEAM_ID, "bot_id": BOT_ID}
    return view.as_json() | ours


def _channel(workspace: Workspace, channel_id: str) -> Json:
    """Slack names no private channel and no direct conversation."""
    channel = workspace.channels[channel_id]
    unnamed = {"group": "privategroup", "im": "directmessage"}
    return {"id": channel_id, "name": unnamed.get(channel.kind, channel.name)}


def _action(element: Json, block_id: str, at: str, value: Any, offered: list[Json] | None = None) -> Json:
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": at,
    }
    if element["type"] == "overflow":
        return action | {"selected_option": entry(element | {"type": "static_select"}, value)["selected_option"]}
    if element["type"] in STATEFUL:
        return action | entry(element, value, offered)
    if element["type"] == "feedback_buttons":
        return action | {"value": value}
    return action | {"text": element.get("text"), **({"value": element["value"]} if "value" in element else {})}


def _pressed(message: Message, action_id: str, block: str | None) -> tuple[str, Json]:
    """Block id and element."""
    for index, one in enumerate(message.blocks):
        block_id = str(one.get("block_id", f"b{index}"))
        for element in elements_of(one):
            if element["action_id"] == action_id and block in (None, block_id):
                return block_id, element
    raise LookupError(f"no {action_id!r} on the message; it has {sorted(message.buttons())}")
