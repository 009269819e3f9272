"""When tickets arrive, and what they are about."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from unstuck.demo.problems import Problem
from unstuck.i18n import Lang

#: Monday to Sunday.
_WEEKDAYS = (1.30, 1.15, 1.05, 1.00, 1.00, 0.70, 0.65)
#: Midnight to 23 h, local time: office peak and, for consumers, the evening.
_HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 13, 14, 15, 14, 13, 12, 12, 14, 17, 16, 10, 5)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A ticket that comes in."""

    at: datetime
    problem: Problem
    lang: Lang


ZONES: dict[Lang, ZoneInfo] = {"en": ZoneInfo("Europe/Berlin"), "zh": ZoneInfo("Asia/Shanghai")}
ENGLISH_SHARE = 0.55


class ProblemMix:
    """Draws problems by how often they come, per language."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        everyday = [problem for problem in problems if not problem.only_in_surge]
        self._by_lang: dict[Lang, list[Problem]] = {
            "en": [problem for problem in everyday if "EU" in problem.regions],
            "zh": [problem for problem in everyday if "CN" in problem.regions],
        }
        self._sums = {lang: list(accumulate(p.weight for p in found)) for lang, found in self._by_lang.items()}

    def draw(self, lang: Lang, random: Random) -> Problem:
        sums = self._sums[lang]
        return self._by_lang[lang][bisect_right(sums, random.random() * sums[-1])]


def arrivals(mix: ProblemMix, count: int, start: datetime, end: datetime, random: Random) -> list[Arrival]:
    """`count` everyday tickets between `start` and `end`, in time order, all before `end`."""
    hours, sums = _hourly(start, end)
    found = []
    for _ in range(count):
        lang: Lang = "en" if random.random() < ENGLISH_SHARE else "zh"
        hour = hours[bisect_right(sums[lang], random.random() * sums[lang][-1])]
        at = hour + timedelta(seconds=random.randrange(3600))
        if at < end:
            found.append(Arrival(at, mix.draw(lang, random), lang))
    return sorted(found, key=lambda arrival: arrival.at)


def surge(problem: Problem, count: int, start: datetime, end: datetime, random: Random) -> list[Arrival]:
    """`count` tickets about one problem between `start` and `end`, the most in the middle."""
    span = (end - start).total_seconds()
    found = []
    for _ in range(count):
        lang: Lang = "en" if random.random() < ENGLISH_SHARE else "zh"
        at = start + timedelta(seconds=int(random.triangular(0, span, span * 0.45)))
        found.append(Arrival(at, problem, lang))
    return sorted(found, key=lambda arrival: arrival.at)


def _hourly(start: datetime, end: datetime) -> tuple[list[datetime], dict[Lang, list[float]]]:
    """The hours of the window, and the running sum of each language's share in them."""
    count = int((end - start).total_seconds() // 3600) + 1
    hours = [(start + timedelta(hours=n)).astimezone(UTC) for n in range(count)]
    return hours, {
        lang: list(accumulate(_weight(hour.astimezone(zone)) for hour in hours)) for lang, zone in ZONES.items()
    }


def _weight(local: datetime) -> float:
    return _WEEKDAYS[local.weekday()] * _HOURS[local.hour]
