"""What a person does on the page, done in the stand-in: one small function an action."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from bot.playground.app_side import Ack
from bot.playground.calls import Json
from bot.playground.standin import SlackStandIn
from bot.playground.typed import carried, without_bot
from bot.playground.views import NotFilledIn
from bot.playground.workspace import Message
from unstuck.clock import iso

#: What Slack calls the languages that the bot speaks.
LOCALES = {"en": "en-US", "zh": "zh-CN"}
MAX_TEXT = 12_000
#: The furthest that one press skips ahead.
MAX_SKIP = timedelta(days=7)


class Skips(Protocol):
    """A clock that can be put forward."""

    def tick(self, step: timedelta) -> None: ...


class Doing:
    """Every action by name. Each takes the page's JSON and raises `LookupError` for what is not there."""

    def __init__(
        self, slack: SlackStandIn, *, clock: Skips | None = None, after_skip: Callable[[], object] | None = None
    ) -> None:
        self._slack, self._clock, self._after_skip = slack, clock, after_skip
        self.actions: dict[str, Callable[[Json], Json]] = {
            "say": self.say,
            "command": self.command,
            "press": self.press,
            "press_home": self.press_home,
            "press_modal": self.press_modal,
            "submit": self.submit,
            "close": self.close,
            "suggest": self.suggest,
            "message_shortcut": self.message_shortcut,
            "global_shortcut": self.global_shortcut,
            "open": self.open,
            "language": self.language,
            "skip": self.skip,
        }

    def say(self, asked: Json) -> Json:
        """Write in a channel or conversation; a mention of the bot reaches it as one."""
        user, channel = self._inside(asked)
        text = carried(str(asked["text"])[:MAX_TEXT].strip(), self._slack.workspace)
        if not text:
            raise ValueError("nothing to say")
        thread = asked.get("thread_ts")
        bare, to_bot = without_bot(text)
        if to_bot and self._slack.workspace.channels[channel].kind != "im":
            self._slack.mention(channel, user, bare, thread_ts=thread)
        else:
            self._slack.say(channel, user, text, thread_ts=thread)
        return {}

    def command(self, asked: Json) -> Json:
        """Type a slash command."""
        user, channel = self._inside(asked)
        text = carried(str(asked.get("text", ""))[:MAX_TEXT], self._slack.workspace)
        return _taken(self._slack.command(user, str(asked["name"]), text, channel=channel))

    def press(self, asked: Json) -> Json:
        """Press a button of a message, or choose in it."""
        user, channel = self._inside(asked)
        message = self._message(channel, str(asked["ts"]), user)
        action, block = str(asked["action_id"]), asked.get("block_id")
        return _taken(self._slack.press(user, message, action, asked.get("value"), block=block))

    def press_home(self, asked: Json) -> Json:
        """Press or choose something on the Home."""
        user, action = self._person(asked), str(asked["action_id"])
        return _taken(self._slack.press_home(user, action, asked.get("value"), block=asked.get("block_id")))

    def press_modal(self, asked: Json) -> Json:
        """Press or choose something in the modal on top; what is filled in besides goes with it."""
        user, action = self._person(asked), str(asked["action_id"])
        self._slack.fill(user, asked.get("values") or {})
        return _taken(self._slack.press_modal(user, action, asked.get("value"), block=asked.get("block_id")))

    def submit(self, asked: Json) -> Json:
        """Submit the modal on top; `errors` by block id when its window would not send it."""
        try:
            return _taken(self._slack.submit(self._person(asked), asked.get("values") or {}))
        except NotFilledIn as wrong:
            return {"errors": wrong.blocks}

    def close(self, asked: Json) -> Json:
        """Close the modal on top."""
        self._slack.close(self._person(asked))
        return {}

    def suggest(self, asked: Json) -> Json:
        """Options for what is being typed into a select."""
        typed = str(asked.get("typed", ""))[:MAX_TEXT]
        return {"options": self._slack.suggest(self._person(asked), str(asked["action_id"]), typed)}

    def message_shortcut(self, asked: Json) -> Json:
        """Choose a shortcut from a message's menu."""
        user, channel = self._inside(asked)
        message = self._message(channel, str(asked["ts"]), user)
        return _taken(self._slack.message_shortcut(user, message, str(asked["callback_id"])))

    def global_shortcut(self, asked: Json) -> Json:
        """Choose a shortcut from the menu beside the composer."""
        return _taken(self._slack.global_shortcut(self._person(asked), str(asked["callback_id"])))

    def open(self, asked: Json) -> Json:
        """Open the app's Home or its conversation."""
        user = self._person(asked)
        tab = "home" if asked["tab"] == "home" else "messages"
        channel = self._slack.direct(user)
        return {**_taken(self._slack.open_home(user, tab)), "channel": channel}

    def language(self, asked: Json) -> Json:
        """Change the language of one's Slack."""
        return _taken(self._slack.change_language(self._person(asked), LOCALES[str(asked["lang"])]))

    def skip(self, asked: Json) -> Json:
        """Put the clock forward, and do what would have been done meanwhile."""
        step = timedelta(minutes=float(asked["minutes"]))
        if self._clock is None or not timedelta(0) < step <= MAX_SKIP:
            raise ValueError("this clock cannot be put forward like that")
        self._clock.tick(step)
        if self._after_skip is not None:
            self._after_skip()
        return {"now": iso(self._slack.workspace.clock.now())}

    def _person(self, asked: Json) -> str:
        user = str(asked["user"])
        if self._slack.workspace.users[user].bot:
            raise LookupError(user)
        return user

    def _inside(self, asked: Json) -> tuple[str, str]:
        """A person and a channel that they are in."""
        user, channel = self._person(asked), str(asked["channel"])
        if user not in self._slack.workspace.channels[channel].members:
            raise LookupError(channel)
        return user, channel

    def _message(self, channel: str, ts: str, user: str) -> Message:
        for message in self._slack.messages(channel):
            if message.ts == ts and message.ephemeral_to in (None, user):
                return message
        raise LookupError(ts)


def _taken(ack: Ack) -> Json:
    """Whether the app took it: Slack shows a warning sign when it did not."""
    return {"taken": ack.ok}
