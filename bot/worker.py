"""The process that works, beside the one that listens: answers, nudges, and everything that happens by itself.

    `unstuck serve` ── listens: signatures, listeners, errands kept, acknowledgements
        │ the other's standard input: a byte when there is something new
        └── `unstuck work` ── takes errands up and does them, runs the jobs of every minute

They share the database and nothing else. When the working process ends unasked, another one is started, and what it
held is free at once; when the listening one is killed, that input ends, and the working process ends as well.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Self

from bot.errands import Errands

log = logging.getLogger("unstuck.bot")

#: Where the Prometheus library looks for that folder.
COUNTED_IN = "PROMETHEUS_MULTIPROC_DIR"
#: What works gives way to what listens where both want the processor.
NICENESS = 5
#: Seconds before a process that ended unasked is started anew: at first, and at most.
SOON, LATE = 1.0, 30.0
#: A process that has lasted for so many seconds did not fail at its start.
STARTED_S = 60.0
#: Seconds that it gets to end what it is doing.
PATIENCE_S = 30.0


@contextmanager
def counting_together() -> Iterator[None]:
    """Makes processes started in this block share one set of figures for `/metrics`.

    The library looks for the folder when it is first imported.
    """
    with tempfile.TemporaryDirectory(prefix="unstuck-metrics-") as folder:
        os.environ[COUNTED_IN] = folder
        try:
            yield
        finally:
            del os.environ[COUNTED_IN]


class Worker:
    """The working process, seen from the one that listens. Entered idle; leaving stops it."""

    def __init__(self, arguments: Sequence[str], errands: Errands) -> None:
        """`arguments`: of `unstuck work`."""
        self._command = [sys.executable, "-m", "unstuck", "work", *arguments]
        self._errands = errands
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watching: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._watching is not None:
            self._watching.join()

    def start(self) -> None:
        """Start it, and another one whenever it ends unasked."""
        self._watching = threading.Thread(target=self._keep_running, name="unstuck-worker", daemon=True)
        self._watching.start()

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wake(self) -> None:
        """Tell it that there is something new. Never waits."""
        if self._process is not None and self._process.stdin is not None:
            try:
                # Where the pipe is full it writes nothing: then the other knows.
                self._process.stdin.write(b"!")
            except (OSError, ValueError) as error:
                # It has just ended; the next one looks by itself.
                log.debug("the working process was not woken: %s", error)

    def _keep_running(self) -> None:
        pause = SOON
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                ended: int | OSError = self._run_one()
            except OSError as error:  # the machine is full
                ended = error
            if self._stopping.is_set():
                return
            pause = SOON if time.monotonic() - began > STARTED_S else min(pause * 2, LATE)
            log.error("the working process ended by itself (%s); another one starts in %.0f s", ended, pause)
            self._stopping.wait(pause)

    def _run_one(self) -> int:
        """Start one and wait until it ends, or is to end; its exit code."""
        name = uuid.uuid4().hex
        command = [*self._command, "--name", name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as process:  # noqa: S603 - our own
            assert process.stdin is not None
            os.set_blocking(process.stdin.fileno(), False)
            self._process = process
            while process.poll() is None and not self._stopping.wait(0.1):
                pass
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._free(name)
        return process.returncode

    def _free(self, name: str) -> None:
        """Let others take at once what it held."""
        try:
            self._errands.free(name)
        except Exception:  # the database may be away; then its leases run out
            log.exception("errands could not be freed")


def hear(news: IO[bytes], wake: threading.Event, stop: threading.Event) -> None:
    """In the working process: pass on that there is something new, and end with whoever tells it."""
    while os.read(news.fileno(), 4096):
        wake.set()
    if not stop.is_set():
        # Killed: another one may be there in a moment, and an embedded index has room for one.
        os._exit(1)
