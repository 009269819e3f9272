"""The Bolt app: features in order, one middleware, one error handler."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from slack_bolt import App, BoltContext
from slack_bolt.error import BoltError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot import (
    commands,
    conversation,
    feedback,
    home,
    insights,
    linking,
    links,
    manners,
    nudge_forms,
    nudges,
    profiles,
    saving,
    sharing,
    shortcuts,
    upkeep,
    watching,
    why,
)
from bot.desk import Desk
from bot.people import People
from bot.posting import LINE_BROKEN, Privately
from bot.roles import Roles
from bot.work import Work
from unstuck.errors import UserError
from unstuck.i18n import language_of
from unstuck.settings import Settings

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

FEATURES = (
    conversation,
    feedback,
    insights,
    nudges,
    nudge_forms,
    why,
    upkeep,
    commands,
    home,
    shortcuts,
    sharing,
    saving,
    linking,
    links,
    profiles,
    manners,
)
#: Listeners only acknowledge and hand on, so a few threads acknowledge hundreds of events a second.
LISTENER_THREADS = 8
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: What Bolt would read by itself. The first two turn it into an app for many workspaces that ignores the token,
#: without a word; the settings have the third.
HIDDEN_FROM_BOLT = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN")


def create_app(deps: Deps, *, work: Work | None = None) -> App:
    """The app, its token checked with Slack.

    Raises `UserError` when there is no token, Slack refuses it, or Slack cannot be reached.
    """
    settings = deps.settings
    client = web_client(settings)
    identity = who_am_i(client, settings)
    app = _bolt(client, settings)
    desk = Desk(
        deps=deps,
        client=client,
        work=work or Work(),
        people=People(client, deps.clock, identity["team_id"]),
        roles=Roles(settings, client, deps.clock),
        bot_user=identity["user_id"],
        team_id=identity["team_id"],
    )
    app.use(_giving(desk))
    app.error(_apologising(desk))
    for feature in FEATURES:
        feature.register(app)
    return app


def web_client(settings: Settings) -> WebClient:
    """A client that re-sends only what Slack said it did not take.

    The SDK's default also re-sends after a lost reply: then a message may arrive twice.
    Raises `UserError` when no token is set.
    """
    if settings.slack_bot_token is None:
        raise UserError("no_slack_token")
    # The SDK logs each failure before it raises it; whoever catches it says more.
    quiet = logging.getLogger("unstuck.slack")
    quiet.setLevel(logging.CRITICAL)
    client = WebClient(
        settings.slack_bot_token.get_secret_value(),
        logger=quiet,
        base_url=settings.slack_api_url,
        retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=3)],
    )
    host = urlsplit(settings.slack_api_url).hostname or ""
    # The SDK obeys HTTPS_PROXY but not NO_PROXY.
    if host in LOOPBACK or proxy_bypass(host):
        client.proxy = None
    return client


def who_am_i(client: WebClient, settings: Settings) -> dict[str, Any]:
    """Slack's `auth.test`. Raises `UserError` when it refuses or is silent."""
    try:
        return dict(client.auth_test().data)  # type: ignore[arg-type]
    except SlackApiError as error:
        raise UserError("slack_refused", error=error.response.get("error") or error.response.status_code) from None
    except LINE_BROKEN:
        raise UserError("slack_unreachable", url=settings.slack_api_url) from None


def _bolt(client: WebClient, settings: Settings) -> App:
    secret = settings.slack_signing_secret
    try:
        with _without(HIDDEN_FROM_BOLT):
            return App(
                name="unstuck",
                client=client,
                signing_secret=secret.get_secret_value() if secret else "",
                listener_executor=ThreadPoolExecutor(LISTENER_THREADS, "unstuck-listener"),
            )
    except BoltError as error:
        raise UserError("slack_refused", error=str(error)) from None


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Hide environment variables from code that would read them unasked."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _giving(desk: Desk) -> Callable[..., None]:
    """The one middleware: listeners get `desk`, `deps`, and the client that re-sends nothing by itself."""

    def give(body: dict[str, Any], context: BoltContext, next: Callable[[], None]) -> None:
        watching.events.labels(_kind(body)).inc()
        context["desk"], context["deps"], context["client"] = desk, desk.deps, desk.client
        next()

    return give


def _kind(body: dict[str, Any]) -> str:
    """`app_mention`, `slash_command`, `block_actions`, …"""
    inner = body.get("event")
    return str(inner["type"]) if inner else "slash_command" if "command" in body else str(body.get("type"))


def _apologising(desk: Desk) -> Callable[..., None]:
    """The one error handler: the person gets an id in their language, the log gets the rest."""

    def apologise(error: Exception, body: dict[str, Any]) -> None:
        event = body.get("event") or {}
        lang = language_of(str(event.get("text") or body.get("text") or "")) if event else desk.deps.settings.lang
        if body.get("response_url"):
            Privately(body["response_url"], lang, desk.client.proxy).failed(error)
        elif event.get("user") and event.get("channel"):
            desk.thread(event["channel"], event.get("thread_ts") or event.get("ts"), lang).failed(error)
        else:
            log.error("while taking up %s", body.get("type"), exc_info=error)

    return apologise
