"""Runs the transcripts beside this file; README.md says how to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn, manifest
from bot.playground.workspace import Message
from bot.testing import small_desk

TRANSCRIPTS = sorted(path for path in Path(__file__).parent.glob("*.md") if path.name != "README.md")
LINE = re.compile(
    r"\*\*(?P<who>\w+)\*\* "
    r"(?P<how>in the thread|in #\S+?|to unstuck|types|presses|chooses|submits|opens)(?:: | )(?P<what>.*)"
)
#: Shortcuts by the name that Slack shows.
SHORTCUTS = {one["name"]: one for one in manifest()["features"]["shortcuts"]}


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        SlackStandIn() as slack,
        small_desk(tmp_path_factory.mktemp("desk"), slack) as deps,
        running(deps, slack) as app,
    ):
        yield app


@dataclass
class Stage:
    """One transcript being played."""

    bot: Running
    people: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    #: Channel and thread of what was written last.
    thread: tuple[str, str] = ("", "")
    #: The last message that somebody wrote.
    said: Message | None = None
    #: Messages of the bot, forms and Homes as they stood after the last line.
    seen: dict[str, str] = field(default_factory=dict)

    def invite(self, listed: str) -> None:
        for name, kind in re.findall(r"(\w+)(?: \(([^)]*)\))?", listed):
            guest = kind == "guest"
            self.people[name] = self.bot.slack.add_user(
                name, guest=guest, locale="en-US" if guest or not kind else kind
            )

    def channel(self, name: str) -> str:
        if name not in self.channels:
            self.channels[name] = self.bot.slack.add_channel(name, self.people.values())
        return self.channels[name]

    def act(self, who: str, how: str, what: str) -> None:
        self.seen = self.standing()
        user, slack = self.people[who], self.bot.slack
        if how == "types":
            name, _, text = what.partition(" ")
            assert slack.command(user, name, text).ok
        elif how == "presses":
            self.press(user, what.strip("[]"))
        elif how == "chooses":
            self.choose(user, what.partition("]")[0].strip("["))
        elif how == "submits":
            self.submit(user, what)
        elif how == "opens":
            assert slack.open_home(user).ok
        else:
            self.write(user, how, what)
        self.bot.settle()

    def write(self, user: str, how: str, what: str) -> None:
        slack, (channel, thread) = self.bot.slack, self.thread
        if how == "in the thread":
            self.said = slack.say(channel, user, what, thread_ts=thread)
            return
        if how == "to unstuck":
            said = slack.direct_message(user, what)
        elif what.startswith("@unstuck"):
            said = slack.mention(self.channel(how.removeprefix("in #")), user, what.removeprefix("@unstuck").strip())
        else:
            said = slack.say(self.channel(how.removeprefix("in #")), user, what)
        self.said, self.thread = said, (said.channel, said.ts)

    def choose(self, user: str, name: str) -> None:
        """A shortcut: of the message that was written last, or of Slack's own menu."""
        shortcut, slack = SHORTCUTS[name], self.bot.slack
        if shortcut["type"] == "global":
            assert slack.global_shortcut(user, shortcut["callback_id"]).ok
        else:
            assert self.said is not None
            assert slack.message_shortcut(user, self.said, shortcut["callback_id"]).ok

    def submit(self, user: str, what: str) -> None:
        """`Label: value | Label: value` of the form on top; options are named by their words."""
        view = self.bot.slack.modal(user)
        assert view is not None
        values = {}
        for part in what.split(" | ") if what != "-" else []:
            label, _, value = part.partition(": ")
            [block] = [b for b in view.content["blocks"] if str(b.get("label", {}).get("text", "")).startswith(label)]
            options = {o["text"]["text"]: o["value"] for o in block["element"].get("options", [])}
            values[block["block_id"]] = options.get(value, value)
        assert self.bot.slack.submit(user, values).ok

    def press(self, user: str, label: str) -> None:
        """Labels are given by their beginning: the rest may hold dates."""
        for message in reversed(self.messages()):
            for action_id, element in message.buttons().items():
                if str(element.get("text", {}).get("text", "")).startswith(label):
                    assert self.bot.slack.press(user, message, action_id).ok
                    return
        home = self.bot.slack.workspace.homes.get(user)
        for _, element in home.elements() if home is not None else ():
            options = {o["text"]["text"]: o["value"] for o in element.get("options", [])}
            if label in options or str(element.get("text", {}).get("text", "")).startswith(label):
                assert self.bot.slack.press_home(user, element["action_id"], options.get(label)).ok
                return
        raise AssertionError(f"nothing to press says {label!r}")

    def messages(self) -> list[Message]:
        return [m for m in self.bot.slack.messages(by_bot=True) if m.channel in self.ours() and not m.files]

    def ours(self) -> set[str]:
        direct = {self.bot.slack.direct(user) for user in self.people.values()}
        return {*self.channels.values(), *direct}

    def standing(self) -> dict[str, str]:
        slack, users = self.bot.slack, self.people.values()
        forms = {f"form of {user}": _view(form.content) for user in users if (form := slack.modal(user)) is not None}
        homes = {f"Home of {user}": _view(home) for user in users if (home := slack.home(user)) is not None}
        return {m.ts: as_read(m) for m in self.messages()} | forms | homes

    def news(self) -> list[str]:
        """What is new or changed, oldest first."""
        return [text for ts, text in self.standing().items() if self.seen.get(ts) != text]


def as_read(message: Message) -> str:
    """All words of a message, its buttons as `[label]`."""
    labels = [f"[{e['text']['text']}]" for e in message.buttons().values() if isinstance(e.get("text"), dict)]
    return "\n".join([*_words(message.blocks), *labels])


def _view(content: dict[str, Any]) -> str:
    """All words of a form or Home, its title first; fields by their labels and what stands in them."""
    filled = [e for b in content["blocks"] if (e := b.get("element", {}).get("initial_value"))]
    title = content.get("title", {}).get("text", "")
    return "\n".join([title, *_words(content["blocks"]), *filled])


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _words(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        yield from _words([v for k, v in value.items() if isinstance(v, dict | list)])


def holds(text: str, wanted: list[str]) -> bool:
    """Whether `text` holds the wanted lines in their order; a button by the beginning of its label."""
    at = 0
    for line in wanted:
        found = text.find(line.removesuffix("]") if line.startswith("[") else line, at)
        if found < 0:
            return False
        at = found + 1
    return True


def expect(stage: Stage, quotes: list[list[str]]) -> None:
    news = stage.news()
    wanted = [quote for quote in quotes if quote != ["*nothing*"]]
    assert len(news) == len(wanted), f"{len(wanted)} messages expected, the bot said: {news}"
    for text, lines in zip(news, wanted, strict=True):
        assert holds(text, lines), f"expected {lines} in:\n{text}"


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_dialog(bot: Running, path: Path) -> None:
    stage, quotes, played = Stage(bot), [], 0
    for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        if paragraph.startswith("People: "):
            stage.invite(paragraph.removeprefix("People: "))
        elif paragraph.startswith("> "):
            quotes.append([line.removeprefix("> ").strip() for line in paragraph.strip().splitlines()])
        elif line := LINE.fullmatch(paragraph.strip()):
            if played:
                expect(stage, quotes)
            stage.act(**line.groupdict())
            quotes, played = [], played + 1
    expect(stage, quotes)
    assert played
