"""Who may what."""

from datetime import timedelta

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.people import Member, People, read_member
from bot.playground.standin import SlackStandIn
from bot.roles import Named, Role, Roles, read_named, role_of, scope_of
from unstuck.clock import FrozenClock
from unstuck.insights.plan import Scope
from unstuck.settings import Settings
from unstuck.testing import NOON

ANA = Member("U0000001", "ana@desk.example")


def test_settings_name_people_by_id_mail_and_group() -> None:
    named = read_named("U0000001, Bo@Desk.example ,@leads, S0000009,")
    assert named == Named(frozenset({"U0000001"}), frozenset({"bo@desk.example"}), frozenset({"leads", "S0000009"}))
    assert not read_named(" , ")


@pytest.mark.parametrize(
    ("member", "managers", "admins", "groups", "role"),
    [
        (ANA, "", "", (), Role.MEMBER),
        (ANA, "U0000001", "", (), Role.MANAGER),
        (ANA, "ANA@desk.example", "", (), Role.MANAGER),
        (ANA, "@leads", "", ("leads",), Role.MANAGER),
        (ANA, "@leads", "", ("others",), Role.MEMBER),
        (ANA, "U0000001", "U0000001", (), Role.ADMIN),
        (Member("U0000001", guest=True), "U0000001", "U0000001", (), Role.GUEST),
        (Member("U0000001", stranger=True), "U0000001", "", (), Role.STRANGER),
    ],
)
def test_roles(member: Member, managers: str, admins: str, groups: tuple[str, ...], role: Role) -> None:
    assert role_of(member, read_named(managers), read_named(admins), frozenset(groups)) == role


def test_rankings_of_persons_stay_closed_until_managers_are_named() -> None:
    assert scope_of(Role.MEMBER, managers_named=False) == Scope(persons=False)
    assert scope_of(Role.MEMBER, managers_named=True) is None
    assert scope_of(Role.MANAGER, managers_named=True) == Scope(persons=True)
    assert scope_of(Role.GUEST, managers_named=False) is None


@pytest.mark.parametrize(
    ("user", "stranger", "guest"),
    [
        ({"id": "U1", "team_id": "T1"}, False, False),
        ({"id": "U1", "team_id": "T2"}, True, False),
        ({"id": "U1", "team_id": "T1", "is_bot": True}, True, False),
        ({"id": "U1", "team_id": "T1", "deleted": True}, True, False),
        ({"id": "U1", "team_id": "T1", "is_ultra_restricted": True}, False, True),
        ({"id": "U1", "team_id": "T1", "is_stranger": True}, True, False),
    ],
)
def test_members_guests_and_strangers(user: dict[str, object], stranger: bool, guest: bool) -> None:
    member = read_member(user, "T1")
    assert (member.stranger, member.guest) == (stranger, guest)


def a_client(slack: SlackStandIn) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.url, retry_handlers=[])


def test_user_groups_are_asked_for_once_in_ten_minutes(slack: SlackStandIn) -> None:
    clock = FrozenClock(NOON)
    ana, bo = slack.add_user("ana"), slack.add_user("bo")
    slack.add_group("leads", [ana])
    roles = Roles(Settings(managers="@leads"), a_client(slack), clock)
    people = People(a_client(slack), clock, "T0UNSTUCK")
    assert [roles.role(people.get(user)) for user in (ana, bo, ana)] == [Role.MANAGER, Role.MEMBER, Role.MANAGER]
    assert len(slack.calls("usergroups.list")) == 1
    slack.workspace.groups.clear()
    clock.tick(timedelta(minutes=11))
    assert roles.role(people.get(ana)) == Role.MEMBER
    assert len(slack.calls("users.info")) == 3


def test_without_user_groups_roles_by_group_do_not_apply(slack: SlackStandIn) -> None:
    slack.faults.refuse("usergroups.list", "plan_upgrade_required")
    roles = Roles(Settings(managers="@leads"), a_client(slack), FrozenClock(NOON))
    assert roles.role(ANA) == Role.MEMBER


def test_nobody_is_let_in_on_a_guess(slack: SlackStandIn) -> None:
    people = People(a_client(slack), FrozenClock(NOON), "T0UNSTUCK")
    slack.faults.status("users.info", 500)
    with pytest.raises(SlackApiError):
        people.get(slack.add_user("ana"))
    assert people.get("U404").stranger
