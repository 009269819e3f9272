"""Several workspaces install one app by themselves: OAuth over real HTTP, rotation, removal, and who sees what."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import Session

from bot.app import create_app, errands_of, workspaces_of
from bot.errands import ERRAND
from bot.installations import ROW
from bot.playground import person
from bot.playground.app_side import EVENT, OverHttp
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import CLIENT_SECRET, Message
from bot.serving import Link, mount_installation, over_http, site
from bot.testing import TODAY, small_desk
from bot.work import Work
from bot.workspaces import Workspaces
from unstuck.cli import main
from unstuck.clock import FrozenClock, SystemClock
from unstuck.deps import Deps
from unstuck.troubles import note, recent

ONE, TWO, LIMITED, ORG = "T0ONE", "T0TWO", "T0LIMITED", "E0ORG"
QUESTION = "Why does the dishwasher stop and blink E24?"
INTERNAL = "Where is the master key of the safe?"


@dataclass(slots=True)
class House:
    """The app for many workspaces, serving."""

    slack: SlackStandIn
    deps: Deps
    work: Work
    workspaces: Workspaces
    port: int
    clock: FrozenClock

    def get(self, path: str, cookie: str = "") -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def install(self, place: str) -> int:
        """What a browser does that an admin of `place` sits in front of; the last status."""
        _, headers, page = self.get("/slack/install")
        cookie = headers["set-cookie"].partition(";")[0]
        [link] = [part for part in page.split('"') if "oauth/v2/authorize" in part]
        [state] = parse_qs(urlsplit(link.replace("&amp;", "&")).query)["state"]
        status, _, _ = self.get(f"/slack/oauth_redirect?code={place}&state={state}", cookie)
        return status

    def user(self, team: str, **about: Any) -> str:
        user = self.slack.add_user("ana", **about)
        self.slack.workspace.users[user].team = team
        return user

    def tell(self, team: str, inner: dict[str, Any], **more: Any) -> int:
        """Slack's word about something in a workspace; the status of the answer."""
        one = {"team_id": team, "user_id": "U0UNSTUCK", "is_bot": True, "is_enterprise_install": False}
        envelope = person.event(self.slack.workspace, inner)
        envelope |= {"team_id": team, "context_team_id": team, "authorizations": [one]} | more
        return self.slack._app.send(EVENT, envelope).status

    def ask(self, team: str, text: str, user: str | None = None, **more: Any) -> list[Message]:
        """What the bot says to somebody's direct message in that workspace."""
        slack = self.slack
        user = user or self.user(team)
        channel = slack.direct(user)
        message = slack.say(channel, user, text, tell=False)
        where = slack.workspace.channels[channel]
        inner = person.message_event(where, message, slack.workspace.user(user)) | {"team": team}
        inner.pop("user_team", None)
        self.tell(team, inner, **more)
        assert self.work.drain(20)
        return slack.messages(channel, by_bot=True)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    clock = FrozenClock(TODAY)
    settings: dict[str, Any] = {
        "slack_bot_token": None,
        "slack_client_id": "1.2",
        "slack_client_secret": SecretStr(CLIENT_SECRET),
        "workspaces": f"{ONE}, {TWO}, {LIMITED}=Billing, {ORG}",
    }
    with ExitStack() as open_:
        slack = open_.enter_context(SlackStandIn())
        deps = open_.enter_context(small_desk(tmp_path_factory.mktemp("desk"), slack, clock=clock, **settings))
        work = Work(errands_of(deps))
        open_.callback(work.stop)
        workspaces = workspaces_of(deps, work)
        assert workspaces is not None
        pages = site(deps.engine, Link(), create_app(deps, work=work, workspaces=workspaces))
        mount_installation(pages, workspaces.flow())
        port = open_.enter_context(over_http(pages, "127.0.0.1", 0))
        slack.connect(OverHttp(f"http://127.0.0.1:{port}/slack/events", slack.signing_secret))
        yield House(slack, deps, work, workspaces, port, clock)


def rows(house: House) -> dict[str, bytes]:
    with house.deps.engine.connect() as connection:
        return {row.place: row.tokens for row in connection.execute(select(ROW.c.place, ROW.c.tokens))}


def test_two_workspaces_install_it_and_each_is_answered_with_its_own_token(house: House) -> None:
    assert [house.install(place) for place in (ONE, TWO)] == [200, 200]
    for place in (ONE, TWO):
        [answer] = house.ask(place, QUESTION)
        assert "drain pump" in answer.all_text()
    used = {team for name, team in house.slack.workspace.callers if name == "chat.postMessage"}
    assert used == {ONE, TWO}


def test_tokens_are_not_readable_in_the_database(house: House) -> None:
    house.install(ONE)
    assert house.slack.workspace.tokens
    for token in house.slack.workspace.tokens:
        assert not any(token.encode() in kept for kept in rows(house).values())


def test_a_workspace_that_nobody_listed_gets_nothing(house: House) -> None:
    assert house.install("T0STRANGE") >= 400
    assert "T0STRANGE" not in rows(house)
    # Its token was given back.
    assert "T0STRANGE" not in house.slack.workspace.tokens.values()
    assert house.ask("T0STRANGE", QUESTION) == []


def test_a_state_works_once_and_only_in_its_own_browser(house: House) -> None:
    _, headers, page = house.get("/slack/install")
    cookie = headers["set-cookie"].partition(";")[0]
    state = cookie.partition("=")[2]
    assert state in page
    back = f"/slack/oauth_redirect?code={ONE}&state={state}"
    assert house.get(back)[0] == 400
    assert house.get(back, cookie)[0] == 200
    assert house.get(back, cookie)[0] == 401
    made_up = "/slack/oauth_redirect?code=T0ONE&state=made-up"
    assert house.get(made_up, "slack-app-oauth-state=made-up")[0] == 401


