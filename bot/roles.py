"""Who may what. Managers and admins are named in the settings; everybody else is a member, guest or stranger."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.people import Member
from unstuck.clock import Clock
from unstuck.insights.plan import Scope
from unstuck.settings import Settings

log = logging.getLogger("unstuck.bot")

FRESH_FOR = timedelta(minutes=10)
#: Slack's words for "this workspace has no user groups for you".
NO_GROUPS = frozenset({"plan_upgrade_required", "missing_scope", "not_allowed_token_type"})


class Role(IntEnum):
    """From least to most."""

    STRANGER = 0
    GUEST = 1
    MEMBER = 2
    MANAGER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Named:
    """People named in a setting: Slack ids, e-mails (lower case), user groups by id or handle."""

    ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.emails or self.groups)

    def holds(self, member: Member, groups: frozenset[str]) -> bool:
        """`groups`: ids and handles of the groups that `member` is in."""
        by_email = member.email is not None and member.email.lower() in self.emails
        return member.id in self.ids or by_email or bool(self.groups & groups)


def read_named(setting: str) -> Named:
    """The people that a comma-separated setting names."""
    parts = [part.strip().removeprefix("@").strip("<>!") for part in setting.split(",") if part.strip()]
    ids = frozenset(part for part in parts if re.fullmatch(r"[UW][A-Z0-9]{6,}", part))
    emails = frozenset(part.lower() for part in parts if "@" in part)
    return Named(ids, emails, frozenset(parts) - ids - {part for part in parts if "@" in part})


def role_of(member: Member, managers: Named, admins: Named, groups: frozenset[str]) -> Role:
    """Guests and strangers stay what they are, whatever a setting says."""
    if member.stranger:
        return Role.STRANGER
    if member.guest:
        return Role.GUEST
    if admins.holds(member, groups):
        return Role.ADMIN
    return Role.MANAGER if managers.holds(member, groups) else Role.MEMBER


def scope_of(role: Role, *, managers_named: bool) -> Scope | None:
    """What somebody may ask about the desk; None: nothing.

    While no managers are named every full member may ask for aggregates; rankings of persons stay closed.
    """
    if role >= Role.MANAGER:
        return Scope(persons=True)
    if role == Role.MEMBER and not managers_named:
        return Scope(persons=False)
    return None


class Roles:
    """Finds roles; user groups are asked for at most every ten minutes. Thread-safe."""

    def __init__(
        self, settings: Settings, client: WebClient, clock: Clock, *, teams: tuple[str, ...] | None = None
    ) -> None:
        #: The teams whose tickets this workspace may see; None: all.
        self._teams = teams
        self._managers, self._admins = read_named(settings.managers), read_named(settings.admins)
        self._client, self._clock = client, clock
        self._lock = threading.Lock()
        self._read_at: datetime | None = None
        self._groups: dict[str, frozenset[str]] = {}

    def role(self, member: Member) -> Role:
        groups = self._groups_of(member.id) if self._managers.groups or self._admins.groups else frozenset()
        return role_of(member, self._managers, self._admins, groups)

    def administers(self, member: Member) -> bool:
        """Whether somebody may see to the desk itself: admins; managers while no admins are named."""
        return self.role(member) >= (Role.ADMIN if self._admins else Role.MANAGER)

    def scope(self, member: Member) -> Scope | None:
        """What `member` may ask about the desk; None: nothing."""
        scope = scope_of(self.role(member), managers_named=bool(self._managers))
        return scope if scope is None or self._teams is None else scope.model_copy(update={"teams": self._teams})

    def _groups_of(self, user_id: str) -> frozenset[str]:
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= FRESH_FOR:
                self._groups, self._read_at = self._read_groups(), now
            return self._groups.get(user_id, frozenset())

    def _read_groups(self) -> dict[str, frozenset[str]]:
        try:
            groups = self._client.usergroups_list(include_users=True)["usergroups"]
        except SlackApiError as error:
            if error.response.get("error") not in NO_GROUPS:
                raise
            log.warning("user groups cannot be read (%s): roles by group do not apply", error.response.get("error"))
            return {}
        found: dict[str, frozenset[str]] = {}
        for group in groups:
            for user in group.get("users", []):
                found[user] = found.get(user, frozenset()) | {group["id"], group.get("handle", "")}
        return found
