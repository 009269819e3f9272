"""300 and more time phrases against windows worked out by hand; DST days; what is asked back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.insights.plan import Grain
from unstuck.insights.question import periods, times
from unstuck.insights.question.normalise import normalise
from unstuck.insights.question.periods import Reader, Span
from unstuck.insights.question.times import Time, TimeRole

NOW = datetime(2016, 5, 20, 12, tzinfo=UTC)
HERE = Path(__file__).parent


def phrases(lang: str) -> list[tuple[str, ...]]:
    lines = (HERE / f"time_phrases_{lang}.txt").read_text(encoding="utf-8").splitlines()
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines if line and not line.startswith("#")]


PHRASES = [*phrases("en"), *phrases("zh")]


def meaning(phrase: str, reader: Reader) -> Time | None:
    """What the whole phrase means; None when it is no time expression as a whole."""
    plain = normalise(phrase).plain
    whole = [match.time for match in times.find(plain, reader) if (match.start, match.end) == (0, len(plain))]
    return whole[0] if whole else None


def moment(text: str) -> datetime | None:
    return None if text == "-" else datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("row", PHRASES, ids=[row[0] for row in PHRASES])
def test_phrase_means_what_people_mean(row: tuple[str, ...]) -> None:
    phrase, expected = row[0], row[1:]
    found = meaning(phrase, Reader(NOW))
    if expected == ("?",):  # not a time of ours: left to the coverage proof, which names the words
        assert found is None or found.role is TimeRole.UNSURE or found.role is TimeRole.RELATIVE
        return
    assert found is not None, "not understood"
    if expected[0] in ("ask", "future", "relative"):
        assert found.role == {"ask": "unsure"}.get(expected[0], expected[0])
    elif expected[0].startswith("@"):
        assert found.span is not None
        assert found.span.point
        assert found.span.end == moment(expected[0][1:])
    else:
        assert found.span is not None
        assert not found.span.point
        assert (found.span.start, found.span.end) == (moment(expected[0]), moment(expected[1]))


def test_both_languages_have_150_phrases() -> None:
    assert len(phrases("en")) >= 150
    assert len(phrases("zh")) >= 150


def test_days_are_cut_on_the_readers_clock() -> None:
    found = meaning("yesterday", Reader(datetime(2016, 5, 20, 18, tzinfo=UTC), "Asia/Shanghai"))
    assert found is not None
    # 18:00 UTC is 02:00 on the 21st in Shanghai, so yesterday is the 20th there.
    assert found.span == Span(datetime(2016, 5, 19, 16, tzinfo=UTC), datetime(2016, 5, 20, 16, tzinfo=UTC), Grain.DAY)


@pytest.mark.parametrize(("day", "hours"), [("2016-03-27", 23), ("2016-10-30", 25)])
def test_days_of_clock_change_are_as_long_as_they_are(day: str, hours: int) -> None:
    found = meaning(day, Reader(datetime(2016, 12, 1, tzinfo=UTC), "Europe/Berlin"))
    assert found is not None
    assert found.span is not None
    assert found.span.start is not None
    assert found.span.end - found.span.start == timedelta(hours=hours)


def test_rolling_days_are_exact_across_a_clock_change() -> None:
    found = meaning("last 7 days", Reader(datetime(2016, 3, 30, 12, tzinfo=UTC), "Europe/Berlin"))
    assert found is not None
    assert found.span is not None
    assert found.span.start is not None
    assert found.span.end - found.span.start == timedelta(days=7)


def test_make_up_working_days_count_as_business_days() -> None:
    # Sunday 2016-10-09 was worked in China after the National Day week of 1-7 October.
    off = {date(2016, 10, day) for day in range(1, 8)}

    def works(day: date) -> bool:
        return day == date(2016, 10, 9) or day == date(2016, 10, 8) or (day.weekday() < 5 and day not in off)

    found = meaning("最近3个工作日", Reader(datetime(2016, 10, 11, 4, tzinfo=UTC), "Asia/Shanghai", works))
    assert found is not None
    assert found.span is not None
    assert found.span.start == datetime(2016, 10, 7, 16, tzinfo=UTC)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR]),
)
def test_periods_tile_time(wall: datetime, zone: str, unit: Grain) -> None:
    reader = Reader(wall.replace(tzinfo=UTC), zone)
    this, last = reader.this(unit), reader.this(unit, 1)
    assert this.start is not None
    assert this.start <= reader.now < this.end
    assert last.end == this.start
    assert periods.before(this, reader) == last


@given(st.text(max_size=200))
def test_no_text_breaks_the_grammar(text: str) -> None:
    plain = normalise(text).plain
    for match in times.find(plain, Reader(NOW)):
        assert 0 <= match.start < match.end <= len(plain)
