"""Who goes first where a database has one writer: a webhook waits for its answer, a page of changes waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: As long as pages give way to webhooks that keep coming.
AT_MOST_S = 0.25


class Turns:
    """Of the threads of one process; others meet at the database's own lock."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._urgent = 0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        with self._changed:
            self._urgent += 1
        try:
            yield
        finally:
            with self._changed:
                self._urgent -= 1
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until nothing urgent is being written, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._urgent, timeout=AT_MOST_S)


turns = Turns()
