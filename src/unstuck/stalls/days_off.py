"""Days on which a desk does not work: found in how few people act on them, and foreseen by the country they fit.

A log tells of a holiday only afterwards, yet whoever is to say whether a ticket will be late needs to know
of it before. Which days were quiet says where a desk is: of all places whose public holidays we know, those
count that list these days and few on which the desk worked. What they list next is then likely to come, as
likely as the places are, and as the desk has kept days of that name before. Days between a day off and a
weekend are nobody's holiday; how often the desk skips them is counted by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import log
from typing import TYPE_CHECKING

import numpy as np

from unstuck.stalls.risk import WEEKDAYS
from unstuck.tickets.calendars import BusinessCalendar, Day
from unstuck.tickets.public_holidays import Place, places

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DAY = timedelta(days=1)
#: How far back is looked, and ahead.
BEHIND, AHEAD = timedelta(days=730), timedelta(days=90)
#: A day is compared with the same weekday of so many weeks before and after; with fewer, or where fewer
#: people than this are usual, nothing is said.
WEEKS, ENOUGH, FEWEST = 6, 3, 6
#: Quiet: fewer than this share of the people who are usual. Days of rest: weekdays on which fewer than this
#: share of a full day's people are usual.
QUIET, WORKED = 1 / 3, 1 / 2
#: More working days in a row are a hole in the history.
LONGEST = 10
#: How likely a desk rests on what its country lists for all, on what it lists for some, and on other days.
STATUTORY, OPTIONAL, UNLISTED = 0.9, 0.5, 0.01
#: Before anything is known, a desk skips one in three of the days between a day off and a weekend.
SKIPPED, CHANCES_TO_SKIP = 1, 3
#: How many desks keep no holidays that we know.
NOWHERE = 0.1
TOLD = "told"
#: Less likely days off, and places, do not matter.
LIKELY, LIKELY_PLACE = 0.05, 1e-3
#: A day is called a holiday when places of this share together list it.
SURE = 0.5


@dataclass(frozen=True, slots=True)
class DayOff:
    """One weekday on which the desk rested, or may rest."""

    day: date
    #: 1 for days that have been.
    chance: float
    #: `told` (by the desk's calendar), `statutory`, `optional` (off for some), `bridge` (between a day off
    #: and a weekend) or `unknown`.
    kind: str
    #: For statutory and optional ones the likeliest place that lists it, as calendars name it: `BR`, `DE-BY`.
    place: str = ""


@dataclass(frozen=True, slots=True)
class DaysOff:
    """What is known of a desk's days off at one instant, in order of days."""

    past: tuple[DayOff, ...] = ()
    ahead: tuple[DayOff, ...] = ()
    #: ISO codes of the countries that the past days fit and how likely each is, the likeliest first.
    countries: tuple[tuple[str, float], ...] = ()
    #: The hour at which the desk's days begin, the middle of its quietest ones: from -11 to 12 in UTC.
    begins: int = 0

    @property
    def country(self) -> str:
        """Where the desk is; empty while no country is likelier than all others together."""
        return self.countries[0][0] if self.countries and self.countries[0][1] > SURE else ""

    def weekdays(self) -> BusinessCalendar:
        """Monday to Friday on the desk's own days, less these: a day that may be off counts for the hours to be expected."""
        open_ = {one.day: _open_for(1 - one.chance) for one in (*self.past, *self.ahead)}
        zone = f"Etc/GMT{self.begins:+d}" if self.begins else "UTC"
        return replace(WEEKDAYS, timezone=zone, exceptions=tuple(sorted(open_.items())))


def _open_for(share: float) -> Day:
    """The same share of every hour, so that the clock runs that much slower all day."""
    minutes = round(share * 60)
    if minutes in (0, 60):
        return ((0, 24 * 60),) if minutes else ()
    return tuple((hour * 60, hour * 60 + minutes) for hour in range(24))


