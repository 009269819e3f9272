"""The preview of a ticket's address."""

from __future__ import annotations

from typing import Any

from bot.blocks.shapes import context
from bot.blocks.text import clip, moment, rich, rich_link, say, words
from unstuck.i18n import Lang, t
from unstuck.ticket_links import Linked

MAX_TITLE, MAX_NAME = 200, 60


def preview(found: Linked, lang: Lang, *, whole: bool) -> dict[str, Any]:
    """What is attached to the message. `whole`: every reader may know whose ticket it is and what it is about."""
    name = rich_link(found.url, clip(found.ticket, MAX_NAME) or "?")
    title = [words(f"  {clip(found.title, MAX_TITLE)}", bold=True)] if whole and found.title else []
    state = t(f"class.{found.stage_class}", lang) if found.stage_class else found.status or "–"
    parts = [say("links.state", lang, state=state), say("links.since", lang, at=moment(found.still_since, lang))]
    if whole:
        parts += [say("links.team", lang, team=clip(found.team, MAX_NAME))] if found.team else []
        parts += [say("links.assignee", lang, who=clip(found.assignee, MAX_NAME))] if found.assignee else []
    return {"blocks": [rich({"type": "rich_text_section", "elements": [name, *title]}), context(*parts)]}
