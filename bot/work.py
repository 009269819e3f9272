"""Work off the listener thread: acknowledgements stay fast however long an answer takes.

A job that was kept (`bot/intake.py`) is run by one of a few workers. When more jobs wait than workers will get to
soon, the asker is told; beyond a hard limit a job is turned away, aloud.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from bot import errands as keeping
from bot import refusals, watching
from bot.errands import Arrived, Errands, Held, LostError
from bot.intake import Intake, Job, Taken
from unstuck.errors import UserError

log = logging.getLogger("unstuck.bot")

WORKERS = 4
#: Held by a job while it counts rather than waits. Several at once are no faster, because Python runs one of them
#: at a time, and what they run outside of Python takes both processors from whoever acknowledges: with four, the
#: slowest hundredth of 50 requests a second waited half a second instead of 20 ms (`benchmarks/slack_load.py`).
thinking = threading.BoundedSemaphore(1)
#: Jobs that may wait before the next asker hears that it takes a moment.
BUSY_FROM = 8
#: Jobs that may wait at all. Two cores work about thirty off a second; more would be answered when nobody waits for it.
LIMIT = 3_000
#: How long an errand waits for Slack to come back, at first and from then on.
AWAY_FOR = (timedelta(seconds=5), timedelta(seconds=20))


class GivenUpError(Exception):
    """Whoever tried it ended without a word, several times."""


class Work(Intake):
    """A bounded pool of workers. Without `errands` what it does dies with the process: for tests."""

    def __init__(
        self, errands: Errands | None = None, workers: int = WORKERS, busy_from: int = BUSY_FROM, limit: int = LIMIT
    ) -> None:
        self._notes = ThreadPoolExecutor(1, "unstuck-notes")
        self._pool = ThreadPoolExecutor(workers, "unstuck-work")
        self._busy_from, self._limit = workers + busy_from, workers + limit
        self._unfinished = 0
        super().__init__(errands)

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
        self.close()
        for pool in (self._pool, self._notes):
            pool.shutdown(wait=done, cancel_futures=True)
        if self.errands is not None:
            self.errands.leave()
        return done

    # -- taking on

    def _keep(self, batch: Sequence[Taken]) -> None:
        held = self._held([one.request for one in batch])
        for one, (is_new, errand) in zip(batch, held, strict=True):
            if is_new:
                self._enter(one.job, errand)

    def _held(self, requests: Sequence[Arrived | None]) -> list[tuple[bool, Held | None]]:
        """For each request whether it is to be done, and the errand that it became."""
        if self.errands is None:
            return [(True, None) for _ in requests]
        asked = [request for request in requests if request is not None]
        kept = iter(self.errands.keep(asked) if asked else ())
        held = [None if request is None else next(kept) for request in requests]
        return [(request is None or one is not None, one) for request, one in zip(requests, held, strict=True)]

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
        if held is not None and held.is_late:
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
        with self._lock:
            self._unfinished -= 1

    def _done(self, held: Held | None) -> None:
        if held is not None:
            held.errands.done(held)

    def _count(self, error: Exception, held: Held | None) -> None:
        # What people are told a remedy for is theirs to mend, not an admin's.
        if held is not None and not isinstance(error, UserError):
            log.warning("%s did not get through: %s", held.arrived.kind, refusals.word(error))
            held.errands.trouble(held.arrived.kind, refusals.word(error), held.arrived.place)
