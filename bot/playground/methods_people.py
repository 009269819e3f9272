"""Web API methods: users.*, usergroups.*"""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.workspace import APP_ID, BOT_ID, BOT_USER, User, Workspace


@method("users.info", required="user", optional="include_locale", scope="users:read", takes_json=False)
def info(workspace: Workspace, args: Arguments) -> Json:
    shown = _shown(workspace, workspace.user(args.need("user")))
    if not args.flag("include_locale"):
        del shown["locale"]
    return {"ok": True, "user": shown}


@method("bots.info", optional="bot team_id", scope="users:read", takes_json=False)
def bot_info(_workspace: Workspace, args: Arguments) -> Json:
    if args.text("bot") != BOT_ID:
        raise Refusal("bot_not_found")
    return {"ok": True, "bot": {"id": BOT_ID, "app_id": APP_ID, "user_id": BOT_USER, "name": "unstuck"}}


@method("users.lookupByEmail", required="email", scope="users:read.email", takes_json=False)
def lookup_by_email(workspace: Workspace, args: Arguments) -> Json:
    email = args.need("email").lower()
    for user in workspace.users.values():
        if user.email is not None and user.email.lower() == email and not user.deleted:
            return {"ok": True, "user": _shown(workspace, user)}
    raise Refusal("users_not_found")


@method("users.list", optional="cursor limit include_locale team_id", scope="users:read", takes_json=False)
def list_users(workspace: Workspace, _args: Arguments) -> Json:
    shown = [_shown(workspace, user) for user in workspace.users.values()]
    return {"ok": True, "members": shown, "response_metadata": {"next_cursor": ""}}


@method(
    "usergroups.list",
    optional="include_count include_disabled include_users team_id",
    scope="usergroups:read",
    takes_json=False,
)
def list_groups(workspace: Workspace, args: Arguments) -> Json:
    groups = [dict(group) for group in workspace.groups.values()]
    if not args.flag("include_users"):
        groups = [{name: value for name, value in group.items() if name != "users"} for group in groups]
    return {"ok": True, "usergroups": groups}


@method(
    "usergroups.users.list",
    required="usergroup",
    optional="include_disabled team_id",
    scope="usergroups:read",
    takes_json=False,
)
def group_users(workspace: Workspace, args: Arguments) -> Json:
    group = workspace.groups.get(args.need("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"ok": True, "users": list(group["users"])}


def _shown(workspace: Workspace, user: User) -> Json:
    return {
        **({"enterprise_user": {"enterprise_id": workspace.caller}} if user.team in workspace.siblings else {}),
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.name,
        "deleted": user.deleted,
        "is_bot": user.bot,
        "is_restricted": user.guest,
        "is_ultra_restricted": False,
        "is_stranger": user.team not in (workspace.caller, *workspace.siblings),
        "tz": user.timezone,
        "locale": user.locale,
        "profile": {"display_name": user.name, "real_name": user.name} | ({"email": user.email} if user.email else {}),
    }
