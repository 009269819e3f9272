"""`/hooks/<source>`, over a real HTTP server: who is let in, what is kept, and what becomes of it."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from flask import Flask
from sqlalchemy import text
from standin_redmine import RedmineStandIn

from bot import hooks
from bot.serving import MAX_BODY_BYTES, over_http
from unstuck import deps as building
from unstuck import settings
from unstuck.clock import SystemClock
from unstuck.connectors import Signature
from unstuck.deps import Deps
from unstuck.sources import config, inbox, rounds
from unstuck.sources import turns as taking_turns
from unstuck.testing import NOON, FrozenClock
from unstuck.tickets.store import reading

SECRET = "hook-s3cret"


@pytest.fixture
def redmine() -> Iterator[RedmineStandIn]:
    with RedmineStandIn().serving() as serving:
        assert isinstance(serving, RedmineStandIn)
        yield serving


@pytest.fixture
def desk(tmp_path: Path, redmine: RedmineStandIn) -> Iterator[Deps]:
    clock = FrozenClock(SystemClock().now())
    built = building.build(settings.load(home=tmp_path), clock=clock)
    path = config.path_of(tmp_path, "desk")
    path.parent.mkdir()
    path.write_text(
        f'system = "redmine"\nurl = "{redmine.url}"\ntoken = "{redmine.token}"\n[webhook]\nsecret = "{SECRET}"\n'
    )
    path.with_name("deaf.toml").write_text(path.read_text().partition("[webhook]")[0])
    yield built
    built.close()


@pytest.fixture
def url(desk: Deps) -> Iterator[str]:
    site = Flask("site")
    site.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    hooks.mount(site, desk)
    with over_http(site, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/hooks/"


def signed(desk: Deps, body: bytes, *, ago: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    moment = str(int((desk.clock.now() - ago).timestamp()))
    digest = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Unstuck-Timestamp": moment, "X-Unstuck-Signature": f"sha256={digest}"}


def waiting(desk: Deps) -> int:
    with reading(desk.engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM delivery")).scalar() or 0)


def test_a_signed_webhook_is_kept_and_followed(desk: Deps, url: str, redmine: RedmineStandIn) -> None:
    redmine.happen("1", NOON, "create", "Lamp is dark")
    body = '{"issue": 1, "说": "新"}'.encode()
    assert httpx.post(url + "desk", content=body, headers=signed(desk, body)).status_code == 202
    with reading(desk.engine) as connection:
        assert bytes(connection.execute(text("SELECT body FROM delivery")).scalar_one()) == body
    rounds.follow_hooks(desk.settings.directory, desk.sessions, desk.clock)
    assert waiting(desk) == 1, "it is not followed before the sender can have committed"
    assert isinstance(desk.clock, FrozenClock)
    desk.clock.tick(timedelta(seconds=5))
    rounds.follow_hooks(desk.settings.directory, desk.sessions, desk.clock)
    assert waiting(desk) == 0
    with reading(desk.engine) as connection:
        assert connection.execute(text("SELECT title FROM ticket")).scalar() == "Lamp is dark"


def test_a_webhook_is_kept_while_the_ticket_system_is_down(desk: Deps, url: str, redmine: RedmineStandIn) -> None:
    assert httpx.post(url + "desk", content=b"{}", headers=signed(desk, b"{}")).status_code == 202
    redmine.token = "changed"
    assert isinstance(desk.clock, FrozenClock)
    desk.clock.tick(timedelta(seconds=5))
    rounds.follow_hooks(desk.settings.directory, desk.sessions, desk.clock)
    assert waiting(desk) == 1


def test_a_replay_is_known_and_harmless(desk: Deps, url: str) -> None:
    headers = signed(desk, b"{}")
    answers = [httpx.post(url + "desk", content=b"{}", headers=headers).status_code for _ in range(3)]
    assert answers == [202, 200, 200]
    assert waiting(desk) == 1


@pytest.mark.parametrize(
    ("source", "change", "status"),
    [
        ("desk", {"X-Unstuck-Signature": "sha256=00"}, 401),
        ("desk", {"X-Unstuck-Signature": "sha256=é".encode("latin-1").decode("latin-1")}, 401),
        ("desk", {"X-Unstuck-Signature": ""}, 401),
        ("desk", {"X-Unstuck-Timestamp": "0"}, 401),
        ("deaf", {}, 401),
        ("nobody", {}, 404),
        ("..%2Fdesk", {}, 404),
    ],
)
def test_what_is_not_let_in(desk: Deps, url: str, source: str, change: dict[str, str], status: int) -> None:
    headers = {**signed(desk, b"{}"), **change}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert httpx.post(url + source, content=b"{}", headers=raw).status_code == status
    assert waiting(desk) == 0


def test_old_signatures_and_altered_bodies_are_refused(desk: Deps, url: str) -> None:
    old = signed(desk, b"{}", ago=timedelta(minutes=6))
    assert httpx.post(url + "desk", content=b"{}", headers=old).status_code == 401
    assert httpx.post(url + "desk", content=b"[]", headers=signed(desk, b"{}")).status_code == 401
    assert httpx.post(url + "desk", content=b"{}", headers=signed(desk, b"{}", secret="other")).status_code == 401
    assert httpx.get(url + "desk").status_code == 405


def test_too_much_is_refused(desk: Deps, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    assert httpx.post(url + "desk", content=body, headers=signed(desk, body)).status_code == 413
    monkeypatch.setattr(hooks, "RATE", 0.0)
    with httpx.Client() as client:
        answers = [client.post(url + "desk", content=b"{}").status_code for _ in range(hooks.BURST + 5)]
    assert answers[-1] == 429
    assert answers[0] == 401


@pytest.mark.parametrize(
    ("signature", "headers"),
    [
        # Zendesk, developer.zendesk.com/documentation/webhooks/verifying: base64 over timestamp and body.
        (
            Signature(
                "X-Zendesk-Webhook-Signature", encoding="base64", timestamp="X-Zendesk-Webhook-Signature-Timestamp"
            ),
            {"x-zendesk-webhook-signature-timestamp": "2026-01-14T12:00:00Z"},
        ),
        # GitHub and Jira: over the body alone.
        (Signature("X-Hub-Signature-256", "sha256="), {}),
        (Signature("X-Hub-Signature", "sha1=", digest="sha1"), {}),
    ],
)
def test_other_systems_signatures(signature: Signature, headers: dict[str, str]) -> None:
    import base64

    body = b'{"ticket": 1}'
    moment = headers.get(signature.timestamp.lower(), "")
    digest = hmac.new(b"k", moment.encode() + body, signature.digest).digest()
    told = base64.b64encode(digest).decode() if signature.encoding == "base64" else digest.hex()
    right = {**headers, signature.header.lower(): signature.prefix + told}
    assert inbox.is_signed(signature, b"k", inbox.Post(right, body))
    assert not inbox.is_signed(signature, b"k", inbox.Post(right, body + b" "))
    assert not inbox.is_signed(signature, b"other", inbox.Post(right, body))
    assert not inbox.is_signed(signature, b"k", inbox.Post(headers, body))


def test_a_page_gives_way_to_a_webhook_that_is_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_turns, "AT_MOST_S", 60.0)
    turns, stored = taking_turns.Turns(), list[str]()
    page = threading.Thread(target=lambda: (turns.give_way(), stored.append("page")))
    with turns.urgent():
        page.start()
        page.join(timeout=0.05)
        stored.append("webhook")
    page.join()
    assert stored == ["webhook", "page"]
    monkeypatch.setattr(taking_turns, "AT_MOST_S", 0.01)
    with turns.urgent():
        turns.give_way()  # webhooks that never end do not hold it up for ever
