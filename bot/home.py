"""The app's own pages: Home with what waits for the reader, and prompts in an empty conversation."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot import blocks
from bot.desk import Desk
from bot.people import Member
from bot.posting import LINE_BROKEN
from bot.roles import Role
from bot.waiting import waiting
from bot.work import Job
from unstuck.i18n import Lang, t

log = logging.getLogger("unstuck.bot")

PROMPTS = ("stuck", "open", "help")


def register(app: App) -> None:
    app.event("app_home_opened")(on_opened)


def on_opened(event: dict[str, Any], desk: Desk) -> None:
    show = _prompt if event.get("tab") == "messages" else _publish
    desk.work.take(Job(lambda: show(event, desk), _Nobody()))


class _Nobody:
    """Nobody asked anything: a page that fails to draw is no reason to write to somebody."""

    def busy(self) -> None: ...

    def too_busy(self) -> None: ...

    def too_late(self) -> None: ...

    def failed(self, error: Exception) -> None:
        log.error("a page could not be drawn", exc_info=error)


def waiting_for(desk: Desk, member: Member) -> list[blocks.Waiting]:
    """The tickets that wait for `member`, longest first."""
    with desk.deps.sessions() as session:
        return waiting(session, member)


def _publish(event: dict[str, Any], desk: Desk) -> None:
    member = desk.people.get(event["user"])
    lang = desk.lang(member)
    if desk.roles.role(member) < Role.MEMBER:
        view = {"type": "home", "blocks": blocks.notice("bot.guest", lang).blocks}
    else:
        may_ask = desk.roles.scope(member) is not None
        view = blocks.home(waiting_for(desk, member), lang, may_ask=may_ask)
    desk.client.views_publish(user_id=member.id, view=view)


def _prompt(event: dict[str, Any], desk: Desk) -> None:
    member = desk.people.get(event["user"])
    lang = desk.lang(member)
    try:
        desk.client.assistant_threads_setSuggestedPrompts(
            channel_id=event["channel"], prompts=[_worded(name, lang) for name in PROMPTS]
        )
    except (SlackApiError, *LINE_BROKEN) as error:
        log.info("no prompts shown: %s", error)


def _worded(name: str, lang: Lang) -> dict[str, str]:
    return {"title": t(f"bot.prompt_{name}", lang), "message": t(f"bot.prompt_{name}_text", lang)}
