"""Web API methods: chat.*"""

from __future__ import annotations

from typing import Any

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.validator import problems
from bot.playground.workspace import BOT_USER, Channel, Link, Message, Workspace

POST = (
    "text blocks metadata thread_ts reply_broadcast unfurl_links unfurl_media mrkdwn markdown_text "
    "username icon_emoji icon_url"
)
STREAM = "markdown_text chunks"
CHUNKS = ("markdown_text", "task_update", "plan_update", "blocks")
MAX_UPDATE_TEXT = 4000
MAX_TEXT = 40_000
MAX_MARKDOWN = 12_000
#: An attachment with more has been seen refused.
MAX_PREVIEW_BLOCKS = 20
PREVIEW_KEYS = {"blocks", "preview", "color", "fallback", "title", "title_link", "text", "hide_color"}


@method("chat.postMessage", required="channel", optional=POST, scope="chat:write")
def post_message(workspace: Workspace, args: Arguments) -> Json:
    channel = _destination(workspace, args.need("channel"))
    _may_post(channel)
    content = _content(args)
    thread_ts = _thread(workspace, channel, args)
    message = Message(channel.id, workspace.new_ts(), BOT_USER, by_bot=True, thread_ts=thread_ts, **content)
    message.metadata = _metadata(args)
    workspace.record.append(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": message.as_json()}


@method("chat.postEphemeral", required="channel user", optional=POST, scope="chat:write")
def post_ephemeral(workspace: Workspace, args: Arguments) -> Json:
    channel = workspace.channel(args.need("channel"))
    _may_post(channel)
    if args.need("user") not in channel.members:
        raise Refusal("user_not_in_channel")
    content = _content(args)
    message = Message(channel.id, workspace.new_ts(), BOT_USER, by_bot=True, ephemeral_to=args.need("user"), **content)
    message.thread_ts = args.text("thread_ts")
    workspace.record.append(message)
    return {"ok": True, "message_ts": message.ts}


@method("chat.update", required="channel ts", optional=POST, scope="chat:write")
def update(workspace: Workspace, args: Arguments) -> Json:
    message = _own(workspace, args, "cant_update_message")
    if message.streaming:
        raise Refusal("streaming_state_conflict")
    if len(args.text("text", "") or "") > MAX_UPDATE_TEXT:
        raise Refusal("msg_too_long")
    content = _content(args)
    message.text = content["text"]
    message.blocks = content["blocks"]
    message.edited = "text" in args and not content["blocks"]
    if "metadata" in args:
        message.metadata = _metadata(args)
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message.as_json(),
    }


@method("chat.delete", required="channel ts", scope="chat:write")
def delete(workspace: Workspace, args: Arguments) -> Json:
    message = _own(workspace, args, "cant_delete_message")
    message.deleted = True
    return {"ok": True, "channel": message.channel, "ts": message.ts}


@method("chat.getPermalink", required="channel message_ts", takes_json=False)
def permalink(workspace: Workspace, args: Arguments) -> Json:
    channel, ts = workspace.channel(args.need("channel")).id, args.need("message_ts")
    if workspace.message(channel, ts) is None:
        raise Refusal("message_not_found")
    return {
        "ok": True,
        "channel": channel,
        "permalink": f"https://desk.slack.com/archives/{channel}/p{ts.replace('.', '')}",
    }


@method(
    "chat.unfurl",
    optional="channel ts unfurl_id source unfurls metadata user_auth_message user_auth_required user_auth_url "
    "user_auth_blocks",
    scope="links:write",
)
def unfurl(workspace: Workspace, args: Arguments) -> Json:
    link = _link(workspace, args)
    previews = args.parsed("unfurls")
    if not previews:
        raise Refusal("missing_unfurls")
    if not isinstance(previews, dict) or not set(previews) <= set(link.urls):
        raise Refusal("cannot_unfurl_url")
    for url, preview in previews.items():
        _check_preview(url, preview)
    message = workspace.message(link.channel, link.ts)
    (link.unfurls if message is None else message.unfurls).update(previews)
    return {"ok": True}


