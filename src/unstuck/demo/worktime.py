"""Working hours of the desk's two offices, and moments in them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class DeskCalendar:
    """Business hours as the store keeps them (see `unstuck.tickets.tables.Calendar`)."""

    name: str
    timezone: str
    #: Weekday ("0" is Monday) to intervals.
    hours: dict[str, list[list[str]]]
    #: Country whose public holidays (and make-up working days) apply.
    country: str
    exceptions: dict[str, Any] = field(default_factory=dict)


_WEEKDAYS, _SATURDAY, _SUNDAY = "01234", "5", "6"
#: Shanghai has lunch together, and somebody is there every day; Berlin closes on Sundays.
CALENDARS = (
    DeskCalendar(
        "Berlin",
        "Europe/Berlin",
        {**dict.fromkeys(_WEEKDAYS, [["08:00", "20:00"]]), _SATURDAY: [["10:00", "16:00"]]},
        "DE",
    ),
    DeskCalendar(
        "Shanghai",
        "Asia/Shanghai",
        {
            **dict.fromkeys(_WEEKDAYS, [["09:00", "12:00"], ["13:00", "21:00"]]),
            **dict.fromkeys((_SATURDAY, _SUNDAY), [["09:00", "12:00"], ["13:00", "18:00"]]),
        },
        "CN",
    ),
)


class Shifts:
    """The working intervals of a calendar between two days, in epoch seconds."""

    def __init__(self, calendar: DeskCalendar, first: date, last: date) -> None:
        self.zone = ZoneInfo(calendar.timezone)
        spans = [span for day in _days(first, last) for span in self._of_day(calendar, day)]
        self._starts = [start for start, _ in spans]
        self._before = [0.0, *accumulate(end - start for start, end in spans)]

    def _of_day(self, calendar: DeskCalendar, day: date) -> list[tuple[float, float]]:
        return [
            (
                datetime.combine(day, time.fromisoformat(start), self.zone).timestamp(),
                datetime.combine(day, time.fromisoformat(end), self.zone).timestamp(),
            )
            for start, end in _hours(calendar, day)
        ]

    def after(self, at: float, work: float) -> float:
        """The moment when `work` working seconds have passed since `at`; `at` itself may lie outside hours."""
        done = self._elapsed(at) + max(work, 1.0)
        at_span = min(bisect_right(self._before, done - 1e-6) - 1, len(self._starts) - 1)
        return self._starts[at_span] + done - self._before[at_span]

    def _elapsed(self, at: float) -> float:
        """Working seconds before `at`."""
        span = bisect_right(self._starts, at) - 1
        if span < 0:
            return 0.0
        return self._before[span] + min(at - self._starts[span], self._before[span + 1] - self._before[span])


def _hours(calendar: DeskCalendar, day: date) -> list[list[str]]:
    holidays, made_up = _special_days(calendar.country, day.year)
    if day in holidays:
        return []
    if day in made_up:
        return calendar.hours["0"]
    return calendar.hours.get(str(day.weekday()), [])


@cache
def _special_days(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of a year and the weekend days worked in exchange."""
    # Half a second to import: too much for commands that only pass by here.
    import holidays

    found = holidays.country_holidays(country, years=year)
    return frozenset(found), frozenset(getattr(found, "weekend_workdays", ()))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
