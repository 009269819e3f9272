"""The chance of being late: on made-up desks whose truth is known, and on the real log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from unstuck.facts import Facts, timers
from unstuck.imports.mapping import read_map
from unstuck.stalls import deadlines
from unstuck.stalls.moments import Moments, read
from unstuck.stalls.questions import missing, overstaying
from unstuck.stalls.risk import PLAIN, Learner, Question
from unstuck.stalls.visits import NEVER, Labels
from unstuck.testing import import_file, shared_data
from unstuck.tickets.calendars import BusinessCalendar
from unstuck.tickets.store import open_store

DAY = 86_400
LOG = shared_data("tickets/uci_incident_event_log.csv.gz", Path(__file__).parents[2])


def desk(n: int = 2000, late: tuple[float, float] = (0.02, 0.6)) -> Question:
    """A ticket an hour; of the first team's so many last longer than a day, of the second's so many."""
    chance = np.random.default_rng(7)
    team, product = chance.integers(0, 2, n), chance.integers(0, 5, n)
    asked = np.arange(n) * 3600 + 1_700_000_000
    lasts = np.where(chance.random(n) < np.array(late)[team], 3 * DAY, 3600)
    facts = {
        "stage": Labels(("Active",), np.zeros(n, dtype=np.int64)),
        "team": Labels(("quick", "slow"), team),
        "product": Labels(tuple("abcde"), product),
    }
    moments = Moments(np.arange(n), asked, asked, asked, asked + lasts, facts)
    return Question(moments, asked + DAY)


def forecast(question: Question, now: int) -> tuple[Learner, np.ndarray]:
    return Learner(question), np.flatnonzero(question.moments.asked < now)


def test_the_chance_comes_near_the_truth_and_says_why() -> None:
    question = desk()
    now = int(question.moments.asked[1500])
    learner, rows = forecast(question, now)
    recipe = learner.choose(rows, now)
    assert recipe != PLAIN
    found = learner.learn(rows, now, recipe)
    later = np.arange(1500, 2000)
    slow = question.moments.facts["team"].codes[later] == 1
    chances = found.chances(later)
    assert chances[slow].mean() == pytest.approx(0.6, abs=0.08)
    assert chances[~slow].mean() == pytest.approx(0.02, abs=0.03)
    risk = found.risks(later[slow][:1])[0]
    assert risk.group[:2] == (("stage", "Active"), ("team", "slow"))
    assert risk.comparables > 500
    assert (risk.reasons[0].fact, risk.reasons[0].value) == ("team", "slow")
    assert risk.reasons[0].rate == pytest.approx(0.6, abs=0.06)


def test_nothing_learned_looks_into_the_future() -> None:
    question = desk()
    now = int(question.moments.asked[1500])
    learner, rows = forecast(question, now)
    recipe = learner.choose(rows, now)
    before = learner.learn(rows, now, recipe).chances(np.arange(1500, 2000))
    # Whatever happens after `now` changes: nothing was learned from it.
    end = question.moments.end.copy()
    end[end > now] = NEVER
    blind = Question(Moments(**{**_columns(question.moments), "end": end}), question.due)
    learner, rows = forecast(blind, now)
    assert learner.choose(rows, now) == recipe
    assert np.array_equal(learner.learn(rows, now, recipe).chances(np.arange(1500, 2000)), before)


def _columns(moments: Moments) -> dict[str, object]:
    return {name: getattr(moments, name) for name in Moments.__slots__}


def test_with_little_history_the_stage_has_to_do() -> None:
    question = desk(100)
    learner, rows = forecast(question, int(question.moments.asked[-1]))
    assert learner.choose(rows, int(question.moments.asked[-1])) == PLAIN


def test_what_has_lasted_too_long_is_late_for_certain() -> None:
    question = desk()
    late = Question(question.moments, question.moments.asked - 1)
    now = int(question.moments.asked[-1])
    learner, rows = forecast(late, now)
    assert (learner.learn(rows, now, learner.choose(rows, now)).chances(rows) == 1).all()


def test_a_day_off_that_is_known_beforehand_is_reckoned_with() -> None:
    off = [date(2023, 11, 29), date(2023, 12, 13), date(2023, 12, 27), date(2024, 1, 10)]
    works = BusinessCalendar("UTC", (((0, 24 * 60),),) * 7, None, tuple((day, ()) for day in off))
    usual, dice = desk(1400), np.random.default_rng(3)
    asked = usual.moments.asked
    end = works.after_of(asked, (dice.exponential(1.5, len(asked)) * DAY).astype(np.int64))
    eve = int(datetime(2024, 1, 9, tzinfo=UTC).timestamp())
    rows, before = np.flatnonzero((asked >= eve) & (asked < eve + DAY)), np.flatnonzero(asked < eve)
    found = {}
    for calendar in (works, None):
        question = Question(Moments(**{**_columns(usual.moments), "end": end}), asked + 2 * DAY, calendar=calendar)
        learner = Learner(question)
        found[calendar] = learner.learn(before, eve, learner.choose(before, eve)).chances(rows).mean()
    # Of two days only one is worked on; not knowing that, one expects two.
    assert found[works] == pytest.approx(np.exp(-1 / 1.5), abs=0.06)
    assert found[None] == pytest.approx(np.exp(-2 / 1.5), abs=0.06)


@pytest.fixture(scope="module")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    if LOG is None:
        pytest.skip("the real log is not beside the repository (../shared/data)")
    directory = tmp_path_factory.mktemp("real_log")
    engine = open_store(f"sqlite:///{directory / 'store.db'}")
    import_file(engine, LOG, read_map(LOG.with_name("uci_incident_event_log.map.toml")))
    with closing(Facts(engine, directory / "facts").connect()) as con:
        yield con
    engine.dispose()


def judged(question: Question, late: np.ndarray, asked: np.ndarray, cut: int) -> tuple[float, float, float]:
    """AUROC, average precision and Brier score by the strict protocol of the data's README; `benchmarks/stalls.py` prints all of it."""
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    moments, learner = question.moments, Learner(question)
    rows = np.flatnonzero((moments.opened < cut) & (moments.asked < cut))
    chances = learner.learn(rows, cut, learner.choose(rows, cut)).chances(asked)
    late = late[asked]
    return roc_auc_score(late, chances), average_precision_score(late, chances), brier_score_loss(late, chances)


