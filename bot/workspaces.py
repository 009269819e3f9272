"""One app in several workspaces: each request meets the desk of the workspace that it came from."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from slack_bolt import App, BoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.clients import client_of
from bot.desk import Desk
from bot.installations import Flow, Installations, Installed, States, allowed, flow
from bot.intake import Intake
from bot.people import People
from bot.roles import Roles

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")


class Workspaces:
    """The desks of all workspaces. Thread-safe."""

    def __init__(self, deps: Deps, installations: Installations, work: Intake, client: WebClient) -> None:
        #: Without a token.
        self._client = client
        self._deps, self._work = deps, work
        self.installations = installations
        self._desks: dict[str, Desk] = {}
        self._lock = threading.Lock()

    def authorize(
        self, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> AuthorizeResult | None:
        """Bolt's question whose token a request is answered with; `None`: nobody's."""
        found = self.installations.find(enterprise_id, team_id)
        if found is None:
            return None
        return AuthorizeResult(
            enterprise_id=found.enterprise_id,
            team_id=found.team_id or team_id,
            bot_user_id=found.bot_user,
            bot_token=found.token,
            user_id=user_id,
        )

    def desk(self, context: BoltContext) -> Desk | None:
        """The desk of an authorised request."""
        found = self.installations.find(context.enterprise_id, context.team_id)
        return None if found is None else self._desk(found, context.team_id or found.team_id or "")

    def client(self) -> WebClient | None:
        """For nudges and notices: the client of the first workspace of the settings that has installed the app.

        Tokens that end soon are exchanged on the way.
        """
        self.installations.refresh(self._client)
        first = next(self.installations.all(), None)
        return None if first is None else self._desk(first, first.team_id or "").client

    def flow(self) -> Flow:
        """The pages on which a workspace installs the app."""
        deps = self._deps
        return flow(self.installations, States(deps.sessions, deps.clock), deps.settings, self._client)

    def forget(self, place: str) -> None:
        """The app was removed there."""
        self.installations.forget(place)
        with self._lock:
            self._desks = {key: desk for key, desk in self._desks.items() if place not in key.split("/")}
        if self._work.errands is not None:
            self._work.errands.forget_team(place)

    def _desk(self, found: Installed, team_id: str) -> Desk:
        key = f"{found.place}/{team_id}"
        with self._lock:
            desk = self._desks.get(key)
            if desk is None:
                desk = self._desks[key] = self._new_desk(found, team_id)
        # Rotated by us or another process.
        desk.client.token = found.token
        return desk

    def _new_desk(self, found: Installed, team_id: str) -> Desk:
        deps, client = self._deps, client_of(self._deps.settings, found.token)
        enterprise = found.enterprise_id if found.team_id is None else None
        places = allowed(deps.settings)
        teams = places.get(team_id, places.get(found.enterprise_id or ""))
        return Desk(
            deps=deps,
            client=client,
            work=self._work,
            people=People(client, deps.clock, team_id, enterprise_id=enterprise),
            roles=Roles(deps.settings, client, deps.clock, teams=teams),
            bot_user=found.bot_user,
            team_id=team_id,
            app_id=found.app_id,
            enterprise_id=enterprise,
            teams=teams,
        )


def register(app: App) -> None:
    app.event("app_uninstalled")(on_gone)
    app.event("tokens_revoked")(on_gone)


def on_gone(event: dict[str, Any], context: BoltContext, body: dict[str, Any]) -> None:
    """The app was removed from a workspace, or its token was taken back: what is left of it there goes."""
    workspaces: Workspaces | None = context.get("workspaces")
    if event["type"] == "tokens_revoked" and not (event.get("tokens") or {}).get("bot"):
        return
    if workspaces is None:
        # The token is the admin's own setting: nothing of ours to delete, and every call says what is wrong.
        log.error("Slack says: %s", event["type"])
        return
    of_all = any(one.get("is_enterprise_install") for one in body.get("authorizations") or ())
    place = body.get("enterprise_id") if of_all or not body.get("team_id") else body.get("team_id")
    workspaces.forget(str(place))
