"""The state of a small Slack workspace: people, channels, messages, files, views. Thread-safe."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.playground.calls import Json, Refusal
from bot.playground.views import Trigger, View
from unstuck.clock import Clock

T = TypeVar("T")
CLIENT_SECRET = "standin-client-secret"  # noqa: S105
TEAM_ID, BOT_USER, BOT_ID, APP_ID = "T0UNSTUCK", "U0UNSTUCK", "B0UNSTUCK", "A0UNSTUCK"


@dataclass(slots=True)
class User:
    id: str
    name: str
    email: str | None
    locale: str = "en-US"
    timezone: str = "Etc/UTC"
    guest: bool = False
    #: Another id than the workspace's: somebody from another organisation, through Slack Connect.
    team: str = ""
    bot: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    #: `channel`, `group` (private) or `im`.
    kind: str
    members: list[str]
    archived: bool = False


@dataclass(slots=True)
class Message:
    """A message as it stands; `deleted` ones stay here for the record but no method shows them."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: Json | None = None
    by_bot: bool = False
    #: The one person who sees it; such messages are in no history.
    ephemeral_to: str | None = None
    edited: bool = False
    deleted: bool = False
    streaming: bool = False
    files: list[Json] = field(default_factory=list)
    reactions: list[tuple[str, str]] = field(default_factory=list)
    #: Response URL through which an ephemeral answer was given.
    response_url: str | None = None
    #: Previews of links, by address.
    unfurls: dict[str, Json] = field(default_factory=dict)

    def buttons(self) -> dict[str, Json]:
        """Every element that can be pressed or chosen, by action id."""
        return {element["action_id"]: element for element in _elements(self.blocks) if "action_id" in element}

    def all_text(self) -> str:
        """All words a reader sees, fallback text first."""
        return "\n".join([self.text, *_words(self.blocks), *_words(self.unfurls)])

    def pings(self) -> list[str]:
        """Whom Slack would notify: live mentions and broadcasts in mrkdwn and in the text."""
        marked = [self.text, *(e["text"] for e in _elements(self.blocks) if e.get("type") == "mrkdwn")]
        return re.findall(r"<(?:@[UW][A-Z0-9]+|!(?:here|channel|everyone)|!subteam\^\w+)[^>]*>", " ".join(marked))

    def as_json(self, *, metadata: bool = True) -> Json:
        """As Slack's methods and payloads show it."""
        shown: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "blocks": self.blocks}
        if self.by_bot:
            shown |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.metadata and metadata:
            shown["metadata"] = self.metadata
        if self.edited:
            shown["edited"] = {"user": self.user, "ts": self.ts}
        if self.files:
            shown["files"] = self.files
        if self.unfurls:
            shown["attachments"] = [{"from_url": url, **preview} for url, preview in self.unfurls.items()]
        return copy.deepcopy(shown)


@dataclass(slots=True)
class Link:
    """Addresses of one message, posted or still being written, that the app may show a preview of."""

    channel: str
    ts: str
    user: str
    urls: list[str]
    #: `conversations_history` or `composer`.
    source: str
    unfurls: dict[str, Json] = field(default_factory=dict)


