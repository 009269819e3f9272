"""Socket Mode while connections come and go: whatever Slack sends is answered once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bot.playground import app_side
from bot.playground.run import Running, pointing_at, running
from bot.playground.socket_mode import SocketMode
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.serving import WATCHED_S
from bot.testing import TODAY, small_desk
from unstuck.clock import RunningClock

pytestmark = pytest.mark.slow

QUESTION = "Why does the dishwasher stop and blink E24?"
#: What happens to the connections again and again, while events are under way.
CHANGES: dict[str, Callable[[SocketMode], None]] = {
    "warning": SocketMode.warn,
    "refresh": SocketMode.refresh,
    "drop": SocketMode.drop,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with SlackStandIn() as slack:
        slack.retry_after_s = (0.1, 1.0, 5.0)
        settings = pointing_at(slack, "socket")
        with (
            small_desk(tmp_path_factory.mktemp("desk"), slack, clock=RunningClock(TODAY), **settings) as deps,
            running(deps, slack) as bot,
        ):
            yield bot


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's three seconds are half a one here."""
    monkeypatch.setattr(app_side, "ACK_WITHIN_S", 0.5)


@contextmanager
def changing(desk: Running, change: Callable[[SocketMode], None]) -> Iterator[None]:
    """Connections change three times while the block lasts."""

    def thrice() -> None:
        for _ in range(3):
            change(desk.slack.socket)
            time.sleep(0.7)

    thread = threading.Thread(target=thrice)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        desk.slack.wait_for(lambda: desk.slack.socket.connections, timeout=30)


@pytest.mark.parametrize("change", CHANGES)
def test_every_question_is_answered_once_while_connections_change(desk: Running, change: str) -> None:
    slack = desk.slack
    ana = slack.add_user("ana")
    support = slack.add_channel("support", [ana])
    before = len(slack.calls("apps.connections.open"))

    def ask(_: int) -> Message:
        time.sleep(0.2)
        return slack.mention(support, ana, QUESTION)

    with changing(desk, CHANGES[change]), ThreadPoolExecutor(4) as people:
        asked = list(people.map(ask, range(16)))
    desk.settle()
    # Beside "busy right now", which nobody is told twice either.
    said = Counter(m.thread_ts for m in slack.messages(support, by_bot=True) if "drain pump" in m.all_text())
    assert said == dict.fromkeys((m.ts for m in asked), 1)
    assert len(slack.calls("apps.connections.open")) > before, "nothing was changed"


@pytest.mark.parametrize("change", CHANGES)
def test_a_command_is_answered_once_or_slack_says_that_it_was_not_taken(desk: Running, change: str) -> None:
    """Commands are not repeated: whoever typed one that was not taken sees that from Slack, and types it again."""
    slack = desk.slack
    people = [slack.add_user(f"p{number}") for number in range(16)]

    def help_me(user: str) -> bool:
        time.sleep(0.2)
        return slack.command(user, "/unstuck", "help").ok

    with changing(desk, CHANGES[change]), ThreadPoolExecutor(4) as hands:
        taken = dict(zip(people, hands.map(help_me, people), strict=True))
    desk.settle()
    heard = Counter(m.ephemeral_to for m in slack.messages() if m.ephemeral_to in taken)
    assert {user for user, ok in taken.items() if ok} <= set(heard)
    assert set(heard.values()) <= {1}


def test_a_line_that_is_cut_is_noticed_and_connected_anew(desk: Running) -> None:
    slack = desk.slack
    ana = slack.add_user("ana")
    slack.socket.drop()
    # The SDK by itself notices after five pings that failed.
    end = time.monotonic() + 4 * WATCHED_S
    while not slack.command(ana, "/unstuck", "help").ok:
        assert time.monotonic() < end
        time.sleep(0.1)
