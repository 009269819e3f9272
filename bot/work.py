"""Work off the listener thread: acknowledgements stay fast however long an answer takes.

A job is first kept as an errand (one thread, many in one transaction), so that it is done although this process
ends; only then Slack hears that we took it. Then one of a few workers runs it. When more jobs wait than workers
will get to soon, the asker is told; beyond a hard limit a job is turned away, aloud.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bot import errands as keeping
from bot import refusals, watching
from bot.errands import Arrived, Errands, Held, LostError

log = logging.getLogger("unstuck.bot")

WORKERS = 4
#: Held by a job while it counts rather than waits. Several at once are no faster, because Python runs one of them
#: at a time, and they keep acknowledgements from their turn: with eight, half of 50 requests a second were not
#: acknowledged in time (`benchmarks/slack_load.py`).
thinking = threading.BoundedSemaphore(1)
#: Jobs that may wait before the next asker hears that it takes a moment.
BUSY_FROM = 8
#: Jobs that may wait at all. Two cores work about thirty off a second; more would be answered when nobody waits for it.
LIMIT = 3_000
#: Seconds that an acknowledgement waits for the database: Slack gives it three.
KEPT_WITHIN_S = 2.0
#: Jobs that one transaction keeps.
BATCH = 100
#: How long an errand waits for Slack to come back, at first and from then on.
AWAY_FOR = (timedelta(seconds=5), timedelta(seconds=20))


class Place(Protocol):
    """Where the asker reads what becomes of the job."""

    def busy(self) -> None: ...
    def too_busy(self) -> None: ...
    def too_late(self) -> None: ...
    def failed(self, error: Exception) -> None: ...


class Unasked:
    """For jobs that nobody asked for, such as a page or a preview: a failure is no reason to write to somebody."""

    def __init__(self, what: str) -> None:
        self._what = what

    def busy(self) -> None: ...

    def too_busy(self) -> None: ...

    def too_late(self) -> None: ...

    def failed(self, error: Exception) -> None:
        log.error("failed: %s", self._what, exc_info=error)


class NotKeptError(Exception):
    """The database is slow: Slack must send this again."""


class GivenUpError(Exception):
    """Whoever tried it ended without a word, several times."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do for somebody."""

    run: Callable[[], None]
    place: Place


@dataclass(frozen=True, slots=True)
class _Taken:
    """A job on its way into the database."""

    job: Job
    request: Arrived | None
    kept: Future[None] = field(default_factory=Future)


