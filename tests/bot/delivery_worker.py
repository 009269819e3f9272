"""Delivery workers to kill: `delivery_worker.py URL HOME SLACK_URL TOKEN SINCE`.

For every line on standard input it forks a worker and prints its process id, and, when that has ended,
`done` or `killed`; so a worker starts in no time. A worker delivers until the outbox is empty. Its clock
runs fast, from a Wednesday noon at SINCE on, so that what a killed one held, or was unsure about, is soon
taken up by the next.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psycopg  # noqa: F401 - what workers need is imported before they are forked
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from bot.clients import web_client
from bot.delivery import deliver_due
from unstuck import deps
from unstuck.deps import Deps
from unstuck.errors import UserError
from unstuck.nudges.sweep import NUDGE
from unstuck.settings import Settings
from unstuck.testing import NOON
from unstuck.testing_nudges import RunningClock

LEASE = timedelta(seconds=20)


def deliver_all(url: str, home: str, slack_url: str, token: str, since: str) -> None:
    settings = Settings(home=Path(home), database_url=url, slack_bot_token=token, slack_api_url=slack_url)
    built = once_up(settings, RunningClock(NOON, float(since)))
    client = web_client(settings)
    unsent = select(func.count()).where(NUDGE.c.state.in_(("due", "sending")))
    while True:
        # A database that is starting again: the next round tries anew, as the minute job does.
        with suppress(OperationalError):
            deliver_due(built, client, lease=LEASE)
            with built.engine.connect() as connection:
                if connection.execute(unsent).scalar() == 0:
                    return
        time.sleep(0.05)


def once_up(settings: Settings, clock: RunningClock) -> Deps:
    """A database that is starting again takes no connections for a while."""
    while True:
        with suppress(OperationalError, UserError):
            return deps.build(settings, clock=clock)
        time.sleep(0.2)


def main() -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            deliver_all(*sys.argv[1:])
            os._exit(0)
        say(str(child))
        _, status = os.waitpid(child, 0)
        say("done" if status == 0 else "killed")


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
