"""What is played with is a copy; who sits there comes from the desk; what time it is there is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.playground import seats
from bot.playground.standin import SlackStandIn
from unstuck import deps
from unstuck.cli.playground_desk import RUN, prepare
from unstuck.clock import FrozenClock
from unstuck.deps import Deps
from unstuck.errors import UsageError
from unstuck.settings import Settings
from unstuck.testing import NOON, a_ticket
from unstuck.testing_nudges import HASTY, sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.tables import Nudge, Person, Ticket

PEOPLE = [
    PersonRecord("ana", "Ana Costa", kind="agent", team="t1"),
    PersonRecord("lea", "Lea Brandt", kind="agent", email="lea@desk.example", team="t1"),
    PersonRecord("c1", "A Customer", kind="customer"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A desk of one's own with a nudge that is due."""
    (tmp_path / "nudges.toml").write_text(HASTY, encoding="utf-8")
    built = deps.build(Settings(home=tmp_path), clock=FrozenClock(NOON))
    tell(built, a_ticket("T-1", start=NOON - timedelta(days=2), team="t1", assignee="ana"), PEOPLE, TEAMS)
    sweep(built)
    built.close()
    return tmp_path


TEAMS = [TeamRecord("t1", "Spare Parts", lead="lea")]


def opened(home: Path) -> Deps:
    return deps.build(Settings(home=home))


def count(built: Deps, table: type[Nudge] | type[Ticket]) -> int:
    with built.sessions() as session:
        return len(session.exec(select(table)).all())


def test_ones_own_desk_is_copied_and_stays_as_it_is(home: Path) -> None:
    desk = prepare(home, "2026-01-07T12:00:00+01:00", "en")
    assert desk.settings.directory == home / RUN
    assert timedelta(0) <= desk.clock.now() - datetime(2026, 1, 7, 11, tzinfo=UTC) < timedelta(minutes=1)
    original, copy = opened(home), opened(home / RUN)
    assert count(original, Nudge) > 0
    # What is due is found anew, to be told in another Slack.
    assert (count(copy, Nudge), count(copy, Ticket)) == (0, 1)
    assert (home / RUN / "nudges.toml").read_text(encoding="utf-8") == HASTY
    with SlackStandIn() as slack, copy.sessions.begin() as session:
        seats.seat(slack, session)
    with original.sessions() as session:
        assert session.exec(select(Person.slack_id).where(Person.ext_id == "ana")).one() is None
    original.close()
    copy.close()


def test_every_start_is_the_same(home: Path) -> None:
    prepare(home, None, "en")
    (home / RUN / "left over").write_text("x", encoding="utf-8")
    desk = prepare(home, None, "en")
    assert not (desk.settings.directory / "left over").exists()


def test_a_time_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        prepare(tmp_path / "new", "tomorrow", "en")
    assert not (tmp_path / "new").exists()


def test_the_desks_people_sit_in_their_teams_channels(home: Path) -> None:
    built = opened(home)
    with SlackStandIn() as slack, built.sessions.begin() as session:
        seated = seats.seat(slack, session, {"en": "Europe/Berlin"})
        named = {user.name: user for user in slack.workspace.users.values()}
        channels = {channel.name: channel.members for channel in slack.workspace.channels.values()}
        emails = set(session.exec(select(Person.email)))
    assert "A Customer" not in named
    assert named["Ana Costa"].timezone == "Europe/Berlin"
    assert channels["spare-parts"][:2] == [named["Lea Brandt"].id, named["Ana Costa"].id]
    # Who has no address in the ticket system gets one here, so that nudges reach them.
    assert None in emails  # the customer
    assert named["Ana Costa"].email in emails
    assert {one.part for one in seated} == {"agent", "manager", "admin", "guest"}
    given = seats.roles(seated)
    assert all("@" in given[name] for name in ("managers", "admins"))
    guest = next(one.user for one in seated if one.part == "guest")
    assert [name for name, members in channels.items() if guest in members and name] == ["partners"]
    built.close()


def test_a_desk_that_names_nobody_gets_people() -> None:
    with SlackStandIn() as slack:
        built = deps.build(Settings(home=Path("/nonexistent"), database_url="sqlite://"))
        with built.sessions.begin() as session:
            seated = seats.seat(slack, session)
        built.close()
    assert {one.part for one in seated} == {"agent", "manager", "admin", "guest"}
