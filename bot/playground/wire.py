"""HTTP between an app and the stand-in: addresses, bodies, tokens and faults in, JSON out."""

from __future__ import annotations

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from bot.playground.calls import METHODS, Arguments, Json, Method, Refusal
from bot.playground.faults import Fault
from bot.playground.methods_files import receive

if TYPE_CHECKING:
    from bot.playground.standin import SlackStandIn


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
        fault = self.server.standin.faults.take(name)
        if fault is not None and self._fails_before(fault):
            return
        answer = self._answer(name, body)
        if fault is not None and fault.kind == "delayed":
            time.sleep(fault.seconds)
        if fault is not None and fault.kind == "dropped_after":
            self._hang_up()
        else:
            self._send(200, answer)

    def _fails_before(self, fault: Fault) -> bool:
        if fault.kind == "rate_limited":
            self._send(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(int(fault.seconds))})
        elif fault.kind == "status":
            self._send(fault.status, {"ok": False, "error": "internal_error"})
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
        standin = self.server.standin
        with standin.workspace.changing():
            stored = receive(standin.workspace, file_id, body)
        self._send(200 if stored else 400, None)

    def _response(self, url_id: str, body: bytes) -> None:
        try:
            values = json.loads(body)
            self.server.standin.respond(url_id, values)
        except ValueError:
            self._send(400, {"ok": False, "error": "invalid_payload"})
        except Refusal as refusal:
            self._send(404 if refusal.answer["error"] == "used_url" else 200, refusal.answer)
        else:
            self._send(200, {"ok": True})

    def _send(self, status: int, answer: Json | None, headers: dict[str, str] | None = None) -> None:
        body = b"OK" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if answer is None else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
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
