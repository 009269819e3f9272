"""Runs the app until it is told to stop: Socket Mode, HTTP, or both."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.adapter.flask.handler import to_bolt_request, to_flask_response
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.oauth import OAuthFlow
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from bot import asked, errands, seen, watching
from bot.delivery import deliver_due
from bot.digest import redraw
from bot.errands import KEPT, Arrived, Dispatch, recovering
from bot.hints import in_knowledge
from bot.notices import deliver_notices
from bot.posting import LINE_BROKEN
from bot.work import Work
from bot.worker import Worker
from unstuck import troubles
from unstuck.errors import UserError
from unstuck.settings import Settings

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

#: Seconds between looks whether the websocket still stands; four of them without an answer, and it does not.
WATCHED_S = 3
#: Requests that are answered at once; each only hands its event on.
HTTP_THREADS = 16
#: Slack's own payloads are far smaller.
MAX_BODY_BYTES = 1_000_000
MIMETYPES = frozenset({"application/json", "application/x-www-form-urlencoded"})
BAD_REQUEST = 400
#: Slack's signatures hold for five minutes, to either side.
SIGNED_FOR_S = 600


def every_minute(deps: Deps, client: WebClient | None) -> None:
    """What the bot does by itself each minute: send nudges and notices, forget what Slack cannot repeat.

    Without a client, because no workspace has installed the app yet, nothing is sent.
    """
    if client is not None:
        deliver_due(deps, client, hint=in_knowledge(deps))
        deliver_notices(deps, client)
        redraw(deps, client)
    now = deps.clock.now()
    seen.forget_old(deps.sessions, now)
    asked.forget_old(deps.sessions, now)
    errands.forget_old(deps.sessions, now)
    with deps.sessions.begin() as session:
        troubles.forget_old(session, now)


@contextmanager
def looking_after(work: Work, app: App) -> Iterator[threading.Event]:
    """For as long as the block lasts, what nobody is on is done; ours stays ours. The event makes it look at once."""
    assert work.errands is not None
    with recovering(work.errands, dispatch_to(app)) as wake:
        yield wake


def dispatch_to(app: App) -> Dispatch:
    """Gives a request that was checked when it came to the app once more."""

    def dispatch(kept: Arrived) -> int:
        return app.dispatch(BoltRequest(mode="socket_mode", body=dict(kept.body), context={KEPT: kept})).status

    return dispatch


class Link:
    """What has to be there for events to be worked on, as far as health checks care."""

    def __init__(self, worker: Worker | None = None) -> None:
        self.socket: SocketModeHandler | None = None
        self._worker = worker

    @property
    def missing(self) -> str | None:
        """In a few words what is not there."""
        if self.socket is not None and not self.socket.client.is_connected():
            return "no connection to Slack"
        if self._worker is not None and not self._worker.is_up:
            return "nobody works"
        return None


class _Hearing:
    """A connection that says when the other end is gone: the SDK takes that for silence, and asks on and on."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def recv(self, size: int) -> bytes:
        heard = bytes(self._sock.recv(size))
        if not heard:
            raise ConnectionResetError("the connection was closed without a word")
        return heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Line(SocketModeClient):
    """The SDK's client, whose acknowledgements do not wait for one another, and which notices that it is cut off.

    Without the first the system holds a small packet back until the one before it is confirmed, for up to 40 ms;
    without the second it takes most of a minute until there is another connection.
    """

    def connect(self) -> None:
        super().connect()
        session = self.current_session
        if session is not None and session.sock is not None:
            session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session.sock = _Hearing(session.sock)  # type: ignore[assignment]

    def disconnect(self) -> None:
        # The SDK's own thread may close the same connection at the same moment.
        with suppress(AttributeError):
            super().disconnect()


class _Handler(SocketModeHandler):
    """Bolt's handler on such a line. Bolt's own constructor would make a client of its own."""

    def __init__(self, app: App, token: str) -> None:
        self.app, self.app_token = app, token
        self.client = _Line(token, logger=app.logger, web_client=app.client, ping_interval=WATCHED_S)
        self.client.socket_mode_request_listeners.append(self.handle)  # type: ignore[arg-type]


@contextmanager
def over_socket(app: App, settings: Settings, link: Link | None = None) -> Iterator[None]:
    """Events through a websocket, for as long as the block lasts; `link` shows whether it is connected.

    Raises `UserError` when Slack refuses the app-level token or cannot be reached.
    """
    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    try:
        address = app.client.apps_connections_open(app_token=token)["url"]
        handler = _Handler(app, token)
        # The client reads HTTPS_PROXY by itself; what `create_app` decided about proxies holds here as well.
        handler.client.proxy, handler.client.wss_uri = app.client.proxy, address
        handler.connect()  # type: ignore[no-untyped-call]
    except SlackApiError as error:
        raise UserError("slack_app_refused", error=error.response.get("error") or error.response.status_code) from None
    except LINE_BROKEN:
        raise UserError("slack_unreachable", url=settings.slack_api_url) from None
    if link is not None:
        link.socket = handler
    try:
        yield
    finally:
        handler.close()  # type: ignore[no-untyped-call]


