"""Trouble on order: what the stand-in does to the next calls of a method, to a response URL or to an upload."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["rate_limited", "status", "page", "refused", "dropped_before", "dropped_after", "cut_short", "delayed"]
#: What is no method and can go wrong all the same.
RESPONSE_URL, UPLOAD = "response_url", "upload"


@dataclass(frozen=True, slots=True)
class Fault:
    """One call goes wrong in one way."""

    kind: Kind
    #: Seconds: `Retry-After` of a rate limit, or how long the answer is held back.
    seconds: float = 0.0
    #: HTTP status of the answer.
    status: int = 500
    #: Slack's error word.
    error: str = "internal_error"


class Faults:
    """Faults waiting for their call; each is used up by one. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Fault]] = defaultdict(deque)

    def rate_limit(self, method: str, *, retry_after: int = 1, times: int = 1) -> None:
        """Answer 429 with `Retry-After` in whole seconds."""
        self._add(method, Fault("rate_limited", seconds=retry_after), times)

    def status(self, method: str, status: int = 500, *, times: int = 1) -> None:
        """Answer with a bare HTTP status, nothing stored."""
        self._add(method, Fault("status", status=status), times)

    def page(self, method: str, status: int = 502, *, times: int = 1) -> None:
        """Answer with a page for people, as whatever stands between does when Slack is away; nothing stored."""
        self._add(method, Fault("page", status=status), times)

    def refuse(self, method: str, error: str, *, times: int = 1) -> None:
        """Answer `{"ok": false, "error": error}`, nothing stored."""
        self._add(method, Fault("refused", error=error), times)

    def drop_before(self, method: str, *, times: int = 1) -> None:
        """Close the connection before anything was stored."""
        self._add(method, Fault("dropped_before"), times)

    def drop_after(self, method: str, *, times: int = 1) -> None:
        """Store, then close the connection without an answer: the caller cannot know."""
        self._add(method, Fault("dropped_after"), times)

    def cut_short(self, method: str, *, times: int = 1) -> None:
        """Store, then break off in the middle of the answer."""
        self._add(method, Fault("cut_short"), times)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Store at once, answer late."""
        self._add(method, Fault("delayed", seconds=seconds), times)

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, if any."""
        with self._lock:
            waiting = self._waiting[method]
            return waiting.popleft() if waiting else None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._waiting.clear()

    def _add(self, method: str, fault: Fault, times: int) -> None:
        with self._lock:
            self._waiting[method].extend([fault] * times)
