"""Days off: found where the desk rested, foreseen by the country that they fit, and by what the desk has kept before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import holidays
import pytest

from unstuck.facts import Facts
from unstuck.stalls.days_off import BEHIND, DayOff, DaysOff, find, foresee, rested
from unstuck.testing import days_of_work, store_changes
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.public_holidays import holiday_name
from unstuck.tickets.store import open_store

DAY = timedelta(days=1)


def days(first: date, until: date) -> Iterator[date]:
    while first < until:
        yield first
        first += DAY


def weekdays(first: date, until: date, off: set[date]) -> dict[date, bool]:
    """What is known of a desk that works from Monday to Friday but for some days."""
    return {day: day in off for day in days(first, until) if day.weekday() < 5}


def kept(place: str, year: int, but: tuple[str, ...] = ()) -> set[date]:
    country, _, part = place.partition("-")
    found = holidays.country_holidays(country, subdiv=part or None, years=year, language="en_US")
    return {day for day, name in found.items() if name not in but}


def chances(found: DaysOff) -> dict[date, float]:
    return {one.day: one.chance for one in found.ahead}


def office(first: date, until: date, at_work: int = 20, on_weekends: int = 2) -> dict[date, int]:
    return {day: at_work if day.weekday() < 5 else on_weekends for day in days(first, until)}


def test_a_weekday_without_the_usual_people_was_a_day_off() -> None:
    first, today = date(2026, 3, 2), date(2026, 5, 18)
    people = office(first, today) | {date(2026, 4, 3): 3, date(2026, 4, 6): 0, date(2026, 4, 15): 12}
    found = rested(people, today)
    assert {day for day, quiet in found.items() if quiet} == {date(2026, 4, 3), date(2026, 4, 6)}
    assert all(day.weekday() < 5 for day in found), "weekends are no days off of a desk that rests on them"


def test_a_desk_that_works_on_weekends_can_miss_one() -> None:
    first, today, sunday = date(2026, 3, 2), date(2026, 5, 18), date(2026, 4, 5)
    people = office(first, today, on_weekends=15) | {sunday: 1}
    assert [day for day, quiet in rested(people, today).items() if quiet] == [sunday]


def test_a_history_that_ends_or_has_a_hole_is_no_rest() -> None:
    first, today = date(2026, 3, 2), date(2026, 5, 18)
    people = office(first, date(2026, 5, 9), on_weekends=0)
    ended = {day: n for day, n in people.items() if n}
    assert not any(rested(ended, today).values())
    assert max(rested(ended, today)) == date(2026, 5, 7)
    # Of the first day and of the last one only a part may be known.
    in_part = {**ended, first: 2, date(2026, 5, 8): 2}
    assert not any(rested(in_part, today).values())
    for weeks, off in ((2, 10), (3, 0)):
        hole = set(days(date(2026, 4, 6), date(2026, 4, 6) + timedelta(weeks=weeks)))
        known = rested({day: n for day, n in ended.items() if day not in hole}, today)
        assert sum(known.values()) == off
        assert known[date(2026, 4, 3)] is False


def test_nothing_is_said_of_a_handful_of_people_or_a_few_weeks() -> None:
    first = date(2026, 3, 2)
    assert not rested(office(first, date(2026, 5, 18), at_work=4, on_weekends=0), date(2026, 5, 18))
    assert not rested(office(first, date(2026, 3, 22)), date(2026, 3, 22))
    assert rested({}, first) == {}


def test_a_desk_that_grows_rests_on_no_day() -> None:
    first, today = date(2026, 1, 5), date(2026, 6, 1)
    people = {day: 8 + 3 * ((day - first).days // 7) for day in days(first, today) if day.weekday() < 5}
    assert not any(rested(people, today).values())


def test_two_holidays_tell_the_country_and_what_it_will_keep_next() -> None:
    today = date(2026, 8, 20)
    off = {day for day in kept("BR", 2026) if day < today}
    found = foresee(weekdays(date(2026, 3, 9), today, off), today)
    assert {(one.day, one.kind, one.place) for one in found.past} == {
        (day, "statutory", "BR") for day in off if day.weekday() < 5 and day >= date(2026, 3, 9)
    }
    [(country, share)] = found.countries
    assert (country, share > 0.8) == ("BR", True)
    assert chances(found)[date(2026, 9, 7)] > 0.8, "Independence Day"
    assert date(2026, 9, 8) not in chances(found)


def test_a_part_of_a_country_is_told_by_the_days_that_only_it_keeps() -> None:
    today = date(2026, 8, 20)
    bavaria = {day for day in kept("DE-BY", 2026) if day < today}
    berlin = {day for day in kept("DE-BE", 2026) if day < today}
    all_saints = date(2027, 11, 1)
    for off, low, high in ((bavaria, 0.5, 1.0), (berlin, 0.0, 0.2)):
        found = foresee(weekdays(date(2026, 1, 1), date(2027, 8, 20), off), date(2027, 8, 20))
        assert low <= chances(found).get(all_saints, 0.0) <= high


def test_china_is_known_by_its_spring_festival() -> None:
    today = date(2026, 8, 20)
    found = foresee(weekdays(date(2026, 1, 1), today, kept("CN", 2026)), today)
    assert found.countries[0][0] == "CN"
    assert all(chances(found)[date(2026, 10, day)] > 0.8 for day in (1, 2, 5, 6, 7))


def test_a_day_that_the_desk_worked_through_last_year_is_hardly_expected() -> None:
    today = date(2026, 9, 20)
    worked = ("Columbus Day", "Veterans Day")
    off = kept("US", 2025, worked) | kept("US", 2026, worked) | {date(2025, 11, 28)}
    found = foresee(weekdays(date(2025, 9, 1), today, off), today)
    assert found.countries[0][0] == "US"
    said = chances(found)
    assert said[date(2026, 11, 26)] > 0.9, "Thanksgiving"
    assert said.get(date(2026, 10, 12), 0) < 0.55, "Columbus Day"
    assert said[date(2026, 11, 26)] > said[date(2026, 11, 27)] > 0.3, "the Friday after it was skipped last year"
    assert DayOff(date(2025, 11, 28), 1.0, "bridge") in found.past


def test_one_holiday_of_half_the_world_tells_no_country() -> None:
    today = date(2026, 5, 4)
    found = foresee(weekdays(date(2026, 3, 2), today, {date(2026, 4, 3)}), today)
    assert all(share < 0.5 for _, share in found.countries)
    assert all(chance < 0.5 for chance in chances(found).values())


def test_a_quiet_day_that_no_country_keeps_is_told_and_teaches_nothing() -> None:
    today = date(2026, 5, 4)
    found = foresee(weekdays(date(2026, 2, 23), today, {date(2026, 3, 11), date(2026, 4, 15)}), today)
    assert [one.kind for one in found.past] == ["unknown"] * 2
    assert foresee(weekdays(date(2026, 2, 23), today, set()), today) == DaysOff()
    assert foresee({}, today) == DaysOff()


def test_a_day_that_may_be_off_counts_for_what_is_to_be_expected() -> None:
    monday = date(2026, 5, 4)
    ahead = tuple(DayOff(monday + n * DAY, chance, "optional") for n, chance in enumerate((1.0, 0.75, 0.5)))
    clock = DaysOff(ahead=ahead, begins=4).weekdays()
    begin = datetime(2026, 5, 4, 4, tzinfo=UTC)
    hours = [clock.between(begin + n * DAY, begin + (n + 1) * DAY) / 3600 for n in range(7)]
    assert hours == [0, 6, 12, 24, 24, 0, 0]
    # It runs slower all day rather than stopping at some hour.
    assert clock.between(begin + DAY, begin + DAY + timedelta(hours=8)) == 2 * 3600


def test_names_are_in_the_readers_language_where_the_place_has_it() -> None:
    assert "国庆" in holiday_name("CN", date(2026, 10, 1), "zh")
    assert holiday_name("BR", date(2026, 6, 4), "en") == "Corpus Christi"
    assert holiday_name("DE-BY", date(2026, 6, 4), "en") == "Corpus Christi"
    assert holiday_name("DE", date(2026, 6, 5), "en") == ""


@pytest.mark.parametrize(("as_of", "expected"), [(date(2026, 4, 30), [date(2026, 4, 3)]), (date(2026, 4, 2), [])])
def test_days_off_are_read_from_what_was_known_then(tmp_path: Path, as_of: date, expected: list[date]) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store_changes(engine, days_of_work(date(2026, 3, 2), date(2026, 5, 25), {date(2026, 4, 3)}))
    with closing(Facts(engine, tmp_path / "facts").connect()) as con:
        found = find(con, datetime(as_of.year, as_of.month, as_of.day, 12, tzinfo=UTC))
        long_after = find(con, datetime(2026, 6, 1, tzinfo=UTC) + BEHIND)
    engine.dispose()
    assert [one.day for one in found.past] == expected
    assert 4 <= found.begins <= 12
    assert long_after.past == ()


def test_what_the_calendar_says_of_a_day_ahead_is_believed() -> None:
    today, independence, republic = date(2026, 8, 20), date(2026, 9, 7), date(2026, 9, 8)
    known = weekdays(date(2026, 3, 9), today, {day for day in kept("BR", 2026) if day < today})
    open_ = {(independence, ((540, 1080),)), (republic, ())}
    calendar = BusinessCalendar("UTC", (((540, 1080),),) * 5 + ((), ()), None, tuple(sorted(open_)))
    found = foresee(known, today, calendar=calendar)
    assert independence not in chances(found), "the desk works, whatever its country does"
    assert DayOff(republic, 1.0, "told") in found.ahead
    assert chances(found)[date(2026, 10, 12)] > 0.8, "of this day the calendar says nothing"
