"""Workspaces that installed the app by themselves: their tokens, encrypted, in the database.

Tokens may expire (Slack's token rotation): whoever needs one within two hours of its end exchanges it, one process
at a time, because a refresh token works once.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from slack_bolt.error import BoltError
from slack_bolt.oauth.oauth_flow import OAuthFlow
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation as Told
from slack_sdk.oauth.installation_store import InstallationStore
from slack_sdk.oauth.state_store import OAuthStateStore
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot import refusals, seen
from bot.posting import LINE_BROKEN
from unstuck import troubles
from unstuck.clock import Clock
from unstuck.sealing import Seal, SealBroken
from unstuck.settings import Settings
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Installation as Row
from unstuck.tickets.tables import SeenEvent

log = logging.getLogger("unstuck.bot")

ROW = table_of(Row)

#: A token is exchanged this long before it ends; an exchange may take this long.
AHEAD, EXCHANGE = timedelta(hours=2), timedelta(seconds=30)
STATE_HOLDS = timedelta(minutes=10)
_STATE = "oauth:"


class NotListedError(BoltError):
    """The workspace is not one of those that may install the app."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One installation, ready for use."""

    #: Id of the workspace, or of the organisation that installed the app for all of its workspaces.
    place: str
    enterprise_id: str | None
    team_id: str | None
    app_id: str | None
    bot_user: str
    token: str


def allowed(settings: Settings) -> dict[str, tuple[str, ...] | None]:
    """Workspaces and organisations that may install the app, each with the teams it may see (`None`: all)."""
    found: dict[str, tuple[str, ...] | None] = {}
    for part in settings.workspaces.split(","):
        place, _, teams = part.strip().partition("=")
        if place:
            found[place.strip()] = tuple(team.strip() for team in teams.split("|") if team.strip()) or None
    return found


class Installations(InstallationStore):
    """What `OAuthFlow` saves, and what requests are authorised by. Thread-safe, shared by processes."""

    def __init__(self, sessions: sessionmaker[Session], clock: Clock, seal: Seal, settings: Settings) -> None:
        self._sessions, self._clock, self._seal, self._settings = sessions, clock, seal, settings

    @property
    def logger(self) -> logging.Logger:
        return log

    def save(self, installation: Told) -> None:
        """Keep a new installation, or an old one's new tokens. Raises `NotListedError`."""
        of_all = bool(installation.is_enterprise_install)
        place = installation.enterprise_id if of_all else installation.team_id
        named = {installation.enterprise_id, installation.team_id} - {None}
        if place is None or not named & allowed(self._settings).keys():
            raise NotListedError(str(place))
        row = Row(
            place=place,
            enterprise_id=installation.enterprise_id,
            team_id=None if of_all else installation.team_id,
            name=installation.enterprise_name if of_all else installation.team_name,
            app_id=installation.app_id,
            bot_user=str(installation.bot_user_id),
            tokens=self._sealed(installation.bot_token, installation.bot_refresh_token),
            expires_at=_moment(installation.bot_token_expires_at),
            installed_by=installation.user_id,
            installed_at=self._clock.now(),
        )
        with self._sessions.begin() as session:
            session.merge(row)
        log.info("installed in %s by %s", place, installation.user_id)

    def find(self, enterprise_id: str | None, team_id: str | None) -> Installed | None:
        """The workspace's own installation, else its organisation's."""
        with self._sessions() as session:
            for place in (team_id, enterprise_id):
                row = session.get(Row, place) if place else None
                # A place that was taken off the list is out, whatever it installed before.
                if row is not None and {row.enterprise_id, row.team_id} & allowed(self._settings).keys():
                    return self._opened(row)
        return None

    def all(self) -> Iterator[Installed]:
        """Every installation, those named first in the settings first."""
        with self._sessions() as session:
            rows = session.scalars(select(Row)).all()
        order = list(allowed(self._settings))
        known = [row for row in rows if {row.enterprise_id, row.team_id} & set(order)]
        for row in sorted(
            known, key=lambda row: min(order.index(p) for p in (row.enterprise_id, row.team_id) if p in order)
        ):
            if (opened := self._opened(row)) is not None:
                yield opened

    def forget(self, place: str) -> None:
        """The app was removed there: its tokens are deleted."""
        with self._sessions.begin() as session:
            session.execute(delete(ROW).where(ROW.c.place == place))
        log.info("uninstalled from %s", place)

    # -- rotation

    def refresh(self, client: WebClient) -> None:
        """Exchange every token that ends soon. Trouble is logged and counted; the old token is used meanwhile."""
        soon = self._clock.now() + AHEAD
        with self._sessions() as session:
            ending = session.scalars(select(ROW.c.place).where(ROW.c.expires_at < soon)).all()
        for place in ending:
            self._refresh(place, client)

    def _refresh(self, place: str, client: WebClient) -> None:
        now = self._clock.now()
        mine = ROW.c.place == place, ROW.c.expires_at < now + AHEAD
        free = or_(ROW.c.exchanging_until.is_(None), ROW.c.exchanging_until <= now)
        with self._sessions.begin() as session:
            taken = update(ROW).where(*mine, free).values(exchanging_until=now + EXCHANGE).returning(ROW.c.tokens)
            sealed = session.scalar(taken)
        if sealed is None:
            return
        try:
            told = client.oauth_v2_access(
                client_id=str(self._settings.slack_client_id),
                client_secret=_secret(self._settings),
                grant_type="refresh_token",
                refresh_token=self._seal.open(sealed)["refresh"],
            )
        except (SlackApiError, SealBroken, *LINE_BROKEN) as error:
            log.error("the token of %s cannot be exchanged: %s", place, refusals.word(error))
            with self._sessions.begin() as session:
                troubles.note(session, "token", refusals.word(error), now, place)
            return
        new = {
            "tokens": self._sealed(told["access_token"], told["refresh_token"]),
            "expires_at": now + timedelta(seconds=int(told["expires_in"])),
            "exchanging_until": None,
        }
        with self._sessions.begin() as session:
            session.execute(update(ROW).where(ROW.c.place == place).values(**new))

    def _sealed(self, token: str | None, refresh: str | None) -> bytes:
        return self._seal.close({"token": token, "refresh": refresh})

    def _opened(self, row: Row) -> Installed | None:
        try:
            token = self._seal.open(row.tokens)["token"]
        except SealBroken:
            log.error("the token of %s was sealed with another SLACK_CLIENT_SECRET: install the app again", row.place)
            return None
        return Installed(row.place, row.enterprise_id, row.team_id, row.app_id, row.bot_user, token)