def find(con: DuckDBPyConnection, as_of: datetime, calendar: BusinessCalendar | None = None) -> DaysOff:
    """The days off that history known at `as_of` tells of, and those it lets expect.

    What the desk's own calendar says of a day ahead is believed, where it says anything.
    """
    at = as_of.astimezone(UTC).replace(tzinfo=None)
    given = {"as_of": at, "since": at - BEHIND}
    begins = _begins(con, given)
    people = con.execute(
        f'SELECT ("at" - to_hours($begins))::DATE, count(DISTINCT actor) {_BY_PEOPLE} GROUP BY 1',
        {**given, "begins": begins},
    ).fetchall()
    today = (at - timedelta(hours=begins)).date()
    return foresee(rested(dict(people), today), today, begins, calendar)


_BY_PEOPLE = "FROM changes WHERE actor_kind NOT IN ('bot', 'customer') AND \"at\" <= $as_of AND \"at\" > $since"


def _begins(con: DuckDBPyConnection, given: Mapping[str, object]) -> int:
    """The hour in the middle of the six quietest ones."""
    hours = np.zeros(24)
    for hour, n in con.execute(f'SELECT hour("at"), count(*) {_BY_PEOPLE} GROUP BY 1', given).fetchall():
        hours[hour] = n
    quietest = int(np.argmin([np.roll(hours, -hour)[:6].sum() for hour in range(24)])) + 3
    return (quietest + 11) % 24 - 11


def rested(people: Mapping[date, int], today: date) -> dict[date, bool]:
    """By day before `today`: whether the desk rested; only days on which it usually works.

    `people`: how many acted on each day. Of the first and the last day only a part may be known, after it
    nothing; and nobody rests for longer than `LONGEST`: there is a hole in the history.
    """
    first, last = min(people, default=today), min(today, max(people, default=today))
    counts = np.array([people.get(first + n * _DAY, 0) for n in range((last - first).days)], dtype=np.float64)
    usual = np.array([_usual(counts, place) for place in range(len(counts))])
    full = np.array([usual[max(place - 3, 0) : place + 4].max() for place in range(len(counts))])
    works = np.flatnonzero((usual >= FEWEST) & (usual >= WORKED * full))
    works = works[works > 0]
    quiet = counts[works] < QUIET * usual[works]
    runs = np.diff([0, *(np.flatnonzero(np.diff(quiet)) + 1), len(quiet)])
    told = ~quiet | (np.repeat(runs, runs) <= LONGEST)
    return {first + int(place) * _DAY: bool(rests) for place, rests in zip(works[told], quiet[told], strict=True)}


def _usual(counts: np.ndarray[tuple[int], np.dtype[np.float64]], place: int) -> float:
    beside = [place + 7 * week for week in range(-WEEKS, WEEKS + 1) if week]
    same = [counts[other] for other in beside if 0 <= other < len(counts)]
    return float(np.median(same)) if len(same) >= ENOUGH else 0.0


def foresee(
    known: Mapping[date, bool], today: date, begins: int = 0, calendar: BusinessCalendar | None = None
) -> DaysOff:
    """Days off behind and ahead of `today`; `known` says of each ordinary working day whether the desk rested."""
    off, works = {day for day, quiet in known.items() if quiet}, {day.weekday() for day in known}
    between = {day for day in known if _is_bridge(day, off, works)}
    likely = _likely(known, between, today) if off else []
    past = tuple(_been(day, likely, day in between) for day in sorted(off))
    said = {day for day, _ in calendar.exceptions} if calendar else set()
    listed = _listed(likely, known, today)
    ahead = {day: one for day, one in listed.items() if day.weekday() in works and day not in said}
    ahead |= _told(calendar, today) if calendar else {}
    skipped = (SKIPPED + sum(known[day] for day in between)) / (CHANCES_TO_SKIP + len(between))
    ahead |= {one.day: one for one in _bridges(ahead, today, works, skipped) if one.day not in said}
    enough = tuple(ahead[day] for day in sorted(ahead) if ahead[day].chance >= LIKELY)
    return DaysOff(past, enough, _countries(likely), begins)


