"""Socket Mode: the app connects to us, we send envelopes, it acknowledges them."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from bot.playground.calls import Json


class SocketMode:
    """A websocket server on loopback that hands each envelope to one of the connected apps."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._open: list[ServerConnection] = []
        self._waiting: dict[str, _Ack] = {}
        self._lock = threading.Lock()
        self._turn = 0
        # No pings of its own: the app's client sends some, and these draw on the process's one dice at any moment.
        self._server: Server = serve(self._serve, "127.0.0.1", 0, process_request=self._admit, ping_interval=None)
        self._thread = threading.Thread(target=self._server.serve_forever, name="standin-socket", daemon=True)
        self._thread.start()

    def new_url(self) -> str:
        """An address that admits one connection, once."""
        ticket = uuid.uuid4().hex
        with self._lock:
            self._tickets.add(ticket)
        host, port = self._server.socket.getsockname()[:2]
        return f"ws://{host}:{port}/link/?ticket={ticket}"

    @property
    def connections(self) -> int:
        return len(self._open)

    def send(self, kind: str, payload: Json, timeout: float, retry: tuple[int, str] | None = None) -> Json | None:
        """What the app answered to an envelope: its payload, `{}` for a bare ack, None for silence."""
        envelope_id = str(uuid.uuid4())
        envelope: Json = {"type": kind, "envelope_id": envelope_id, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if retry is not None:
            envelope |= {"retry_attempt": retry[0], "retry_reason": retry[1]}
        ack = _Ack()
        connection = self._next()
        if connection is None:
            return None
        self._waiting[envelope_id] = ack
        try:
            with suppress(ConnectionClosed):
                connection.send(json.dumps(envelope))
                ack.came.wait(timeout)
            return ack.payload
        finally:
            del self._waiting[envelope_id]

    def warn(self) -> None:
        """Tell every connection that it will be closed in some ten seconds; until then it is as good as ever."""
        for connection in list(self._open):
            with suppress(ConnectionClosed):
                connection.send(json.dumps({"type": "disconnect", "reason": "warning", "debug_info": {}}))

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Tell every connection that it must go, and close it, as Slack does every few hours."""
        with self._lock:
            leaving, self._open = self._open, []
        for connection in leaving:
            with suppress(ConnectionClosed):
                connection.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {}}))
                connection.close()

    def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.socket.close()

    def stop(self) -> None:
        for connection in list(self._open):
            connection.close()
        self._server.shutdown()
        self._thread.join(timeout=5)

    def _next(self) -> ServerConnection | None:
        with self._lock:
            self._turn += 1
            return self._open[self._turn % len(self._open)] if self._open else None

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        ticket = request.path.partition("ticket=")[2]
        with self._lock:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                return None
        return connection.respond(404, "no such link\n")

    def _serve(self, connection: ServerConnection) -> None:
        hello = {"type": "hello", "num_connections": len(self._open) + 1, "connection_info": {"app_id": "A0UNSTUCK"}}
        connection.send(json.dumps(hello))
        with self._lock:
            self._open.append(connection)
        try:
            for text in connection:
                self._take(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            with self._lock, suppress(ValueError):
                self._open.remove(connection)

    def _take(self, ack: dict[str, Any]) -> None:
        waiting = self._waiting.get(ack.get("envelope_id", ""))
        if waiting is not None:
            waiting.payload = ack.get("payload") or {}
            waiting.came.set()


class _Ack:
    """One envelope on its way."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.payload: Json | None = None