class States(OAuthStateStore):
    """What comes back with a browser from Slack, once, within ten minutes."""

    def __init__(self, sessions: sessionmaker[Session], clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    @property
    def logger(self) -> logging.Logger:
        return log

    def issue(self, *_args: object, **_more: object) -> str:
        state = secrets.token_urlsafe(24)
        seen.claim(self._sessions, _STATE + state, self._clock.now())
        return state

    def consume(self, state: str) -> bool:
        holds = col(SeenEvent.key) == f"{_STATE}{state}", col(SeenEvent.at) > self._clock.now() - STATE_HOLDS
        with self._sessions.begin() as session:
            return session.scalar(delete(SeenEvent).where(*holds).returning(col(SeenEvent.key))) is not None


class Flow(OAuthFlow):
    """Bolt's flow; a token for a workspace that may not have one is given back at once."""

    def store_installation(self, request: Any, installation: Told) -> None:
        try:
            super().store_installation(request, installation)
        except NotListedError:
            log.warning("refused: an installation in %s, which UNSTUCK_WORKSPACES does not name", installation.team_id)
            try:
                self.client.auth_revoke(token=str(installation.bot_token))
            except (SlackApiError, *LINE_BROKEN) as error:
                log.error("its token could not be given back: %s", refusals.word(error))
            raise


def flow(installations: Installations, states: States, settings: Settings, client: WebClient) -> Flow:
    """The pages `/slack/install` and `/slack/oauth_redirect`."""
    manifest = json.loads((files("bot") / "manifest.json").read_text(encoding="utf-8"))
    return Flow(
        client=client,
        logger=log,
        settings=OAuthSettings(
            client_id=settings.slack_client_id,
            client_secret=_secret(settings),
            scopes=manifest["oauth_config"]["scopes"]["bot"],
            user_scopes=[],
            installation_store=installations,
            state_store=states,
        ),
    )


def _secret(settings: Settings) -> str:
    assert settings.slack_client_secret is not None
    return settings.slack_client_secret.get_secret_value()


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
