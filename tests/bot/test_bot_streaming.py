"""An answer grows while a model writes it. Whatever the line does, one text is left standing: the whole answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot import answers
from bot.blocks.text import markdown
from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.testing import small_desk
from knowledge.testing import ScriptedModel

KNOWN = "Why does the dishwasher stop and blink E24?"
STEP = "Clean the drain pump filter."
STREAMS = ("chat.startStream", "chat.appendStream", "chat.stopStream")


def line(text: str) -> str:
    return json.dumps({"text": text, "sources": [1]}) + "\n"


class Desk:
    """The running bot, and the model that the next question meets."""

    def __init__(self) -> None:
        self.says: Any = ""
        self.timeout_s = 20.0
        self.bot: Running

    def complete(self, system: str, user: str) -> str:
        return "".join(self.stream(system, user))

    def stream(self, system: str, user: str) -> Iterator[str]:
        return ScriptedModel(self.says).stream(system, user)

    def ask(self, says: Any) -> list[Message]:
        """What stands in the thread in the end."""
        self.says = says
        slack = self.bot.slack
        slack.workspace.calls.clear()
        self.ana = slack.add_user("ana")
        self.channel = slack.add_channel("support", [self.ana])
        slack.mention(self.channel, self.ana, KNOWN)
        self.bot.settle()
        return slack.messages(self.channel, by_bot=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk()
    with (
        SlackStandIn() as slack,
        small_desk(tmp_path_factory.mktemp("desk"), slack, model=desk) as deps,
        running(deps, slack) as desk.bot,
    ):
        slack.duplicates = 0
        yield desk


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.posting.PAUSES", (0.0, 0.0, 0.0))


def test_an_answer_grows_and_ends_whole(desk: Desk) -> None:
    seen: list[str] = []

    def says() -> Iterator[Any]:
        yield line(STEP)
        seen.append(
            desk.bot.slack.wait_for(lambda: "".join(m.text for m in desk.bot.slack.messages(desk.channel, by_bot=True)))
        )

    [message] = desk.ask(says())
    assert seen == [f"{STEP} \\[1\\] "]
    assert not message.streaming
    assert f"{STEP} [1]" in message.all_text()
    assert "Dishwasher stops with E24" in message.all_text()
    [started] = desk.bot.slack.calls("chat.startStream")
    assert started["recipient_user_id"] == desk.ana
    assert started["recipient_team_id"]


def test_what_turns_out_too_little_is_replaced_by_the_cards_words(desk: Desk) -> None:
    says = line(f"First: {STEP[0].lower()}{STEP[1:]}") + line("Sell the house.") + line("Move to Spain.")
    [message] = desk.ask(says)
    assert desk.bot.slack.calls("chat.appendStream")
    assert "First:" not in message.all_text()
    assert STEP in message.all_text()


def test_without_a_sentence_nothing_is_streamed(desk: Desk) -> None:
    [message] = desk.ask(RuntimeError("connection refused"))
    assert STEP in message.all_text()
    assert not any(desk.bot.slack.calls(name) for name in STREAMS)


@pytest.mark.parametrize("method", [*STREAMS, "chat.update"])
@pytest.mark.parametrize(
    "fault",
    [
        lambda faults, method: faults.drop_before(method),
        lambda faults, method: faults.drop_after(method),
        lambda faults, method: faults.status(method),
        lambda faults, method: faults.rate_limit(method, retry_after=0),
        lambda faults, method: faults.refuse(method, "stopped_by_user"),
    ],
    ids=["lost before", "lost after", "server error", "rate limit", "refused"],
)
def test_over_a_bad_line_one_whole_answer_is_left(desk: Desk, method: str, fault: Callable[[Any, str], None]) -> None:
    fault(desk.bot.slack.faults, method)
    [message] = desk.ask(line(STEP))
    assert desk.bot.slack.faults.take(method) is None
    assert "Dishwasher stops with E24" in message.all_text()
    assert not message.streaming


def test_what_cannot_be_replaced_is_deleted_and_said_anew(desk: Desk) -> None:
    desk.bot.slack.faults.refuse("chat.update", "cant_update_message")
    desk.bot.slack.faults.drop_before("chat.delete")
    [message] = desk.ask(line(STEP))
    assert "Dishwasher stops with E24" in message.all_text()
    assert len(desk.bot.slack.calls("chat.postMessage")) == 1


def test_slack_may_end_a_stream_by_itself(desk: Desk) -> None:
    def says() -> Iterator[Any]:
        yield line(STEP)
        desk.bot.slack.wait_for(lambda: desk.bot.slack.calls("chat.appendStream"))
        desk.bot.slack.end_streams()
        yield line("Clean the filter of the drain pump.")

    [message] = desk.ask(says())
    assert "Dishwasher stops with E24" in message.all_text()


def test_when_the_answer_fails_what_was_streamed_goes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(answers, "show", fail)
    [message] = desk.ask(line(STEP))
    assert STEP not in message.all_text()
    assert desk.bot.slack.calls("chat.appendStream")


def test_foreign_words_are_no_markdown() -> None:
    assert markdown("<!channel> *[a](b)*") == r"&lt;\!channel&gt; \*\[a\]\(b\)\*"