class Work:
    """A bounded pool of workers. Without `errands` what it does dies with the process: for tests."""

    def __init__(
        self, errands: Errands | None = None, workers: int = WORKERS, busy_from: int = BUSY_FROM, limit: int = LIMIT
    ) -> None:
        self.errands = errands
        self._taken: queue.SimpleQueue[_Taken | None] = queue.SimpleQueue()
        self._notes = ThreadPoolExecutor(1, "unstuck-notes")
        self._pool = ThreadPoolExecutor(workers, "unstuck-work")
        self._busy_from, self._limit = workers + busy_from, workers + limit
        self._lock = threading.Lock()
        self._unkept = 0
        self._unfinished = 0
        self._intake = threading.Thread(target=self._keep_all, name="unstuck-intake", daemon=True)
        self._intake.start()

    def take(self, job: Job) -> None:
        """Take a job on; returns once it is sure to be done, which takes milliseconds.

        Raises what the database raises, and `NotKeptError` when it is slow and Slack will repeat the request.
        """
        taken = _Taken(job, keeping.arrived())
        with self._lock:
            self._unkept += 1
        watching.waiting.inc()
        self._taken.put(taken)
        try:
            taken.kept.result(KEPT_WITHIN_S)
        except TimeoutError:
            if taken.request is not None and taken.request.is_repeated:
                # It is kept all the same, a little later; what Slack repeats is then known.
                raise NotKeptError from None
            log.warning("a request was acknowledged before it was kept: the database is slow")

    @property
    def waiting(self) -> int:
        """Jobs taken on and not finished."""
        return self._unkept + self._unfinished

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False when `timeout` seconds were not enough."""
        end = time.monotonic() + timeout
        while self.waiting and time.monotonic() < end:
            time.sleep(0.01)
        return not self.waiting

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish what was taken on, as far as `timeout` seconds go; leave the rest for others."""
        done = self.drain(timeout)
        self._taken.put(None)
        for pool in (self._pool, self._notes):
            pool.shutdown(wait=done, cancel_futures=True)
        if self.errands is not None:
            self.errands.leave()
        return done

    # -- taking on

    def _keep_all(self) -> None:
        """The intake: whatever waits is kept together."""
        while (first := self._taken.get()) is not None:
            batch, is_last = [first], False
            while len(batch) < BATCH and not self._taken.empty():
                more = self._taken.get()
                if more is None:
                    is_last = True
                    break
                batch.append(more)
            self._keep(batch)
            if is_last:
                return

    def _keep(self, batch: Sequence[_Taken]) -> None:
        try:
            held = self._held([one.request for one in batch])
        except Exception as error:  # whatever it was, each listener raises it, and Slack hears that we failed
            for one in batch:
                self._answer(one, error)
            return
        for one, (is_new, errand) in zip(batch, held, strict=True):
            if is_new:
                self._enter(one.job, errand)
            self._answer(one, None, entered=is_new)

    def _held(self, requests: Sequence[Arrived | None]) -> list[tuple[bool, Held | None]]:
        """For each request whether it is to be done, and the errand that it became."""
        if self.errands is None:
            return [(True, None) for _ in requests]
        asked = [request for request in requests if request is not None]
        kept = iter(self.errands.keep(asked) if asked else ())
        held = [None if request is None else next(kept) for request in requests]
        return [(request is None or one is not None, one) for request, one in zip(requests, held, strict=True)]

    def _answer(self, one: _Taken, error: Exception | None, *, entered: bool = False) -> None:
        if not entered:
            watching.waiting.dec()
        with self._lock:
            self._unkept -= 1
        if error is not None:
            one.kept.set_exception(error)
        else:
            one.kept.set_result(None)

    def _enter(self, job: Job, held: Held | None) -> None:
        """Put the job in front of the workers, or turn it away."""
        with self._lock:
            ahead = self._unfinished
            self._unfinished += 1
        if ahead >= self._limit:
            watching.jobs.labels("turned away").observe(0)
            self._notes.submit(self._end, held, job.place.too_busy)
            return
        if ahead >= self._busy_from:
            self._notes.submit(job.place.busy)
        self._pool.submit(self._run, job, held, time.monotonic())

    # -- working off

    def _run(self, job: Job, held: Held | None, taken: float) -> None:
        outcome = "failed"
        try:
            outcome = self._try(job, held)
        except Exception:  # the database is away, say: the lease runs out and it is done again
            log.exception("an errand could not be ended")
        finally:
            watching.jobs.labels(outcome).observe(time.monotonic() - taken)
            self._finished()

    def _try(self, job: Job, held: Held | None) -> str:
        """Run a job to whatever end it comes to, and say which."""
        try:
            with keeping.at_work(held):
                self._run_once(job, held)
        except LostError:
            return "lost"
        except Exception as error:  # the one net under all work; `failed` logs it and tells the person
            self._count(error, held)
            if held is not None and refusals.is_passing(error) and not held.is_late:
                held.errands.put_off(held, max(AWAY_FOR[held.is_again], refusals.wait_of(error)))
                return "put off"
            job.place.failed(error)
            self._done(held)
            return "failed"
        self._done(held)
        return "done"

    def _run_once(self, job: Job, held: Held | None) -> None:
        if held is not None and held.crashes >= keeping.MOST_CRASHES:
            raise GivenUpError(held.arrived.kind)
        if held is not None and held.is_again and held.is_late:
            job.place.too_late()
        else:
            job.run()

    def _end(self, held: Held | None, say: Callable[[], None]) -> None:
        """Turn an errand away."""
        try:
            say()
            self._done(held)
        finally:
            self._finished()

    def _finished(self) -> None:
        watching.waiting.dec()
        with self._lock:
            self._unfinished -= 1

    def _done(self, held: Held | None) -> None:
        if held is not None:
            held.errands.done(held)

    def _count(self, error: Exception, held: Held | None) -> None:
        if held is not None:
            log.warning("%s did not get through: %s", held.arrived.kind, refusals.word(error))
            held.errands.trouble(held.arrived.kind, refusals.word(error), held.arrived.place)
