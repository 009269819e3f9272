"""How well overstaying a stage and missing the deadline are foretold, beside static thresholds and LightGBM.

    pip install --group benchmark; python benchmarks/stalls.py LOG.csv.gz MAP.toml [--timezone UTC]

Strict protocol: the earliest 60% of tickets train, on what was known at the cut; outcomes unknown then are
dropped (for classifiers) or seen for as long as they lasted (for curves). The others are asked about, with
what was known at the moment of asking. Also: the same learned anew each week, and how far chances were off
(expected calibration error, ten steps of equal width). One JSON line a row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from unstuck.facts import Facts, timers
from unstuck.imports.mapping import read_map
from unstuck.stalls import deadlines, moments
from unstuck.stalls.questions import missing, overstaying
from unstuck.stalls.risk import PLAIN, Forecast, Learner, Question
from unstuck.testing import import_file
from unstuck.tickets.store import open_store

TRAIN, WEEK = 0.6, 7 * 86_400
#: Weeks with fewer moments say nothing about calibration; the first weeks are not judged.
FEW, FIRST = 200, 4
HOURS = (4, 24, 72)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


def say(task: str, method: str, late: Flags, chance: Floats, **more: object) -> None:
    top = np.argsort(-chance, kind="stable")[: max(1, len(chance) // 10)]
    print(json.dumps({
        "task": task, "method": method, "n": len(late), "base": round(float(late.mean()), 4),
        "auroc": round(float(roc_auc_score(late, chance)), 4),
        "ap": round(float(average_precision_score(late, chance)), 4),
        "p_at_10": round(float(late[top].mean()), 4), "brier": round(float(np.mean((chance - late) ** 2)), 4),
        "ece": round(off(late, chance), 4), **more,
    }), flush=True)  # fmt: skip


def off(late: Flags, chance: Floats) -> float:
    """Expected calibration error."""
    step = np.minimum((chance * 10).astype(int), 9)
    gaps = [abs(late[step == s].mean() - chance[step == s].mean()) * (step == s).mean() for s in np.unique(step)]
    return float(sum(gaps))


def off_by_luck(chance: Floats, times: int = 400) -> tuple[float, float]:
    """Expected calibration error where all chances are exactly right: its mean, and what 19 in 20 stay below."""
    dice = np.random.default_rng(0)
    found = [off(dice.random(len(chance)) < chance, chance) for _ in range(times)]
    return round(float(np.mean(found)), 4), round(float(np.quantile(found, 0.95)), 4)


def judge(task: str, question: Question, train: Flags, truth: Flags, known: Flags, cut: int) -> None:
    """Everything about one question; `truth` holds for rows that are `known`."""
    asked, learner = question.moments.asked, Learner(question)
    rows, test = np.flatnonzero(train & (asked < cut)), np.flatnonzero(~train & known)
    say(task, "static threshold per stage", truth[test], learner.learn(rows, cut, PLAIN).chances(test))
    start = time.perf_counter()
    recipe = learner.choose(rows, cut)
    forecast = learner.learn(rows, cut, recipe)
    took = round(time.perf_counter() - start, 1)
    say(task, "unstuck", truth[test], forecast.chances(test), recipe=str(recipe), learned_in_s=took)
    for name, queue_free in (("LightGBM", boosted(question, forecast, rows, test)),):
        say(task, name, truth[test], queue_free)
    print(json.dumps({"task": task, "alerts": [str(one) for one in forecast.risks(highest(forecast, test))]}))
    weekly(task, question, learner, test, truth, cut)


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


def weekly(task: str, question: Question, learner: Learner, test: Rows, truth: Flags, cut: int) -> None:
    """Learned anew each week from all that was known then, and asked about the week."""
    asked = question.moments.asked
    worst, chances, lates, weeks, slowest = 0.0, [], [], [], 0.0
    for number, begin in enumerate(range(cut, int(asked[test].max()) + 1, WEEK)):
        week = test[(asked[test] >= begin) & (asked[test] < begin + WEEK)]
        if len(week) < FEW:
            continue
        start, before = time.perf_counter(), np.flatnonzero(asked < begin)
        forecast = learner.learn(before, begin, learner.choose(before, begin))
        slowest = max(slowest, time.perf_counter() - start)
        found = forecast.chances(week)
        if number >= FIRST:
            worst = max(worst, off(truth[week], found))
            chances.append(found)
            lates.append(truth[week])
            mean, most = off_by_luck(found)
            weeks.append({
                "week": number, "n": len(week), "ece": round(off(truth[week], found), 4), "by_luck": mean,
                "by_luck_95": most, "said": round(float(found.mean()), 3), "was": round(float(truth[week].mean()), 3),
            })  # fmt: skip
    if weeks:
        say(task, "unstuck, learned weekly, after four weeks", np.concatenate(lates), np.concatenate(chances),
            weeks=weeks, worst_week=round(worst, 4), slowest_s=round(slowest, 1))  # fmt: skip


def run(directory: Path, log: Path, mapping: Path) -> None:
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
        judge("overstaying, at entry", question, question.moments.opened < cut, lasted, known, cut)
        clocks = timers.find(con, at)
        for rule in deadlines.find(con, as_of=at):
            print(
                json.dumps(
                    {"deadline": str(rule), "timers": str(clocks), "hopeless": str(deadlines.hopeless(rule, clocks))}
                )
            )
            for hours in HOURS:
                asked = missing(con, rule, clocks, hours * 3600)
                truth, told = flags(con, rule, asked)
                judge(f"missing {rule.field}, at {hours} h", asked, asked.moments.opened < cut, truth, told, cut)


def opened_of(con: object) -> Rows:
    rows = con.execute("SELECT epoch_us(created_at) // 1000000 FROM tickets").fetchall()  # type: ignore[attr-defined]
    return np.array([row[0] for row in rows], dtype=np.int64)


def flags(con: object, rule: deadlines.Deadline, question: Question) -> tuple[Flags, Flags]:
    """What the log itself says in the end, and of which tickets it does."""
    rows: Iterator[tuple[int, str]] = con.execute(  # type: ignore[attr-defined]
        "SELECT ticket, arg_max(custom, start_at)[?] FROM fields GROUP BY ticket", [rule.field]
    ).fetchall()
    said = dict(rows)
    mine = [said.get(int(ticket)) for ticket in question.moments.ticket]
    return np.array([one == rule.missed for one in mine]), np.array([one is not None for one in mine])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("map", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory), chosen.log, chosen.map)


if __name__ == "__main__":
    main()
