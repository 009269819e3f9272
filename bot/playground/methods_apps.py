"""Web API methods: auth.*, oauth.v2.access, apps.connections.open"""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.workspace import APP_ID, BOT_ID, BOT_USER, CLIENT_SECRET, Workspace


@method("auth.test")
def auth_test(workspace: Workspace, _args: Arguments) -> Json:
    return {
        "ok": True,
        "url": "https://desk.slack.com/",
        "team": "Desk",
        "user": "unstuck",
        "team_id": workspace.caller,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


@method(
    "oauth.v2.access",
    required="client_id client_secret",
    optional="code redirect_uri grant_type refresh_token",
    needs_no_token=True,
)
def oauth_access(workspace: Workspace, args: Arguments) -> Json:
    """The code is the team that installs, or `E…` for an organisation; a refresh token works once."""
    if args.need("client_secret") != CLIENT_SECRET:
        raise Refusal("bad_client_secret")
    team = args.text("code")
    if args.text("grant_type") == "refresh_token":
        team = workspace.refresh_tokens.pop(args.need("refresh_token"), None)
        if team is None:
            raise Refusal("invalid_refresh_token")
    if team is None or not team.startswith(("T", "E")):
        raise Refusal("invalid_code")
    token, of_all = workspace.new_id("xoxb-"), team.startswith("E")
    workspace.tokens[token] = team
    answer: Json = {
        "ok": True,
        "access_token": token,
        "token_type": "bot",
        "scope": "chat:write",
        "bot_user_id": BOT_USER,
        "app_id": APP_ID,
        "is_enterprise_install": of_all,
        "team": None if of_all else {"id": team, "name": team.title()},
        "enterprise": {"id": team, "name": team.title()} if of_all else None,
        "authed_user": {"id": "U0INSTALLER"},
    }
    if workspace.token_lifetime_s is not None:
        refresh = workspace.new_id("xoxe-")
        workspace.refresh_tokens[refresh] = team
        answer |= {"refresh_token": refresh, "expires_in": workspace.token_lifetime_s}
    return answer


@method("auth.revoke", optional="test")
def revoke(workspace: Workspace, _args: Arguments) -> Json:
    workspace.tokens = {token: team for token, team in workspace.tokens.items() if team != workspace.caller}
    return {"ok": True, "revoked": True}


@method("apps.connections.open", needs_app_token=True)
def open_connection(workspace: Workspace, _args: Arguments) -> Json:
    return {"ok": True, "url": workspace.new_socket_url()}
