"""The stretches of time a plan asks about: one window, the buckets of a trend, the two of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from unstuck.errors import UsageError
from unstuck.insights.metric import Anchor, Metric
from unstuck.insights.plan import Grain, Kind, Plan, Window

DEFAULT_DAYS = 30
MOST_BUCKETS = 1000
#: Earlier than any ticket: "since the history began".
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """A half-open stretch `[start, end)`, UTC."""

    #: What it is called: the bucket's own start, which may lie before `start` where the window cuts it.
    label: datetime
    start: datetime
    end: datetime
    #: Where a bucket would end had the window not cut it; of anything else, its end.
    whole_end: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        return self.whole_end or self.end

    def until(self, now: datetime) -> datetime:
        """The end as far as it can be known."""
        return min(self.end, now)


def parts_of(plan: Plan, metric: Metric, now: datetime, began: datetime) -> tuple[Part, ...]:
    """The parts in order; those of a comparison are (asked, against). `began` is when the history begins."""
    if plan.kind is Kind.TREND:
        return _buckets(plan, now, began)
    first = window_part(plan, metric, now)
    if plan.against is None:
        return (first,)
    return first, _same_elapsed(first, _part(plan.against), metric, now)


def window_part(plan: Plan, metric: Metric, now: datetime) -> Part:
    """The plan's window; an as-of metric's instant is the end of it."""
    if metric.anchor is Anchor.AS_OF and plan.at is not None:
        return Part(plan.at, BEGINNING, plan.at)
    if plan.window is None:
        start = BEGINNING if metric.anchor is Anchor.AS_OF else now - timedelta(days=DEFAULT_DAYS)
        return Part(start, start, now)
    return _part(plan.window)


def _part(window: Window) -> Part:
    start = window.start or BEGINNING
    return Part(start, start, max(start, window.end))


def _same_elapsed(first: Part, other: Part, metric: Metric, now: datetime) -> Part:
    """A running window is compared with the same elapsed part of the other one."""
    if metric.anchor is Anchor.AS_OF or first.end <= now or first.start == BEGINNING:
        return other
    return Part(other.label, other.start, min(other.end, other.start + max(timedelta(), now - first.start)))


def _buckets(plan: Plan, now: datetime, began: datetime) -> tuple[Part, ...]:
    window = plan.window or Window(start=now - timedelta(days=DEFAULT_DAYS), end=now, stated=False)
    start = max(window.start or began, min(began, window.end))
    end = min(window.end, now)
    zone, grain = ZoneInfo(plan.timezone), plan.grain or Grain.WEEK
    parts: list[Part] = []
    for left, right in _edges(start, zone, grain):
        if left >= end:
            break
        if len(parts) >= MOST_BUCKETS:
            raise UsageError("too_many_buckets", most=MOST_BUCKETS)
        parts.append(Part(left, max(left, start), min(right, window.end), right))
    return tuple(parts)


def _edges(start: datetime, zone: ZoneInfo, grain: Grain) -> Iterator[tuple[datetime, datetime]]:
    """Buckets from the one that holds `start` on, cut by the wall clock of `zone`."""
    left = floor(start, zone, grain)
    while True:
        right = following(left, zone, grain)
        yield left, right
        left = right


def floor(at: datetime, zone: ZoneInfo, grain: Grain) -> datetime:
    """Start of the bucket that holds `at`."""
    local = at.astimezone(zone)
    if grain is Grain.HOUR:
        # Hours are cut on the real time line: a repeated hour in autumn is an hour of its own.
        return at.astimezone(UTC) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
    day = local.date()
    if grain is Grain.WEEK:
        day -= timedelta(days=day.weekday())
    elif grain is not Grain.DAY:
        month = {Grain.MONTH: day.month, Grain.QUARTER: (day.month - 1) // 3 * 3 + 1, Grain.YEAR: 1}[grain]
        day = day.replace(month=month, day=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def following(left: datetime, zone: ZoneInfo, grain: Grain) -> datetime:
    """Start of the bucket after the one that starts at `left`."""
    if grain is Grain.HOUR:
        return left + timedelta(hours=1)
    day = left.astimezone(zone).date()
    if grain in (Grain.DAY, Grain.WEEK):
        day += timedelta(days=1 if grain is Grain.DAY else 7)
    else:
        months = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}[grain]
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        day = day.replace(year=year, month=month + 1)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def business_days(start: datetime, end: datetime, zone: ZoneInfo) -> float:
    """Mondays to Fridays in `[start, end)`, days cut short counting by their share."""
    total, left = 0.0, start
    while left < end:
        right = following(floor(left, zone, Grain.DAY), zone, Grain.DAY)
        if left.astimezone(zone).weekday() < 5:
            total += (min(right, end) - left) / (right - floor(left, zone, Grain.DAY))
        left = right
    return total
