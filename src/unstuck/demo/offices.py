"""Working hours of the desk's two offices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from unstuck.tickets import calendars
from unstuck.tickets.calendars import DESK, BusinessCalendar


@dataclass(frozen=True, slots=True)
class DeskCalendar:
    """Business hours as the store keeps them (see `unstuck.tickets.tables.Calendar`)."""

    name: str
    timezone: str
    #: Weekday ("0" is Monday) to intervals.
    hours: dict[str, list[list[str]]]
    #: Country whose public holidays (and make-up working days) apply.
    country: str
    exceptions: dict[str, Any] = field(default_factory=dict)


_WEEKDAYS, _SATURDAY, _SUNDAY = "01234", "5", "6"
#: Closed on Sundays.
_BERLIN = DeskCalendar(
    "Berlin",
    "Europe/Berlin",
    {**{key: [["08:00", "20:00"]] for key in _WEEKDAYS}, _SATURDAY: [["10:00", "16:00"]]},
    "DE",
)
#: Lunch together, and somebody is there every day.
_SHANGHAI = DeskCalendar(
    "Shanghai",
    "Asia/Shanghai",
    {
        **{key: [["09:00", "12:00"], ["13:00", "21:00"]] for key in _WEEKDAYS},
        **{key: [["09:00", "12:00"], ["13:00", "18:00"]] for key in (_SATURDAY, _SUNDAY)},
    },
    "CN",
)
#: The last one is the desk's own: it holds for tickets that no team has yet.
CALENDARS = (_BERLIN, _SHANGHAI, replace(_SHANGHAI, name=DESK))


def opened() -> dict[str, BusinessCalendar]:
    """The offices' calendars by name, ready to reckon with."""
    return {
        office.name: calendars.make(office.timezone, office.hours, office.country, office.exceptions)
        for office in CALENDARS
    }