def cut_of(con: DuckDBPyConnection) -> int:
    """When the earliest 60% of tickets had been opened."""
    opened = [row[0] for row in con.execute("SELECT epoch_us(created_at) // 1000000 FROM tickets").fetchall()]
    return int(np.sort(opened)[int(len(opened) * 0.6)])


@pytest.mark.slow
def test_overstaying_on_the_real_log(real_log: DuckDBPyConnection) -> None:
    entries, cut = read(real_log), cut_of(real_log)
    question = overstaying(entries, entries.opened < cut, cut)
    moments = question.moments
    asked = np.flatnonzero((moments.opened >= cut) & (moments.end < NEVER))
    auroc, precision, _ = judged(question, moments.end > question.due, asked, cut)
    assert len(asked) == 14_787
    assert auroc >= 0.77
    assert precision >= 0.28


@pytest.mark.slow
def test_missing_the_deadline_on_the_real_log(real_log: DuckDBPyConnection) -> None:
    cut = cut_of(real_log)
    at = datetime.fromtimestamp(cut, UTC)
    [rule] = deadlines.find(real_log, as_of=at)
    assert rule.agreement >= 0.995
    question = missing(real_log, rule, timers.find(real_log, at), DAY)
    said = dict(
        real_log.execute(
            "SELECT ticket, arg_max(custom, start_at)[?] FROM fields GROUP BY ticket", [rule.field]
        ).fetchall()
    )
    missed = np.array([said[int(ticket)] == rule.missed for ticket in question.moments.ticket])
    auroc, precision, brier = judged(question, missed, np.flatnonzero(question.moments.opened >= cut), cut)
    assert auroc >= 0.73
    assert precision >= 0.79
    assert brier <= 0.206
