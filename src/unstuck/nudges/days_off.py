"""Days off that history tells of, in words; and those ahead that the desk's calendar does not know, for its admins to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from unstuck import notices
from unstuck.i18n import Lang, format_day, format_share, t
from unstuck.notices import Told
from unstuck.nudges.hours import next_decent
from unstuck.nudges.recipients import ADMIN
from unstuck.nudges.rules import Rules
from unstuck.stalls import days_off
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.days_off import TOLD, DayOff, DaysOff
from unstuck.tickets.calendars import BusinessCalendar, load_calendars
from unstuck.tickets.database import reading
from unstuck.tickets.public_holidays import holiday_name

if TYPE_CHECKING:
    from unstuck.facts import Facts

KIND = "day_off"
#: Days at least this likely are asked about, from so long before; nobody is asked on the day itself.
ASK, EARLIEST = 0.3, timedelta(days=14)
#: Of the days that have been, so many are told, the newest; of those ahead the ones at least this likely.
MOST_PAST, WORTH_TELLING = 8, 0.2


def propose(engine: Engine, facts: Facts, rules: Rules, timezone: str, now: datetime) -> int:
    """Ask about days that may well be off and are working days by the desk's calendar; how many are new.

    A desk without a calendar is not asked: there would be nowhere to keep the answer. Nor is one whose teams
    rest by different calendars: history is read for all of them together.
    """
    with reading(engine) as connection:
        calendar = Calendars(load_calendars(connection)).shared
    if calendar is None:
        return 0
    with closing(facts.connect()) as con:
        found = days_off.find(con, now, calendar)
    due = next_decent(now, rules.hours, None, timezone)
    told_on = due.astimezone(ZoneInfo(calendar.timezone)).date()
    new = 0
    with Session(engine) as session, session.begin():
        for one in found.ahead:
            if one.chance >= ASK and told_on < one.day <= told_on + EARLIEST and _is_open(calendar, one.day):
                said = {**as_payload(one), "sure": bool(found.country)}
                new += notices.put(session, Told(key_of(one.day), KIND, said, ADMIN), due)
    return new


def is_open(connection: Connection, payload: Mapping[str, Any]) -> bool:
    """Whether the desk's calendar still does not say what was to be asked."""
    calendar = Calendars(load_calendars(connection)).shared
    return calendar is not None and _is_open(calendar, date.fromisoformat(payload["day"]))


def _is_open(calendar: BusinessCalendar, day: date) -> bool:
    return calendar.works_on(day) and day not in dict(calendar.exceptions)


def key_of(day: date) -> str:
    return f"{KIND}:{day.isoformat()}"


def as_payload(one: DayOff) -> dict[str, Any]:
    return {"day": one.day.isoformat(), "chance": one.chance, "kind": one.kind, "place": one.place}


def of_payload(payload: Mapping[str, Any]) -> DayOff:
    return DayOff(date.fromisoformat(payload["day"]), payload["chance"], payload["kind"], payload["place"])


def as_json(found: DaysOff) -> dict[str, Any]:
    return {
        "past": [as_payload(one) for one in found.past],
        "ahead": [as_payload(one) for one in found.ahead],
        "countries": dict(found.countries),
    }


def said(found: DaysOff, lang: Lang, *, one_calendar: bool) -> Iterator[str]:
    """What was found, line by line; nothing when nothing was. `one_calendar`: could hold the days ahead."""
    sure = bool(found.country)
    if found.past:
        yield t("days_off.past" if len(found.past) <= MOST_PAST else "days_off.past_newest", lang)
        yield from (f"  {named(one, lang, sure=sure)}" for one in found.past[-MOST_PAST:])
    if found.countries:
        countries = t("risk.and", lang).join(
            t("days_off.country", lang, country=country_name(code, lang), share=format_share(round(share, 2), lang))
            for code, share in found.countries
        )
        yield t("days_off.fit", lang, countries=countries)
    if ahead := [one for one in found.ahead if one.kind != TOLD and one.chance >= WORTH_TELLING]:
        yield t("days_off.ahead", lang)
        for one in ahead:
            yield "  " + t(
                "days_off.likely", lang, day=named(one, lang, sure=sure), share=format_share(round(one.chance, 2), lang)
            )
        if one_calendar:
            yield t("days_off.propose", lang, day=ahead[0].day)
        if one_calendar and found.country:
            yield t("days_off.propose_country", lang, code=found.country)


def named(one: DayOff, lang: Lang, *, sure: bool) -> str:
    """The day and what is known of it: `Thu, 26 May 2016 (Corpus Christi, Brazil)`; `sure`: of the country."""
    return t("days_off.named", lang, day=format_day(one.day, lang), why=why(one, lang, sure=sure))


def why(one: DayOff, lang: Lang, *, sure: bool) -> str:
    """What makes it a day off: the holiday and its country, or the days around it."""
    if not one.place:
        return t(f"days_off.{one.kind}", lang)
    name = holiday_name(one.place, one.day, lang)
    country = country_name(one.place.partition("-")[0], lang)
    return t("days_off.holiday" if sure else "days_off.some_holiday", lang, name=name, country=country)


def country_name(code: str, lang: Lang) -> str:
    from babel import Locale

    return str(Locale.parse(lang).territories.get(code, code))
