"""Times as exports write them: one format a file, and never a guessed time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from unstuck.errors import UsageError

#: Formats beside ISO 8601 that exports use; day-first and month-first ones are told apart by days above 12.
_FORMATS = (
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d/%b/%y %I:%M %p", "%d/%b/%y %H:%M", "%d/%b/%Y %I:%M %p",
    "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日 %H:%M:%S",
    "%d %b %Y %H:%M", "%d %b, %Y %I:%M %p", "%b %d, %Y %I:%M %p", "%Y-%m-%d %I:%M %p",
)  # fmt: skip


class NoTimezoneError(ValueError):
    """A time without an offset, in a file whose time zone nobody has stated."""


def sniff_format(texts: Sequence[str], path: Path) -> str | None:
    """The `strptime` format that all `texts` follow; `None` means ISO 8601, or that none fits all.

    Raises `UsageError` when days and months cannot be told apart.
    """
    if not texts or all(_fits(text, None) for text in texts[:50]):
        return None
    fitting = [known for known in _FORMATS if all(_fits(text, known) for text in texts)]
    if len(fitting) > 1 and _differ(fitting, texts):
        raise UsageError("times_ambiguous", path=path, example=texts[0], formats=" / ".join(fitting))
    return fitting[0] if fitting else None


def _fits(text: str, time_format: str | None) -> bool:
    try:
        _parse(text.strip(), time_format)
    except ValueError:
        return False
    return True


def _differ(formats: Sequence[str], texts: Sequence[str]) -> bool:
    return any(len({_parse(text.strip(), known) for known in formats}) > 1 for text in texts)


def _parse(text: str, time_format: str | None) -> datetime:
    if time_format is None:
        return datetime.fromisoformat(text.removesuffix(" UTC") + "+00:00" if text.endswith(" UTC") else text)
    pattern = _numeric(time_format)
    if pattern is None:
        return datetime.strptime(text, time_format)  # noqa: DTZ007 - the caller gives it its zone
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not in the format {time_format}")
    return datetime(**{unit: int(digits) for unit, digits in match.groupdict().items()})  # type: ignore[arg-type]  # noqa: DTZ001


_UNITS = {"%d": "day", "%m": "month", "%Y": "year", "%H": "hour", "%M": "minute", "%S": "second"}


@cache
def _numeric(time_format: str) -> re.Pattern[str] | None:
    """A format of nothing but numbers as a pattern, ten times as fast as `strptime`; `None` for others."""
    parts = re.split(r"(%.)", time_format)
    units = parts[1::2]
    if not {"%d", "%m", "%Y"} <= set(units) <= _UNITS.keys() or len(set(units)) != len(units):
        return None
    digits = {unit: rf"(?P<{name}>\d{{{4 if unit == '%Y' else '1,2'}}})" for unit, name in _UNITS.items()}
    return re.compile("".join(digits.get(part) or re.escape(part) for part in parts), re.ASCII)


def time_reader(time_format: str | None, timezone: str | None) -> Callable[[Any], datetime]:
    """A function from a cell to an aware moment in UTC.

    It raises `ValueError` when the cell is no time in that format, `NoTimezoneError` when neither the cell
    nor the map says in which zone. A local time that a clock change repeats is the first of the two.
    """
    zone = ZoneInfo(timezone) if timezone is not None else None

    @lru_cache(maxsize=65536)  # exports repeat a ticket's creation on each of its rows
    def from_text(text: str) -> datetime:
        return _in_utc(_parse(text, time_format), zone)

    def read(cell: Any) -> datetime:
        if isinstance(cell, datetime):
            return _in_utc(cell, zone)
        return from_text(str(cell).strip())

    return read


def _in_utc(at: datetime, zone: ZoneInfo | None) -> datetime:
    if at.tzinfo is None:
        if zone is None:
            raise NoTimezoneError(at.isoformat())
        at = at.replace(tzinfo=zone)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{at} is beyond the calendar") from error
