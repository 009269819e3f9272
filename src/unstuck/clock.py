"""The one place that knows what time it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock


@dataclass(slots=True)
class FrozenClock:
    """Stands still until told otherwise: for `--as-of`, rehearsals and tests."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def tick(self, step: timedelta) -> None:
        self.at += step


class RunningClock:
    """Starts at another moment than the machine's clock and goes on from there: for the playground."""

    def __init__(self, start: datetime) -> None:
        self._start, self._begun = start, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._begun)

    def tick(self, step: timedelta) -> None:
        """Skip ahead."""
        self._start += step


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant as an aware datetime in UTC.

    Raises `ValueError` when `text` is not ISO 8601 or has no offset: guessing a time zone would
    move every number by hours without anybody noticing.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"no UTC offset in {text!r}")
    return at.astimezone(UTC)


def iso(at: datetime) -> str:
    """`at` as ISO 8601 in UTC with a final `Z`, in seconds: `2016-05-20T12:00:00Z`."""
    return f"{at.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z"
