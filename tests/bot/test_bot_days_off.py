"""Days off ahead that the calendar does not know: asked of the admins once, and answered by two buttons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.clients import web_client
from bot.notices import deliver_notices
from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from bot.playground.workspace import Message
from bot.testing import small_desk
from unstuck.clock import FrozenClock
from unstuck.jobs import Jobs
from unstuck.testing import days_of_work
from unstuck.testing_nudges import tell
from unstuck.tickets.calendars import load_calendars
from unstuck.tickets.changes import TeamRecord
from unstuck.tickets.database import reading
from unstuck.tickets.roster import put_calendars, put_teams
from unstuck.tickets.store import get_source
from unstuck.tickets.tables import Calendar, Notice

OFFICE = {str(day): [["09:00", "18:00"]] for day in range(5)}
#: Good Friday, Tiradentes' Day with the Monday before it, Labour Day.
RESTED = {date(2026, 4, 3), date(2026, 4, 20), date(2026, 4, 21), date(2026, 5, 1)}
CORPUS_CHRISTI, FRIDAY_AFTER = date(2026, 6, 4), date(2026, 6, 5)


@dataclass
class Place:
    bot: Running
    boss: str
    ana: str

    def hour(self) -> None:
        """What is done every hour, and sent."""
        Jobs(self.bot.deps).days_off()
        deliver_notices(self.bot.deps, web_client(self.bot.deps.settings))

    def letters(self) -> list[Message]:
        return self.bot.slack.messages(self.bot.slack.direct(self.boss), by_bot=True)

    def press(self, action: str, user: str | None = None, *, value: str | None = None) -> Message:
        message = self.letters()[-1]
        if value is not None:
            message.buttons()[action]["value"] = value
        assert self.bot.slack.press(user or self.boss, message, action).ok
        self.bot.settle()
        return next(one for one in self.letters() if one.ts == message.ts)

    def works_on(self, day: date) -> bool:
        with reading(self.bot.deps.engine) as connection:
            calendar = load_calendars(connection)[None]
        return calendar.works_on(day)

    def told(self, user: str) -> str:
        return "\n".join(one.all_text() for one in self.bot.slack.messages() if one.ephemeral_to == user)


@pytest.fixture
def place(slack: SlackStandIn, tmp_path: Path) -> Iterator[Place]:
    boss, ana = slack.add_user("boss", email="boss@desk.example"), slack.add_user("ana")
    clock = FrozenClock(datetime(2026, 5, 27, 15, tzinfo=UTC))
    with (
        small_desk(tmp_path, slack, clock=clock, admins="boss@desk.example") as deps,
        running(deps, slack) as bot,
    ):
        tell(deps, days_of_work(date(2026, 3, 2), date(2026, 5, 27), RESTED))
        yield Place(bot, boss, ana)


def a_calendar(place: Place, **more: object) -> None:
    stored = Calendar(**{"name": "default", "timezone": "America/Sao_Paulo", "hours": OFFICE, "exceptions": {}, **more})
    with place.bot.deps.sessions.begin() as session:
        put_calendars(session, [stored])


def test_an_admin_is_asked_once_and_the_answer_is_in_the_calendar(place: Place) -> None:
    a_calendar(place)
    place.hour()
    place.hour()
    [asked] = place.letters()
    assert problems(asked.blocks) == []
    assert "Thu, 4 Jun 2026" in asked.all_text()
    assert "Corpus Christi, Brazil" in asked.all_text()
    assert place.works_on(CORPUS_CHRISTI)
    a_calendar(place, name="Night shift")
    settled = place.press("day_off_closed")
    assert problems(settled.blocks) == []
    assert not settled.buttons()
    assert f"<@{place.boss}>" in settled.all_text()
    assert '"2026-06-04" = "off"' in settled.all_text()
    with reading(place.bot.deps.engine) as connection:
        rows = connection.execute(select(Calendar)).all()
    assert [row.exceptions for row in rows] == [{"2026-06-04": "off"}] * 2


def test_once_a_day_is_off_the_day_between_it_and_the_weekend_is_asked_about(place: Place) -> None:
    a_calendar(place)
    place.hour()
    place.press("day_off_closed")
    place.hour()
    assert "Fri, 5 Jun 2026 may be a day off (between a day off and a weekend" in place.letters()[-1].text
    place.press("day_off_open")
    assert place.works_on(FRIDAY_AFTER)
    place.hour()
    assert len(place.letters()) == 2


def test_a_day_that_is_worked_is_kept_as_such(place: Place) -> None:
    a_calendar(place, country="BR", exceptions={"2026-06-08": "off"})
    place.hour()
    settled = place.press("day_off_open")
    assert "works as usual" in settled.all_text()
    with reading(place.bot.deps.engine) as connection:
        exceptions = dict(load_calendars(connection)[None].exceptions)
    assert exceptions == {CORPUS_CHRISTI: ((540, 1080),), date(2026, 6, 8): ()}


def test_nobody_is_asked_what_the_calendar_has_answered_meanwhile(place: Place) -> None:
    a_calendar(place)
    Jobs(place.bot.deps).days_off()
    a_calendar(place, exceptions={CORPUS_CHRISTI.isoformat(): "off"})
    deliver_notices(place.bot.deps, web_client(place.bot.deps.settings))
    assert place.letters() == []
    with place.bot.deps.sessions() as session:
        assert [notice.state for notice in session.exec(select(Notice)).all()] == ["withdrawn"]


def test_only_who_sees_to_the_desk_may_answer(place: Place) -> None:
    a_calendar(place)
    place.hour()
    place.press("day_off_closed", place.ana)
    assert "UNSTUCK_ADMINS" in place.told(place.ana)
    assert place.works_on(CORPUS_CHRISTI)


@pytest.mark.parametrize("value", ["", "2026-06-11", "yesterday", "0001-01-01"])
def test_a_day_that_nobody_asked_about_changes_nothing(place: Place, value: str) -> None:
    a_calendar(place)
    place.hour()
    place.press("day_off_closed", value=value)
    assert "Nothing was changed" in place.told(place.boss)
    assert all(place.works_on(date(2026, 6, day)) for day in (4, 5, 11))


def test_a_calendar_that_is_gone_is_said_to_be(place: Place) -> None:
    a_calendar(place)
    place.hour()
    with place.bot.deps.sessions.begin() as session:
        session.delete(session.get_one(Calendar, "default"))
    place.press("day_off_closed")
    assert "Nothing was changed" in place.told(place.boss)


def test_nobody_is_asked_without_a_calendar_or_about_what_it_knows_or_long_before(place: Place) -> None:
    place.hour()
    a_calendar(place)
    a_calendar(place, name="Night shift", country="DE")
    with place.bot.deps.sessions.begin() as session:
        put_teams(
            session, get_source(session, "test", "test"), [TeamRecord("n", "Night shift", calendar="Night shift")]
        )
    place.hour()
    assert place.letters() == [], "teams that rest by different calendars"
    a_calendar(place, name="Night shift")
    a_calendar(place, exceptions={CORPUS_CHRISTI.isoformat(): "off", FRIDAY_AFTER.isoformat(): "off"})
    place.hour()
    assert place.letters() == []
    a_calendar(place)
    assert isinstance(place.bot.deps.clock, FrozenClock)
    for days in (-8, 7.5):
        # Long before, and on the evening before, when nobody is disturbed until the day itself.
        place.bot.deps.clock.at = datetime(2026, 5, 27, 15, tzinfo=UTC) + timedelta(days=days)
        place.hour()
        assert place.letters() == []
