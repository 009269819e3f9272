"""Webhooks of every system, signed as its documentation says, over a real HTTP server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from flask import Flask
from sqlalchemy import text
from standin import StandIn
from test_contract import stand_in_for

from bot import hooks
from bot.serving import over_http
from unstuck import deps as building
from unstuck import settings
from unstuck.clock import SystemClock
from unstuck.connectors.registry import connector_of, systems
from unstuck.deps import Deps
from unstuck.sources import config
from unstuck.testing import FrozenClock
from unstuck.tickets.store import reading

SECRET, BODY = "hook-s3cret", '{"id": 42, "说": "新"}'.encode()
#: Sends a body with headers; the status that it is answered with.
Send = Callable[[dict[str, str], bytes], int]


@pytest.fixture(params=sorted(systems()))
def desk(request: pytest.FixtureRequest) -> StandIn:
    return stand_in_for(request.param)


@pytest.fixture
def built(desk: StandIn, tmp_path: Path) -> Iterator[Deps]:
    path = config.path_of(tmp_path, "desk")
    path.parent.mkdir()
    lines = (
        f'system = "{desk.system}"',
        'url = "https://x.example"',
        'token = "t"',
        "[webhook]",
        f'secret = "{SECRET}"',
        # Some sign where they send it to, too.
        'url = "https://unstuck.example.com/hooks/desk"',
    )
    path.write_text("\n".join(lines))
    deps = building.build(settings.load(home=tmp_path), clock=FrozenClock(SystemClock().now()))
    yield deps
    deps.close()


@pytest.fixture
def send(built: Deps) -> Iterator[Send]:
    site = Flask("site")
    hooks.mount(site, built)
    with over_http(site, "127.0.0.1", 0) as port:
        yield (
            lambda headers, body: (
                httpx.post(f"http://127.0.0.1:{port}/hooks/desk", content=body, headers=headers).status_code
            )
        )


def kept(built: Deps) -> int:
    with reading(built.engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM delivery")).scalar() or 0)


def test_what_the_system_signed_is_taken_once(desk: StandIn, built: Deps, send: Send) -> None:
    headers = desk.signed(SECRET, BODY, built.clock.now())
    assert [send(headers, BODY) for _ in range(3)] == [202, 200, 200]
    assert kept(built) == 1


def test_what_it_did_not_sign_is_not(desk: StandIn, built: Deps, send: Send) -> None:
    now = built.clock.now()
    assert send(desk.signed("another", BODY, now), BODY) == 401
    assert send({}, BODY) == 401
    signature = connector_of(desk.system).capabilities.signature
    if signature.digest != "secret":
        assert send(desk.signed(SECRET, BODY, now), BODY + b" ") == 401
    if signature.timestamp:
        assert send(desk.signed(SECRET, BODY, now - timedelta(minutes=6)), BODY) == 401
    assert kept(built) == 0
