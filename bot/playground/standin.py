"""Takes Slack's place on this machine: its Web API on one side, its people on the other.

    with SlackStandIn() as slack:
        ana = slack.add_user("ana")
        support = slack.add_channel("support", [ana])
        slack.connect_http("http://127.0.0.1:3000/slack/events")
        slack.mention(support, ana, "why does the pump stop?")
        slack.wait_for(lambda: slack.messages(support, by_bot=True))

The app gets `slack.url` as `SLACK_API_URL`, `slack.bot_token` and, for Socket Mode, `slack.app_token`.
It is strict on purpose: what Slack would refuse, it refuses, with Slack's words.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from bot.playground import (
    methods_apps,
    methods_chat,
    methods_conversations,
    methods_files,
    methods_people,
    methods_views,
    person,
)
from bot.playground.app_side import COMMAND, EVENT, INTERACTION, Ack, AppSide, OverHttp, OverSocket
from bot.playground.calls import Arguments, Json, Method, Refusal
from bot.playground.faults import Faults
from bot.playground.forms import Forms
from bot.playground.socket_mode import SocketMode
from bot.playground.validator import problems
from bot.playground.wire import Server
from bot.playground.workspace import BOT_USER, TEAM_ID, Channel, Message, User, Workspace
from unstuck.clock import Clock, SystemClock

T = TypeVar("T")
MANIFEST = Path(__file__).parents[1] / "manifest.json"
#: Importing these modules filled the table of methods.
FAMILIES = (methods_apps, methods_chat, methods_conversations, methods_files, methods_people, methods_views)
USES_OF_A_RESPONSE_URL = 5


class SlackStandIn(Forms):
    """A workspace, the Web API in front of it, and hands to use it with."""

    bot_token = "xoxb-standin"  # noqa: S105
    app_token = "xapp-standin"  # noqa: S105
    signing_secret = "standin-secret"  # noqa: S105

    def __init__(self, *, clock: Clock | None = None, scopes: Iterable[str] | None = None) -> None:
        self.workspace = Workspace(clock or SystemClock())
        self.faults = Faults()
        #: What the bot token may do: by default what the manifest asks for.
        self.scopes = frozenset(manifest_scopes() if scopes is None else scopes)
        self.shortcuts = manifest_shortcuts()
        self.unfurl_domains = list(manifest()["features"].get("unfurl_domains", []))
        #: Bot tokens that were taken back: calls with them fail.
        self.revoked = False
        #: Seconds before each repeat of an event that was not acknowledged (Slack: 0, 60, 300).
        self.retry_after_s = (0.0, 0.05, 0.1)
        #: How often each event is sent once more although it was acknowledged.
        self.duplicates = 0
        #: Whether `app_mention` reaches the app before the `message` event of the same text.
        self.mention_first = True
        self.socket = SocketMode()
        self._app: AppSide = OverSocket(self.socket)
        self._server = Server(self)
        self.workspace.base, self.workspace.new_socket_url = self.base, self.socket.new_url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="standin", daemon=True)
        self._thread.start()

    def __enter__(self) -> SlackStandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.socket.stop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    # -- the app's side

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """What `SLACK_API_URL` must be."""
        return f"{self.base}/api/"

    def connect_http(self, url: str) -> None:
        """From now on events go to `url` over signed HTTP; before this call they go through Socket Mode."""
        self._app = OverHttp(url, self.signing_secret)

    def connect(self, app: AppSide) -> None:
        """From now on events go to `app`."""
        self._app = app

    def check_token(self, method: Method, token: str | None) -> None:
        """Raises `Refusal` unless the token may call `method`."""
        if method.needs_no_token:
            return
        if not token:
            raise Refusal("not_authed")
        if token in self.workspace.tokens and not method.needs_app_token:
            return
        wanted = self.app_token if method.needs_app_token else self.bot_token
        if token in (self.app_token, self.bot_token) and token != wanted:
            raise Refusal("not_allowed_token_type")
        if token != wanted:
            raise Refusal("invalid_auth")
        if self.revoked:
            raise Refusal("token_revoked")
        if method.scope is not None and method.scope not in self.scopes:
            raise Refusal("missing_scope", needed=method.scope, provided=",".join(sorted(self.scopes)))

    def call(self, method: Method, arguments: Arguments, token: str | None = None) -> Json:
        """Run a method on the workspace; it sees and leaves a consistent state."""
        with self.workspace.changing():
            self.workspace.caller = self.workspace.tokens.get(token or "", TEAM_ID)
            self.workspace.callers.append((method.name, self.workspace.caller))
            self.workspace.calls.append((method.name, dict(arguments.values)))
            return method.run(self.workspace, arguments)

    # -- the workspace

    def add_user(
        self, name: str, *, email: str | None = None, locale: str = "en-US", guest: bool = False, stranger: bool = False
    ) -> str:
        """A new person's id. `stranger`: from another organisation, through a shared channel."""
        user_id = self.workspace.new_id("U")
        team = "T0STRANGER" if stranger else TEAM_ID
        with self.workspace.changing():
            self.workspace.users[user_id] = User(user_id, name, email, locale, guest=guest, team=team)
        return user_id

    def add_channel(
        self, name: str, members: Iterable[str] = (), *, private: bool = False, with_bot: bool = True
    ) -> str:
        """A new channel's id."""
        channel_id = self.workspace.new_id("C")
        everyone = [*members, *([BOT_USER] if with_bot else [])]
        with self.workspace.changing():
            self.workspace.channels[channel_id] = Channel(channel_id, name, "group" if private else "channel", everyone)
        return channel_id

    def add_group(self, handle: str, users: Iterable[str]) -> str:
        """A new user group's id."""
        group_id = self.workspace.new_id("S")
        with self.workspace.changing():
            self.workspace.groups[group_id] = {"id": group_id, "handle": handle, "name": handle, "users": list(users)}
        return group_id

    def messages(
        self, channel: str | None = None, *, thread: str | None = None, by_bot: bool | None = None
    ) -> list[Message]:
        """Copies of what stands in a channel (all channels: None), ephemeral messages included, oldest first."""
        return self.workspace.messages(channel, thread=thread, by_bot=by_bot)

    def direct(self, user: str) -> str:
        """Id of the conversation between the bot and `user`."""
        return self.workspace.direct(user).id

    def calls(self, method: str) -> list[Json]:
        """Arguments of every call of a Web API method that got through."""
        return [copy.deepcopy(values) for name, values in list(self.workspace.calls) if name == method]

    def end_streams(self) -> None:
        """What Slack does by itself some five minutes after a stream began: it is over, whoever still writes."""
        with self.workspace.changing():
            for message in self.workspace.record:
                message.streaming = False

    def wait_for(self, predicate: Callable[[], T | None], timeout: float = 10.0) -> T:
        """The first truthy value of `predicate`. Raises `TimeoutError` after `timeout` seconds."""
        return self.workspace.wait_for(predicate, timeout)

    # -- a person's side

    def say(self, channel: str, user: str, text: str, *, thread_ts: str | None = None, tell: bool = True) -> Message:
        """`user` writes in a channel, mentioning nobody. `tell=False` keeps it from the app."""
        message = self._store(channel, user, text, thread_ts)
        if tell:
            self._tell(channel, user, message, "message")
            self._tell_links_of(message)
        return message

    def mention(self, channel: str, user: str, text: str, *, thread_ts: str | None = None) -> Message:
        """`user` writes `@unstuck text`. Slack tells the app twice: as `app_mention` and as `message`."""
        message = self._store(channel, user, f"<@{BOT_USER}> {text}", thread_ts)
        kinds = ["app_mention", "message"]
        for kind in kinds if self.mention_first else reversed(kinds):
            self._tell(channel, user, message, kind)
        self._tell_links_of(message)
        return message

    def direct_message(self, user: str, text: str, *, thread_ts: str | None = None) -> Message:
        """`user` writes to the bot alone."""
        return self.say(self.direct(user), user, text, thread_ts=thread_ts)

    def command(self, user: str, name: str, text: str = "", *, channel: str | None = None) -> Ack:
        """`user` types a slash command; a reply in the acknowledgement is shown to them alone."""
        where = self.workspace.channels[channel or self.direct(user)]
        url = self._response_url(where.id, user, None)
        payload = person.command(self.workspace, self.workspace.user(user), where, name, text, url)
        ack = self._app.send(COMMAND, payload)
        if ack.body.get("text") or ack.body.get("blocks"):
            self.respond(url.rsplit("/", 1)[1], ack.body)
        return ack

    def press(self, user: str, message: Message, action_id: str, value: Any = None, *, block: str | None = None) -> Ack:
        """`user` presses a button of a message as they saw it, or chooses `value` in a select.

        `block`: which one, where several blocks have such a button.
        """
        url = self._response_url(message.channel, user, message.ts)
        payload = person.press(self.workspace, self.workspace.user(user), message, action_id, value, url, block)
        return self._app.send(INTERACTION, payload)

    def open_home(self, user: str, tab: str = "home") -> Ack:
        """`user` opens the app's page (`home`) or its conversation (`messages`)."""
        channel = self.workspace.direct(user)
        opened = person.home_opened(self.workspace.user(user), channel, tab, self.workspace.new_ts())
        return self.send_event(opened)

    def change_language(self, user: str, locale: str) -> Ack:
        """`user` sets the language of their Slack: `en-US`, `zh-CN`, …"""
        with self.workspace.changing():
            self.workspace.user(user).locale = locale
        return self.send_event(person.user_changed(self.workspace.user(user), self.workspace.new_ts()))

    def send_event(self, inner: Json) -> Ack:
        """Deliver an event as Slack does: again until acknowledged, then as often as `duplicates` says."""
        envelope = person.event(self.workspace, inner)
        ack = self._app.send(EVENT, envelope)
        for number, wait in enumerate(self.retry_after_s, start=1):
            if ack.ok:
                break
            time.sleep(wait)
            ack = self._app.send(EVENT, envelope, (number, "http_timeout" if ack.status == 0 else "http_error"))
        for _ in range(self.duplicates):
            self._app.send(EVENT, envelope, (1, "http_timeout"))
        return ack

    # -- response URLs

    def respond(self, url_id: str, values: Json) -> None:
        """What Slack does with a POST to a response URL. Raises `Refusal`."""
        with self.workspace.changing():
            url = self.workspace.response_urls.get(url_id)
            if url is None or url["left"] == 0:
                raise Refusal("used_url")
            url["left"] -= 1
            found = problems(values.get("blocks") or [])
            if found:
                raise Refusal("invalid_blocks", errors=[f"{p.text} {p.pointer}" for p in found])
            self._apply_response(url, values)

    def _apply_response(self, url: Json, values: Json) -> None:
        origin = self.workspace.message(url["channel"], url["ts"]) if url["ts"] else None
        if origin is not None and values.get("delete_original"):
            origin.deleted = True
            return
        text, blocks = values.get("text", ""), values.get("blocks") or []
        if not text and not blocks:
            raise Refusal("no_text")
        if origin is not None and values.get("replace_original"):
            origin.text, origin.blocks = text, blocks
            return
        alone = None if values.get("response_type") == "in_channel" else url["user"]
        message = Message(
            url["channel"], self.workspace.new_ts(), BOT_USER, text, blocks, by_bot=True, ephemeral_to=alone
        )
        message.thread_ts = values.get("thread_ts")
        self.workspace.record.append(message)

    def _response_url(self, channel: str, user: str, ts: str | None) -> str:
        url_id = self.workspace.new_id("R")
        self.workspace.response_urls[url_id] = {
            "channel": channel,
            "user": user,
            "ts": ts,
            "left": USES_OF_A_RESPONSE_URL,
        }
        return f"{self.base}/response/{url_id}"

    def _store(self, channel: str, user: str, text: str, thread_ts: str | None) -> Message:
        with self.workspace.changing():
            message = Message(channel, self.workspace.new_ts(), user, text, thread_ts=thread_ts)
            self.workspace.record.append(message)
            return copy.deepcopy(message)

    def _tell(self, channel: str, user: str, message: Message, kind: str) -> None:
        where = self.workspace.channels[channel]
        if BOT_USER in where.members:
            self.send_event(person.message_event(where, message, self.workspace.user(user), kind))


@cache
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return found


def manifest_scopes() -> frozenset[str]:
    """The bot scopes that the app's manifest asks for."""
    return frozenset(manifest()["oauth_config"]["scopes"]["bot"])


def manifest_shortcuts() -> dict[str, str]:
    """The manifest's shortcuts: callback id to `message` or `global`."""
    return {one["callback_id"]: one["type"] for one in manifest()["features"].get("shortcuts", [])}
