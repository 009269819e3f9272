"""What a person does beside writing: shortcuts, modals, the Home, links. `SlackStandIn` has all of it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.playground import person, views
from bot.playground.app_side import INTERACTION, Ack, AppSide
from bot.playground.calls import Json, Refusal
from bot.playground.validator import object_problems, view_problems
from bot.playground.views import BadAnswer, View
from bot.playground.workspace import BOT_USER, Link, Message, Workspace

#: What an app may answer to a submission.
RESPONSES = {"errors": {"errors"}, "update": {"view"}, "push": {"view"}, "clear": set[str]()}
COMPOSER = "COMPOSER"
_ADDRESS = re.compile(r"https?://[^\s<>|]+")


class Forms:
    """A person's hands. Everything is sent to the app as Slack would, and its answer is held to Slack's rules."""

    workspace: Workspace
    _app: AppSide
    scopes: frozenset[str]
    #: Shortcuts that Slack shows, by callback id: `message` or `global`. By default the manifest's.
    shortcuts: dict[str, str]
    #: Whose links the app is told of. By default the manifest's; `unstuck slack manifest` knows more.
    unfurl_domains: list[str]

    def send_event(self, inner: Json) -> Ack:
        raise NotImplementedError

    def _response_url(self, channel: str, user: str, ts: str | None) -> str:
        raise NotImplementedError

    # -- what somebody sees

    def modal(self, user: str) -> View | None:
        """The modal on top of what `user` sees."""
        stack = self.workspace.stacks.get(user)
        return copy.deepcopy(self.workspace.views[stack[-1]]) if stack else None

    def home(self, user: str) -> Json | None:
        """The Home that was last published for `user`, as the app gave it, block ids filled in."""
        home = self.workspace.homes.get(user)
        return copy.deepcopy(home.content) if home is not None else None

    # -- shortcuts

    def message_shortcut(self, user: str, message: Message, callback_id: str) -> Ack:
        """`user` chooses a shortcut from a message's menu. Raises `LookupError` when the app has none of that name."""
        self._check_shortcut(callback_id, "message")
        url = self._response_url(message.channel, user, None)
        who = self.workspace.user(user)
        payload = person.message_shortcut(self.workspace, who, message, callback_id, url)
        return self._app.send(INTERACTION, payload)

    def global_shortcut(self, user: str, callback_id: str) -> Ack:
        """`user` chooses a shortcut from Slack's own menu. Raises `LookupError` when there is none of that name."""
        self._check_shortcut(callback_id, "global")
        who, at = self.workspace.user(user), self.workspace.new_ts()
        return self._app.send(INTERACTION, person.global_shortcut(self.workspace, who, callback_id, at))

    def _check_shortcut(self, callback_id: str, kind: str) -> None:
        if self.shortcuts.get(callback_id) != kind:
            raise LookupError(f"no {kind} shortcut {callback_id!r}; there are {self.shortcuts}")

    # -- modals

    def fill(self, user: str, values: Mapping[str, Any]) -> None:
        """`user` fills in the modal on top, by block or action id, without sending it."""
        with self.workspace.changing():
            view = self._top(user)
            for name, value in values.items():
                view.fill(name, value)

    def submit(self, user: str, values: Mapping[str, Any] | None = None) -> Ack:
        """`user` fills in `values` and submits the modal on top; what the app answers is done to it.

        Raises `NotFilledIn` when Slack's window would not send it, `BadAnswer` when Slack would not take the answer.
        """
        self.fill(user, values or {})
        with self.workspace.changing():
            view = self._top(user)
            if "submit" not in view.content:
                raise LookupError("the modal has nothing to submit")
            view.check()
            payload = person.submission(self.workspace, self.workspace.user(user), view)
        ack = self._app.send(INTERACTION, payload)
        if ack.ok:
            with self.workspace.changing():
                self._answered(view, ack.body)
        return ack

    def close(self, user: str, *, everything: bool = False) -> list[Ack]:
        """`user` closes the modal on top, or all of them; what the app says to being told so."""
        with self.workspace.changing():
            top = self._top(user)
            everything = everything or bool(top.content.get("clear_on_close"))
            gone = views.close(self.workspace, user, everything=everything)
            who = self.workspace.user(user)
            told = [view for view in gone if view.content.get("notify_on_close")]
            payloads = [person.closed(self.workspace, who, view, everything=everything) for view in told]
        return [self._app.send(INTERACTION, payload) for payload in payloads]

    def press_modal(self, user: str, name: str, value: Any = None) -> Ack:
        """`user` presses or chooses something in the modal on top, by action or block id."""
        return self._press_view(user, self._top(user), name, value)

    def press_home(self, user: str, name: str, value: Any = None) -> Ack:
        """`user` presses or chooses something on the app's Home, by action or block id."""
        if user not in self.workspace.homes:
            raise LookupError("no Home was published")
        return self._press_view(user, self.workspace.homes[user], name, value)

    def suggest(self, user: str, name: str, typed: str) -> list[Json]:
        """Options that the app offers for what `user` types into a select of the modal on top.

        Raises `BadAnswer` when Slack would not show them.
        """
        view = self._top(user)
        payload = person.suggestion(self.workspace, self.workspace.user(user), view, name, typed)
        ack = self._app.send(INTERACTION, payload)
        options = ack.body.get("options")
        if not ack.ok or not isinstance(options, list):
            raise BadAnswer(f"no options came: {ack}")
        wrong = object_problems({"type": "static_select", "action_id": "x", "options": options or [_NONE]})
        if wrong:
            raise BadAnswer(f"Slack takes no such options: {wrong}")
        with self.workspace.changing():
            view.offered[view.find(name)[1]["action_id"]] = options
        return options

    def _top(self, user: str) -> View:
        stack = self.workspace.stacks.get(user)
        if not stack:
            raise LookupError(f"{user} sees no modal")
        return self.workspace.views[stack[-1]]

    def _press_view(self, user: str, view: View, name: str, value: Any) -> Ack:
        with self.workspace.changing():
            if view.find(name)[1]["type"] in views.STATEFUL:
                view.fill(name, value)
            who, at = self.workspace.user(user), self.workspace.new_ts()
            payload = person.press_in_view(self.workspace, who, view, name, value, at)
        return self._app.send(INTERACTION, payload)

    def _answered(self, view: View, body: Json) -> None:
        """Do what the app answered to a submission."""
        action = body.get("response_action")
        if not body:
            self._close_if_open(view)
            return
        if action not in RESPONSES or set(body) != {"response_action", *RESPONSES[action]}:
            raise BadAnswer(f"no answer to a submission: {body}")
        if action == "errors":
            self._show_errors(view, body["errors"])
        elif action == "clear":
            views.close(self.workspace, view.user, everything=True)
        else:
            self._show_next(view, body["view"], action)

    def _close_if_open(self, view: View) -> None:
        # The app may have changed or closed it meanwhile, through the Web API.
        stack = self.workspace.stacks.get(view.user, [])
        if stack and stack[-1] == view.id:
            views.close(self.workspace, view.user)

    def _show_errors(self, view: View, errors: Any) -> None:
        inputs = {block["block_id"] for block in view.content["blocks"] if block["type"] == "input"}
        fitting = isinstance(errors, dict) and errors and set(errors) <= inputs
        if not fitting or not all(isinstance(text, str) and text for text in errors.values()):
            raise BadAnswer(f"errors must name inputs of the view ({sorted(inputs)}): {errors}")
        view.errors = dict(errors)

    def _show_next(self, view: View, content: Any, action: str) -> None:
        wrong = view_problems(content, "modal")
        if wrong:
            raise BadAnswer(f"no view that Slack takes: {wrong}")
        try:
            if action == "push":
                views.push(self.workspace, view, content)
            else:
                views.write(self.workspace, view, content)
        except Refusal as refusal:
            raise BadAnswer(str(refusal)) from None

    # -- links

    def compose(self, user: str, text: str) -> str | None:
        """`user` types `text` and has not sent it yet; the unfurl id, when it holds a link of the app's domains."""
        ts = f"{self.workspace.new_id('composed-')}"
        return self._tell_links(Link(COMPOSER, ts, user, [], "composer"), text, None, is_member=False)

    def _tell_links_of(self, message: Message) -> None:
        is_member = BOT_USER in self.workspace.channels[message.channel].members
        link = Link(message.channel, message.ts, message.user, [], "conversations_history")
        self._tell_links(link, message.text, message.thread_ts, is_member=is_member)

    def _tell_links(self, link: Link, text: str, thread_ts: str | None, *, is_member: bool) -> str | None:
        ours = {url: domain for url in _ADDRESS.findall(text) if (domain := self._domain(url)) is not None}
        if not ours or "links:read" not in self.scopes:
            return None
        link.urls = list(ours)
        unfurl_id = self.workspace.new_id("Un")
        with self.workspace.changing():
            self.workspace.links[unfurl_id] = link
        self.send_event(person.link_shared(unfurl_id, link, list(ours.values()), thread_ts, is_member=is_member))
        return unfurl_id

    def _domain(self, url: str) -> str | None:
        host = (urlsplit(url).hostname or "").lower()
        return next((d for d in self.unfurl_domains if host == d or host.endswith(f".{d}")), None)


#: Slack shows an empty list of options as "no results".
_NONE = {"text": {"type": "plain_text", "text": "-"}, "value": "-"}