@method(
    "chat.startStream",
    required="channel thread_ts",
    optional=f"recipient_team_id recipient_user_id task_display_mode {STREAM}",
    scope="chat:write",
)
def start_stream(workspace: Workspace, args: Arguments) -> Json:
    channel = workspace.channel(args.need("channel"))
    _may_post(channel)
    for name in ("recipient_team_id", "recipient_user_id"):
        if channel.kind != "im" and args.text(name) is None:
            raise Refusal(f"missing_{name}")
    thread_ts = _thread(workspace, channel, args)
    message = Message(channel.id, workspace.new_ts(), BOT_USER, by_bot=True, streaming=True, thread_ts=thread_ts)
    _append(message, args)
    workspace.record.append(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


@method("chat.appendStream", required="channel ts", optional=STREAM, scope="chat:write")
def append_stream(workspace: Workspace, args: Arguments) -> Json:
    message = _stream(workspace, args)
    _append(message, args)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


@method(
    "chat.stopStream", required="channel ts", optional=f"blocks metadata session_status {STREAM}", scope="chat:write"
)
def stop_stream(workspace: Workspace, args: Arguments) -> Json:
    message = _stream(workspace, args)
    _append(message, args)
    message.blocks = _blocks(args)
    message.metadata = _metadata(args)
    message.streaming = False
    return {"ok": True, "channel": message.channel, "ts": message.ts, "message": message.as_json()}


def _destination(workspace: Workspace, channel_id: str) -> Channel:
    """A channel, or the direct conversation when a person is named."""
    if channel_id in workspace.users:
        return workspace.direct(channel_id)
    return workspace.channel(channel_id)


def _may_post(channel: Channel) -> None:
    if channel.archived:
        raise Refusal("is_archived")
    if BOT_USER not in channel.members:
        raise Refusal("not_in_channel")


def _content(args: Arguments) -> dict[str, Any]:
    text, markdown, blocks = args.text("text", ""), args.text("markdown_text"), _blocks(args)
    if markdown is not None:
        if text or blocks:
            raise Refusal("markdown_text_conflict")
        text = _markdown(markdown)
    if not text and not blocks:
        raise Refusal("no_text")
    return {"text": (text or "")[:MAX_TEXT], "blocks": blocks}


def _blocks(args: Arguments) -> list[Json]:
    blocks = args.parsed("blocks", "invalid_blocks_format")
    if blocks is None:
        return []
    found = problems(blocks)
    if found:
        messages = [f"[ERROR] {problem.text} [json-pointer:/blocks{problem.pointer}]" for problem in found]
        raise Refusal(found[0].error, errors=messages, response_metadata={"messages": messages})
    return list(blocks)


def _link(workspace: Workspace, args: Arguments) -> Link:
    """The links that a preview is for: by channel and ts, or by unfurl id and source. Raises `Refusal`."""
    unfurl_id, channel = args.text("unfurl_id"), args.text("channel")
    if unfurl_id is not None:
        found = workspace.links.get(unfurl_id)
        if found is None or args.text("source") != found.source:
            raise Refusal("cannot_find_message" if args.text("source") else "missing_source")
        return found
    if channel is None or args.text("ts") is None:
        raise Refusal("missing_channel" if channel is None else "missing_ts")
    for link in workspace.links.values():
        if (link.channel, link.ts) == (channel, args.text("ts")):
            return link
    raise Refusal("cannot_find_message")


def _check_preview(url: str, preview: Any) -> None:
    """Raises `Refusal` unless Slack could show it: blocks as in a message, or an old-fashioned attachment."""
    if not isinstance(preview, dict) or set(preview) - PREVIEW_KEYS:
        raise Refusal("cannot_parse_attachment")
    found = problems(preview.get("blocks", []))
    if found or len(preview.get("blocks", [])) > MAX_PREVIEW_BLOCKS:
        messages = [f"[ERROR] {p.text} [json-pointer:/{url}/blocks{p.pointer}]" for p in found] or ["too many blocks"]
        raise Refusal("cannot_parse_attachment", response_metadata={"messages": messages})


def _metadata(args: Arguments) -> Json | None:
    metadata = args.parsed("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")
    if not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise Refusal("invalid_metadata_schema")
    return metadata


def _thread(workspace: Workspace, channel: Channel, args: Arguments) -> str | None:
    thread_ts = args.text("thread_ts")
    if thread_ts is None:
        return None
    parent = workspace.message(channel.id, thread_ts)
    if parent is None or parent.thread_ts not in (None, thread_ts):
        raise Refusal("invalid_thread_ts")
    return thread_ts


def _own(workspace: Workspace, args: Arguments, refusal: str) -> Message:
    channel = workspace.channel(args.need("channel"))
    message = workspace.message(channel.id, args.need("ts"))
    if message is None or message.ephemeral_to is not None:
        raise Refusal("message_not_found")
    if not message.by_bot:
        raise Refusal(refusal)
    return message


def _stream(workspace: Workspace, args: Arguments) -> Message:
    message = _own(workspace, args, "message_not_owned_by_app")
    if not message.streaming:
        raise Refusal("message_not_in_streaming_state")
    return message


def _append(message: Message, args: Arguments) -> None:
    message.text += _markdown(args.text("markdown_text", "") or "")
    for chunk in args.parsed("chunks") or []:
        if not isinstance(chunk, dict) or chunk.get("type") not in CHUNKS:
            raise Refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] no such chunk type"]})
        if chunk["type"] == "markdown_text":
            message.text += _markdown(chunk.get("text", ""))


def _markdown(text: str) -> str:
    if len(text) > MAX_MARKDOWN:
        raise Refusal("msg_too_long")
    return text
