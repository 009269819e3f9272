"""Who somebody in Slack is: member, guest or from elsewhere, their e-mail and their language."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.posting import LINE_BROKEN
from unstuck.clock import Clock
from unstuck.i18n import Lang

log = logging.getLogger("unstuck.bot")

#: How long Slack's word about a person is believed.
FRESH_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Member:
    """A person as Slack knows them."""

    id: str
    email: str | None = None
    #: The language of their Slack; None when it is neither English nor Chinese.
    lang: Lang | None = None
    timezone: str = "UTC"
    #: May see some channels only.
    guest: bool = False
    #: Belongs to another organisation, is a bot, is gone, or is unknown to Slack.
    stranger: bool = False


class People:
    """Looks people up and remembers them for a while. Thread-safe."""

    def __init__(
        self,
        client: WebClient,
        clock: Clock,
        team_id: str,
        chosen: Callable[[str], Lang | None] = lambda _: None,
        enterprise_id: str | None = None,
    ) -> None:
        """`chosen`: the language that somebody told us, by Slack user id. `enterprise_id`: set where a whole
        organisation is at home, not one workspace of it.
        """
        self._client, self._clock, self._team_id, self._chosen = client, clock, team_id, chosen
        self._enterprise_id = enterprise_id
        self._known: dict[str, tuple[datetime, Member]] = {}
        self._lock = threading.Lock()

    def get(self, user_id: str) -> Member:
        """The person. Raises `SlackApiError` when Slack does not answer: nobody is let in on a guess."""
        now = self._clock.now()
        with self._lock:
            seen = self._known.get(user_id)
        if seen is not None and now - seen[0] < FRESH_FOR:
            return seen[1]
        member = self._look_up(user_id)
        with self._lock:
            self._known[user_id] = (now, member)
        return member

    def forget(self, user_id: str) -> None:
        """Ask Slack again the next time."""
        with self._lock:
            self._known.pop(user_id, None)

    def lang(self, user_id: str | None, default: Lang) -> Lang:
        """The language that the person chose, or that of their Slack; `default` for a channel, or when it is not to be known."""
        if user_id is None:
            return default
        try:
            return self._chosen(user_id) or self.get(user_id).lang or default
        except (SlackApiError, *LINE_BROKEN) as error:
            log.info("language of %s not known: %s", user_id, error)
            return default

    def _look_up(self, user_id: str) -> Member:
        try:
            answer = self._client.users_info(user=user_id, include_locale=True)
        except SlackApiError as error:
            if error.response.get("error") in ("user_not_found", "user_not_visible"):
                return Member(user_id, stranger=True)
            raise
        return read_member(answer["user"], self._team_id, self._enterprise_id)


def read_member(user: dict[str, Any], team_id: str, enterprise_id: str | None = None) -> Member:
    """A user object of Slack's as a `Member`."""
    locale = str(user.get("locale") or "")
    organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
    is_ours = (user.get("team_id") or team_id) == team_id or (
        enterprise_id is not None and organisation == enterprise_id
    )
    elsewhere = user.get("is_stranger") or not is_ours
    lang: Lang | None = "zh" if locale.startswith("zh") else "en" if locale.startswith("en") else None
    return Member(
        id=str(user["id"]),
        email=(user.get("profile") or {}).get("email"),
        lang=lang,
        timezone=str(user.get("tz") or "UTC"),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        stranger=bool(elsewhere or user.get("is_bot") or user.get("deleted")),
    )
