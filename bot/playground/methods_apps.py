"""Web API methods: auth.test, apps.connections.open"""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, method
from bot.playground.workspace import BOT_ID, BOT_USER, TEAM_ID, Workspace


@method("auth.test")
def auth_test(_workspace: Workspace, _args: Arguments) -> Json:
    return {
        "ok": True,
        "url": "https://desk.slack.com/",
        "team": "Desk",
        "user": "unstuck",
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", needs_app_token=True)
def open_connection(workspace: Workspace, _args: Arguments) -> Json:
    return {"ok": True, "url": workspace.new_socket_url()}
