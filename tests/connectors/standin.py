"""A loopback server in a ticket system's place: keeps what happened, answers as documented, fails when told to."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

from flask import Flask, Response, request
from pydantic import SecretStr
from werkzeug.serving import WSGIRequestHandler, make_server

from unstuck.connectors import Connection
from unstuck.testing import NOON

TOKEN = "s3cret-t0ken"
Fault = Callable[[], Response | None]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a ticket."""

    ticket: str
    at: datetime
    #: `create`, `status`, `assign`, `reply`, `note`, `merge`, `delete`.
    does: str
    value: str = ""
    who: str = "1"


@dataclass
class StandIn:
    """Base of the stand-ins: one for each connector, named as its system."""

    url: str = ""
    happened: list[Happening] = field(default_factory=list)
    #: Met by the next requests, one each; then all is well.
    faults: list[Fault] = field(default_factory=list)
    #: Method and path of each request that came.
    asked: list[str] = field(default_factory=list)
    #: Put into every object that is answered with.
    extra: dict[str, Any] = field(default_factory=dict)
    token: str = TOKEN
    #: A 429 holds until then; whoever comes sooner is an offender.
    closed_until: float = 0.0
    offences: int = 0
    #: So many writes get through without the writer being told.
    lost_answers: int = 0
    #: Where every answer says that the next page is, beside what it says anyway.
    next_page: str = ""
    #: What its clock shows; `None`: the time of the last happening.
    now: datetime | None = None

    system: ClassVar[str]
    #: Rows that its interface gives at most at once.
    page: ClassVar[int]
    #: Its own words for the statuses `new`, `open` and `resolved` and for the people `ana` and `bo`.
    words: ClassVar[Mapping[str, str]]
    #: What its connector must be told.
    options: ClassVar[Mapping[str, Any]] = {}
    user: ClassVar[str | None] = None
    #: It tells only how tickets stand, never how they stood.
    forgets: ClassVar[bool] = False
    #: It has notes that customers do not see.
    has_notes: ClassVar[bool] = True
    #: It knows teams by itself, without being told which field is one.
    has_teams: ClassVar[bool] = True
    #: Whether it can be written to.
    takes_writes: ClassVar[bool] = True
    #: Tickets can be merged; statuses have ids that stay when they are renamed.
    merges: ClassVar[bool] = True
    renames: ClassVar[bool] = True

    def __post_init__(self) -> None: ...

    def happen(self, ticket: str, at: datetime, does: str, value: str = "", who: str = "1") -> None:
        self.happened.append(Happening(ticket, at, does, value, who))
        self.take(self.happened[-1])

    def connection(self, **given: Any) -> Connection:
        quick = {
            "timeout_s": 2.0, "attempts": 4, "first_wait_s": 0.01, "per_minute": 1e6,
            "options": self.options, "user": self.user,
        }  # fmt: skip
        return Connection("desk", self.url, SecretStr(self.token), **{**quick, **given})

    # What differs.
    def take(self, happening: Happening) -> None: ...
    def routes(self, app: Flask) -> None: ...
    def is_known(self) -> bool: ...  # type: ignore[empty-body]
    def is_write(self) -> bool:
        return request.method != "GET"

    def happen_late(self, ticket: str, at: datetime) -> None:
        """A status change that was made before the newest one and becomes visible after it."""

    def rename_status(self, old: str, new: str) -> None: ...

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """Headers that it sends with a webhook, as its documentation says it signs; here: as our scrip for RT does."""
        moment = str(int(at.timestamp()))
        digest = hmac.new(secret.encode(), moment.encode() + b"." + body, "sha256").hexdigest()
        return {"X-Unstuck-Timestamp": moment, "X-Unstuck-Signature": f"sha256={digest}"}

    @contextmanager
    def serving(self) -> Iterator[StandIn]:
        # No name of a package: Flask would look for its files.
        app = Flask(f"stand-in-{self.system}", static_folder=None)
        app.json.sort_keys = False  # type: ignore[attr-defined]
        self.routes(app)

        @app.before_request
        def meet() -> Response | None:
            self.asked.append(f"{request.method} {request.path}")
            if time.monotonic() < self.closed_until:
                self.offences += 1
                return Response("slow down", 429, {"Retry-After": "1"})
            if self.faults and (answer := self.faults.pop(0)()) is not None:
                return answer
            return None if self.is_known() else Response('{"message": "no"}', 401, content_type="application/json")

        @app.after_request
        def lose(given: Response) -> Response:
            if not self.lost_answers or given.status_code >= 300 or not self.is_write():
                return given
            self.lost_answers -= 1
            return Response("bad gateway", 502)

        @app.after_request
        def point_elsewhere(given: Response) -> Response:
            body = given.get_json(silent=True) if self.next_page else None
            if isinstance(body, dict):
                names = ("next", "next_page", "nextPage", "after_url", "self", "_url", "link", "url")
                links = {"next": self.next_page, "self": self.next_page, **(body.get("links") or {})}
                given.set_data(json.dumps(body | dict.fromkeys(names, self.next_page) | {"links": links}))
            given.headers.update({"Link": f'<{self.next_page}>; rel="next"'} if self.next_page else {})
            return given

        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=self._handler())
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[WSGIRequestHandler]:
        """Its clock stands a moment after the last thing that happened, unless the test sets it."""

        def date(*_: object) -> str:
            last = max((one.at for one in self.happened), default=NOON)
            return format_datetime((self.now or last) + timedelta(seconds=1), usegmt=True)

        return type("Handler", (_Quiet,), {"date_time_string": date})

    # Faults.
    def close_for(self, seconds: float, header: str | None = None) -> Fault:
        """A 429 that means it: until the time is over everybody who asks again offends."""

        def slow_down() -> Response:
            self.closed_until = time.monotonic() + seconds
            return Response("slow down", 429, {"Retry-After": header or str(int(seconds))})

        return slow_down


def status(code: int, body: str = "", content_type: str = "text/plain", **headers: str) -> Fault:
    return lambda: Response(
        body, code, {name.replace("_", "-"): value for name, value in headers.items()}, content_type=content_type
    )


def html() -> Fault:
    return status(200, "<html><body>Maintenance</body></html>", "text/html; charset=utf-8")


def truncated() -> Fault:
    return status(200, '{"items": [{"id": 1, "Ty', "application/json")


def slow(seconds: float) -> Fault:
    def wait() -> None:
        time.sleep(seconds)

    return wait


def fine() -> Fault:
    return lambda: None


def answer(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), content_type="application/json; charset=utf-8")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...
