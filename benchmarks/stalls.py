"""How well overstaying a stage and missing the deadline are foretold, beside static thresholds and LightGBM.

    pip install --group benchmark; python benchmarks/stalls.py LOG.csv.gz MAP.toml [--days-off 2016-03-25 ...]

Strict protocol: the earliest 60% of tickets train, on what was known at the cut; outcomes unknown then are
dropped (for classifiers) or seen for as long as they lasted (for curves). The others are asked about, with
what was known at the moment of asking.

Then the same learned anew each day after the cut (the product does so each hour), the way to reckon chosen
anew each week, and asked about the tickets of that day; and how far the chances of each week were off: expected
calibration error, the moments of a week in ten steps of equal width by the chance
that was said. Beside it stands what it would be by luck if every chance were exactly right (outcomes drawn
from the chances, median and 95th percentile): no forecaster can be told from a perfect one below the latter.
Weeks before the fifth are shown and not judged. Deadlines are asked about at three ages; a week's last row
takes the three together.

Days off are found in what was known then. With --days-off the deadline is asked about once more, with the
desk's calendar as its admin would have it: weekdays but for these, known beforehand. One JSON line a row; seconds are those of the wall and of the CPU.
Set OMP_NUM_THREADS=1 on a busy machine: LightGBM's threads wait for each other there, and that counts as work.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from calibration import Flags, Floats, off, off_by_luck
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from unstuck.facts import Facts, timers
from unstuck.facts.timers import Timer
from unstuck.imports.mapping import read_map
from unstuck.stalls import days_off, deadlines, moments
from unstuck.stalls.questions import missing, overstaying
from unstuck.stalls.risk import PLAIN, WEEKDAYS, Forecast, Learner, Question, Recipe
from unstuck.testing import import_file
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.store import open_store

TRAIN, DAY, WEEK = 0.6, 86_400, 7 * 86_400
#: Weeks with fewer moments say nothing about calibration; the first weeks are not judged.
FEW, FIRST = 200, 4
HOURS = (4, 24, 72)

Rows = NDArray[np.int64]
#: By number: what came of the week's moments, the chances that were said, and those that LightGBM said.
Weeks = dict[int, tuple[Flags, Floats, Floats]]


def say(task: str, method: str, late: Flags, chance: Floats, **more: object) -> None:
    top = np.argsort(-chance, kind="stable")[: max(1, len(chance) // 10)]
    print(json.dumps({
        "task": task, "method": method, "n": len(late), "base": round(float(late.mean()), 4),
        "auroc": round(float(roc_auc_score(late, chance)), 4),
        "ap": round(float(average_precision_score(late, chance)), 4),
        "p_at_10": round(float(late[top].mean()), 4), "brier": round(float(np.mean((chance - late) ** 2)), 4),
        "ece": round(off(late, chance), 4), **more,
    }), flush=True)  # fmt: skip


def judge(con: Any, task: str, question: Question, train: Flags, truth: Flags, known: Flags, cut: int) -> Weeks:
    """Everything about one question; `truth` holds for rows that are `known`."""
    question = as_of(con, question, cut)
    asked, learner = question.moments.asked, Learner(question)
    rows, test = np.flatnonzero(train & (asked < cut)), np.flatnonzero(~train & known)
    say(task, "static threshold per stage", truth[test], learner.learn(rows, cut, PLAIN).chances(test))
    forecast, wall, cpu = learned(learner, rows, cut)
    say(task, "unstuck", truth[test], forecast.chances(test), recipe=str(forecast.recipe), wall_s=wall, cpu_s=cpu)
    say(task, "LightGBM", truth[test], boosted(question, forecast, rows, test))
    print(json.dumps({"task": task, "alerts": [str(one) for one in forecast.risks(highest(forecast, test))]}))
    weeks, took = weekly(con, question, test, truth, cut)
    say_weeks(task, weeks, **took)
    return weeks


def highest(forecast: Forecast, rows: Rows) -> Rows:
    chances = forecast.chances(rows)
    return rows[np.argsort(np.where(chances < 1, -chances, 0), kind="stable")[:2]]


def boosted(question: Question, forecast: Forecast, rows: Rows, test: Rows) -> Floats:
    """LightGBM on the same facts, no queue features; numbers as numbers."""
    known = question.moments
    columns = [known.facts[name].codes for name in known.facts]
    numbers = [
        (known.asked - known.opened) / 3600,
        (question.due - known.asked) / 3600,
        known.asked // 3600 % 24,
        known.asked // 86_400 % 7,
    ]
    table = np.column_stack([*columns, *numbers]).astype(np.float64)
    cases = forecast.cases
    chosen = rows[cases.known[rows]]
    model = lightgbm.LGBMClassifier(
        n_estimators=200, learning_rate=0.05, num_leaves=31, min_child_samples=50, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.8, random_state=0, verbose=-1, n_jobs=2,
    )  # fmt: skip
    model.fit(table[chosen], cases.late[chosen], categorical_feature=list(range(len(columns))))
    return np.asarray(model.predict_proba(table[test]))[:, 1]


def learned(learner: Learner, rows: Rows, now: int) -> tuple[Forecast, float, float]:
    """A forecast of the recipe that is chosen, and the seconds that took: of the wall, and of the CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    forecast = learner.learn(rows, now, learner.choose(rows, now))
    return forecast, round(time.perf_counter() - wall, 1), round(time.process_time() - cpu, 1)