class Workspace:
    """Everything the stand-in remembers. Readers get copies; writers hold `changing()`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.users: dict[str, User] = {BOT_USER: User(BOT_USER, "unstuck", None, bot=True, team=TEAM_ID)}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Json] = {}
        self.record: list[Message] = []
        #: Ids of channels that another organisation reads along.
        self.shared: set[str] = set()
        self.files: dict[str, Json] = {}
        #: Last published Home by user, open modals by view id, and the ids of a person's modals, lowest first.
        self.homes: dict[str, View] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.statuses: list[Json] = []
        self.prompts: list[Json] = []
        self.triggers: dict[str, Trigger] = {}
        #: Links that the app was told of, by unfurl id.
        self.links: dict[str, Link] = {}
        #: Response URLs: id to (channel, user, uses left, message the button sits on).
        self.response_urls: dict[str, Json] = {}
        #: Tokens that were given out for installations, and whose they are; refresh tokens, each good for once.
        self.tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}
        #: How long such a token lasts; None: for ever.
        self.token_lifetime_s: int | None = None
        #: Whose token the call under way carries.
        self.caller = TEAM_ID
        #: Workspaces of the organisation that asks, where an organisation installed the app.
        self.siblings: set[str] = set()
        #: Which workspace's token each call carried.
        self.callers: list[tuple[str, str]] = []
        self.calls: list[tuple[str, Json]] = []
        #: Where the stand-in listens, and how it admits a websocket; the stand-in fills them in.
        self.base = ""
        self.new_socket_url: Callable[[], str] = str
        #: How often anything was changed: what `wait_for_change` compares.
        self.changes = 0
        self._changed = threading.Condition(threading.RLock())
        self._last_ts = 0
        self._numbers = 0

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One writer at a time; whoever waits is told afterwards."""
        with self._changed:
            yield
            self.changes += 1
            self._changed.notify_all()

    @contextmanager
    def changing_nothing(self) -> Iterator[None]:
        """A look at a consistent state, without telling anybody."""
        with self._changed:
            yield

    def wait_for_change(self, seen: int, timeout: float) -> int:
        """`changes` as soon as it is not `seen`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.changes != seen, timeout)
            return self.changes

    def wait_for(self, predicate: Callable[[], T | None], timeout: float = 10.0) -> T:
        """The first truthy value of `predicate`, asked again after each change.

        Raises `TimeoutError` with the recent messages after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        with self._changed:
            while not (value := predicate()):
                if time.monotonic() >= end:
                    raise TimeoutError(f"nothing like that after {timeout} s; last messages: {self._recent()}")
                self._changed.wait(0.05)
            return value

    def _recent(self) -> list[str]:
        return [f"{m.channel} {m.user}: {m.text[:200]}" for m in self.record[-5:]]

    def new_id(self, prefix: str) -> str:
        with self._changed:
            self._numbers += 1
            return f"{prefix}{self._numbers:08d}"

    def new_ts(self) -> str:
        """A moment in Slack's notation, unique in this workspace and ever rising."""
        with self._changed:
            self._last_ts = max(int(self.clock.now().timestamp() * 1_000_000), self._last_ts + 1)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def channel(self, channel_id: str) -> Channel:
        """The channel the bot can see. Raises `Refusal("channel_not_found")`."""
        found = self.channels.get(channel_id)
        if found is None or (found.kind != "channel" and BOT_USER not in found.members):
            raise Refusal("channel_not_found")
        return found

    def user(self, user_id: str) -> User:
        """Raises `Refusal("user_not_found")`."""
        if user_id not in self.users:
            raise Refusal("user_not_found")
        return self.users[user_id]

    def direct(self, user_id: str) -> Channel:
        """The conversation between the bot and a person, opened when there is none yet."""
        with self.changing():
            for channel in self.channels.values():
                if channel.kind == "im" and user_id in channel.members:
                    return channel
            channel = Channel(self.new_id("D"), "", "im", [BOT_USER, user_id])
            self.channels[channel.id] = channel
            return channel

    def message(self, channel_id: str, ts: str) -> Message | None:
        """The live message itself (not a copy), if it is there."""
        matching = (m for m in self.record if m.channel == channel_id and m.ts == ts and not m.deleted)
        return next(matching, None)

    def visible(self, channel_id: str) -> list[Message]:
        """What the channel's history holds, oldest first."""
        return [m for m in self.record if m.channel == channel_id and not m.deleted and m.ephemeral_to is None]

    def messages(
        self, channel_id: str | None = None, *, thread: str | None = None, by_bot: bool | None = None
    ) -> list[Message]:
        """Copies of what was said and still stands, ephemeral messages included, oldest first."""
        with self._changed:
            chosen = (
                m
                for m in self.record
                if not m.deleted
                and channel_id in (None, m.channel)
                and thread in (None, m.thread_ts)
                and by_bot in (None, m.by_bot)
            )
            return copy.deepcopy(list(chosen))


def _elements(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _elements(item)


def _words(value: Any) -> Iterator[str]:
    for element in _elements(value):
        text = element.get("text")
        if isinstance(text, str):
            yield text
