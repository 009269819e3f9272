"""Public holidays of the world's countries and their parts, as the package `holidays` knows them.

A place is written as in calendars: an ISO country code, with a part if wanted: `CN`, `US`, `DE-BY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from unstuck.i18n import Lang

#: What `holidays` calls days that are off for some only.
_FOR_SOME = frozenset({"bank", "de_facto", "government", "optional"})
_SPOKEN: Mapping[Lang, str] = {"en": "en_US", "zh": "zh_CN"}


@dataclass(frozen=True, slots=True)
class Place:
    """A country, or a part of one that has holidays of its own, with its holidays' names by day."""

    code: str
    #: Off for all.
    statutory: Mapping[date, str]
    #: Off for some: banks, offices, whoever wishes.
    optional: Mapping[date, str]

    @property
    def country(self) -> str:
        return self.code.partition("-")[0]

    @property
    def days(self) -> set[date]:
        return {*self.statutory, *self.optional}

    def name(self, day: date) -> str:
        """In any language, but always the same."""
        return self.statutory.get(day) or self.optional.get(day, "")


@lru_cache(maxsize=512)
def special_days(place: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays, and weekend days that are worked instead of one. Raises `NotImplementedError` for unknown places."""
    import holidays

    country, _, part = place.partition("-")
    known = holidays.country_holidays(country, subdiv=part or None, years=year)
    return frozenset(known), frozenset(known.weekend_workdays)


@lru_cache(maxsize=4)
def places(first: int, last: int) -> tuple[Place, ...]:
    """All places, with their holidays in these years: a country before its parts. Takes some 0.2 s a year."""
    import holidays

    found, years = list[Place](), range(first, last + 1)
    for country, parts in holidays.list_supported_countries(include_aliases=False).items():
        some = _categories(country, _FOR_SOME)
        for part in (None, *parts):
            listed = holidays.country_holidays(country, subdiv=part, years=years)
            for_some = holidays.country_holidays(country, subdiv=part, years=years, categories=some) if some else {}
            found.append(Place(f"{country}-{part}" if part else country, dict(listed), dict(for_some)))
    return tuple(found)


@lru_cache(maxsize=512)
def holiday_name(place: str, day: date, lang: Lang) -> str:
    """What a holiday is called: in the reader's language where the place has it, else in English or its own."""
    import holidays

    country, _, part = place.partition("-")
    known = getattr(holidays, country).supported_languages
    spoken = next((one for one in (_SPOKEN[lang], "en_US") if one in known), None)
    kinds = _categories(country, _FOR_SOME | {"public"})
    named = holidays.country_holidays(country, subdiv=part or None, years=day.year, language=spoken, categories=kinds)
    return str(named.get(day, ""))


def _categories(country: str, wanted: frozenset[str]) -> tuple[str, ...]:
    import holidays

    return tuple(sorted(wanted & {*getattr(holidays, country).supported_categories}))