def as_of(con: Any, question: Question, now: int) -> Question:
    """The question with the days off that were found by then, and those to be expected."""
    return replace(
        question, weekdays=days_off.find(con, datetime.fromtimestamp(now, UTC), question.calendar).weekdays()
    )


def weekly(con: Any, question: Question, test: Rows, truth: Flags, cut: int) -> tuple[Weeks, dict[str, float]]:
    """Learned anew each day from all that was known then, and asked about the day: what came of each week and what was said.

    How to reckon is chosen anew each week. Also the seconds of the slowest choice with its learning.
    """
    asked, weeks, slowest = question.moments.asked, {}, {"slowest_wall_s": 0.0, "slowest_cpu_s": 0.0}
    for number, begin in enumerate(range(cut, int(asked[test].max()) + 1, WEEK)):
        if np.sum((asked[test] >= begin) & (asked[test] < begin + WEEK)) < FEW:
            continue
        question = as_of(con, question, begin)
        forecast, *took = learned(Learner(question), np.flatnonzero(asked < begin), begin)
        slowest = {name: max(was, now) for (name, was), now in zip(slowest.items(), took, strict=True)}
        said = [daily(con, question, forecast.recipe, test, now) for now in range(begin, begin + WEEK, DAY)]
        rows, chances, theirs = (np.concatenate(parts) for parts in zip(*said, strict=True))
        weeks[number] = truth[rows], chances, theirs
    return weeks, slowest


def daily(con: Any, question: Question, recipe: Recipe, test: Rows, now: int) -> tuple[Rows, Floats, Floats]:
    """The day's moments, and what is said of them by what was learned when it began."""
    asked = question.moments.asked
    before, today = np.flatnonzero(asked < now), test[(asked[test] >= now) & (asked[test] < now + DAY)]
    if not len(today):
        return today, np.zeros(0), np.zeros(0)
    forecast = Learner(as_of(con, question, now)).learn(before, now, recipe)
    return today, forecast.chances(today), boosted(question, forecast, before, today)


def say_weeks(task: str, weeks: Weeks, **more: float) -> None:
    """A row for each week, and one for all that are judged."""
    for number, (late, chance, theirs) in weeks.items():
        median, most = off_by_luck(chance)
        print(json.dumps({
            "task": task, "week": number, "judged": number >= FIRST, "n": len(late), "ece": round(off(late, chance), 4),
            "lightgbm": round(off(late, theirs), 4), "by_luck": median, "by_luck_95": most, "said": round(float(chance.mean()), 3),
            "was": round(float(late.mean()), 3), "brier": round(float(np.mean((chance - late) ** 2)), 4),
        }), flush=True)  # fmt: skip
    judged = [week for number, week in weeks.items() if number >= FIRST]
    if judged:
        late, chance, theirs = (np.concatenate(columns) for columns in zip(*judged, strict=True))
        median, most = off_by_luck(chance)
        luck = {
            "by_luck": median,
            "by_luck_95": most,
            "worst_week": round(max(off(late, chance) for late, chance, _ in judged), 4),
        }
        say(task, "unstuck, learned daily, after four weeks", late, chance, **luck, **more)
        say(task, "LightGBM, learned daily, after four weeks", late, theirs)


