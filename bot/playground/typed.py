"""What somebody typed, as Slack carries it: escaped, with `@name`, `#channel` and addresses as live ones."""

from __future__ import annotations

import re

from bot.playground.workspace import BOT_USER, Workspace

_ADDRESS = re.compile(r"(https?://[^\s<>|]+)")
_NAMED = re.compile(r"(?<![\w@#])([@#])([^\s@#<>&,，。:：!?！？]+)")


def carried(text: str, workspace: Workspace) -> str:
    """`text` with Slack's escapes, mentions and links."""
    pieces = _ADDRESS.split(text)
    # Every second piece is an address.
    return "".join(f"<{_escaped(p)}>" if n % 2 else _named(_escaped(p), workspace) for n, p in enumerate(pieces))


def without_bot(text: str) -> tuple[str, bool]:
    """The text without its mentions of the bot, and whether there were any."""
    mention = f"<@{BOT_USER}>"
    return " ".join(text.replace(mention, " ").split()) if mention in text else text, mention in text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _named(text: str, workspace: Workspace) -> str:
    return _NAMED.sub(lambda found: _mention(found, workspace), text)


def _mention(found: re.Match[str], workspace: Workspace) -> str:
    sign, name = found.groups()
    if sign == "#":
        channels = (c for c in workspace.channels.values() if c.name == name)
        return next((f"<#{c.id}|{c.name}>" for c in channels), found.group())
    users = (user for user in workspace.users.values() if _slug(user.name) == _slug(name))
    return next((f"<@{user.id}>" for user in users), found.group())


def _slug(name: str) -> str:
    """Names have spaces, mentions have none: `@Ana.Ferreira`."""
    return name.lower().replace(" ", ".")
