"""The whole process, started as people start it, in both modes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from bot.blocks.nudges import MINE, MORE
from bot.playground.app_side import COMMAND, EVENT, OverHttp, encode
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.serving import over_http
from unstuck.cli import main
from unstuck.errors import UserError
from unstuck.testing import a_ticket
from unstuck.testing_nudges import HASTY, small_desk, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

UNSTUCK = [str(Path(sys.executable).with_name("unstuck")), "serve"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def surroundings(slack: SlackStandIn, home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "UNSTUCK_"))}
    return kept | {"UNSTUCK_HOME": str(home), "SLACK_API_URL": slack.url, "SLACK_BOT_TOKEN": slack.bot_token} | more


@contextmanager
def serving(env: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*UNSTUCK, *options], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], words: str) -> None:
    """Read what the process says until it says `words`."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return
    raise AssertionError(f"ended without saying {words!r}:\n{said}")


def helped(slack: SlackStandIn, user: str) -> bool:
    return any("keep tickets moving" in m.all_text() for m in slack.messages() if m.ephemeral_to == user)


def test_socket_mode_answers_reconnects_and_stops_when_told(slack: SlackStandIn, tmp_path: Path) -> None:
    # With these two Bolt would become an app for many workspaces and ignore the token.
    oauth = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s"}
    env = surroundings(slack, tmp_path, SLACK_APP_TOKEN=slack.app_token, **oauth)
    with serving(env) as process:
        until(process, "Socket Mode")
        ana = slack.add_user("ana")
        assert slack.command(ana, "/unstuck", "help").ok
        slack.wait_for(lambda: helped(slack, ana))
        slack.socket.refresh()
        slack.wait_for(lambda: len(slack.calls("apps.connections.open")) > 1 and slack.socket.connections, timeout=30)
        bo = slack.add_user("bo")
        assert slack.command(bo, "/unstuck", "help").ok
        slack.wait_for(lambda: helped(slack, bo))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def working(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a serving process started and that still run."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z" not in stat.read_text()


def test_when_the_working_process_is_killed_another_one_answers(slack: SlackStandIn, tmp_path: Path) -> None:
    port = free_port()
    with serving(surroundings(slack, tmp_path, SLACK_SIGNING_SECRET=slack.signing_secret), "--http", str(port)) as one:
        until(one, str(port))
        slack.connect_http(f"http://127.0.0.1:{port}/slack/events")
        [killed] = slack.wait_for(lambda: working(one), timeout=30)
        os.kill(killed, signal.SIGKILL)
        ana = slack.add_user("ana")
        assert slack.command(ana, "/unstuck", "help").ok
        slack.wait_for(lambda: helped(slack, ana), timeout=60)
        assert len([m for m in slack.messages() if m.ephemeral_to == ana]) == 1
        [another] = working(one)
        assert another != killed
        # And with whoever listens goes whoever works.
        one.kill()
        slack.wait_for(lambda: not is_running(another), timeout=30)


def test_a_stalled_ticket_reaches_its_owner_by_itself(slack: SlackStandIn, tmp_path: Path) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the process under test lives in real time
    always = '[hours]\nfrom = "00:00"\nto = "23:59"\ndays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n'
    with small_desk(f"sqlite:///{tmp_path / 'unstuck.db'}", tmp_path, rules=HASTY + always) as deps:
        owner = PersonRecord("ana", "Ana", kind="agent", email="ana@desk.example", team="t1")
        stalled = a_ticket("T-1", start=now - timedelta(days=3), team="t1", assignee="ana")
        tell(deps, stalled, [owner], [TeamRecord("t1", "Repairs")])
    ana = slack.add_user("ana", email="ana@desk.example")
    with serving(surroundings(slack, tmp_path, SLACK_APP_TOKEN=slack.app_token)) as process:
        until(process, "Socket Mode")
        [nudge] = slack.wait_for(lambda: [m for m in slack.messages(slack.direct(ana)) if m.metadata], timeout=60)
        comment(slack, ana, nudge)
        assert slack.press(ana, nudge, MINE).ok
        slack.wait_for(lambda: not slack.messages(slack.direct(ana))[0].buttons(), timeout=30)


def comment(slack: SlackStandIn, user: str, nudge: Message) -> None:
    """Through a window, which one process opens and the other one fills."""
    options = nudge.buttons()[MORE]["options"]
    assert slack.press(user, nudge, MORE, next(one["value"] for one in options if "comment" in one["value"])).ok
    slack.wait_for(lambda: "What should colleagues know?" in window(slack, user), timeout=30)
    assert slack.submit(user, {"words": "asked the vendor"}).ok
    slack.wait_for(lambda: "It stands below the reminder" in window(slack, user), timeout=30)
    assert any("asked the vendor" in one.all_text() for one in slack.messages(nudge.channel))


def window(slack: SlackStandIn, user: str) -> str:
    on_top = slack.modal(user)
    return str(on_top.content) if on_top else ""


def test_http_answers_signed_requests_only(slack: SlackStandIn, tmp_path: Path) -> None:
    port = free_port()
    env = surroundings(slack, tmp_path, SLACK_SIGNING_SECRET=slack.signing_secret)
    with serving(env, "--http", str(port)) as process:
        until(process, str(port))
        slack.connect_http(f"http://127.0.0.1:{port}/slack/events")
        ana = slack.add_user("ana")
        assert slack.command(ana, "/unstuck", "help").ok
        slack.wait_for(lambda: helped(slack, ana))
        assert refused_forgeries(port, slack) == 20
        for page in ("healthz", "readyz", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}") as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def refused_forgeries(port: int, slack: SlackStandIn) -> int:
    """How many of 20 forged requests get 401: wrong secrets, old stamps, changed bodies, missing headers."""
    side = OverHttp(f"http://127.0.0.1:{port}/slack/events", "")
    form: dict[str, Any] = {
        "command": "/unstuck",
        "text": "help",
        "user_id": "U1",
        "channel_id": "C1",
        "team_id": "T0UNSTUCK",
    }
    refused = 0
    for number, (kind, payload) in enumerate([(COMMAND, form), (EVENT, {"type": "event_callback", "event": {}})] * 10):
        secret = slack.signing_secret if number % 5 else ["", "wrong", "0" * 32, slack.bot_token][number // 5]
        body, headers = encode(kind, payload, secret, at=1_600_000_000 if number % 5 == 1 else None)
        if number % 5 == 2:
            body += b" "
        if number % 5 == 3:
            del headers["X-Slack-Signature"]
        if number % 5 == 4:
            headers["X-Slack-Signature"] = "v0=" + "0" * 64
        refused += side.post(body, headers).status == 401
    return refused


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, (), "Slack refused the bot token (invalid_auth)"),
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, ("--lang", "zh"), "Slack 不接受这个 bot token"),
        ({"SLACK_APP_TOKEN": ""}, (), "SLACK_SIGNING_SECRET"),
        ({"SLACK_BOT_TOKEN": ""}, (), "unstuck slack manifest"),
        ({"SLACK_API_URL": "http://127.0.0.1:9/api/"}, ("--lang=zh",), "连不上 Slack"),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(
    slack: SlackStandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    options: tuple[str, ...],
    words: str,
) -> None:
    for name, value in (surroundings(slack, tmp_path, SLACK_APP_TOKEN=slack.app_token) | changed).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["unstuck", "serve", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert words in capsys.readouterr().err


def test_a_refused_token_is_one_line(slack: SlackStandIn, tmp_path: Path) -> None:
    env = surroundings(slack, tmp_path, SLACK_APP_TOKEN="xapp-wrong")
    ended = subprocess.run(UNSTUCK, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "Slack refused the app-level token (invalid_auth)" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(UserError) as refused, over_http(Flask("x"), "127.0.0.1", port):
            pass
    assert refused.value.key == "port_taken"
    assert refused.value.params["port"] == port
