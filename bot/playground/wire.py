"""HTTP between an app and the stand-in: addresses, bodies, tokens and faults in, JSON out."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from bot.playground.calls import METHODS, Arguments, Json, Method, Refusal
from bot.playground.faults import RESPONSE_URL, UPLOAD, Fault
from bot.playground.methods_files import receive

if TYPE_CHECKING:
    from bot.playground.standin import SlackStandIn


#: What a proxy shows while nobody is behind it.
PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Server(ThreadingHTTPServer):
    """Listens on loopback, one thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, standin: SlackStandIn) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.standin = standin

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up are part of the exercise: nothing to print."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/api/"):
            self._call(path.removeprefix("/api/"), body)
        elif path.startswith("/upload/"):
            self._upload(path.removeprefix("/upload/"), body)
        elif path.startswith("/response/"):
            self._response(path.removeprefix("/response/"), body)
        else:
            self._send(404, {"ok": False, "error": "not_found"})

    def do_GET(self) -> None:
        # Slack reads calls from the query of a GET as well.
        path = urlsplit(self.path).path
        self._call(path.removeprefix("/api/"), b"") if path.startswith("/api/") else self._send(404, {})

    def log_message(self, format: str, *args: object) -> None:
        """Tests read the record, not a log."""

    def _call(self, name: str, body: bytes) -> None:
        self._answer_with(name, lambda: (200, self._answer(name, body)))

    def _answer_with(self, name: str, answer: Callable[[], tuple[int, Json | None]]) -> None:
        """Do what was asked and answer, unless a fault waits for `name`."""
        fault = self.server.standin.faults.take(name)
        if fault is not None and self._fails_before(fault):
            return
        status, told = answer()
        kind = fault.kind if fault is not None else None
        if fault is not None and kind == "delayed":
            time.sleep(fault.seconds)
        if kind == "dropped_after":
            self._hang_up()
        else:
            self._send(status, told, whole=kind != "cut_short")

    def _fails_before(self, fault: Fault) -> bool:
        if fault.kind == "rate_limited":
            self._send(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(int(fault.seconds))})
        elif fault.kind == "status":
            self._send(fault.status, {"ok": False, "error": "internal_error"})
        elif fault.kind == "page":
            self._send_body(fault.status, PAGE, "text/html")
        elif fault.kind == "refused":
            self._send(200, {"ok": False, "error": fault.error})
        elif fault.kind == "dropped_before":
            self._hang_up()
        else:
            return False
        return True

    def _answer(self, name: str, body: bytes) -> Json:
        try:
            method = METHODS.get(name)
            if method is None:
                raise Refusal("unknown_method", req_method=name)
            values = self._values(method, body)
            token = self._token(values)
            self.server.standin.check_token(method, token)
            return self.server.standin.call(method, _checked(method, values), token)
        except Refusal as refusal:
            return refusal.answer

    def _values(self, method: Method, body: bytes) -> Json:
        values: Json = dict(parse_qsl(urlsplit(self.path).query))
        kind = (self.headers.get("Content-Type") or "").split(";")[0].strip()
        if kind == "application/json":
            if not method.takes_json:
                return values
            try:
                given = json.loads(body or b"{}")
            except ValueError:
                raise Refusal("invalid_json") from None
            if not isinstance(given, dict):
                raise Refusal("json_not_object")
            return values | given
        if kind in ("", "application/x-www-form-urlencoded"):
            return values | dict(parse_qsl(body.decode(), keep_blank_values=True))
        raise Refusal("invalid_post_type")

    def _token(self, values: Json) -> str | None:
        bearer = self.headers.get("Authorization") or ""
        if bearer.startswith("Basic "):
            pair = base64.b64decode(bearer.removeprefix("Basic ")).decode().partition(":")
            values |= {"client_id": pair[0], "client_secret": pair[2]}
        in_body = values.pop("token", None)
        return bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else in_body

    def _upload(self, file_id: str, body: bytes) -> None:
        def store() -> tuple[int, Json | None]:
            standin = self.server.standin
            with standin.workspace.changing():
                return (200 if receive(standin.workspace, file_id, body) else 400), None

        self._answer_with(UPLOAD, store)

    def _response(self, url_id: str, body: bytes) -> None:
        def respond() -> tuple[int, Json]:
            try:
                self.server.standin.respond(url_id, json.loads(body))
            except ValueError:
                return 400, {"ok": False, "error": "invalid_payload"}
            except Refusal as refusal:
                return (404 if refusal.answer["error"] == "used_url" else 200), refusal.answer
            return 200, {"ok": True}

        self._answer_with(RESPONSE_URL, respond)

    def _send(
        self, status: int, answer: Json | None, headers: dict[str, str] | None = None, *, whole: bool = True
    ) -> None:
        if answer is None:
            self._send_body(status, b"OK", "text/plain", headers, whole=whole)
        else:
            self._send_body(status, json.dumps(answer).encode(), "application/json", headers, whole=whole)

    def _send_body(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None, *, whole: bool = True
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if whole else body[: len(body) // 2])
        if not whole:
            self.wfile.flush()
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def _checked(method: Method, values: Json) -> Arguments:
    """Slack ignores names it does not know; here they are refused, because they are somebody's typo."""
    unknown = sorted(set(values) - set(method.required) - set(method.optional))
    missing = [name for name in method.required if values.get(name) in (None, "")]
    if unknown or missing:
        messages = [f"[ERROR] unknown argument: {name}" for name in unknown]
        messages += [f"[ERROR] missing required field: {name}" for name in missing]
        raise Refusal("invalid_arguments", response_metadata={"messages": messages})
    return Arguments(values)
