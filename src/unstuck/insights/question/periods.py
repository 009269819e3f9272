"""Calendar arithmetic on wall-clock time: periods, shifts, business days. Knows no language."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from unstuck.insights.plan import Grain

#: Months in a grain that is made of months.
MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
#: Length of a grain that is always equally long.
FIXED = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1), Grain.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of absolute time, UTC."""

    #: None: since the history began.
    start: datetime | None
    end: datetime
    #: The calendar period that it is, if it is one: "the week before" needs to know.
    unit: Grain | None = None
    #: The asker named an instant (now, a week ago, the end of March), which is `end`.
    point: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Where and when a question is read."""

    now: datetime
    timezone: str = "UTC"
    #: Whether people work on that day; Monday to Friday unless the desk has a calendar.
    works: Callable[[date], bool] = lambda day: day.weekday() < 5
    #: Whether the desk keeps a business calendar, in whose hours lengths of time are told unless said otherwise.
    business: bool = False

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def wall(self) -> datetime:
        """Now on the reader's wall clock, without zone."""
        return self.now.astimezone(self.zone).replace(tzinfo=None)

    @property
    def today(self) -> datetime:
        return floor(self.wall, Grain.DAY)

    def instant(self, wall: datetime) -> datetime:
        """The instant (UTC) at which the reader's clock shows `wall`; the first one when it does so twice."""
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def span(self, start: datetime | None, end: datetime, unit: Grain | None = None, *, point: bool = False) -> Span:
        """A span between two wall-clock times."""
        return Span(None if start is None else self.instant(start), self.instant(end), unit, point)

    def period(self, unit: Grain, wall: datetime) -> Span:
        """The calendar period that holds `wall`."""
        start = floor(wall, unit)
        return self.span(start, shift(start, unit, 1), unit)

    def this(self, unit: Grain, back: int = 0) -> Span:
        """The current period, or the one `back` periods ago."""
        return self.period(unit, shift(floor(self.wall, unit), unit, -back))

    def rolling(self, unit: Grain, n: float) -> Span:
        """The `n` units up to now: hours, days and weeks of exact length, months by the calendar."""
        if unit in FIXED:
            return Span(self.now - FIXED[unit] * n, self.now)
        return Span(self.instant(shift(self.wall, unit, -int(n))), self.now)

    def ago(self, unit: Grain, n: float) -> datetime:
        """The instant `n` units ago."""
        start = self.rolling(unit, n).start
        assert start is not None
        return start

    def business_days(self, n: int) -> Span:
        """The last `n` complete business days, and what lies between them."""
        day = self.today
        while n > 0:
            day -= timedelta(days=1)
            n -= self.works(day.date())
        return self.span(day, self.today)

    def to_now(self, span: Span) -> Span:
        return Span(span.start, self.now)


def floor(wall: datetime, unit: Grain) -> datetime:
    """The beginning of the period that holds `wall`; weeks begin on Monday."""
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case Grain.HOUR:
            return wall.replace(minute=0, second=0, microsecond=0)
        case Grain.DAY:
            return day
        case Grain.WEEK:
            return day - timedelta(days=day.weekday())
        case _:
            months = MONTHS[unit]
            return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def shift(wall: datetime, unit: Grain, n: int) -> datetime:
    """`wall` moved by `n` units; a day that the target month lacks becomes its last."""
    if unit in FIXED:
        return wall + FIXED[unit] * n
    months = wall.year * 12 + wall.month - 1 + MONTHS[unit] * n
    year, month = divmod(months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, calendar.monthrange(year, month + 1)[1]))


def unit_of(start: datetime, end: datetime) -> Grain | None:
    """The calendar unit of which the wall-clock window is exactly one period, largest first."""
    for unit in (Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.WEEK, Grain.DAY):
        if floor(start, unit) == start and shift(start, unit, 1) == end:
            return unit
    return None


def before(span: Span, reader: Reader, unit: Grain | None = None, n: int = 1) -> Span:
    """The stretch of equal kind before `span`: the week before a week, n days before n rolling days."""
    assert span.start is not None
    start, end = (at.astimezone(reader.zone).replace(tzinfo=None) for at in (span.start, span.end))
    own = unit or span.unit or unit_of(start, end)
    if own is None:
        length = span.end - span.start
        return Span(span.start - length * n, span.end - length * n)
    return reader.span(shift(start, own, -n), shift(end, own, -n), unit_of(start, end))
