"""What one person sees of the workspace, as a stream of things that changed.

Each thing (a channel, a message, a Home, …) has a key and a version. A reader who names the last version
it has gets what is newer, as it stands now: a page that was away for an hour catches up in one go.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from bot.playground.calls import Json
from bot.playground.views import View
from bot.playground.workspace import BOT_USER, TEAM_ID, Channel, Message, Workspace

#: Seconds of silence after which a line is sent anyway, so that both ends notice when the other has gone.
HEARTBEAT_S = 15.0


@dataclass(frozen=True, slots=True)
class Thing:
    """Something as it stood at a version; `shown` is its JSON."""

    version: int
    shown: str
    #: Who may see it; None: everybody.
    seen_by: frozenset[str] | None


class Feed:
    """Versions of everything in a workspace. Safe to use from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._things: dict[str, Thing] = {}
        self._version = 0
        self._changes = -1
        self._stopping = threading.Event()

    def since(self, user: str, version: int) -> tuple[int, list[Json]]:
        """The newest version, and what `user` sees that is newer than `version`, oldest change first."""
        with self._lock:
            self._catch_up()
            newer = [t for t in self._things.values() if t.version > version and _may_see(user, t)]
            newest = self._version
        return newest, [json.loads(thing.shown) for thing in sorted(newer, key=lambda thing: thing.version)]

    def stream(self, user: str, version: int) -> Iterator[str]:
        """Server-sent events: first everything after `version`, then each change, until `stop`."""
        while not self._stopping.is_set():
            seen = self._workspace.changes
            newest, things = self.since(user, version)
            if things:
                version = newest
                yield f"id: {version}\ndata: {json.dumps(things, ensure_ascii=False)}\n\n"
            elif self._workspace.wait_for_change(seen, HEARTBEAT_S) == seen:
                yield ": still here\n\n"

    def stop(self) -> None:
        """End every stream."""
        self._stopping.set()
        with self._workspace.changing():
            pass

    def _catch_up(self) -> None:
        with self._workspace.changing_nothing():
            if self._workspace.changes == self._changes:
                return
            self._changes = self._workspace.changes
            for key, shown, seen_by in _everything(self._workspace):
                text = json.dumps({"key": key, **shown}, ensure_ascii=False)
                known = self._things.get(key)
                if known is None or (known.shown, known.seen_by) != (text, seen_by):
                    self._version += 1
                    self._things[key] = Thing(self._version, text, seen_by)


Seen = tuple[str, Json, frozenset[str] | None]


def _may_see(user: str, thing: Thing) -> bool:
    return thing.seen_by is None or user in thing.seen_by


def _everything(workspace: Workspace) -> Iterator[Seen]:
    for user in workspace.users.values():
        yield f"user:{user.id}", {"kind": "user", **asdict(user), "stranger": user.team != TEAM_ID}, None
    for channel in workspace.channels.values():
        yield f"channel:{channel.id}", _channel(channel), frozenset(channel.members)
    for message in workspace.record:
        yield from _message(workspace, message)
    for user_id, view in workspace.homes.items():
        yield f"home:{user_id}", {"kind": "home", "user": user_id, "view": _view(view)}, frozenset({user_id})
    for user_id, stack in workspace.stacks.items():
        shown = {"kind": "views", "views": [_view(workspace.views[view_id]) for view_id in stack]}
        yield f"views:{user_id}", shown, frozenset({user_id})
    yield from _working(workspace)


def _channel(channel: Channel) -> Json:
    return {
        "kind": "channel",
        "id": channel.id,
        "name": channel.name,
        "type": channel.kind,
        "members": channel.members,
        "has_bot": BOT_USER in channel.members,
    }


def _message(workspace: Workspace, message: Message) -> Iterator[Seen]:
    channel = workspace.channels[message.channel]
    alone = message.ephemeral_to
    key = f"message:{message.channel}:{message.ts}"
    shown: Json = {"kind": "message", "channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts}
    if message.deleted:
        shown |= {"deleted": True}
    else:
        shown |= {
            "user": message.user,
            "by_bot": message.by_bot,
            "text": message.text,
            "blocks": message.blocks,
            "files": message.files,
            "reactions": message.reactions,
            "unfurls": message.unfurls,
            "edited": message.edited,
            "streaming": message.streaming,
            "ephemeral": alone is not None,
        }
    yield key, shown, frozenset({alone} if alone else channel.members)


def _view(view: View) -> Json:
    return {"id": view.id, "hash": view.hash, **view.content, "state": view.state, "errors": view.errors}


def _working(workspace: Workspace) -> Iterator[Seen]:
    """The last status of each thread, and the last prompts of each conversation."""
    statuses = {(s["channel_id"], s["thread_ts"]): (number, s) for number, s in enumerate(workspace.statuses)}
    for (channel_id, thread_ts), (number, status) in statuses.items():
        # With its number: a status that says the same again is a new one all the same.
        shown = {"kind": "status", "channel": channel_id, "thread_ts": thread_ts, "number": number}
        shown["status"] = status.get("status") or ""
        yield f"status:{channel_id}:{thread_ts}", shown, frozenset(workspace.channels[channel_id].members)
    for channel_id, prompts in {p["channel_id"]: p["prompts"] for p in workspace.prompts}.items():
        shown = {"kind": "prompts", "channel": channel_id, "prompts": prompts}
        yield f"prompts:{channel_id}", shown, frozenset(workspace.channels[channel_id].members)
