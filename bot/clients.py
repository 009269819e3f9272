"""Clients for Slack's Web API that send nothing twice by themselves."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from unstuck.errors import UserError
from unstuck.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def web_client(settings: Settings) -> WebClient:
    """A client that re-sends only what Slack said it did not take.

    The SDK's default also re-sends after a lost reply: then a message may arrive twice.
    Raises `UserError` when no token is set.
    """
    if settings.slack_bot_token is None:
        raise UserError("no_slack_token")
    return client_of(settings, settings.slack_bot_token.get_secret_value())


def client_of(settings: Settings, token: str | None) -> WebClient:
    """A client with that token, or with none."""
    # The SDK logs each failure before it raises it; whoever catches it says more.
    quiet = logging.getLogger("unstuck.slack")
    quiet.setLevel(logging.CRITICAL)
    client = WebClient(
        token,
        logger=quiet,
        base_url=settings.slack_api_url,
        retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=3)],
    )
    host = urlsplit(settings.slack_api_url).hostname or ""
    # The SDK obeys HTTPS_PROXY but not NO_PROXY.
    if host in LOOPBACK or proxy_bypass(host):
        client.proxy = None
    return client
