"""The real app against the stand-in, in one process: for the tour, the playground and tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr
from slack_bolt import App

from bot.app import create_app, errands_of
from bot.errands import take_up
from bot.playground.standin import SlackStandIn
from bot.serving import Link, dispatch_to, looking_after, over_http, over_socket, site
from bot.work import Work

if TYPE_CHECKING:
    from unstuck.deps import Deps

Mode = Literal["http", "socket"]


@dataclass(frozen=True, slots=True)
class Running:
    """An app that listens, and the Slack that it listens to."""

    slack: SlackStandIn
    app: App
    work: Work
    deps: Deps

    def look_after(self) -> None:
        """Do again what was put off or left behind, if its time has come."""
        assert self.work.errands is not None
        self.work.errands.renew()
        take_up(self.work.errands, dispatch_to(self.app))

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until everything that Slack sent so far has been worked on. Raises `TimeoutError`."""
        if not self.work.drain(timeout):
            raise TimeoutError(f"{self.work.waiting} jobs are still under way after {timeout} s")


@contextmanager
def running(deps: Deps, slack: SlackStandIn, *, work: Work | None = None) -> Iterator[Running]:
    """The app of `deps`, connected to `slack` for as long as the block lasts.

    Its settings must be `pointing_at(slack, …)`; with an app-level token it is Socket Mode, else HTTP.
    """
    work = work or Work(errands_of(deps))
    app = create_app(deps, work=work)
    with ExitStack() as open_:
        open_.callback(work.stop)
        open_.enter_context(looking_after(work, app))
        if deps.settings.slack_app_token is not None:
            open_.enter_context(over_socket(app, deps.settings))
            slack.wait_for(lambda: slack.socket.connections)
        else:
            port = open_.enter_context(over_http(site(deps.engine, Link(), app), "127.0.0.1", 0))
            slack.connect_http(f"http://127.0.0.1:{port}/slack/events")
        yield Running(slack, app, work, deps)


def pointing_at(slack: SlackStandIn, mode: Mode = "http") -> dict[str, Any]:
    """Settings that put the stand-in in Slack's place: `settings.model_copy(update=pointing_at(slack))`."""
    return {
        "slack_api_url": slack.url,
        "slack_bot_token": SecretStr(slack.bot_token),
        "slack_signing_secret": SecretStr(slack.signing_secret),
        "slack_app_token": SecretStr(slack.app_token) if mode == "socket" else None,
    }
