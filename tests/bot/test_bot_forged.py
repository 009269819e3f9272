"""Forged requests over real HTTP: refused with 4xx, nothing done, no traceback."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.playground import person
from bot.playground.app_side import COMMAND, EVENT, INTERACTION, OverHttp, encode
from bot.playground.run import Running

Json = dict[str, Any]


@dataclass(slots=True)
class Forgery:
    """A request that a forger makes, from one that Slack would make."""

    body: bytes
    headers: dict[str, str]
    side: OverHttp
    #: Sent first, as Slack would.
    honest_first: bool = False
    path: str = "/slack/events"
    more: dict[str, str] = field(default_factory=dict)


class Forger:
    """Knows what Slack sends; may or may not know the secret."""

    def __init__(self, bot: Running, side: OverHttp) -> None:
        self.bot, self.side = bot, side
        slack = bot.slack
        self.ana = slack.add_user("ana")
        self.channel = slack.add_channel("support", [self.ana])

    def mention(self, **changed: Any) -> Json:
        slack = self.bot.slack
        message = slack.say(self.channel, self.ana, "<@U0UNSTUCK> help", tell=False)
        where, user = slack.workspace.channels[self.channel], slack.workspace.user(self.ana)
        return person.event(slack.workspace, person.message_event(where, message, user, "app_mention")) | changed

    def command(self, **changed: Any) -> Json:
        slack = self.bot.slack
        where, user = slack.workspace.channels[self.channel], slack.workspace.user(self.ana)
        url = slack._response_url(self.channel, self.ana, None)
        return person.command(slack.workspace, user, where, "/unstuck", "help", url) | changed

    def signed(self, kind: str, payload: Json, *, secret: str | None = None, at: float | None = None) -> Forgery:
        body, headers = encode(kind, payload, self.bot.slack.signing_secret if secret is None else secret, at)
        return Forgery(body, headers, self.side)

    def raw(self, body: bytes, content_type: str) -> Forgery:
        """Rightly signed, whatever it says."""
        import hashlib
        import hmac

        stamp = str(int(time.time()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.bot.slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        return Forgery(body, headers, self.side)


@pytest.fixture
def forger(bot: Running) -> Forger:
    side = bot.slack._app
    assert isinstance(side, OverHttp)
    return Forger(bot, side)


def _without(forgery: Forgery, name: str) -> Forgery:
    del forgery.headers[name]
    return forgery


def _altered(forgery: Forgery, body: bytes) -> Forgery:
    forgery.body = body
    return forgery


def _replayed(forgery: Forgery) -> Forgery:
    forgery.honest_first = True
    return forgery


def _now() -> float:
    return time.time()


OTHER_TEAM = {"team_id": "T0OTHER", "context_team_id": "T0OTHER", "authorizations": [{"team_id": "T0OTHER"}]}
FORGERIES: dict[str, Callable[[Forger], Forgery]] = {
    "no secret": lambda f: f.signed(EVENT, f.mention(), secret=""),
    "a wrong secret": lambda f: f.signed(EVENT, f.mention(), secret="wrong"),
    "the bot token as the secret": lambda f: f.signed(EVENT, f.mention(), secret=f.bot.slack.bot_token),
    "the app token as the secret": lambda f: f.signed(COMMAND, f.command(), secret=f.bot.slack.app_token),
    "signed an hour ago": lambda f: f.signed(EVENT, f.mention(), at=_now() - 3600),
    "signed six minutes ago": lambda f: f.signed(COMMAND, f.command(), at=_now() - 360),
    "signed in the future": lambda f: f.signed(EVENT, f.mention(), at=_now() + 3600),
    "an event replayed": lambda f: _replayed(f.signed(EVENT, f.mention())),
    "a command replayed": lambda f: _replayed(f.signed(COMMAND, f.command())),
    "no signature": lambda f: _without(f.signed(EVENT, f.mention()), "X-Slack-Signature"),
    "no timestamp": lambda f: _without(f.signed(EVENT, f.mention()), "X-Slack-Request-Timestamp"),
    "a changed text": lambda f: _altered(one := f.signed(COMMAND, f.command()), one.body.replace(b"help", b"stuck")),
    "a byte more": lambda f: _altered(one := f.signed(EVENT, f.mention()), one.body + b" "),
    "another workspace's event": lambda f: f.signed(EVENT, f.mention(**OTHER_TEAM)),
    "another workspace's command": lambda f: f.signed(COMMAND, f.command(team_id="T0OTHER")),
    "another app's event": lambda f: f.signed(EVENT, f.mention(api_app_id="A0OTHER")),
    "another workspace's button": lambda f: f.signed(
        INTERACTION,
        {
            "type": "block_actions",
            "team": {"id": "T0OTHER"},
            "user": {"id": f.ana, "team_id": "T0OTHER"},
            "actions": [{"action_id": "feedback_helped", "value": "1", "type": "button"}],
            "response_url": "http://127.0.0.1:9/",
        },
    ),
    "oversized": lambda f: f.raw(b'{"a":"' + b"x" * 1_100_000 + b'"}', "application/json"),
    "not JSON": lambda f: f.raw(b"{never", "application/json"),
    "a JSON list": lambda f: f.raw(b"[]", "application/json"),
    "no text at all": lambda f: f.raw(b"\xff\xfe\x00", "application/json"),
    "a payload that is no JSON": lambda f: f.raw(b"payload=%7Bnever", "application/x-www-form-urlencoded"),
    "a payload that is a number": lambda f: f.raw(b"payload=1", "application/x-www-form-urlencoded"),
    "an empty form": lambda f: f.raw(b"", "application/x-www-form-urlencoded"),
    "another content type": lambda f: f.raw(json.dumps(f.mention()).encode(), "text/xml"),
    "a multipart form": lambda f: f.raw(urlencode(f.command()).encode(), "multipart/form-data; boundary=x"),
}


@pytest.fixture
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield
    assert [record for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("no_traceback")
@pytest.mark.parametrize("name", FORGERIES)
def test_it_is_refused_and_nothing_is_done(forger: Forger, name: str) -> None:
    slack, forgery = forger.bot.slack, FORGERIES[name](forger)
    if forgery.honest_first:
        assert forgery.side.post(forgery.body, forgery.headers).ok
        forger.bot.settle()
    before = len(slack.workspace.record), len(slack.workspace.calls)
    answer = forgery.side.post(forgery.body, forgery.headers)
    forger.bot.settle()
    assert 400 <= answer.status < 500
    assert (len(slack.workspace.record), len(slack.workspace.calls)) == before
    assert "Traceback" not in json.dumps(answer.body)


def test_what_slack_sends_is_taken(forger: Forger) -> None:
    for kind, payload in ((EVENT, forger.mention()), (COMMAND, forger.command())):
        honest = forger.signed(kind, payload)
        assert honest.side.post(honest.body, honest.headers).ok
    forger.bot.settle()
    assert len(forger.bot.slack.messages(forger.channel, by_bot=True)) == 2
