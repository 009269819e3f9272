"""Instants are read and written one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from unstuck.clock import FrozenClock, iso, parse_instant


def test_an_instant_comes_back_in_utc() -> None:
    assert parse_instant("2016-05-20T20:00:00+08:00") == datetime(2016, 5, 20, 12, tzinfo=UTC)
    assert iso(parse_instant("2016-05-20T20:00:00+08:00")) == "2016-05-20T12:00:00Z"


@pytest.mark.parametrize("text", ["2016-05-20T12:00:00", "yesterday", "", "20/05/2016"])
def test_an_instant_without_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_a_frozen_clock_moves_when_told() -> None:
    clock = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.tick(timedelta(hours=2))
    assert iso(clock.now()) == "2026-01-01T02:00:00Z"
