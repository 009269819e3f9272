"""Durations, numbers and instants as people read them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.i18n import (
    format_date,
    format_duration,
    format_instant,
    format_number,
    format_share,
)

DAY, HOUR = 86_400, 3_600


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (0.4, "0 s", "0 秒"),
        (45, "45 s", "45 秒"),
        (59.7, "1 min", "1 分钟"),
        (64, "1 min 4 s", "1 分钟 4 秒"),
        (720, "12 min", "12 分钟"),
        (HOUR - 10, "1 h", "1 小时"),
        (5 * HOUR + 1200, "5 h 20 min", "5 小时 20 分钟"),
        (DAY - 10, "1 day", "1 天"),
        (3 * DAY + 4 * HOUR, "3 days 4 h", "3 天 4 小时"),
        (3 * DAY + 23.8 * HOUR, "4 days", "4 天"),
        (1234.4 * DAY, "1,234 days", "1,234 天"),
        (-2 * HOUR, "-2 h", "-2 小时"),
    ],
)
def test_a_duration_reads_in_both_languages(seconds: float, english: str, chinese: str) -> None:
    assert format_duration(seconds, "en") == english
    assert format_duration(seconds, "zh") == chinese


@given(st.floats(0, 1e9))
def test_a_printed_duration_is_never_far_off(seconds: float) -> None:
    sizes = {"s": 1, "min": 60, "h": HOUR, "day": DAY, "days": DAY}
    words = format_duration(seconds, "en").replace(",", "").split()
    told = sum(int(n) * sizes[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
    assert abs(told - seconds) <= max(0.5, 0.051 * seconds)


def test_numbers_group_thousands_and_round() -> None:
    assert format_number(24918, "en") == "24,918"
    assert format_number(24918, "zh") == "24,918"
    assert format_number(3.456, "en") == "3.5"
    assert format_number(3.456, "en", decimals=0) == "3"
    assert format_share(0.4273, "zh") == "42.7%"


def test_an_instant_names_its_zone() -> None:
    at = datetime(2016, 5, 20, 20, 5, tzinfo=UTC)
    assert format_instant(at, "UTC", "en") == "20 May 2016, 20:05 (UTC)"
    assert format_instant(at, "Asia/Shanghai", "zh") == "2016年5月21日 04:05 (Asia/Shanghai)"


def test_dates_read_in_both_languages() -> None:
    assert format_date(date(2016, 5, 20), "en") == "20 May 2016"
    assert format_date(date(2016, 5, 20), "zh") == "2016年5月20日"
