"""What is hidden in the demo desk's history for the tour and the tests to find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from unstuck.demo.stages import WAIT_FINANCE, WAIT_PARTS

#: "Now" at the demo desk: a Wednesday, 16:30 in Shanghai and 09:30 in Berlin, so both offices work.
DESK_NOW = datetime(2026, 11, 18, 8, 30, tzinfo=UTC)
#: Whole weeks of history before the week of `end`.
WEEKS = 13
#: The surge: the firmware that made robot vacuums forget their maps.
SURGE_PROBLEM = "robot-firmware-42"
SURGE_TICKETS = 72
_SURGE_STARTS_BEFORE_END = timedelta(hours=70)
_SURGE_LASTS = timedelta(hours=64)
_FINANCE_SLOW_FROM_WEEK = 9
_PARTS_SLOW_BEFORE_END = timedelta(days=17)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A stage that became slow."""

    stage: str
    team: str
    since: datetime
    #: Median visit before and after, in hours, as generated (calendar time).
    usual_hours: float
    slow_hours: float


@dataclass(frozen=True, slots=True)
class Surge:
    """Many tickets with one cause within days."""

    problem: str
    product: str
    start: datetime
    end: datetime
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """Everything hidden in the history."""

    bottlenecks: tuple[Bottleneck, ...]
    surge: Surge
    #: Open tickets that nobody moves: `unowned`, `agent` (owes an answer) or `vendor` to ticket ids.
    stalled: dict[str, tuple[str, ...]]

    def bottleneck(self, stage: str) -> Bottleneck | None:
        return next((found for found in self.bottlenecks if found.stage == stage), None)


def start_of(end: datetime) -> datetime:
    """First instant of the history: Monday 00:00 UTC, `WEEKS` weeks before the week of `end`."""
    monday = (end - timedelta(days=end.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    return monday - timedelta(weeks=WEEKS)


def plan(end: datetime) -> Planted:
    """What to plant in a history that ends at `end`; the tickets are filled in when they are known."""
    slow_finance = start_of(end) + timedelta(weeks=_FINANCE_SLOW_FROM_WEEK - 1)
    bottlenecks = (
        Bottleneck(WAIT_FINANCE, "finance-desk", slow_finance, usual_hours=12, slow_hours=190),
        Bottleneck(WAIT_PARTS, "repairs", end - _PARTS_SLOW_BEFORE_END, usual_hours=10, slow_hours=480),
    )
    start = end - _SURGE_STARTS_BEFORE_END
    surge = Surge(SURGE_PROBLEM, "Robot vacuum", start, start + _SURGE_LASTS)
    return Planted(bottlenecks, surge, stalled={})
