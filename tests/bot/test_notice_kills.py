"""Processes that deliver notices, killed with SIGKILL at random moments: every notice stands in Slack exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import select

from bot.notices import EVENT
from bot.playground.standin import SlackStandIn
from unstuck import notices
from unstuck.notices import Told
from unstuck.testing import NOON
from unstuck.testing_nudges import RunningClock, small_desk
from unstuck.tickets.tables import Notice

KILLS, NOTICES = 5, 20
WORKER = """
import sys, time
from datetime import timedelta
from pathlib import Path
from bot.clients import web_client
from bot.notices import deliver_notices
from unstuck import deps, notices
from unstuck.settings import Settings
from unstuck.testing import NOON
from unstuck.testing_nudges import RunningClock

url, home, slack, token, since = sys.argv[1:]
# A minute of this clock passes in about two seconds: leases of the killed run out while the test runs.
settings = Settings(home=Path(home), database_url=url, slack_api_url=slack, slack_bot_token=token, managers="boss@desk.example")
desk = deps.build(settings, clock=RunningClock(NOON, float(since), 60))
print("ready", flush=True)
quiet = 0
while quiet < 3:
    quiet = 0 if deliver_notices(desk, web_client(settings)) else quiet + 1
    time.sleep(0.02 if quiet == 0 else 1.5)
"""


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_killed_at_random_moments_every_notice_arrives_once(database_url: str, tmp_path: Path) -> None:
    dice, since = random.Random(3), time.time()
    with SlackStandIn() as slack, small_desk(database_url, tmp_path, clock=RunningClock(NOON, since, 60)) as deps:
        slack.add_user("boss", email="boss@desk.example")
        with deps.sessions.begin() as session:
            for n in range(NOTICES):
                counts = {"proposals": n, "gaps": 0, "pairs": 0, "stale": 0}
                notices.put(session, Told(f"upkeep:{n}", "upkeep", counts, "manager"), deps.clock.now())
        for _ in range(2 * NOTICES):
            # Stored, but not confirmed yet: the moment that matters.
            slack.faults.delay("chat.postMessage", dice.uniform(0, 0.1))
        arguments = [database_url, str(tmp_path), slack.url, slack.bot_token, repr(since)]
        for _ in range(KILLS):
            _work(arguments, kill_after_s=dice.uniform(0, 0.8))
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and _states(deps) != {"sent"}:
            _work(arguments)
        assert _states(deps) == {"sent"}
        posted = Counter(
            m.metadata["event_payload"]["key"]
            for m in slack.messages(by_bot=True)
            if m.metadata and m.metadata["event_type"] == EVENT
        )
        assert posted == Counter({f"upkeep:{n}": 1 for n in range(NOTICES)})


def _states(deps: object) -> set[str]:
    with deps.sessions() as session:  # type: ignore[attr-defined]
        return {notice.state for notice in session.exec(select(Notice)).all()}


def _work(arguments: list[str], kill_after_s: float | None = None) -> None:
    process = subprocess.Popen([sys.executable, "-c", WORKER, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        process.stdout.readline()
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