def _told(calendar: BusinessCalendar, today: date) -> dict[date, DayOff]:
    """Weekdays ahead on which the desk's calendar is closed though it is open on such days."""
    coming = (today + n * _DAY for n in range(AHEAD.days))
    closed = (day for day in coming if calendar.hours[day.weekday()] and not calendar.works_on(day))
    return {day: DayOff(day, 1.0, TOLD) for day in closed}


def _likely(known: Mapping[date, bool], between: set[date], today: date) -> list[tuple[Place, float]]:
    """Where the desk may be, and how likely each place is, the likeliest first.

    At first all places are as likely; so a country of many parts is likelier than an island of the same
    holidays. `between`: days that a desk skips more often than other days that its place does not list.
    """
    everywhere = places(min(known).year, (today + AHEAD).year)
    scores = np.full(len(everywhere) + 1, log((1 - NOWHERE) / len(everywhere)))
    scores[-1] = log(NOWHERE)
    for number, place in enumerate(everywhere):
        for day in place.days & known.keys():
            listed, unlisted = _expected(place, day), SKIPPED / CHANCES_TO_SKIP if day in between else UNLISTED
            scores[number] += log(listed / unlisted) if known[day] else log((1 - listed) / (1 - unlisted))
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    found = [(place, float(share)) for place, share in zip(everywhere, shares, strict=False) if share >= LIKELY_PLACE]
    return sorted(found, key=lambda one: -one[1])


def _expected(place: Place, day: date) -> float:
    return STATUTORY if day in place.statutory else OPTIONAL


def _countries(likely: Sequence[tuple[Place, float]]) -> tuple[tuple[str, float], ...]:
    shares: dict[str, float] = defaultdict(float)
    for place, share in likely:
        shares[place.country] += share
    told = ((country, share) for country, share in shares.items() if share >= LIKELY)
    return tuple(sorted(told, key=lambda one: -one[1]))


def _been(day: date, likely: Sequence[tuple[Place, float]], between: bool) -> DayOff:
    listing = [(place, share) for place, share in likely if day in place.days]
    if sum(share for _, share in listing) >= SURE:
        return _day_off(listing[0][0], day, 1.0)
    return DayOff(day, 1.0, "bridge" if between else "unknown")


def _day_off(place: Place, day: date, chance: float) -> DayOff:
    return DayOff(day, chance, "statutory" if day in place.statutory else "optional", place.code)


def _listed(likely: Sequence[tuple[Place, float]], known: Mapping[date, bool], today: date) -> dict[date, DayOff]:
    """Days ahead that likely places list, each as likely as they are and as the desk has kept such days."""
    listed: dict[date, DayOff] = {}
    # The likeliest comes last, and names the day.
    for place, share in reversed(likely):
        kept = _kept(place, known)
        for day in place.days:
            if today <= day < today + AHEAD:
                hits, times = kept.get(place.name(day), (0, 0))
                chance = share * (_expected(place, day) + hits) / (1 + times)
                listed[day] = _day_off(place, day, chance + (listed[day].chance if day in listed else 0))
    return listed


def _kept(place: Place, known: Mapping[date, bool]) -> dict[str, tuple[int, int]]:
    """By name: on how many of the place's past days the desk rested, and of how many that is known."""
    kept: dict[str, tuple[int, int]] = {}
    for day in place.days & known.keys():
        hits, times = kept.get(place.name(day), (0, 0))
        kept[place.name(day)] = hits + known[day], times + 1
    return kept


def _bridges(ahead: Mapping[date, DayOff], today: date, works: set[int], skipped: float) -> Iterator[DayOff]:
    for one in ahead.values():
        for day in (one.day - _DAY, one.day + _DAY):
            if day >= today and day not in ahead and day.weekday() in works and _is_bridge(day, {one.day}, works):
                yield DayOff(day, one.chance * skipped, "bridge")


def _is_bridge(day: date, off: set[date], works: set[int]) -> bool:
    """Whether a day has a day off on one side and the weekend on the other."""
    before, after = day - _DAY, day + _DAY
    return (before in off and after.weekday() not in works) or (after in off and before.weekday() not in works)
