"""The Bolt app: features in order, one middleware, one error handler."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import SQLAlchemyError

from bot import (
    aliases,
    commands,
    contract,
    conversation,
    days_off,
    digest,
    exports,
    feedback,
    home,
    insights,
    linking,
    links,
    manners,
    nudge_forms,
    nudges,
    profiles,
    saving,
    sharing,
    shortcuts,
    upkeep,
    watching,
    why,
)
from bot import workspaces as workspaces_feature
from bot.clients import client_of, web_client
from bot.desk import Desk
from bot.errands import KEPT, Errands, arrive
from bot.installations import Installations
from bot.intake import Intake, NotKeptError
from bot.people import People
from bot.posting import LINE_BROKEN, Privately
from bot.roles import Roles
from bot.work import Work
from bot.workspaces import Workspaces
from unstuck.errors import UserError
from unstuck.i18n import language_of
from unstuck.sealing import seal_of
from unstuck.settings import Settings

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

FEATURES = (
    conversation,
    feedback,
    insights,
    aliases,
    exports,
    nudges,
    nudge_forms,
    contract,
    days_off,
    digest,
    why,
    upkeep,
    commands,
    home,
    shortcuts,
    sharing,
    saving,
    linking,
    links,
    profiles,
    manners,
    workspaces_feature,
)
#: Events about an app that is not there any more.
GOODBYES = frozenset({"app_uninstalled", "tokens_revoked"})
#: What Bolt would read by itself. The first two turn it into an app for many workspaces that ignores the token,
#: without a word; the settings have the third.
HIDDEN_FROM_BOLT = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN")


#: Whose desk a request is for.
Finding = Callable[[BoltContext], Desk | None]


def create_app(deps: Deps, *, work: Intake | None = None, workspaces: Workspaces | None = None) -> App:
    """The app, its token checked with Slack; with `workspaces` each request is answered with its workspace's token.

    Raises `UserError` when there is no token, Slack refuses it, or Slack cannot be reached.
    """
    if workspaces is not None:
        app = _bolt(client_of(deps.settings, None), deps.settings, workspaces)
        _listen(app, workspaces.desk, deps, workspaces)
        return app
    client = web_client(deps.settings)
    identity = who_am_i(client, deps.settings)
    desk = Desk(
        deps=deps,
        client=client,
        work=work or Work(errands_of(deps)),
        people=People(client, deps.clock, identity["team_id"]),
        roles=Roles(deps.settings, client, deps.clock),
        bot_user=identity["user_id"],
        team_id=identity["team_id"],
        app_id=app_of(client, identity),
    )
    app = _bolt(client, deps.settings)
    _listen(app, lambda _context: desk, deps)
    return app


def workspaces_of(deps: Deps, work: Intake) -> Workspaces | None:
    """The workspaces that install the app by themselves; `None` when a bot token names the only one."""
    if not deps.settings.is_distributed:
        return None
    installed = Installations(deps.sessions, deps.clock, seal_of(deps.settings), deps.settings)
    return Workspaces(deps, installed, work, client_of(deps.settings, None))


def _listen(app: App, find: Finding, deps: Deps, workspaces: Workspaces | None = None) -> None:
    app.use(_giving(find, workspaces))
    app.error(_apologising(deps))
    for feature in FEATURES:
        feature.register(app)


def errands_of(deps: Deps, name: str | None = None) -> Errands:
    """What this process has promised Slack and not done yet; `name`: see `Errands`."""
    return Errands(deps.sessions, deps.clock, seal_of(deps.settings), name=name)


def who_am_i(client: WebClient, settings: Settings) -> dict[str, Any]:
    """Slack's `auth.test`. Raises `UserError` when it refuses or is silent."""
    try:
        return dict(client.auth_test().data)  # type: ignore[arg-type]
    except SlackApiError as error:
        raise UserError("slack_refused", error=error.response.get("error") or error.response.status_code) from None
    except LINE_BROKEN:
        raise UserError("slack_unreachable", url=settings.slack_api_url) from None


def app_of(client: WebClient, identity: dict[str, Any]) -> str | None:
    """The app's own id; `None` when Slack does not say, and then nothing is checked against it."""
    try:
        return str(client.bots_info(bot=identity["bot_id"])["bot"]["app_id"])
    except (SlackApiError, KeyError, *LINE_BROKEN) as error:
        log.info("the app's own id is not known: %s", error)
        return None


