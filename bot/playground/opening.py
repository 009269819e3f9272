"""The whole playground: a stand-in for Slack, the real app, its minute jobs, and the page."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlmodel import select

from bot.playground import seats
from bot.playground.doing import Doing
from bot.playground.feed import Feed
from bot.playground.run import pointing_at, running
from bot.playground.site import site
from bot.playground.standin import SlackStandIn
from bot.serving import every_minute, over_http
from knowledge.cards import Question
from unstuck import ticket_links
from unstuck.clock import RunningClock
from unstuck.insights import ask
from unstuck.jobs import SWEEP_EVERY, Jobs, guarded
from unstuck.ticket_links import MOST_DOMAINS
from unstuck.tickets.tables import Source

if TYPE_CHECKING:
    from unstuck.deps import Deps

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Open:
    """A playground that is open."""

    port: int
    slack: SlackStandIn
    jobs: Jobs

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"


@contextmanager
def opened(deps: Deps, port: int = 0, *, zones: dict[str, str] | None = None, jobs: bool = True) -> Iterator[Open]:
    """The playground on the desk of `deps`, for as long as the block lasts. The store is written to.

    `port` 0: any free one. `jobs=False`: no nudges by themselves. Raises `UserError` when the port is taken.
    """
    with ExitStack() as stack:
        slack = stack.enter_context(SlackStandIn(clock=deps.clock))
        # Other pages in the same browser must not be able to guess their way in.
        slack.bot_token, slack.app_token = f"xoxb-{secrets.token_hex()}", f"xapp-{secrets.token_hex()}"
        with deps.sessions.begin() as session:
            seated = seats.seat(slack, session, zones)
            sources = session.exec(select(Source.name)).all()
            slack.unfurl_domains = list(ticket_links.domains(session.connection(), sources))[:MOST_DOMAINS]
        slack_settings = pointing_at(slack, "socket") | seats.roles(seated) | {"nudge_channel": seats.EVERYBODY}
        here = _pointed(deps, slack_settings)
        _warm(here)
        bot = stack.enter_context(running(here, slack))
        minutely = Jobs(here, lambda: every_minute(here, bot.app.client))
        feed = Feed(slack.workspace)
        clock = deps.clock if isinstance(deps.clock, RunningClock) else None
        wake = threading.Event()
        doing = Doing(slack, clock=clock, after_skip=wake.set)
        flask = site(slack, doing, feed, seated)
        used = stack.enter_context(over_http(flask, HOST, port))
        stack.callback(feed.stop)
        if jobs:
            stack.enter_context(_each_minute(minutely, wake))
        yield Open(used, slack, minutely)


def _warm(deps: Deps) -> None:
    """Open what is opened at the first question: whoever asks it should not wait."""
    deps.knowledge.ask(Question("warm up"))
    ask.read(deps, "backlog by team", lang="en")


def _pointed(deps: Deps, settings: dict[str, object]) -> Deps:
    """The same desk, its Slack the stand-in; what was opened already stays open."""
    here = replace(deps, settings=deps.settings.model_copy(update=settings))
    vars(here).update({name: vars(deps)[name] for name in ("facts", "knowledge", "model") if name in vars(deps)})
    return here


@contextmanager
def _each_minute(jobs: Jobs, wake: threading.Event) -> Iterator[None]:
    """The rounds that `unstuck serve` runs, less those that would read or write a ticket system.

    `wake`: do the next one now.
    """
    stop = threading.Event()

    round_ = guarded(jobs.run_once, "sweep")

    def rounds() -> None:
        while not stop.is_set():
            wake.clear()
            round_()
            wake.wait(SWEEP_EVERY.total_seconds())

    thread = threading.Thread(target=rounds, name="playground-jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake.set()
        thread.join(timeout=30)
