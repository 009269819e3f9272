"""Business calendars: B(t) rises only while the desk is open, on every kind of day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from unstuck.errors import UserError
from unstuck.tickets.calendars import BusinessCalendar, load_calendars, make
from unstuck.tickets.changes import TeamRecord
from unstuck.tickets.store import get_source, put_calendars, put_teams
from unstuck.tickets.tables import Calendar

NINE_TO_FIVE = {str(day): [["09:00", "17:00"]] for day in range(5)}
SPLIT = {str(day): [["09:00", "12:00"], ["13:30", "18:00"]] for day in range(6)}
ALWAYS = {str(day): [["00:00", "24:00"]] for day in range(7)}
ZONES = ("UTC", "Europe/Berlin", "Asia/Shanghai", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia")
HOUR = 3600

# The first use of a year computes its days off, which takes longer than any later one.
patiently = settings(deadline=None, max_examples=60)

moments = st.integers(1_200_000_000_000_000, 1_830_000_000_000_000).map(
    lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)  # 2008 to 2027
)
calendars = st.builds(
    make,
    st.sampled_from(ZONES),
    st.sampled_from([NINE_TO_FIVE, SPLIT, ALWAYS, {"6": [["22:00", "24:00"]], "0": [["00:00", "02:30"]]}]),
    st.sampled_from([None, "CN", "DE-BY"]),
)


def local(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type, misc]


@patiently
@given(calendars, moments, moments)
def test_the_clock_rises_by_at_most_the_time_that_passed(
    calendar: BusinessCalendar, one: datetime, other: datetime
) -> None:
    first, last = sorted((one, other))
    passed = calendar.between(first, last)
    # A second of slack: B is in whole seconds.
    assert 0 <= passed <= (last - first).total_seconds() + 1


@patiently
@given(calendars, moments, moments, moments)
def test_durations_add_up(calendar: BusinessCalendar, a: datetime, b: datetime, c: datetime) -> None:
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)
    assert calendar.between(a, b) == -calendar.between(b, a)


@patiently
@given(st.sampled_from(ZONES), moments, moments)
def test_a_desk_that_never_closes_counts_elapsed_seconds(zone: str, one: datetime, other: datetime) -> None:
    one, other = one.replace(microsecond=0), other.replace(microsecond=0)
    assert make(zone, ALWAYS).between(one, other) == (other - one).total_seconds()


@patiently
@given(calendars, moments)
def test_the_clock_stands_still_exactly_while_closed(calendar: BusinessCalendar, at: datetime) -> None:
    at = at.replace(microsecond=0)
    passed = calendar.between(at, at + timedelta(seconds=1))
    assert passed == (1 if calendar.is_open(at) else 0)


@patiently
@given(calendars, moments)
def test_the_next_opening_is_open_and_nothing_passes_until_then(calendar: BusinessCalendar, at: datetime) -> None:
    opening = calendar.next_open(at)
    assert opening >= at
    assert calendar.is_open(opening)
    assert calendar.between(at, opening) <= (0 if opening > at else 1)


@patiently
@given(calendars, moments, st.integers(0, 40 * 24 * HOUR))
def test_a_deadline_is_the_first_instant_by_which_the_time_has_passed(
    calendar: BusinessCalendar, at: datetime, seconds: int
) -> None:
    at = at.replace(microsecond=0)
    due = calendar.after(at, seconds)
    assert calendar.between(at, due) == seconds
    if seconds:
        assert calendar.between(at, due - timedelta(seconds=1)) == seconds - 1


@patiently
@given(calendars, st.lists(moments, max_size=50))
def test_many_instants_at_once_count_like_one_by_one(calendar: BusinessCalendar, instants: list[datetime]) -> None:
    at_once = calendar.business_seconds_of(np.array([at.timestamp() for at in instants], dtype=np.float64))
    assert at_once.tolist() == [calendar.business_seconds(at) for at in instants]


@patiently
@given(calendars, st.lists(st.tuples(moments, st.integers(0, 40 * 24 * HOUR)), max_size=20))
def test_many_deadlines_at_once_are_those_one_by_one(
    calendar: BusinessCalendar, asked: list[tuple[datetime, int]]
) -> None:
    whole = [(at.replace(microsecond=0), seconds) for at, seconds in asked]
    instants = np.array([int(at.timestamp()) for at, _ in whole], dtype=np.int64)
    found = calendar.after_of(instants, np.array([seconds for _, seconds in whole], dtype=np.int64))
    assert found.tolist() == [int(calendar.after(at, seconds).timestamp()) for at, seconds in whole]


def test_a_split_shift_counts_neither_lunch_nor_night() -> None:
    calendar = make("Asia/Shanghai", SPLIT)
    monday = local("Asia/Shanghai", 2026, 1, 12, 11)
    assert calendar.between(monday, monday.replace(hour=14)) == 1.5 * HOUR
    assert calendar.between(monday, monday + timedelta(days=1)) == 7.5 * HOUR
    assert not calendar.is_open(monday.replace(hour=12))
    assert calendar.next_open(monday.replace(hour=12)) == monday.replace(hour=13, minute=30)


def test_days_on_which_clocks_change_are_as_long_as_they_are() -> None:
    berlin = make("Europe/Berlin", ALWAYS)
    spring, autumn = local("Europe/Berlin", 2026, 3, 29), local("Europe/Berlin", 2026, 10, 25)
    assert berlin.between(spring, local("Europe/Berlin", 2026, 3, 30)) == 23 * HOUR
    assert berlin.between(autumn, local("Europe/Berlin", 2026, 10, 26)) == 25 * HOUR
    night = make("Europe/Berlin", {"6": [["01:00", "04:00"]]})
    assert night.between(spring, local("Europe/Berlin", 2026, 3, 30)) == 2 * HOUR
    assert night.between(autumn, local("Europe/Berlin", 2026, 10, 26)) == 4 * HOUR
    day = make("Europe/Berlin", {"6": [["09:00", "17:00"]]})
    assert day.between(spring, local("Europe/Berlin", 2026, 3, 30)) == 8 * HOUR


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ((2024, 2, 4), 8), ((2024, 2, 12), 0), ((2024, 5, 11), 8), ((2024, 5, 12), 0), ((2024, 10, 7), 0),
        ((2025, 1, 26), 8), ((2025, 1, 29), 0), ((2025, 9, 28), 8), ((2025, 10, 8), 0), ((2025, 10, 11), 8),
        ((2026, 1, 4), 8), ((2026, 2, 14), 8), ((2026, 2, 17), 0), ((2026, 10, 10), 8), ((2026, 10, 11), 0),
    ],
)  # fmt: skip
def test_china_works_on_make_up_days_and_rests_on_holidays(day: tuple[int, int, int], hours: int) -> None:
    calendar = make("Asia/Shanghai", NINE_TO_FIVE, "CN")
    midnight = local("Asia/Shanghai", *day)
    assert calendar.between(midnight, midnight + timedelta(days=1)) == hours * HOUR


def test_holidays_differ_by_state() -> None:
    epiphany = local("Europe/Berlin", 2026, 1, 6, 10)
    assert not make("Europe/Berlin", NINE_TO_FIVE, "DE-BY").is_open(epiphany)
    assert make("Europe/Berlin", NINE_TO_FIVE, "DE-BE").is_open(epiphany)


def test_exceptions_overrule_weekdays_and_holidays() -> None:
    exceptions = {"2026-01-06": [["10:00", "11:00"]], "2026-01-07": "off"}
    calendar = make("Europe/Berlin", NINE_TO_FIVE, "DE-BY", exceptions)
    tuesday = local("Europe/Berlin", 2026, 1, 6)
    assert calendar.between(tuesday, tuesday + timedelta(days=2)) == HOUR


def test_a_calendar_that_has_ended_says_so() -> None:
    calendar = make("UTC", {}, exceptions={"2026-01-06": [["10:00", "11:00"]]})
    with pytest.raises(ValueError, match="never opens"):
        calendar.next_open(datetime(2026, 1, 7, tzinfo=UTC))
    with pytest.raises(ValueError, match="never opens"):
        calendar.after(datetime(2026, 1, 7, tzinfo=UTC), 1)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"timezone": "Mars/Olympus"}, "calendar_zone"),
        ({"timezone": "../etc/passwd"}, "calendar_zone"),
        ({"country": "XX"}, "calendar_country"),
        ({"country": "DE-ZZ"}, "calendar_country"),
        ({"hours": {"0": [["22:00", "06:00"]]}}, "calendar_hours"),
        ({"hours": {"0": [["09:00", "12:00"], ["11:00", "13:00"]]}}, "calendar_hours"),
        ({"hours": {"0": [["09:00", "25:00"]]}}, "calendar_hours"),
        ({"hours": {"0": [["nine", "five"]]}}, "calendar_hours"),
        ({"hours": {"0": "09:00-17:00"}}, "calendar_hours"),
        ({"exceptions": {"yesterday": "off"}}, "calendar_date"),
        ({"hours": {}}, "calendar_never_open"),
    ],
)
def test_nonsense_is_refused_by_name(arguments: dict[str, object], key: str) -> None:
    good: dict[str, object] = {"timezone": "UTC", "hours": NINE_TO_FIVE}
    with pytest.raises(UserError) as refused:
        make(**{**good, **arguments})  # type: ignore[arg-type]
    assert refused.value.key == key


def test_stored_calendars_are_found_by_team_name(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        source = get_source(session, "desk", "test")
        put_teams(session, source, [TeamRecord("t1", "Billing", calendar="berlin"), TeamRecord("t2", "Parts")])
        put_calendars(session, [Calendar(name="berlin", timezone="Europe/Berlin", hours=NINE_TO_FIVE)])
    with Session(engine) as session:
        only = load_calendars(session)
    assert only == {"Billing": make("Europe/Berlin", NINE_TO_FIVE), None: make("Europe/Berlin", NINE_TO_FIVE)}
    with Session(engine) as session, session.begin():
        put_calendars(session, [Calendar(name="night", timezone="UTC", hours=ALWAYS, exceptions={"2026-01-01": "off"})])
    with Session(engine) as session:
        two = load_calendars(session)
    # Two calendars and none of them called `default`: teams without one have none.
    assert set(two) == {"Billing"}
    with Session(engine) as session, session.begin():
        put_calendars(session, [Calendar(name="default", timezone="UTC", hours=ALWAYS)])
    with Session(engine) as session:
        assert load_calendars(session)[None] == make("UTC", ALWAYS)


def test_days_are_dates_of_the_calendars_own_zone() -> None:
    calendar = make("Asia/Shanghai", ALWAYS, exceptions={"2026-01-06": "off"})
    assert calendar.exceptions[0][0] == date(2026, 1, 6)
    assert calendar.is_open(datetime(2026, 1, 5, 15, 59, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 1, 5, 16, 0, tzinfo=UTC))
