"""What Slack was promised is kept until it is done, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import seen
from bot.errands import (
    ERRAND,
    LEASE,
    MOST_CRASHES,
    REMEMBERED_FOR,
    Arrived,
    Errands,
    Held,
    arrive,
    at_work,
    forget_old,
    recovering,
)
from bot.intake import HandOver, Intake, Job, NotKeptError
from bot.serving import Link
from bot.work import Work
from unstuck.cli import serve
from unstuck.clock import FrozenClock
from unstuck.sealing import Seal
from unstuck.testing import NOON
from unstuck.troubles import recent


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, class_=Session)


@pytest.fixture
def process(sessions: sessionmaker[Session], clock: FrozenClock) -> Callable[..., Errands]:
    """A process of the desk: each call makes one more on the same database."""
    return lambda secret="s": Errands(sessions, clock, Seal(secret))


def asked(ts: str = "1.0", words: str = "where is my parcel") -> Arrived:
    body = {"team_id": "T1", "event": {"type": "app_mention", "channel": "C1", "ts": ts, "text": words}}
    return Arrived(body, "app_mention", is_repeated=True)


def later(clock: FrozenClock, by: timedelta) -> None:
    clock.tick(by)


def kept(errands: Errands, request: Arrived) -> Held:
    [held] = errands.keep([request])
    assert held is not None
    return held


def test_one_process_gets_it_and_it_stays_done(process: Callable[..., Errands], clock: FrozenClock) -> None:
    first, second = process(), process()
    held = kept(first, asked())
    assert second.keep([asked()]) == [None]
    first.done(held)
    later(clock, LEASE * 2)
    assert second.keep([asked()]) == [None]
    assert second.waiting() == []


def test_twice_in_one_batch_is_once(process: Callable[..., Errands]) -> None:
    one, two, again = process().keep([asked("1.0"), asked("2.0"), asked("1.0")])
    assert sum(held is not None for held in (one, again)) == 1
    assert two is not None


def test_nothing_readable_is_stored_and_nothing_at_all_once_it_is_done(
    process: Callable[..., Errands], engine: Engine
) -> None:
    errands = process()
    held = kept(errands, asked(words="my card is 4111 1111 1111 1111"))
    with engine.connect() as connection:
        stored = bytes(connection.execute(select(ERRAND.c.body)).scalar_one())
    assert b"4111" not in stored
    assert b"card" not in stored
    errands.done(held)
    with engine.connect() as connection:
        assert connection.execute(select(ERRAND.c.body)).scalar_one() is None


def test_what_a_killed_process_held_is_done_by_another(process: Callable[..., Errands], clock: FrozenClock) -> None:
    killed, other = process(), process()
    first = kept(killed, asked())
    assert other.waiting() == []
    later(clock, LEASE)
    [request] = other.waiting()
    again = kept(other, request)
    assert (again.key, again.is_again, again.crashes) == (first.key, True, 1)
    assert request.body == asked().body
    # The same message has the same name, whoever says it.
    assert again.next_key().startswith(again.next_key()[:24])
    with pytest.raises(Exception, match=first.key):
        first.check()


def test_a_process_that_is_heard_of_keeps_what_it_holds(process: Callable[..., Errands], clock: FrozenClock) -> None:
    busy, other = process(), process()
    held = kept(busy, asked())
    for _ in range(5):
        later(clock, LEASE / 2)
        busy.renew()
    assert other.waiting() == []
    held.check()


def test_a_process_that_slept_notices_what_was_taken_from_it(
    process: Callable[..., Errands], clock: FrozenClock
) -> None:
    asleep, other = process(), process()
    held, mine = asleep.keep([asked("1.0"), asked("2.0")])
    assert held is not None
    assert mine is not None
    later(clock, LEASE)
    kept(other, asked("1.0"))
    asleep.renew()
    mine.check()
    with pytest.raises(Exception, match=held.key):
        held.check()


def test_leaving_in_order_is_no_crash(process: Callable[..., Errands]) -> None:
    leaving, other = process(), process()
    kept(leaving, asked())
    leaving.leave()
    again = kept(other, asked())
    assert (again.attempts, again.crashes) == (2, 0)


def test_what_is_handed_over_is_done_once_by_whoever_works(process: Callable[..., Errands]) -> None:
    listening, working = process(), process()
    listening.hand_over([asked("1.0"), asked("2.0"), asked("1.0")])
    listening.hand_over([asked("2.0")])
    first, second = working.keep(working.waiting())
    assert first is not None
    assert second is not None
    # Nothing was said for it yet, and nobody ended over it.
    assert [(held.arrived.body["event"]["ts"], held.is_again, held.crashes) for held in (first, second)] == [
        ("1.0", False, 0),
        ("2.0", False, 0),
    ]
    assert working.waiting() == []
    working.done(first)
    listening.hand_over([asked("1.0")])
    assert working.waiting() == []


def test_a_modal_that_was_opened_is_known_to_whoever_fills_it(process: Callable[..., Errands]) -> None:
    request = Arrived({"type": "block_actions", "trigger_id": "7"}, "block_actions", is_repeated=False)
    request.opened = "V1"
    process().hand_over([request])
    [kept_] = process().waiting()
    assert (kept_.opened, kept_.key, kept_.name("form")) == ("V1", request.key, request.name("form"))


def test_what_a_process_held_that_is_known_to_be_gone_is_free_at_once(
    sessions: sessionmaker[Session], clock: FrozenClock, process: Callable[..., Errands]
) -> None:
    kept(Errands(sessions, clock, Seal("s"), name="gone"), asked("1.0"))
    kept(process(), asked("2.0"))
    other = process()
    other.free("gone")
    [request] = other.waiting()
    assert (request.body["event"]["ts"], kept(other, request).crashes) == ("1.0", 1)


def test_under_another_secret_it_is_given_up_aloud(
    process: Callable[..., Errands], clock: FrozenClock, sessions: sessionmaker[Session]
) -> None:
    kept(process("old"), asked())
    later(clock, LEASE)
    new = process("new")
    assert new.waiting() == []
    assert new.keep([asked()]) == [None]
    with sessions() as session:
        assert [(seen.kind, seen.word) for seen in recent(session, NOON)] == [("errand", "sealed with another secret")]


def test_old_keys_are_forgotten_and_undone_errands_kept(
    process: Callable[..., Errands], clock: FrozenClock, sessions: sessionmaker[Session]
) -> None:
    errands = process()
    done, _undone = errands.keep([asked("1.0"), asked("2.0")])
    assert done is not None
    errands.done(done)
    forget_old(sessions, NOON + REMEMBERED_FOR + timedelta(seconds=1))
    later(clock, LEASE)
    assert [request.body["event"]["ts"] for request in errands.waiting()] == ["2.0"]
    assert errands.keep([asked("1.0")]) != [None]


def test_what_nobody_takes_up_any_more_is_given_up_aloud(
    process: Callable[..., Errands], clock: FrozenClock, sessions: sessionmaker[Session]
) -> None:
    kept(process(), asked())
    later(clock, LEASE)
    errands, dispatched = process(), []
    with recovering(errands, lambda request: dispatched.append(request) or 200, beat=timedelta(milliseconds=5)):  # type: ignore[func-returns-value]
        wait_until(lambda: _words(sessions) != [])
    assert [request.body for request in dispatched] == [asked().body]
    assert _words(sessions) == ["nobody does such a thing any more"]


def test_while_the_desk_fails_it_is_tried_again(process: Callable[..., Errands], clock: FrozenClock) -> None:
    kept(process(), asked())
    later(clock, LEASE)
    errands, dispatched = process(), []
    with recovering(errands, lambda request: dispatched.append(request) or 500, beat=timedelta(milliseconds=5)):  # type: ignore[func-returns-value]
        wait_until(lambda: len(dispatched) > 2)
    assert len(errands.waiting()) == 1


def test_a_claim_of_an_errand_is_its_own_when_it_is_done_again(
    process: Callable[..., Errands], clock: FrozenClock, sessions: sessionmaker[Session]
) -> None:
    first = kept(process(), asked())
    with at_work(first):
        assert seen.claim(sessions, "choice:1", NOON)
    later(clock, LEASE)
    with at_work(kept(process(), asked())):
        assert seen.claim(sessions, "choice:1", NOON)
    assert not seen.claim(sessions, "choice:1", NOON)


def test_what_stays_missing_is_seen_by_an_admin(
    process: Callable[..., Errands], sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shaky(Link):
        looks = iter([None, "nobody works", None, "no connection to Slack", "no connection to Slack"])

        @property
        def missing(self) -> str | None:
            try:
                return next(self.looks)
            except StopIteration:
                stop.set()
                return None

    stop = threading.Event()
    monkeypatch.setattr(serve, "LOOK_EVERY_S", 0.001)
    serve._watch(Shaky(), process(), stop)
    assert _words(sessions) == ["no connection to Slack"]


# -- the pool on top


class Record:
    def __init__(self) -> None:
        self.said: list[str] = []

    def busy(self) -> None: ...

    def too_busy(self) -> None:
        self.said.append("too busy")

    def too_late(self) -> None:
        self.said.append("too late")

    def failed(self, error: Exception) -> None:
        self.said.append(type(error).__name__)


@pytest.fixture
def works(process: Callable[..., Errands]) -> Iterator[Callable[[], Work]]:
    with ExitStack() as started:

        def start() -> Work:
            work = Work(process())
            started.callback(work.stop)
            return work

        yield start


def take(work: Intake, request: Arrived, place: Record, run: Callable[[], Any]) -> None:
    arrive(request.body, request.kind, request)
    work.take(Job(run, place))


def test_a_request_is_kept_before_it_is_acknowledged_and_done_once(works: Callable[[], Work], engine: Engine) -> None:
    place, kept_when_it_ran = Record(), []
    for work in (works(), works()):
        take(work, asked(), place, lambda: kept_when_it_ran.append(bodies(engine)) or place.said.append("answer"))  # type: ignore[func-returns-value]
    wait_until(lambda: bodies(engine) == [None])
    assert place.said == ["answer"]
    assert kept_when_it_ran[0] != [None]


def test_whoever_listens_keeps_it_and_wakes_whoever_works(
    process: Callable[..., Errands], works: Callable[[], Work]
) -> None:
    place, working = Record(), works()
    assert working.errands is not None

    def listener(request: Arrived) -> int:
        take(working, request, place, lambda: place.said.append("answer"))
        return 200

    with recovering(working.errands, listener, beat=timedelta(hours=1)) as wake:
        listening = HandOver(process(), wake.set)
        take(listening, asked(), place, lambda: place.said.append("answered by whoever listens"))
        take(listening, asked(), place, lambda: place.said.append("answered by whoever listens"))
        wait_until(lambda: place.said != [])
        listening.close()
    assert working.drain(5)
    assert place.said == ["answer"]


def test_after_too_long_it_is_said_to_be_too_late(
    process: Callable[..., Errands], works: Callable[[], Work], clock: FrozenClock
) -> None:
    kept(process(), asked())
    later(clock, timedelta(minutes=11))
    place, work = Record(), works()
    take(work, asked(), place, lambda: place.said.append("answer"))
    assert work.drain(5)
    assert place.said == ["too late"]


def test_what_takes_process_after_process_with_it_is_given_up(
    process: Callable[..., Errands], works: Callable[[], Work], clock: FrozenClock
) -> None:
    for _ in range(MOST_CRASHES):
        kept(process(), asked())
        later(clock, LEASE)
    place, work = Record(), works()
    take(work, asked(), place, lambda: place.said.append("answer"))
    assert work.drain(5)
    assert place.said == ["GivenUpError"]


def test_while_slack_is_away_it_waits_and_is_counted(
    works: Callable[[], Work], clock: FrozenClock, sessions: sessionmaker[Session], process: Callable[..., Errands]
) -> None:
    place, work = Record(), works()

    def away() -> None:
        raise ConnectionResetError

    take(work, asked(), place, away)
    assert work.drain(5)
    assert place.said == []
    assert _words(sessions) == ["ConnectionResetError"]
    later(clock, timedelta(minutes=1))
    [request] = process().waiting()
    take(work, request, place, lambda: place.said.append("answer"))
    assert work.drain(5)
    assert place.said == ["answer"]


def test_without_a_database_nothing_is_acknowledged(works: Callable[[], Work], engine: Engine) -> None:
    work, place = works(), Record()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE errand RENAME TO gone"))
    with pytest.raises(DBAPIError, match="errand"):
        take(work, asked(), place, lambda: place.said.append("answer"))
    assert place.said == []
    assert work.drain(5)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO errand"))


def test_while_the_database_is_slow_slack_must_repeat(
    works: Callable[[], Work], monkeypatch: pytest.MonkeyPatch, engine: Engine, database: str
) -> None:
    if database != "sqlite":
        pytest.skip("one writer holds up all others on SQLite alone")
    monkeypatch.setattr("bot.intake.KEPT_WITHIN_S", 0.05)
    work, place = works(), Record()
    with engine.begin():
        with pytest.raises(NotKeptError):
            take(work, asked(), place, lambda: place.said.append("answer"))
        press = Arrived({"type": "block_actions", "trigger_id": "1"}, "block_actions", is_repeated=False)
        # Nobody repeats a button: it is acknowledged, and done as well as we can.
        take(work, press, place, lambda: place.said.append("pressed"))
    assert work.drain(5)
    assert sorted(place.said) == ["answer", "pressed"]


def bodies(engine: Engine) -> list[bytes | None]:
    with engine.connect() as connection:
        return list(connection.execute(select(ERRAND.c.body)).scalars())


def _words(sessions: sessionmaker[Session]) -> list[str]:
    with sessions() as session:
        return [one.word for one in recent(session, NOON)]


def wait_until(condition: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
