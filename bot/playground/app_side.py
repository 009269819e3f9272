"""How the stand-in reaches the app: signed HTTP requests, or Socket Mode envelopes."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from bot.playground.calls import Json
from bot.playground.socket_mode import SocketMode

#: Slack gives an app three seconds.
ACK_WITHIN_S = 3.0
#: Kinds as Socket Mode names them.
EVENT, COMMAND, INTERACTION = "events_api", "slash_commands", "interactive"


@dataclass(frozen=True, slots=True)
class Ack:
    """How the app took what it was sent."""

    #: HTTP status; 0 when nothing came in time. Socket Mode acks count as 200.
    status: int
    #: The answer's body: a command's reply or a view's errors, mostly empty.
    body: Json
    seconds: float

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class AppSide(Protocol):
    """A way to the app."""

    def send(self, kind: str, payload: Json, retry: tuple[int, str] | None = None) -> Ack: ...


@dataclass(frozen=True, slots=True)
class OverHttp:
    """Signed requests to the app's one address, `…/slack/events`."""

    url: str
    signing_secret: str

    def send(self, kind: str, payload: Json, retry: tuple[int, str] | None = None) -> Ack:
        body, headers = encode(kind, payload, self.signing_secret)
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        return self.post(body, headers)

    def post(self, body: bytes, headers: dict[str, str]) -> Ack:
        """Send bytes as they are: also what a forger would do."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ACK_WITHIN_S)
        started = time.monotonic()
        try:
            connection.request("POST", address.path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            return Ack(0, {}, time.monotonic() - started)
        finally:
            connection.close()
        return Ack(response.status, _body(text), time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class OverSocket:
    """Envelopes to whichever app is connected."""

    socket: SocketMode

    def send(self, kind: str, payload: Json, retry: tuple[int, str] | None = None) -> Ack:
        started = time.monotonic()
        answer = self.socket.send(kind, payload, ACK_WITHIN_S, retry)
        return Ack(0 if answer is None else 200, answer or {}, time.monotonic() - started)


def encode(kind: str, payload: Json, signing_secret: str, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request as Slack makes them: events are JSON, the rest are forms."""
    if kind == EVENT:
        body, content_type = json.dumps(payload), "application/json"
    else:
        form = payload if kind == COMMAND else {"payload": json.dumps(payload)}
        body, content_type = urlencode(form), "application/x-www-form-urlencoded"
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(signing_secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return body.encode(), {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def _body(text: str) -> Json:
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError:
        return {"text": text}
    return body if isinstance(body, dict) else {"text": str(body)}