def together(ages: list[Weeks]) -> Weeks:
    """The weeks of all ages, where each has them."""
    numbers = sorted(set.intersection(*(set(weeks) for weeks in ages)))
    made: Weeks = {}
    for number in numbers:
        late, chance, theirs = zip(*(weeks[number] for weeks in ages), strict=True)
        made[number] = np.concatenate(late), np.concatenate(chance), np.concatenate(theirs)
    return made


def run(directory: Path, log: Path, mapping: Path, days_off: list[date]) -> None:
    engine = open_store(f"sqlite:///{directory / 'store.db'}")
    import_file(engine, log, read_map(mapping))
    with closing(Facts(engine, directory / "facts").connect()) as con:
        opened, end = (
            opened_of(con),
            int(con.execute('SELECT epoch_us(max("at")) // 1000000 FROM changes').fetchall()[0][0]),
        )
        cut = int(np.sort(opened)[int(len(opened) * TRAIN)])
        at = datetime.fromtimestamp(cut, UTC)
        entries = moments.read(con)
        question = overstaying(entries, entries.opened < cut, cut)
        lasted = np.minimum(question.moments.end, end) > question.due
        known = lasted | (question.moments.end <= end)
        judge(con, "overstaying, at entry", question, question.moments.opened < cut, lasted, known, cut)
        clocks = timers.find(con, at)
        for rule in deadlines.find(con, as_of=at):
            print(
                json.dumps(
                    {"deadline": str(rule), "timers": str(clocks), "hopeless": str(deadlines.hopeless(rule, clocks))}
                )
            )
            ask(con, rule, clocks, cut, None)
            if days_off:
                ask(
                    con,
                    rule,
                    clocks,
                    cut,
                    BusinessCalendar("UTC", WEEKDAYS.hours, None, tuple((day, ()) for day in days_off)),
                )


def ask(con: Any, rule: deadlines.Deadline, clocks: list[Timer], cut: int, calendar: BusinessCalendar | None) -> None:
    """Will the deadline be missed? At each age, and in the weeks of all."""
    told, ages = ", days off known" if calendar else "", []
    for hours in HOURS:
        question = missing(con, rule, clocks, hours * 3600, calendar)
        truth, known = flags(con, rule, question)
        train = question.moments.opened < cut
        ages.append(judge(con, f"missing {rule.field}, at {hours} h{told}", question, train, truth, known, cut))
    say_weeks(f"missing {rule.field}, at all ages{told}", together(ages))


def opened_of(con: Any) -> Rows:
    rows = con.execute("SELECT epoch_us(created_at) // 1000000 FROM tickets").fetchall()
    return np.array([row[0] for row in rows], dtype=np.int64)


def flags(con: Any, rule: deadlines.Deadline, question: Question) -> tuple[Flags, Flags]:
    """What the log itself says in the end, and of which tickets it does."""
    rows: Iterator[tuple[int, str]] = con.execute(
        "SELECT ticket, arg_max(custom, start_at)[?] FROM fields GROUP BY ticket", [rule.field]
    ).fetchall()
    said = dict(rows)
    mine = [said.get(int(ticket)) for ticket in question.moments.ticket]
    return np.array([one == rule.missed for one in mine]), np.array([one is not None for one in mine])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("map", type=Path)
    parser.add_argument("--days-off", type=date.fromisoformat, nargs="*", default=[])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory), chosen.log, chosen.map, chosen.days_off)


if __name__ == "__main__":
    main()
