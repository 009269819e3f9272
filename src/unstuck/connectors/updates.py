"""Going through tickets by when they were last updated: cursors, and pages of systems that list them oldest first.

Times have whole seconds at best and become visible late, so some of them are read again each time. A page is asked for
by time, not by number: rows that move while they are being read come again instead of being passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from unstuck.clock import SystemClock, parse_instant
from unstuck.errors import Malformed

#: Read again each time, until it is settled.
OVERLAP = timedelta(minutes=2)
START = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLED = " settled"

Row = Mapping[str, Any]
Ask = Callable[[datetime, int], Sequence[Row]]


def moment(value: object) -> datetime:
    """A time as a system gives it: ISO 8601, or seconds or milliseconds since 1970."""
    text = str(value)
    try:
        if text.isdigit():
            # Milliseconds from 1973 on are more than seconds until the year 5138.
            return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
        return parse_instant(text)
    except (ValueError, OverflowError, OSError):
        raise Malformed("a time that is none") from None


def start_of(cursor: str | None) -> tuple[datetime, datetime | None]:
    """Since when to read, and the moment whose rows are known to the last one; `None` while some may still come."""
    if cursor is None:
        return START, None
    done = moment(cursor.removesuffix(_SETTLED))
    return (done, done) if cursor.endswith(_SETTLED) else (done - OVERLAP, None)


def done_of(cursor: str | None) -> datetime:
    """Up to when all has been read."""
    return moment(cursor.removesuffix(_SETTLED)) if cursor else START


def cursor_at(newest: datetime, told: datetime | None) -> str:
    """A cursor. It is settled when nothing can be added in its last second any more, by the system's own clock.

    Times in the future, of a clock since set right, do not move it: what comes after them would be passed over.
    """
    now = told or SystemClock().now()
    is_settled = told is not None and told - newest > OVERLAP
    return min(newest, now).isoformat() + (_SETTLED if is_settled else "")


def by_update(
    ask: Ask, updated_at: Callable[[Row], datetime], size: int, cursor: str | None, clock: Callable[[], datetime | None],
    *, short: bool = False,
) -> Iterator[tuple[list[Row], str, bool]]:  # fmt: skip
    """Rows not known yet, the cursor after them, and whether they are the last, page by page.

    `ask(since, offset)` gives at most `size` rows updated at or after a moment; `clock` tells the system's own time.
    With `short`, a page may have fewer rows without being the last: then only an empty one is.
    """
    since, known = start_of(cursor)
    done, offset = since if known else since + OVERLAP if cursor else START, 0
    given: list[Row] = []
    while True:
        rows = ask(since, offset)
        newest = max(map(updated_at, rows), default=since)
        done = max(done, newest)
        fresh = [row for row in rows if updated_at(row) != known and row not in given]
        is_last = not rows if short else len(rows) < size
        yield fresh, cursor_at(done, clock()), is_last
        if is_last:
            return
        given = [row for row in rows if updated_at(row) == newest]
        # More than a page at one moment: only within that moment by number.
        offset, since = (offset + size, since) if newest == since else (0, newest)
