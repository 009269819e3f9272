"""Whoever listens and whoever works killed with SIGKILL under a stream of events: each mention is answered, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message

WORKER = Path(__file__).with_name("serving_worker.py")


class Half:
    """The process that listens, or one that works, started anew after each kill."""

    def __init__(self, half: str, *arguments: str) -> None:
        self._command = [sys.executable, str(WORKER), half, *arguments]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def restart(self) -> None:
        self.kill()
        self.process = self._start()


def stream(slack: SlackStandIn, users: list[str], channel: str, stop: threading.Event) -> list[Message]:
    """Mentions until told to stop, with Slack's repeats and needless duplicates."""
    asked, dice = [], random.Random(5)
    slack.retry_after_s, slack.duplicates = (0.0, 1.0, 4.0, 8.0, 8.0, 8.0, 8.0), 1

    def ask(user: str) -> None:
        while not stop.is_set():
            asked.append(slack.mention(channel, user, "Why does the dishwasher stop and blink E24?"))
            time.sleep(dice.uniform(0.1, 0.5))

    threads = [threading.Thread(target=ask, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()
    return asked


def run(slack: SlackStandIn, home: Path, port: int, *, kills: int, url: str) -> None:
    users = [slack.add_user(f"u{number}") for number in range(4)]
    channel, dice, stop = slack.add_channel("support", users), random.Random(4), threading.Event()
    for _ in range(400):
        # Late answers of Slack's, so that kills meet messages that are stored and not confirmed.
        slack.faults.delay("chat.postMessage", dice.uniform(0, 0.3))
    slack.connect_http(f"http://127.0.0.1:{port}/slack/events")
    given = str(home), slack.url, slack.bot_token, slack.signing_secret, str(port), url
    workers = 1 if url.startswith("sqlite") else 2
    halves = [Half("listen", *given), *(Half("work", *given) for _ in range(workers))]
    asked: list[Message] = []
    asking = threading.Thread(target=lambda: asked.extend(stream(slack, users, channel, stop)))
    asking.start()
    try:
        for _ in range(kills):
            time.sleep(dice.uniform(0.2, 3))
            dice.choice(halves).restart()
        stop.set()
        asking.join()
        wanted = {message.ts for message in asked}
        slack.wait_for(lambda: wanted <= set(answers(slack, channel)), timeout=180)
        # Whatever would be said twice had its time: leases are two seconds here.
        time.sleep(6)
        assert len(asked) > kills
        assert answers(slack, channel) == Counter(wanted)
    finally:
        stop.set()
        for half in halves:
            half.kill()


def answers(slack: SlackStandIn, channel: str) -> Counter[str | None]:
    """How many messages stand in each thread, "busy" left out."""
    said = slack.messages(channel, by_bot=True)
    return Counter(message.thread_ts for message in said if "drain pump" in message.all_text())


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [int(os.environ.get("KILLS", "20"))])
def test_mentions_are_answered_once_however_often_a_process_is_killed(
    slack: SlackStandIn, tmp_path: Path, kills: int, database_url: str
) -> None:
    run(slack, tmp_path / "home", free_port(), kills=kills, url=database_url)
