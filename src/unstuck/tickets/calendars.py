"""Business calendars: how much working time lies between two instants.

A calendar is weekly opening hours on the wall clock of one time zone, less public holidays, plus
China's make-up working days, with exceptions by date. `business_seconds` is a clock B(t) that stands
still while the desk is closed, so every business duration is `B(end) - B(start)`. Only differences of
B mean anything; its zero is arbitrary.

Hours cannot run over midnight: write 22:00-24:00 and 00:00-06:00 of the next day. On days when clocks
change, a stretch from 09:00 to 17:00 lasts as long as it really does; a wall time that is skipped means
the same time an hour later, one that comes twice means the first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from unstuck.errors import UserError
from unstuck.tickets import tables
from unstuck.tickets.public_holidays import special_days

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

#: Minutes after local midnight: half-open `[open, close)`.
Stretch = tuple[int, int]
Day = tuple[Stretch, ...]

#: B counts from the start of this year on the calendar's wall clock, downwards before it.
_ORIGIN = 2020
#: Beyond these years no calendar is worth computing; instants outside count as closed.
_YEARS = (1970, 2200)
_MINUTES_A_DAY = 24 * 60
#: A calendar that is closed for this long has no next opening.
_LONGEST_CLOSURE_YEARS = 3

_CALENDAR: Table = SQLModel.metadata.tables[str(tables.Calendar.__tablename__)]
_TEAM: Table = SQLModel.metadata.tables[str(tables.Team.__tablename__)]

#: The name of the calendar for teams that have none of their own.
DESK = "default"


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Weekly hours in a time zone, with holidays and exceptions. `make` reads the stored form."""

    timezone: str
    #: Monday to Sunday.
    hours: tuple[Day, Day, Day, Day, Day, Day, Day]
    #: ISO country code, with a subdivision if wanted: `CN`, `US`, `DE-BY`.
    country: str | None = None
    #: Days that differ, by date: the stretches that are open, none for a day off.
    exceptions: tuple[tuple[date, Day], ...] = ()
    #: Reckoned once: calendars are what the years below are remembered by, and asked about all the time.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stated = (self.timezone, self.hours, self.country, self.exceptions)
        object.__setattr__(self, "_hash", hash(stated))

    def __hash__(self) -> int:
        return self._hash

    def business_seconds(self, at: datetime) -> int:
        """B(at): business seconds elapsed at `at` (aware); rises while open, stands still while closed."""
        seconds = at.timestamp()
        table = _table(self, _year_of(seconds))
        place = bisect_right(table.starts, seconds) - 1
        if place < 0:
            return table.before
        return table.elapsed[place] + int(min(seconds, table.ends[place]) - table.starts[place])

    def between(self, start: datetime, end: datetime) -> int:
        """Business seconds from `start` to `end`; negative when `end` lies first."""
        return self.business_seconds(end) - self.business_seconds(start)

    def is_open(self, at: datetime) -> bool:
        """Whether the desk works at `at`; the closing instant itself is closed."""
        seconds = at.timestamp()
        table = _table(self, _year_of(seconds))
        place = bisect_right(table.starts, seconds) - 1
        return place >= 0 and seconds < table.ends[place]

    def works_on(self, day: date) -> bool:
        """Whether the desk is open at some hour of a day of its own zone."""
        return bool(_hours_on(self, day, dict(self.exceptions)))

    def next_open(self, at: datetime) -> datetime:
        """The first instant from `at` on at which the desk is open: `at` itself if it is.

        Raises `ValueError` when the desk stays closed for years.
        """
        if self.is_open(at):
            return at
        seconds = at.timestamp()
        for year in range(_year_of(seconds), _year_of(seconds) + _LONGEST_CLOSURE_YEARS):
            starts = _table(self, year).starts
            place = bisect_right(starts, seconds)
            if place < len(starts):
                return datetime.fromtimestamp(starts[place], UTC)
        raise ValueError("this calendar never opens again")

    def after(self, at: datetime, seconds: int) -> datetime:
        """The first instant by which `seconds` (0 or more) of business time have passed since `at`.

        Raises `ValueError` when the desk stays closed for years.
        """
        target, year = self.business_seconds(at) + seconds, _year_of(at.timestamp())
        closed_years = 0
        while seconds > 0 and closed_years < _LONGEST_CLOSURE_YEARS:
            table = _table(self, year)
            if target <= _before(self, year + 1):
                place = bisect_left(table.elapsed, target) - 1
                return datetime.fromtimestamp(table.starts[place] + target - table.elapsed[place], UTC)
            closed_years = 0 if table.starts else closed_years + 1
            year += 1
        if seconds > 0:
            raise ValueError("this calendar never opens again")
        return at.astimezone(UTC)

    def business_seconds_of(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """B of many instants, given as seconds since 1970."""
        import numpy as np

        if not len(seconds):
            return np.zeros(0, dtype=np.int64)
        years = range(_year_of(float(seconds.min())), _year_of(float(seconds.max())) + 1)
        tables = [_table(self, year) for year in years]
        starts, ends, elapsed = (
            np.array([value for table in tables for value in getattr(table, name)], dtype=np.int64)
            for name in ("starts", "ends", "elapsed")
        )
        if not len(starts):
            return np.full(len(seconds), tables[0].before, dtype=np.int64)
        place = np.searchsorted(starts, seconds, side="right") - 1
        inside = np.floor(np.minimum(seconds, ends[place]) - starts[place]).astype(np.int64)
        return np.where(place < 0, tables[0].before, elapsed[place] + inside)

    def after_of(self, at: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """`after` of many instants, as whole seconds since 1970. Raises `ValueError` as `after` does."""
        import numpy as np

        if not len(at):
            return at
        target = self.business_seconds_of(at.astype(np.float64)) + seconds
        years = self._years_until(_year_of(int(at.min())), _year_of(int(at.max())), int(target.max()))
        starts, elapsed = (
            np.array([value for year in years for value in getattr(_table(self, year), name)], dtype=np.int64)
            for name in ("starts", "elapsed")
        )
        if not len(starts):
            return at
        place = np.maximum(np.searchsorted(elapsed, target, side="left") - 1, 0)
        return np.where(seconds > 0, starts[place] + target - elapsed[place], at)

    def _years_until(self, first: int, last: int, target: int) -> range:
        """Years from the first one on, up to the last one and until the clock has reached `target`."""
        closed_years = 0
        while _before(self, last + 1) < target:
            last += 1
            closed_years = 0 if _table(self, last).starts else closed_years + 1
            if closed_years == _LONGEST_CLOSURE_YEARS:
                raise ValueError("this calendar never opens again")
        return range(first, last + 1)


@dataclass(frozen=True, slots=True)
class _Table:
    """The open stretches of one year, in seconds since 1970, and B at the start of each."""

    starts: list[int]
    ends: list[int]
    elapsed: list[int]
    #: B at the start of the year.
    before: int


def _year_of(seconds: float) -> int:
    """The UTC year that an instant lies in. Years are cut there, whatever the calendar's own zone."""
    return datetime.fromtimestamp(seconds, UTC).year


@lru_cache(maxsize=4096)
def _table(calendar: BusinessCalendar, year: int) -> _Table:
    stretches, before = _open_stretches(calendar, year), _before(calendar, year)
    lengths = accumulate((end - start for start, end in stretches), initial=before)
    return _Table([start for start, _ in stretches], [end for _, end in stretches], list(lengths)[:-1], before)


@lru_cache(maxsize=4096)
def _before(calendar: BusinessCalendar, year: int) -> int:
    """B at the start of a year: the sum of the years since the origin, less those up to it."""
    between = range(_ORIGIN, year) if year >= _ORIGIN else range(year, _ORIGIN)
    total = sum(end - start for between_year in between for start, end in _open_stretches(calendar, between_year))
    return total if year >= _ORIGIN else -total


@lru_cache(maxsize=4096)
def _open_stretches(calendar: BusinessCalendar, year: int) -> tuple[Stretch, ...]:
    """The year's stretches in seconds since 1970, in order, merged where they touch."""
    if not _YEARS[0] < year < _YEARS[1]:
        return ()
    first, until = (int(datetime(edge, 1, 1, tzinfo=UTC).timestamp()) for edge in (year, year + 1))
    zone, exceptions = ZoneInfo(calendar.timezone), dict(calendar.exceptions)
    stretches: list[Stretch] = []
    # A day more on either side: the local year begins up to 14 hours before or after the UTC year.
    for number in range(-1, 367):
        day = date(year, 1, 1) + timedelta(days=number)
        for opens, closes in _hours_on(calendar, day, exceptions):
            _add(stretches, max(_instant(day, opens, zone), first), min(_instant(day, closes, zone), until))
    return tuple(stretches)


def _add(stretches: list[Stretch], start: int, end: int) -> None:
    if start >= end:
        return
    if stretches and start <= stretches[-1][1]:
        opened, closed = stretches.pop()
        start, end = opened, max(closed, end)
    stretches.append((start, end))


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """A wall time as seconds since 1970; 24:00 is the next day's midnight."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return int(wall.replace(tzinfo=zone).timestamp())


def _hours_on(calendar: BusinessCalendar, day: date, exceptions: Mapping[date, Day]) -> Day:
    if day in exceptions:
        return exceptions[day]
    usual = calendar.hours[day.weekday()]
    if calendar.country is None:
        return usual
    days_off, made_up = special_days(calendar.country, day.year)
    if day in made_up:
        # A make-up working day stands in for a weekday, so a desk closed on weekends keeps weekday hours.
        return usual or next((hours for hours in calendar.hours if hours), ())
    return () if day in days_off else usual


def make(
    timezone: str,
    hours: Mapping[str, Iterable[Iterable[str]]],
    country: str | None = None,
    exceptions: Mapping[str, str | Iterable[Iterable[str]]] | None = None,
) -> BusinessCalendar:
    """A calendar from its stored form (table `calendar`).

    Raises `UserError` for an unknown time zone, country or subdivision, for hours that are not
    `HH:MM`, overlap or run over midnight, and for dates that are not ISO 8601.
    """
    _check_zone(timezone)
    if country is not None:
        _check_country(country)
    week = [_day(hours.get(str(number), ())) for number in range(7)]
    special = {_date(day): _day(() if stated == "off" else stated) for day, stated in (exceptions or {}).items()}
    if not any(week) and not any(special.values()):
        raise UserError("calendar_never_open", timezone=timezone)
    mo, tu, we, th, fr, sa, su = week
    return BusinessCalendar(timezone, (mo, tu, we, th, fr, sa, su), country, tuple(sorted(special.items())))


def _check_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError("calendar_zone", zone=timezone) from None


def _check_country(country: str) -> None:
    try:
        special_days(country, _ORIGIN)
    except NotImplementedError:
        raise UserError("calendar_country", country=country) from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError("calendar_date", value=text) from None


def _day(stretches: str | Iterable[Iterable[str]]) -> Day:
    try:
        day = tuple(sorted((_minutes(opens), _minutes(closes)) for opens, closes in stretches))
    except (ValueError, TypeError):
        raise UserError("calendar_hours", value=stretches) from None
    edges = [edge for stretch in day for edge in stretch]
    if edges != sorted(edges) or any(opens == closes for opens, closes in day):
        raise UserError("calendar_hours", value=stretches)
    return day


def _minutes(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    minutes = hour * 60 + minute
    if not (0 <= minute < 60 and 0 <= minutes <= _MINUTES_A_DAY):
        raise ValueError(text)
    return minutes


def load_calendars(connection: Connection | Session) -> dict[str | None, BusinessCalendar]:
    """Calendars by team name. Under `None` stands the desk's own, for all other teams.

    The desk's own is the calendar named `default`, else the only one there is.
    """
    stored = {row.name: row for row in connection.execute(select(_CALENDAR))}
    made = {name: make(row.timezone, row.hours, row.country, row.exceptions) for name, row in stored.items()}
    teams = connection.execute(select(_TEAM.c.name, _TEAM.c.calendar).where(_TEAM.c.calendar.is_not(None)))
    calendars: dict[str | None, BusinessCalendar] = {name: made[own] for name, own in teams if own in made}
    desk = made.get(DESK) or (next(iter(made.values())) if len(made) == 1 else None)
    return {**calendars, None: desk} if desk else calendars
