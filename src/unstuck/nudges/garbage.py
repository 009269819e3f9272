"""Python's search for cyclic garbage, made rare while a sweep holds millions of values that are none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects between two searches, instead of 700.
RARELY = 100_000


@contextmanager
def searched_rarely() -> Iterator[None]:
    """Within, the collector looks at everything there is a few times, not at every turn."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, RARELY), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
