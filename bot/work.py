"""Work off the listener thread: acknowledgements stay fast however long an answer takes.

A job is first claimed (one thread, quick), then run by one of a few workers. When more jobs wait than
workers will get to soon, the asker is told; beyond a hard limit a job is turned away, aloud.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from bot import watching

WORKERS = 4
#: Jobs that may wait before the next asker hears that it takes a moment.
BUSY_FROM = 8
#: Jobs that may wait at all. More would be answered when nobody is waiting any more.
LIMIT = 500


class Place(Protocol):
    """Where the asker reads what becomes of the job."""

    def busy(self) -> None: ...
    def too_busy(self) -> None: ...
    def failed(self, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do for somebody. `claim` says, once, whether it is still to be done."""

    run: Callable[[], None]
    place: Place
    claim: Callable[[], bool] = lambda: True


class Work:
    """A bounded pool of workers."""

    def __init__(self, workers: int = WORKERS, busy_from: int = BUSY_FROM, limit: int = LIMIT) -> None:
        self._intake = ThreadPoolExecutor(1, "unstuck-intake")
        self._notes = ThreadPoolExecutor(1, "unstuck-notes")
        self._pool = ThreadPoolExecutor(workers, "unstuck-work")
        self._busy_from, self._limit = workers + busy_from, workers + limit
        self._lock = threading.Lock()
        self._unclaimed = 0
        self._unfinished = 0

    def take(self, job: Job) -> None:
        """Take a job on. Returns at once."""
        with self._lock:
            self._unclaimed += 1
        watching.waiting.inc()
        self._intake.submit(self._admit, job)

    @property
    def waiting(self) -> int:
        """Jobs taken on and not finished."""
        return self._unclaimed + self._unfinished

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False when `timeout` seconds were not enough."""
        end = time.monotonic() + timeout
        while self.waiting and time.monotonic() < end:
            time.sleep(0.01)
        return not self.waiting

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish what was taken on, as far as `timeout` seconds go; take nothing new."""
        done = self.drain(timeout)
        for pool in (self._intake, self._pool, self._notes):
            pool.shutdown(wait=done, cancel_futures=True)
        return done

    def _admit(self, job: Job) -> None:
        try:
            entered = self._enter(job)
        except Exception as error:  # the claim failed: the person must hear that, whatever it was
            entered = False
            self._notes.submit(job.place.failed, error)
        if not entered:
            watching.waiting.dec()
        with self._lock:
            self._unclaimed -= 1

    def _enter(self, job: Job) -> bool:
        """Whether the job was put in front of the workers."""
        if not job.claim():
            return False
        with self._lock:
            ahead = self._unfinished
            self._unfinished += ahead < self._limit
        if ahead >= self._limit:
            self._notes.submit(job.place.too_busy)
            watching.jobs.labels("turned away").observe(0)
            return False
        if ahead >= self._busy_from:
            self._notes.submit(job.place.busy)
        self._pool.submit(self._run, job, time.monotonic())
        return True

    def _run(self, job: Job, taken: float) -> None:
        outcome = "done"
        try:
            job.run()
        except Exception as error:  # the one net under all work; `failed` logs it and tells the person
            outcome = "failed"
            job.place.failed(error)
        finally:
            watching.jobs.labels(outcome).observe(time.monotonic() - taken)
            watching.waiting.dec()
            with self._lock:
                self._unfinished -= 1
