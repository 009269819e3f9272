"""Web API methods: conversations.* and reactions.*"""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.workspace import BOT_USER, Channel, Message, Workspace

PAGE = "cursor latest oldest inclusive limit include_all_metadata"
MAX_PAGE = 999


@method("conversations.history", required="channel", optional=PAGE, scope="channels:history", takes_json=False)
def history(workspace: Workspace, args: Arguments) -> Json:
    channel = _inside(workspace, args)
    roots = [m for m in workspace.visible(channel.id) if m.thread_ts in (None, m.ts)]
    return _page(list(reversed(roots)), args)


@method("conversations.replies", required="channel ts", optional=PAGE, scope="channels:history", takes_json=False)
def replies(workspace: Workspace, args: Arguments) -> Json:
    channel, ts = _inside(workspace, args), args.need("ts")
    thread = [m for m in workspace.visible(channel.id) if ts in (m.ts, m.thread_ts)]
    if not thread:
        raise Refusal("thread_not_found")
    return _page(thread, args)


@method("conversations.open", optional="users channel return_im prevent_creation", scope="im:write")
def open_direct(workspace: Workspace, args: Arguments) -> Json:
    users = (args.text("users") or "").split(",")
    if len(users) != 1:
        raise Refusal("method_not_supported_for_channel_type")
    return {"ok": True, "channel": {"id": workspace.direct(workspace.user(users[0]).id).id}}


@method(
    "conversations.info",
    required="channel",
    optional="include_locale include_num_members",
    scope="channels:read",
    takes_json=False,
)
def info(workspace: Workspace, args: Arguments) -> Json:
    return {"ok": True, "channel": _shown(workspace.channel(args.need("channel")), workspace)}


@method(
    "conversations.list",
    optional="cursor exclude_archived limit team_id types",
    scope="channels:read",
    takes_json=False,
)
def list_channels(workspace: Workspace, args: Arguments) -> Json:
    kinds = {{"public_channel": "channel", "private_channel": "group"}.get(kind, kind) for kind in _types(args)}
    shown = [_shown(c, workspace) for c in workspace.channels.values() if c.kind in kinds]
    return {"ok": True, "channels": shown, "response_metadata": {"next_cursor": ""}}


@method("conversations.members", required="channel", optional="cursor limit", scope="channels:read", takes_json=False)
def members(workspace: Workspace, args: Arguments) -> Json:
    channel = workspace.channel(args.need("channel"))
    start, size = args.number("cursor", 0), args.number("limit", 100)
    page, rest = channel.members[start : start + size], channel.members[start + size :]
    cursor = str(start + size) if rest else ""
    return {"ok": True, "members": page, "response_metadata": {"next_cursor": cursor}}


@method("conversations.join", required="channel", scope="channels:join")
def join(workspace: Workspace, args: Arguments) -> Json:
    channel = workspace.channel(args.need("channel"))
    if channel.kind != "channel":
        raise Refusal("method_not_supported_for_channel_type")
    if BOT_USER not in channel.members:
        channel.members.append(BOT_USER)
    return {"ok": True, "channel": _shown(channel, workspace)}


@method("reactions.add", required="channel name timestamp", scope="reactions:write")
def react(workspace: Workspace, args: Arguments) -> Json:
    message = workspace.message(args.need("channel"), args.need("timestamp"))
    if message is None:
        raise Refusal("message_not_found")
    reaction = (args.need("name"), BOT_USER)
    if reaction in message.reactions:
        raise Refusal("already_reacted")
    message.reactions.append(reaction)
    return {"ok": True}


def _types(args: Arguments) -> list[str]:
    return (args.text("types") or "public_channel").split(",")


def _inside(workspace: Workspace, args: Arguments) -> Channel:
    channel = workspace.channel(args.need("channel"))
    if BOT_USER not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _page(messages: list[Message], args: Arguments) -> Json:
    """One page between `oldest` and `latest`; both ends are left out unless `inclusive`."""
    oldest, latest = args.text("oldest", "0"), args.text("latest", "9")
    chosen = [
        m for m in messages if str(oldest) < m.ts < str(latest) or (args.flag("inclusive") and m.ts in (oldest, latest))
    ]
    start, size = args.number("cursor", 0), min(args.number("limit", 100), MAX_PAGE)
    page, rest = chosen[start : start + size], chosen[start + size :]
    shown = [m.as_json(metadata=args.flag("include_all_metadata")) for m in page]
    cursor = str(start + size) if rest else ""
    return {"ok": True, "messages": shown, "has_more": bool(rest), "response_metadata": {"next_cursor": cursor}}


def _shown(channel: Channel, workspace: Workspace) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_im": channel.kind == "im",
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_ext_shared": channel.id in workspace.shared,
        "is_member": BOT_USER in channel.members,
    }