@contextmanager
def over_http(site: Flask, host: str, port: int) -> Iterator[int]:
    """The site at `host:port` (0: any free port) for as long as the block lasts; the port it listens on.

    Raises `UserError` when the port is taken.
    """
    import waitress  # type: ignore[import-untyped]

    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise UserError("port_taken", port=port, reason=error.strerror or str(error)) from None
    server = waitress.create_server(site, sockets=[listening], threads=HTTP_THREADS, ident="unstuck")
    thread = threading.Thread(target=server.run, name="unstuck-http", daemon=True)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        # Requests under way are answered first; then the loop ends in its own thread.
        server.task_dispatcher.shutdown()
        with suppress(OSError):
            # Somebody else may wake the loop first: then it has left, its pipe closed, before this wakes it.
            server.trigger.pull_trigger(lambda: _leave(server))
        thread.join(timeout=5)


def _leave(server: Any) -> None:
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.close()


def site(engine: Engine, link: Link, app: App | None) -> Flask:
    """`/healthz`, `/readyz`, `/metrics`, and with an app `/slack/events`."""
    flask = Flask("unstuck", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    flask.add_url_rule("/healthz", "health", lambda: _plain("ok"))
    flask.add_url_rule("/readyz", "ready", lambda: _ready(engine, link))
    flask.add_url_rule("/metrics", "metrics", lambda: _metrics(engine))
    if app is not None:
        events, replays = SlackRequestHandler(app), _Replays()
        flask.add_url_rule("/slack/events", "events", lambda: _events(events, replays), methods=["POST"])
    return flask


def mount_installation(site: Flask, flow: OAuthFlow) -> None:
    """`/slack/install` sends a browser to Slack, `/slack/oauth_redirect` takes it back with the workspace's token."""

    def install() -> Response:
        return to_flask_response(flow.handle_installation(to_bolt_request(request)))

    def redirect() -> Response:
        return to_flask_response(flow.handle_callback(to_bolt_request(request)))

    site.add_url_rule("/slack/install", "install", install)
    site.add_url_rule("/slack/oauth_redirect", "oauth_redirect", redirect)


def _events(handler: SlackRequestHandler, replays: _Replays) -> Response:
    # Bolt reads the body before it checks the signature; what Slack would never send does not get that far.
    if request.mimetype not in MIMETYPES:
        return _plain("neither JSON nor a form", 415)
    if not _is_readable():
        return _plain("not what it says it is", 400)
    signature = request.headers.get("X-Slack-Signature", "")
    # Slack's own repeat within the same second has the same signature, and says that it is one; its errand is known.
    if replays.holds(signature) and "X-Slack-Retry-Num" not in request.headers:
        return _plain("taken already", 401)
    answer = handler.handle(request)
    if answer.status_code < BAD_REQUEST:
        replays.remember(signature)
    return answer


def _is_readable() -> bool:
    """Whether the body is a JSON object, or a form that holds one or is a command."""
    try:
        text = request.get_data(as_text=True)
        if request.mimetype == "application/json":
            return isinstance(json.loads(text), dict)
        form = dict(parse_qsl(text))
        return isinstance(json.loads(form["payload"]), dict) if "payload" in form else bool(form)
    except ValueError:
        return False


class _Replays:
    """Signatures of requests that were taken. Slack signs a repeat anew, so the same one again is somebody else's.

    For as long as a signature is valid, in this process; across processes the errand's key makes it harmless.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, float] = {}

    def holds(self, signature: str) -> bool:
        with self._lock:
            return signature in self._taken

    def remember(self, signature: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._taken[signature] = now
            # Oldest first, so this looks at what is over and at one more.
            while now - self._taken[oldest := next(iter(self._taken))] > SIGNED_FOR_S:
                del self._taken[oldest]


def _ready(engine: Engine, link: Link) -> Response:
    """503 while events could not be worked on: no database, no connection to Slack, nobody who works."""
    if link.missing is not None:
        return _plain(link.missing, 503)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        log.warning("not ready: the database does not answer", exc_info=True)
        return _plain("no database", 503)
    return _plain("ready")


def _metrics(engine: Engine) -> Response:
    return Response(watching.report(engine), content_type=watching.CONTENT_TYPE)


def _plain(words: str, status: int = 200) -> Response:
    return Response(words + "\n", status, content_type="text/plain; charset=utf-8")