def _bolt(client: WebClient, settings: Settings, workspaces: Workspaces | None = None) -> App:
    secret = settings.slack_signing_secret
    try:
        with _without(HIDDEN_FROM_BOLT):
            return App(
                name="unstuck",
                client=client,
                authorize=_authorizing(workspaces) if workspaces is not None else None,
                signing_secret=secret.get_secret_value() if secret else "",
                # A listener hands its job on and ends; then Slack is answered. Bolt's own order, answer first,
                # would acknowledge what is written down nowhere.
                process_before_response=True,
            )
    except BoltError as error:
        raise UserError("slack_refused", error=str(error)) from None


def _authorizing(workspaces: Workspaces) -> Callable[..., Any]:
    # Bolt passes arguments by name and would pass `self` as well.
    def authorize(enterprise_id: str | None, team_id: str | None, user_id: str | None) -> AuthorizeResult | None:
        return workspaces.authorize(enterprise_id, team_id, user_id)

    return authorize


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Hide environment variables from code that would read them unasked."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _giving(find: Finding, workspaces: Workspaces | None) -> Callable[..., BoltResponse | None]:
    """The one middleware: listeners get `desk`, `deps`, and the client that re-sends nothing by itself."""

    def give(body: dict[str, Any], context: BoltContext, next: Callable[[], None]) -> BoltResponse | None:
        kind, desk = _kind(body), find(context)
        watching.events.labels(kind).inc()
        context["workspaces"] = workspaces
        if desk is None:
            # Somebody has just removed the app; that much we still hear.
            if kind not in GOODBYES:
                return BoltResponse(status=403, body="not installed there\n")
        elif not _is_for(desk, body):
            log.warning("refused: a request of app %s for another workspace or app", body.get("api_app_id"))
            return BoltResponse(status=403, body="not this app's workspace\n")
        else:
            context["desk"], context["deps"], context["client"] = desk, desk.deps, desk.client
        arrive(body, kind, context.get(KEPT))
        next()
        return None

    return give


def _is_for(desk: Desk, body: dict[str, Any]) -> bool:
    """Whether a signed request is about this app in this workspace.

    In channels that are shared with other organisations any one of several fields names ours.
    """
    if desk.app_id and body.get("api_app_id") and body["api_app_id"] != desk.app_id:
        return False
    named = {body.get("team_id"), body.get("context_team_id"), (body.get("team") or {}).get("id")}
    if desk.enterprise_id is not None:
        named |= {body.get("enterprise_id"), (body.get("enterprise") or {}).get("id")}
    named |= {one.get("team_id") for one in body.get("authorizations") or ()}
    named.discard(None)
    return not named or bool({desk.team_id, desk.enterprise_id} & named)


def _kind(body: dict[str, Any]) -> str:
    """`app_mention`, `slash_command`, `block_actions`, …"""
    inner = body.get("event")
    return str(inner["type"]) if inner else "slash_command" if "command" in body else str(body.get("type"))


def _apologising(deps: Deps) -> Callable[..., None]:
    """The one error handler: the person gets an id in their language, the log gets the rest."""

    def apologise(error: Exception, body: dict[str, Any], context: BoltContext) -> None:
        event, desk = body.get("event") or {}, context.get("desk")
        if event and isinstance(error, NotKeptError | SQLAlchemyError):
            # Slack hears that we failed and sends it again.
            log.warning("an event could not be kept: %s", type(error).__name__)
            return
        if desk is None:
            log.error("while taking up %s", _kind(body), exc_info=error)
            return
        desk.trouble(_kind(body), error, str(event.get("channel") or ""))
        lang = language_of(str(event.get("text") or body.get("text") or "")) if event else deps.settings.lang
        if body.get("response_url"):
            Privately(body["response_url"], lang, desk.client.proxy).failed(error)
        elif event.get("user") and event.get("channel"):
            desk.thread(event["channel"], event.get("thread_ts") or event.get("ts"), lang).failed(error)
        else:
            log.error("while taking up %s", _kind(body), exc_info=error)

    return apologise
