"""The playground's page and what it asks for: one local site, for one person at their own machine.

Nobody signs in, so the site must make sure that only its own page talks to it: it listens on loopback,
answers to loopback names alone (a foreign name that was pointed at 127.0.0.1 is refused), takes JSON
from its own origin alone, and no content may run as script.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from bot.playground.calls import Json, Refusal
from bot.playground.doing import Doing
from bot.playground.feed import Feed
from bot.playground.standin import SlackStandIn, manifest
from bot.playground.workspace import BOT_USER
from unstuck.clock import iso
from unstuck.i18n import LANGS, messages

if TYPE_CHECKING:
    from bot.playground.seats import Seat

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_BODY_BYTES = 200_000
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: Pictures that a browser may show inside the page; everything else is downloaded.
PICTURES = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
#: The section of the locales that the page itself speaks.
WORDS = "playground."


def site(slack: SlackStandIn, doing: Doing, feed: Feed, seats: list[Seat]) -> Flask:
    """The page, its words, what a person sees (`/api/events`) and does (`/api/do/<what>`)."""
    flask = Flask("playground", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    page = files("bot.playground") / "page"

    flask.before_request(_only_our_page)
    flask.after_request(_guarded)
    flask.add_url_rule("/", "index", lambda: _file(page / "index.html"))
    flask.add_url_rule("/page/<name>", "page", lambda name: _file(_known(page, name)))
    flask.add_url_rule("/file/<file_id>", "file", lambda file_id: _upload(slack, file_id))
    flask.add_url_rule("/api/start", "start", lambda: _start(slack, seats))
    flask.add_url_rule("/api/events", "events", lambda: _events(feed))
    flask.add_url_rule("/api/do/<what>", "do", lambda what: _do(doing, what), methods=["POST"])
    return flask


def _only_our_page() -> None:
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if host not in LOOPBACK_NAMES:
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and request.path != "/":
        abort(403)


def _guarded(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _known(page: Traversable, name: str) -> Traversable:
    """One of the page's own files, by its bare name."""
    return next((file for file in page.iterdir() if file.name == name), None) or abort(404)


def _file(file: Traversable) -> Response:
    kind = KINDS.get("." + file.name.rpartition(".")[2])
    return Response(file.read_bytes(), content_type=f"{kind}; charset=utf-8") if kind else abort(404)


def _upload(slack: SlackStandIn, file_id: str) -> Response:
    """A file that the bot uploaded."""
    file = slack.workspace.files.get(file_id)
    if file is None or file["content"] is None:
        abort(404)
    content: bytes = file["content"]
    kind = next((kind for start, kind in PICTURES.items() if content.startswith(start)), None)
    response = Response(content, content_type=kind or "application/octet-stream")
    if kind is None:
        response.headers["Content-Disposition"] = "attachment"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _start(slack: SlackStandIn, seats: list[Seat]) -> Response:
    """What the page needs before anything happens: words, who can be played, what time it is here."""
    words = {
        lang: {key.removeprefix(WORDS): text for key, text in messages(lang).items() if key.startswith(WORDS)}
        for lang in LANGS
    }
    people = [{"user": seat.user, "part": seat.part} for seat in seats]
    app = manifest()["features"]
    return _json(
        {
            "run": slack.base,
            "words": words,
            "people": people,
            "bot": BOT_USER,
            "now": iso(slack.workspace.clock.now()),
            "commands": app["slash_commands"],
            "shortcuts": app.get("shortcuts", []),
        }
    )


def _events(feed: Feed) -> Response:
    user = request.args.get("user", "")
    last = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    version = int(last) if last.isdecimal() else 0
    return Response(feed.stream(user, version), content_type="text/event-stream; charset=utf-8")


def _do(doing: Doing, what: str) -> Response:
    if request.mimetype != "application/json":
        abort(415)
    action: Callable[[Json], Json] | None = doing.actions.get(what)
    body = request.get_json(silent=True)
    if action is None or not isinstance(body, dict):
        abort(404 if action is None else 400)
    try:
        return _json({"ok": True, **action(body)})
    except (LookupError, TypeError, ValueError) as error:
        return _json({"ok": False, "error": type(error).__name__}, 400)
    except Refusal as refusal:
        return _json(refusal.answer, 400)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, content_type="application/json; charset=utf-8")
