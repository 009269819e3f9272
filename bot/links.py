"""Previews of tickets' addresses, as far as everybody in the channel may see them.

A channel that somebody from another organisation or a guest reads gets none. Where there are too many readers to
look at each, and where the ticket is another team's than the channel, it is the number and the state.
"""

from __future__ import annotations

import logging
from enum import IntEnum
from typing import Any

from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot import refusals
from bot.blocks.links import preview
from bot.channels import HIDDEN, look_at
from bot.desk import Desk
from bot.intake import Job, Unasked
from bot.roles import Role
from unstuck import ticket_links
from unstuck.ticket_links import Linked

log = logging.getLogger("unstuck.bot")

#: More readers are not looked at one by one: each may cost a call to Slack.
MOST_READERS = 50
#: The message was deleted meanwhile, or shows previews of its own.
GONE = frozenset({"cannot_find_message", "cannot_unfurl_message", "cannot_unfurl_url", "message_not_found"})
#: Links of one message that get a preview.
MOST_LINKS = 5


class Sees(IntEnum):
    """What the readers of a channel may see of a ticket."""

    NOTHING = 0
    STATE = 1
    ALL = 2


def register(app: App) -> None:
    app.event("link_shared")(on_link)


def on_link(body: dict[str, Any], event: dict[str, Any], desk: Desk) -> None:
    # While a message is being written nobody knows who will read it.
    if event.get("source") == "composer" or not event.get("is_bot_user_member", True):
        return
    outside = bool(body.get("is_ext_shared_channel"))
    if not outside:
        desk.work.take(Job(lambda: _show(event, desk), Unasked("the preview of a link")))


def _show(event: dict[str, Any], desk: Desk) -> None:
    channel, urls = str(event["channel"]), [str(link["url"]) for link in event["links"]]
    with desk.deps.sessions() as session:
        known = ((url, ticket_links.find(session, url)) for url in urls)
        found = {url: ticket for url, ticket in known if ticket is not None and _is_ours(ticket, desk)}
        teams = ticket_links.is_team_channel(session, channel)
    # Links of nobody's tickets are looked up first: they cost no call to Slack.
    if not found or (sees := _readers(channel, str(event["user"]), desk)) is Sees.NOTHING:
        return
    lang = desk.deps.settings.lang
    shown = {
        url: preview(ticket, lang, whole=_whole(ticket, channel, sees, teams=teams))
        for url, ticket in list(found.items())[:MOST_LINKS]
    }
    try:
        desk.client.chat_unfurl(channel=channel, ts=event["message_ts"], unfurls=shown)
    except SlackApiError as error:
        if refusals.word(error) not in GONE:
            raise
        log.info("no preview in %s: %s", channel, error)


def _is_ours(ticket: Linked, desk: Desk) -> bool:
    """Whether this workspace may see anything of the ticket."""
    return desk.teams is None or ticket.team in desk.teams


def _whole(ticket: Linked, channel: str, sees: Sees, *, teams: bool) -> bool:
    """Whether title, team and assignee may stand there. `teams`: the channel is some team's own."""
    return sees is Sees.ALL and (not teams or ticket.team_channel == channel)


def _readers(channel: str, user: str, desk: Desk) -> Sees:
    """What whoever posted the link and everybody who reads it may see."""
    if desk.roles.role(desk.people.get(user)) < Role.MEMBER or look_at(desk.client, channel).is_shared:
        return Sees.NOTHING
    try:
        page = desk.client.conversations_members(channel=channel, limit=MOST_READERS)
    except SlackApiError as error:
        if refusals.word(error) not in HIDDEN:
            raise
        log.info("nobody knows who reads %s: %s", channel, error)
        return Sees.NOTHING
    readers = [one for one in page["members"] if one != desk.bot_user]
    if any(desk.roles.role(desk.people.get(one)) == Role.GUEST for one in readers):
        return Sees.NOTHING
    more = (page.get("response_metadata") or {}).get("next_cursor")
    return Sees.STATE if more else Sees.ALL
