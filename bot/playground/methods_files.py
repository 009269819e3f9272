"""Web API methods: files.*: ask for an address, send the bytes there, complete."""

from __future__ import annotations

from bot.playground.calls import Arguments, Json, Refusal, method
from bot.playground.workspace import BOT_USER, Message, Workspace


@method(
    "files.getUploadURLExternal",
    required="filename length",
    optional="alt_txt snippet_type",
    scope="files:write",
    takes_json=False,
)
def get_upload_url(workspace: Workspace, args: Arguments) -> Json:
    length = args.number("length", 0)
    if length <= 0:
        raise Refusal("invalid_arguments")
    file_id = workspace.new_id("F")
    workspace.files[file_id] = {
        "id": file_id,
        "name": args.need("filename"),
        "size": length,
        "content": None,
        "shared": [],
    }
    return {"ok": True, "file_id": file_id, "upload_url": f"{workspace.base}/upload/{file_id}"}


@method(
    "files.completeUploadExternal",
    required="files",
    optional="channel_id channels initial_comment thread_ts blocks",
    scope="files:write",
)
def complete_upload(workspace: Workspace, args: Arguments) -> Json:
    files = [_complete(workspace, given) for given in args.parsed("files") or []]
    channel_id = args.text("channel_id")
    if channel_id is not None:
        channel = workspace.channel(channel_id)
        if channel.archived or BOT_USER not in channel.members:
            raise Refusal("is_archived" if channel.archived else "not_in_channel")
        for file in files:
            file["shared"].append(channel.id)
        message = Message(channel.id, workspace.new_ts(), BOT_USER, args.text("initial_comment", "") or "", by_bot=True)
        message.thread_ts, message.files = args.text("thread_ts"), [_shown(file) for file in files]
        workspace.record.append(message)
    return {"ok": True, "files": [_shown(file) for file in files]}


@method("files.info", required="file", optional="count cursor limit page", scope="files:read", takes_json=False)
def info(workspace: Workspace, args: Arguments) -> Json:
    file = workspace.files.get(args.need("file"))
    if file is None:
        raise Refusal("file_not_found")
    return {"ok": True, "file": _shown(file) | {"channels": file["shared"]}}


def receive(workspace: Workspace, file_id: str, content: bytes) -> bool:
    """Store the bytes of an announced file; False when nobody announced it or the length differs."""
    file = workspace.files.get(file_id)
    if file is None or file["size"] != len(content):
        return False
    file["content"] = content
    return True


def _complete(workspace: Workspace, given: Json) -> Json:
    file = workspace.files.get(str(given.get("id")))
    if file is None:
        raise Refusal("file_not_found")
    if file["content"] is None:
        raise Refusal("file_update_failed")
    file["title"] = given.get("title") or file["name"]
    return file


def _shown(file: Json) -> Json:
    return {"id": file["id"], "name": file["name"], "title": file.get("title", file["name"]), "size": file["size"]}
