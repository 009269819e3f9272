"""What Slack tells an app when a person writes, presses or opens something."""

from __future__ import annotations

import time
import uuid
from typing import Any

from bot.playground.calls import Json
from bot.playground.workspace import APP_ID, BOT_USER, TEAM_ID, Channel, Message, User, Workspace


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
        "trigger_id": new_trigger(workspace),
    }


def press(
    workspace: Workspace, user: User, message: Message, action_id: str, value: str | None, response_url: str
) -> Json:
    """The payload of a pressed button or a chosen option. Raises `LookupError` when it is not there."""
    elements = message.buttons()
    if action_id not in elements:
        raise LookupError(f"no {action_id!r} on the message; it has {sorted(elements)}")
    payload: Json = {
        "type": "block_actions",
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team},
        "api_app_id": APP_ID,
        "token": "verification",
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
        },
        "trigger_id": new_trigger(workspace),
        "team": {"id": TEAM_ID, "domain": "desk"},
        "channel": {"id": message.channel, "name": workspace.channels[message.channel].name},
        "response_url": response_url,
        "actions": [_action(elements[action_id], message, value)],
        "state": {"values": {}},
    }
    if message.ephemeral_to is None:
        payload["message"] = (workspace.message(message.channel, message.ts) or message).as_json()
    return payload


def new_trigger(workspace: Workspace) -> str:
    trigger = f"{workspace.new_id('trigger.')}.{uuid.uuid4().hex}"
    workspace.triggers.add(trigger)
    return trigger


def _action(element: Json, message: Message, value: str | None) -> Json:
    action: dict[str, Any] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": _block_of(message, element["action_id"]),
        "action_ts": message.ts,
    }
    if element["type"] in ("static_select", "overflow", "radio_buttons"):
        chosen = next((o for o in element["options"] if o["value"] == value), None)
        if chosen is None:
            raise LookupError(f"no option {value!r} in {element['action_id']!r}")
        return action | {"selected_option": chosen}
    if element["type"] == "feedback_buttons":
        return action | {"value": value}
    return action | {"text": element.get("text"), **({"value": element["value"]} if "value" in element else {})}


def _block_of(message: Message, action_id: str) -> str:
    for index, block in enumerate(message.blocks):
        if any(e.get("action_id") == action_id for e in [*block.get("elements", []), block.get("accessory") or {}]):
            return str(block.get("block_id", f"b{index}"))
    return ""
