"""Taking requests on: each is kept as an errand, many in one transaction, before Slack hears that we took it.

    listener ── take ──► intake thread ── kept ──► the listener ends, Slack is acknowledged
                                        └───────► done here (`bot/work.py`), or by the process that works

In one process listening and working compete for Python's one thread at a time, and an acknowledgement waits for
whoever counts. `unstuck serve` therefore listens in one process and works in another (`bot/worker.py`).
"""

from __future__ import annotations

import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from bot import errands as keeping
from bot.errands import Arrived, Errands

log = logging.getLogger("unstuck.bot")

#: Seconds that an acknowledgement waits for the database: Slack gives it three.
KEPT_WITHIN_S = 2.0
#: Jobs that one transaction keeps.
BATCH = 100


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


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do for somebody."""

    run: Callable[[], None]
    place: Place


@dataclass(frozen=True, slots=True)
class Taken:
    """A job on its way into the database."""

    job: Job
    request: Arrived | None
    kept: Future[None] = field(default_factory=Future)


class Intake(ABC):
    """What listeners hand their jobs to."""

    def __init__(self, errands: Errands | None) -> None:
        self.errands = errands
        self._taken: queue.SimpleQueue[Taken | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unkept = 0
        self._intake = threading.Thread(target=self._keep_all, name="unstuck-intake", daemon=True)
        self._intake.start()

    def take(self, job: Job) -> None:
        """Take a job on; returns once it is sure to be done, which takes milliseconds.

        Raises what the database raises, and `NotKeptError` when it is slow and Slack will repeat the request.
        """
        taken = Taken(job, keeping.arrived())
        with self._lock:
            self._unkept += 1
        self._taken.put(taken)
        try:
            taken.kept.result(KEPT_WITHIN_S)
        except TimeoutError:
            if taken.request is not None and taken.request.is_repeated:
                # It is kept all the same, a little later; what Slack repeats is then known.
                raise NotKeptError from None
            log.warning("a request was acknowledged before it was kept: the database is slow")

    def close(self) -> None:
        """Keep what was taken so far, and take no more."""
        self._taken.put(None)
        self._intake.join(timeout=10)

    @abstractmethod
    def _keep(self, batch: Sequence[Taken]) -> None:
        """Keep what waits, and see to it that it is done. May raise what the database raises."""

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
            self._keep_or_refuse(batch)
            if is_last:
                return

    def _keep_or_refuse(self, batch: Sequence[Taken]) -> None:
        error: Exception | None = None
        try:
            self._keep(batch)
        except Exception as refused:  # whatever it was, each listener raises it, and Slack hears that we failed
            error = refused
        with self._lock:
            self._unkept -= len(batch)
        for one in batch:
            if error is not None:
                one.kept.set_exception(error)
            else:
                one.kept.set_result(None)


class HandOver(Intake):
    """For a process that only listens: others do what it takes on."""

    def __init__(self, errands: Errands, wake: Callable[[], None]) -> None:
        """`wake` tells those who work that there is something new."""
        self._hand_over, self._wake = errands.hand_over, wake
        super().__init__(errands)

    def _keep(self, batch: Sequence[Taken]) -> None:
        self._hand_over([one.request for one in batch if one.request is not None])
        self._wake()
