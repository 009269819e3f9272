"""Decent hours: when a person may be disturbed. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from unstuck.nudges.rules import Hours
from unstuck.tickets.calendars import BusinessCalendar

#: A team whose working hours and decent hours do not meet in this many days is told when it works.
SEARCH_DAYS = 40


def zone_of(hours: Hours, calendar: BusinessCalendar | None, desk: str) -> ZoneInfo:
    """Whose clock counts: the rule's if it names one, else the team's, else the desk's."""
    return ZoneInfo(hours.timezone or (calendar.timezone if calendar else desk))


@lru_cache(maxsize=4096)
def next_decent(at: datetime, hours: Hours, calendar: BusinessCalendar | None, desk: str) -> datetime:
    """The first instant from `at` on that lies in decent hours and, with a calendar, in working hours."""
    zone, found = zone_of(hours, calendar, desk), at
    for _ in range(2 * SEARCH_DAYS):
        before = found
        found = _within(found if calendar is None else calendar.next_open(found), hours, zone)
        if found == before:
            return found
    return at if calendar is None else calendar.next_open(at)


def _within(at: datetime, hours: Hours, zone: ZoneInfo) -> datetime:
    """`at` if it is a decent hour on that clock, else the start of the next decent ones, in UTC."""
    local = at.astimezone(zone)
    day = local.date()
    if day.weekday() in hours.days and local.time() < hours.end:
        return max(at, _moment(day, hours.start, zone))
    day += timedelta(days=1)
    while day.weekday() not in hours.days:
        day += timedelta(days=1)
    return _moment(day, hours.start, zone)


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


@lru_cache(maxsize=4096)
def local_day(at: datetime, hours: Hours, calendar: BusinessCalendar | None, desk: str) -> tuple[datetime, datetime]:
    """The reader's day that `at` lies in, as `[start, end)` in UTC."""
    zone = zone_of(hours, calendar, desk)
    day = at.astimezone(zone).date()
    return _moment(day, time(0), zone), _moment(day + timedelta(days=1), time(0), zone)
