"""What somebody typed, as Slack carries it: escaped, with `@name` and `#channel` as live mentions."""

from __future__ import annotations

import re

from bot.playground.workspace import BOT_USER, Workspace

_NAMED = re.compile(r"(?<![\w@#])([@#])([^\s@#<>&,，。:：!?！？]+)")


def carried(text: str, workspace: Workspace) -> str:
    """`text` with Slack's escapes and mentions."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _NAMED.sub(lambda found: _mention(found, workspace), escaped)


def without_bot(text: str) -> tuple[str, bool]:
    """The text without its mentions of the bot, and whether there were any."""
    mention = f"<@{BOT_USER}>"
    return " ".join(text.replace(mention, " ").split()) if mention in text else text, mention in text


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
