"""Business time as rules speak of it: `1d` is a working day of the team that it is said to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from unstuck.tickets.calendars import BusinessCalendar

_ALL_DAY = ((0, 24 * 60),)
#: For teams without a calendar: every hour counts.
ROUND_THE_CLOCK = BusinessCalendar("UTC", (_ALL_DAY,) * 7)


@dataclass(frozen=True, slots=True)
class Span:
    """A time of waiting, in working days and seconds of business time."""

    days: int = 0
    seconds: int = 0

    def on(self, calendar: BusinessCalendar) -> int:
        """Business seconds of this span where that calendar holds."""
        return self.days * working_day(calendar) + self.seconds


AT_ONCE, AN_HOUR, A_DAY = Span(), Span(seconds=3600), Span(days=1)


@cache
def working_day(calendar: BusinessCalendar) -> int:
    """Business seconds of a usual working day: 24 hours round the clock, 8 hours for 09:00-12:00 and 13:00-18:00."""
    lengths = [sum(close - open_ for open_, close in day) * 60 for day in calendar.hours if day]
    return round(sum(lengths) / len(lengths)) if lengths else 24 * 3600


@dataclass(frozen=True, slots=True)
class Calendars:
    """Who works when: calendars by team name, the desk's own under None."""

    by_team: Mapping[str | None, BusinessCalendar] = field(default_factory=dict)

    def known(self, team: str | None) -> BusinessCalendar | None:
        """The calendar that a team works by, its own or the desk's; None when neither is set."""
        return self.by_team.get(team) or self.by_team.get(None)

    @property
    def shared(self) -> BusinessCalendar | None:
        """The calendar that the whole desk works by; None when none is set, or when teams differ."""
        return self.known(None) if len({*self.by_team.values()}) == 1 else None

    def of(self, team: str | None) -> BusinessCalendar:
        """The calendar of a team, round the clock when none is set."""
        return self.known(team) or ROUND_THE_CLOCK
