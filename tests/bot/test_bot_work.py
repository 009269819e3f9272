"""The pool: busy is said, too busy is said, nothing is dropped in silence."""

import threading
import time

import pytest

from bot.intake import Job
from bot.work import Work


class Record:
    """Remembers what became of a job."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def busy(self) -> None:
        self.said.append("busy")

    def too_busy(self) -> None:
        self.said.append("too busy")

    def too_late(self) -> None:
        self.said.append("too late")

    def failed(self, error: Exception) -> None:
        self.said.append(type(error).__name__)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def test_who_waits_is_told_and_answered(gate: threading.Event) -> None:
    work = Work(workers=1, busy_from=1, limit=100)
    places = [Record() for _ in range(5)]
    for place in places:
        work.take(Job(lambda place=place: (gate.wait(5), place.said.append("answer")), place))  # type: ignore[misc]
    while len([p for p in places if "busy" in p.said]) < 3:
        time.sleep(0.01)
    gate.set()
    assert work.stop()
    assert [p.said for p in places] == [["answer"], ["answer"], *([["busy", "answer"]] * 3)]


def test_beyond_the_limit_a_job_is_turned_away_aloud(gate: threading.Event) -> None:
    work = Work(workers=1, busy_from=10, limit=2)
    places = [Record() for _ in range(5)]
    for place in places:
        work.take(Job(lambda place=place: (gate.wait(5), place.said.append("answer")), place))  # type: ignore[misc]
    while not places[-1].said:
        time.sleep(0.01)
    gate.set()
    assert work.stop()
    assert [p.said for p in places] == [["answer"]] * 3 + [["too busy"]] * 2


def test_a_failure_reaches_the_asker() -> None:
    work, place = Work(), Record()
    work.take(Job(lambda: {}["x"], place))
    assert work.stop()
    assert place.said == ["KeyError"]


def test_taking_a_job_on_does_not_wait(gate: threading.Event) -> None:
    work = Work(workers=1)
    for _ in range(100):
        work.take(Job(lambda: gate.wait(60) and None, Record()))  # type: ignore[arg-type]
    assert work.waiting == 100
    gate.set()
    assert work.stop()
