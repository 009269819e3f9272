"""Days off and worked: Monday to Friday, and in China the public holidays with their make-up working days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

#: Zones in which China's calendar holds.
CHINA = ("Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "PRC")


def workdays(timezone: str) -> Callable[[date], bool]:
    """Whether people work on a day, for a desk in `timezone` without a calendar of its own."""
    return works_in_china if timezone in CHINA else lambda day: day.weekday() < 5


def works_in_china(day: date) -> bool:
    return bool(_china(day.year).is_working_day(day))


def days_off(name: str, year: int) -> tuple[date, date] | None:
    """First and last day off around a Chinese holiday, the weekends beside it included; None in years without data."""
    named = sorted(
        day
        for day, words in _china(year).items()
        if day.year == year and words.startswith(name) and "补假" not in words
    )
    if not named:
        return None
    first = last = named[0]
    while not works_in_china(last + timedelta(days=1)):
        last += timedelta(days=1)
    while not works_in_china(first - timedelta(days=1)):
        first -= timedelta(days=1)
    return first, last


@cache
def _china(year: int) -> HolidayBase:
    import holidays

    return holidays.country_holidays("CN", years=(year - 1, year, year + 1), language="zh_CN")
