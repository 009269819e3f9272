"""Nobody is disturbed at night, on days off, or outside the team's hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.nudges.hours import local_day, next_decent
from unstuck.nudges.rules import Hours
from unstuck.tickets.calendars import BusinessCalendar, make

OFFICE = make("Asia/Shanghai", {str(n): [["09:30", "12:00"], ["13:30", "18:30"]] for n in range(5)}, "CN")
NIGHT_SHIFT = make("UTC", {str(n): [["00:00", "05:00"]] for n in range(7)})
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.sampled_from([None, OFFICE]), st.sampled_from(["UTC", "America/New_York", "Asia/Shanghai"]))
def test_it_is_decent_and_the_first_such_minute(at: datetime, calendar: BusinessCalendar | None, desk: str) -> None:
    hours, zone = Hours(), ZoneInfo(calendar.timezone if calendar else desk)
    found = next_decent(at, hours, calendar, desk)
    assert found >= at
    assert _is_decent(found, hours, zone, calendar)
    probe = at
    while probe < found:
        assert not _is_decent(probe, hours, zone, calendar)
        probe += timedelta(minutes=7)


def _is_decent(at: datetime, hours: Hours, zone: ZoneInfo, calendar: BusinessCalendar | None) -> bool:
    local = at.astimezone(zone)
    works = calendar is None or calendar.is_open(at)
    return works and local.weekday() in hours.days and hours.start <= local.time() < hours.end


@pytest.mark.parametrize(
    ("at", "decent"),
    [
        ("2026-10-01T03:00:00+08:00", "2026-10-08T09:30:00+08:00"),  # National Day and Mid-Autumn
        ("2026-01-16T19:00:00+08:00", "2026-01-19T09:30:00+08:00"),  # Friday evening
        ("2026-01-14T12:30:00+08:00", "2026-01-14T13:30:00+08:00"),  # lunch
    ],
)
def test_china(at: str, decent: str) -> None:
    assert next_decent(datetime.fromisoformat(at), Hours(), OFFICE, "UTC") == datetime.fromisoformat(decent)


def test_a_team_that_only_works_at_night_hears_at_night() -> None:
    at = datetime(2026, 1, 14, 12, tzinfo=UTC)
    assert NIGHT_SHIFT.is_open(next_decent(at, Hours(), NIGHT_SHIFT, "UTC"))


def test_a_day_is_the_readers_also_when_clocks_change() -> None:
    start, end = local_day(datetime(2026, 3, 8, 12, tzinfo=UTC), Hours(), None, "America/New_York")
    assert end - start == timedelta(hours=23)
