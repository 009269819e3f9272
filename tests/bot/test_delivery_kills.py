"""Workers killed with SIGKILL at random moments: every nudge stands in Slack exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.playground.standin import SlackStandIn
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, a_ticket
from unstuck.testing_nudges import RunningClock, small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord

WORKER = Path(__file__).with_name("delivery_worker.py")


@contextmanager
def worker(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that has begun to deliver."""
    command = [sys.executable, str(WORKER), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def run(url: str, home: Path, *, kills: int, nudges: int, seed: int) -> None:
    dice, since = random.Random(seed), time.time()
    with (
        SlackStandIn() as slack,
        small_desk(url, home, clock=RunningClock(NOON, since)) as deps,
    ):
        people = [PersonRecord(f"p{n}", f"P{n}", "agent", f"p{n}@example.com") for n in range(5)]
        for person in people:
            slack.add_user(person.name, email=person.email)
        start = NOON - timedelta(days=2)
        stalled = [a_ticket(f"T-{n}", start=start, assignee=f"p{n % 5}") for n in range(nudges)]
        tell(deps, [change for ticket in stalled for change in ticket], people)
        assert sweep(deps).planned == nudges
        _trouble(slack, dice, nudges)
        arguments = (url, str(home), slack.url, slack.bot_token, repr(since))
        for _ in range(kills):
            with worker(*arguments) as process:
                _wait(process, dice.uniform(0, 0.5))
        with worker(*arguments) as process:
            output, _ = process.communicate(timeout=120)
            assert output == "done\n"
        with deps.engine.connect() as connection:
            keys, states = zip(*connection.execute(select(NUDGE.c.key, NUDGE.c.state)), strict=True)
        posted = Counter(m.metadata["event_payload"]["key"] for m in slack.messages(by_bot=True) if m.metadata)
        assert set(states) == {"sent"}
        assert posted == Counter(keys)


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Let it work a moment, less when it is done before."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _trouble(slack: SlackStandIn, dice: random.Random, nudges: int) -> None:
    """Late answers, so that kills meet messages that are stored but not confirmed; and now and then worse."""
    for _ in range(3 * nudges):
        match dice.randrange(20):
            case 0:
                slack.faults.drop_after("chat.postMessage")
            case 1:
                slack.faults.drop_before("chat.postMessage")
            case 2:
                slack.faults.status("chat.postMessage", 500)
            case _:
                slack.faults.delay("chat.postMessage", dice.uniform(0, 0.08))


def test_eight_kills_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    run(database_url, tmp_path / "home", kills=8, nudges=60, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    run(database_url, tmp_path / "home", kills=50, nudges=400, seed=2)