def test_a_state_is_over_after_ten_minutes(house: House) -> None:
    _, headers, _ = house.get("/slack/install")
    cookie = headers["set-cookie"].partition(";")[0]
    house.clock.tick(timedelta(minutes=11))
    assert house.get(f"/slack/oauth_redirect?code={ONE}&state={cookie.partition('=')[2]}", cookie)[0] == 401


def test_an_organisation_installs_it_for_all_of_its_workspaces(house: House) -> None:
    assert house.install(ORG) == 200
    ana = house.user("T0SIBLING")
    house.slack.workspace.siblings = {"T0SIBLING"}
    one = {"team_id": None, "enterprise_id": ORG, "user_id": "U0UNSTUCK", "is_enterprise_install": True}
    [answer] = house.ask("T0SIBLING", QUESTION, ana, enterprise_id=ORG, authorizations=[one])
    assert "drain pump" in answer.all_text()


def test_a_limited_workspace_sees_its_teams_alone(house: House) -> None:
    house.install(ONE)
    house.install(LIMITED)
    opened = "How many tickets were opened in January 2026 by team?"
    everything, some = (house.ask(place, opened)[0].all_text() for place in (ONE, LIMITED))
    assert "Repairs" in everything
    assert "Billing" in some
    assert "Repairs" not in some
    assert "Drawer two" in house.ask(ONE, INTERNAL)[0].all_text()
    assert "Drawer two" not in house.ask(LIMITED, INTERNAL)[0].all_text()


def test_a_token_that_ends_soon_is_exchanged_once(house: House) -> None:
    house.slack.workspace.token_lifetime_s = 12 * 3600
    try:
        house.clock.at = TODAY
        house.install(TWO)
        # The SDK counts from its own clock; ours stands still.
        before = rows(house)[TWO]
        with Session(house.deps.engine) as session, session.begin():
            session.execute(
                ROW.update().where(ROW.c.place == TWO).values(expires_at=house.clock.at + timedelta(hours=1))
            )
        for _ in range(3):
            assert house.workspaces.client() is not None
        exchanges = [call for call in house.slack.calls("oauth.v2.access") if call.get("grant_type") == "refresh_token"]
        assert len(exchanges) == 1
        assert rows(house)[TWO] != before
        [answer] = house.ask(TWO, QUESTION)
        assert "drain pump" in answer.all_text()
    finally:
        house.slack.workspace.token_lifetime_s = None


def test_an_exchange_that_fails_is_seen_and_costs_nothing_yet(house: House) -> None:
    house.slack.workspace.token_lifetime_s = 12 * 3600
    try:
        house.install(TWO)
        with Session(house.deps.engine) as session, session.begin():
            session.execute(
                ROW.update().where(ROW.c.place == TWO).values(expires_at=house.clock.at + timedelta(hours=1))
            )
        house.slack.faults.refuse("oauth.v2.access", "invalid_refresh_token")
        assert house.workspaces.client() is not None
        with house.deps.sessions() as session:
            assert ("token", "invalid_refresh_token", TWO) in [
                (one.kind, one.word, one.place) for one in recent(session, house.clock.at)
            ]
        assert house.ask(TWO, QUESTION)
    finally:
        house.slack.workspace.token_lifetime_s = None
        house.install(TWO)


@pytest.mark.parametrize("goodbye", ["app_uninstalled", "tokens_revoked"])
def test_a_removed_app_forgets_the_workspace(house: House, goodbye: str) -> None:
    house.install(ONE)
    house.install(TWO)
    house.ask(ONE, QUESTION)
    inner: dict[str, Any] = {"type": goodbye}
    if goodbye == "tokens_revoked":
        assert house.tell(ONE, inner | {"tokens": {"oauth": ["U1"]}}) == 200
        assert ONE in rows(house)
        inner |= {"tokens": {"bot": ["U0UNSTUCK"]}}
    assert house.tell(ONE, inner) == 200
    assert ONE not in rows(house)
    assert TWO in rows(house)
    assert house.ask(ONE, QUESTION) == []
    assert house.ask(TWO, QUESTION)
    with house.deps.engine.connect() as connection:
        assert not any(connection.execute(select(ERRAND.c.body).where(ERRAND.c.team == ONE)).scalars())


def test_nudges_go_to_the_first_workspace_that_has_installed_it(house: House) -> None:
    house.install(ONE)
    house.install(TWO)
    client = house.workspaces.client()
    assert client is not None
    assert house.slack.workspace.tokens[str(client.token)] == ONE


def test_its_pages_tell_no_secret(house: House) -> None:
    for path in ("/slack/install", "/slack/oauth_redirect?error=access_denied"):
        page = house.get(path)[2]
        assert CLIENT_SECRET not in page
        assert "xoxb" not in page


def test_doctor_names_the_workspaces_and_what_did_not_get_through(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house.install(TWO)
    with house.deps.sessions.begin() as session:
        note(session, "app_mention", "is_archived", SystemClock().now(), "C0GONE")
    for name, value in {"CLIENT_ID": "1.2", "CLIENT_SECRET": CLIENT_SECRET, "SIGNING_SECRET": "s"}.items():
        monkeypatch.setenv(f"SLACK_{name}", value)
    monkeypatch.setenv("UNSTUCK_WORKSPACES", TWO)
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    monkeypatch.setattr("sys.argv", ["unstuck", "doctor", "--home", str(house.deps.settings.home)])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out
    assert TWO in told
    assert "app_mention (is_archived), 1 times, place C0GONE" in told
