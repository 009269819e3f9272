"""`/hooks/<source>`: ticket systems say that there is news. What they send is checked, kept and answered at once."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from unstuck.errors import UserError
from unstuck.sources import config, inbox

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

#: Webhooks a second that one source may send on and on, and how many at once.
RATE, BURST = 20.0, 200
_ANSWERS: dict[inbox.Verdict, tuple[str, int]] = {
    "taken": ("taken", 202),
    "known": ("known already", 200),
    "unsigned": ("the signature is missing or wrong", 401),
    "stale": ("signed too long ago; is a clock wrong?", 401),
}


def mount(site: Flask, deps: Deps) -> None:
    """Add the route to a site, whose `MAX_CONTENT_LENGTH` limits what is read."""
    bucket = _Buckets()

    def hook(source: str) -> Response:
        wait_s = bucket.take(source)
        if wait_s:
            return _plain("too many; there is news, we know", 429, {"Retry-After": str(wait_s)})
        return _taken(deps, source)

    site.add_url_rule("/hooks/<source>", "hook", hook, methods=["POST"])


def _taken(deps: Deps, source: str) -> Response:
    try:
        configured = config.get(deps.settings.directory, source)
    except UserError:
        return _plain("no such source", 404)
    headers = {name.lower(): value for name, value in request.headers.items()}
    post = inbox.Post(headers, request.get_data(), request.url)
    try:
        if (greeting := inbox.greeting(configured, post)) is not None:
            return jsonify(greeting)
        verdict = inbox.take(configured, deps.sessions, deps.clock, post)
    except UserError as error:
        log.error("webhook for %s: %s", source, error)
        return _plain("not set up", 503)
    except SQLAlchemyError:
        # The sender tries again; if it does not, the next pull brings the news.
        log.warning("webhook for %s: the database does not answer", source, exc_info=True)
        return _plain("no database", 503)
    return _plain(*_ANSWERS[verdict])


def _plain(words: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(words + "\n", status, headers, content_type="text/plain; charset=utf-8")


class _Buckets:
    """A token bucket for each source. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, source: str) -> int:
        """0, or how many seconds to wait."""
        now = time.monotonic()
        with self._lock:
            # Names that nobody configured are counted as one, or they would fill the memory.
            key = source if source in self._left or len(self._left) < BURST else ""
            left, at = self._left.get(key, (float(BURST), now))
            left = min(float(BURST), left + (now - at) * RATE)
            self._left[key] = (max(0.0, left - 1), now)
        return 0 if left >= 1 else 1
