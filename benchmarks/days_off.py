"""How well days off are found and foreseen: made-up desks in every country of the world, one JSON line a row.

    python benchmarks/days_off.py [--seed 1]

Each desk has 8 to 60 people, of whom seven to nine in ten come on a working day; it rests on nine in ten of its
country's public holidays (then a few come), on half of those that are off for some, on a third of the days
between a day off and a weekend, and on one ordinary day in three hundred. After 3, 6, 12 and 24 months the days
found are laid beside those on which it rested, the country named beside its own, and of the next 90 days those
said to be off with a chance of a half or more beside those on which it will rest. Beside it the baseline: no
holidays known, no day off foreseen. `off_by` is the expected calibration error of the chances said of all
weekdays ahead, in ten steps.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date, timedelta

import numpy as np
from calibration import off

from unstuck.stalls.days_off import AHEAD, DaysOff, foresee, rested
from unstuck.tickets.public_holidays import Place, places

DAY = timedelta(days=1)
LAST = date(2026, 6, 1)
MONTHS = (3, 6, 12, 24)


def days(first: date, until: date) -> list[date]:
    return [first + n * DAY for n in range((until - first).days)]


def off_days(place: Place, dice: np.random.Generator, first: date, until: date) -> set[date]:
    """The weekdays on which a desk there rests."""
    week = [day for day in days(first, until) if day.weekday() < 5]
    off = {day for day in week if day in place.statutory and dice.random() < 0.9}
    off |= {day for day in week if day in place.optional and dice.random() < 0.5}
    bridges = {
        day
        for day in week
        if day not in place.days
        and ((day.weekday() == 4 and day - DAY in off) or (day.weekday() == 0 and day + DAY in off))
    }
    off |= {day for day in sorted(bridges) if dice.random() < 1 / 3}
    return off | {day for day in week if day not in place.days and day not in bridges and dice.random() < 1 / 300}


def people(off: set[date], dice: np.random.Generator, first: date, until: date) -> dict[date, int]:
    staff, coming = int(dice.integers(8, 61)), dice.uniform(0.7, 0.9)
    shares = {day: 0.08 if day.weekday() > 4 or day in off else coming for day in days(first, until)}
    return {day: n for day, share in shares.items() if (n := int(dice.binomial(staff, share)))}


def desk(place: Place, months: int, dice: np.random.Generator) -> tuple[DaysOff, set[date], date]:
    first = LAST - timedelta(days=30 * months)
    off = off_days(place, dice, first, LAST + AHEAD)
    return foresee(rested(people(off, dice, first, LAST), LAST), LAST), off, first


def run(seed: int) -> None:
    everywhere = places((LAST - timedelta(days=750)).year, (LAST + AHEAD).year)
    countries = [place for place in everywhere if place.code == place.country]
    for months in MONTHS:
        dice, began = np.random.default_rng(seed), time.perf_counter()
        found_right = found = there = named_right = named = ahead_right = ahead = to_come = 0
        said: list[float] = []
        came: list[bool] = []
        for place in countries:
            got, rests, first = desk(place, months, dice)
            past = {day for day in rests if first < day < LAST - DAY}
            mine = {one.day for one in got.past}
            found_right, found, there = found_right + len(mine & past), found + len(mine), there + len(past)
            named, named_right = named + bool(got.country), named_right + (got.country == place.country)
            chances = {one.day: one.chance for one in got.ahead}
            likely, coming = (
                {day for day, chance in chances.items() if chance >= 0.5},
                {day for day in rests if day >= LAST},
            )
            ahead_right, ahead = ahead_right + len(likely & coming), ahead + len(likely)
            to_come += len(coming)
            week = [day for day in days(LAST, LAST + AHEAD) if day.weekday() < 5]
            said += [chances.get(day, 0.0) for day in week]
            came += [day in coming for day in week]
        print(json.dumps({
            "months": months, "desks": len(countries),
            "found": {"precision": share(found_right, found), "recall": share(found_right, there)},
            "country": {"named": share(named, len(countries)), "right": share(named_right, named)},
            "ahead": {"precision": share(ahead_right, ahead), "recall": share(ahead_right, to_come), "baseline_recall": 0.0},
            "off_by": round(off(np.array(came), np.array(said)), 4), "base": share(sum(came), len(came)),
            "brier": round(float(np.mean((np.array(said) - np.array(came)) ** 2)), 4),
            "baseline_brier": round(float(np.mean(np.array(came) ** 2)), 4),
            "wall_s_a_desk": round((time.perf_counter() - began) / len(countries), 4),
        }), flush=True)  # fmt: skip


def share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    run(parser.parse_args().seed)


if __name__ == "__main__":
    main()
