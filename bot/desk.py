"""What every listener works with. Bolt hands it to a parameter named `desk`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slack_sdk import WebClient

from bot import refusals
from bot.intake import Intake
from bot.people import Member, People
from bot.posting import Directly, InThread, Place, Privately
from bot.roles import Role, Roles
from unstuck import preferences
from unstuck.i18n import Lang

if TYPE_CHECKING:
    from unstuck.deps import Deps


@dataclass(frozen=True, slots=True)
class Desk:
    """Slack, the store and everything between them, built once by `create_app`."""

    deps: Deps
    client: WebClient
    work: Intake
    people: People
    roles: Roles
    #: The bot's own user id, and the workspace it was installed in.
    bot_user: str
    team_id: str
    app_id: str | None = None
    #: The organisation, where it installed the app for all of its workspaces.
    enterprise_id: str | None = None
    #: The teams whose tickets this workspace may see; None: all.
    teams: tuple[str, ...] | None = None

    def lang(self, member: Member) -> Lang:
        """The language of somebody who has not written anything to go by."""
        return preferences.lang_of(self.deps.sessions, member.id) or member.lang or self.deps.settings.lang

    def alone(self, *, alone: bool) -> bool:
        """Whether internal resolutions may be told: nobody reads along, and they are not another workspace's."""
        return alone and self.teams is None

    def admits(self, member: Member, place: Place) -> bool:
        """Whether `member` may see internal things; if not, they are told why and whom to ask."""
        role = self.roles.role(member)
        if role >= Role.MEMBER:
            return True
        place.tell("bot.guest" if role == Role.GUEST else "bot.not_member")
        return False

    def trouble(self, kind: str, error: Exception, place: str = "") -> None:
        """Count something that did not get through to Slack, for an admin to see."""
        if self.work.errands is not None:
            self.work.errands.trouble(kind, refusals.word(error), place)

    def thread(self, channel: str, thread_ts: str | None, lang: Lang) -> InThread:
        return InThread(self.client, channel, thread_ts, lang)

    def direct(self, user_id: str, lang: Lang) -> InThread:
        """The conversation between the bot and one person."""
        opened = self.client.conversations_open(users=user_id)
        return InThread(self.client, opened["channel"]["id"], None, lang)

    def directly(self, user_id: str, lang: Lang | None = None) -> Directly:
        """The same, opened only when there is something to tell."""
        return Directly(self.client, user_id, lang or self.deps.settings.lang)

    def privately(self, response_url: str, user_id: str, lang: Lang | None = None) -> Privately:
        """One person alone, where they typed or pressed something."""
        lang = lang or self.deps.settings.lang
        return Privately(response_url, lang, self.client.proxy, self.directly(user_id, lang))
