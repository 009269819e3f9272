"""Deadlines that nobody wrote down, found in what a desk's own field says of its closed tickets.

Many logs carry a flag such as "made its SLA" and no word on what it means. Where one time from opening to
closing, by priority, tells nearly every ticket's flag, that is the rule. An admin is shown it as a
proposal; nothing is set by itself.

Business days are counted whole at first. Where counting only some hours of each tells nearly all of what
is then left over, those are the hours: a ticket opened before they begin is due a day sooner than the
count of days says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unstuck.facts.timers import Timer, utc_plain
from unstuck.stalls.risk import WEEKDAYS
from unstuck.stalls.visits import NEVER, labels, whole
from unstuck.tickets.calendars import BusinessCalendar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HOUR, _DAY = 3_600, 86_400
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
#: Times that people promise.
PROMISED = np.array(
    [*(n * _HOUR for n in (1, 2, 4, 8, 12)), *(n * _DAY for n in range(1, 31)), 45 * _DAY, 60 * _DAY, 90 * _DAY]
)
#: A rule that tells fewer flags is none, nor is one that hardly tells more than always giving the usual answer would.
AGREE, BETTER = 0.95, 0.5
#: Fewer closed tickets say nothing.
ENOUGH, ENOUGH_OF_A_KIND = 200, 10
#: Full days are believed where hours tell hardly more.
HARDLY = 0.01
#: What deadlines may differ by.
BY = ("", "priority", "type", "tier")
#: A simpler rule is kept unless one by kind of ticket tells this much more.
SIMPLER = 0.005
ALL_HOURS = (0, 24)
#: Hours are looked for among no more tickets than this.
MANY = 20_000

_FLAGS = """
WITH ends AS (
    SELECT ticket, max(start_at) FILTER (class = 'CLOSED') AS closed_at, max(start_at) FILTER (class = 'SOLVED') AS solved_at,
        arg_max(class, seq) AS class
    FROM stays_at($as_of::TIMESTAMP) GROUP BY ticket
), final AS (
    SELECT ticket, arg_max(custom, start_at) AS custom, arg_max(priority, start_at) AS priority,
        arg_max("type", start_at) AS "type", arg_max(tier, start_at) AS tier
    FROM fields WHERE start_at <= $as_of::TIMESTAMP GROUP BY ticket
), flags AS (
    SELECT ticket, unnest(map_keys(custom)) AS field, unnest(map_values(custom)) AS flag FROM final
), told AS (
    SELECT field FROM flags GROUP BY field HAVING count(DISTINCT flag) = 2
)
SELECT field, flag, priority, "type", tier, epoch_us(t.created_at) // 1000000 AS opened,
    epoch_us(e.closed_at) // 1000000 AS closed, epoch_us(e.solved_at) // 1000000 AS solved
FROM flags JOIN told USING (field) JOIN final USING (ticket) JOIN ends e USING (ticket) JOIN tickets t USING (ticket)
WHERE e.class IN ('CLOSED', 'SOLVED') ORDER BY field, ticket
"""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A rule that tells a field's value from the time that a ticket took."""

    #: The field, and its value for tickets that missed the deadline.
    field: str
    missed: str
    #: `closed` or `solved`: what has to happen in time.
    until: str
    #: `weekdays`, `calendar` (every hour counts) or `desk`.
    clock: str
    #: What it differs by (`priority`, …; empty: nothing), and the seconds on that clock by its value.
    by: str
    within: Mapping[str | None, int]
    #: The share of closed tickets whose field it tells, and their number.
    agreement: float
    tickets: int
    #: On weekdays: from which hour to which a business day counts, and where. A day of `within` is as many hours then.
    hours: tuple[int, int] = ALL_HOURS
    timezone: str = "UTC"

    def due(
        self, opened: NDArray[np.int64], kind: Sequence[str | None], calendar: BusinessCalendar | None
    ) -> NDArray[np.int64]:
        """When each ticket is due, in seconds since 1970; the end of time where no deadline is known."""
        seconds = np.array([self.within.get(one if self.by else None, -1) for one in kind], dtype=np.int64)
        begin, end = self.hours
        counted = np.maximum(seconds, 0) * (end - begin) // 24
        return np.where(seconds < 0, NEVER, _advance(opened, counted, self._calendar(calendar)))

    def _calendar(self, calendar: BusinessCalendar | None) -> BusinessCalendar | None:
        if self.hours == ALL_HOURS:
            return _calendar(self.clock, calendar)
        begin, end = self.hours
        return BusinessCalendar(self.timezone, (((begin * 60, end * 60),),) * 5 + ((), ()))


@dataclass(frozen=True, slots=True)
class Hopeless:
    """A deadline that a stage left by clockwork takes most or all of."""

    kind: str | None
    within: int
    timer: Timer


def hopeless(deadline: Deadline, timers: Sequence[Timer]) -> list[Hopeless]:
    """Deadlines that cannot be met: a clock alone takes as long."""
    if deadline.until != "closed":
        return []
    longest = max(timers, key=lambda timer: timer.seconds, default=None)
    return [
        Hopeless(kind, within, longest)
        for kind, within in sorted(deadline.within.items(), key=lambda item: str(item[0]))
        if longest is not None and longest.seconds >= within
    ]


def find(
    con: DuckDBPyConnection, calendar: BusinessCalendar | None = None, as_of: datetime | None = None
) -> list[Deadline]:
    """The unwritten deadlines that a desk's fields follow, judged by tickets closed by `as_of`: the best of each field."""
    at = utc_plain(as_of or _EVER)
    columns = con.execute(_FLAGS, {"as_of": at}).fetchnumpy()
    field = labels(columns["field"])
    found = (_best(name, columns, field.codes == code, calendar) for code, name in enumerate(field.words) if name)
    return [deadline for deadline in found if deadline is not None]


def _best(
    name: str, columns: Mapping[str, NDArray[Any]], here: NDArray[np.bool_], calendar: BusinessCalendar | None
) -> Deadline | None:
    rules = list(_rules(name, {key: column[here] for key, column in columns.items()}, calendar))
    best: Deadline | None = None
    for rule in sorted(rules, key=lambda rule: len(rule.within)):
        if best is None or rule.agreement > best.agreement + (SIMPLER if len(rule.within) > len(best.within) else 0):
            best = rule
    if best is None or best.clock != "weekdays" or any(seconds % _DAY for seconds in best.within.values()):
        return best
    return _by_the_hour(best, {key: column[here] for key, column in columns.items()}, calendar)


def _by_the_hour(rule: Deadline, columns: Mapping[str, NDArray[Any]], calendar: BusinessCalendar | None) -> Deadline:
    """The same rule, its business days counted from one hour to another where that tells much more."""
    ended = np.flatnonzero(~np.ma.getmaskarray(columns[rule.until]))
    some = ended[:: len(ended) // MANY + 1]
    opened, end = whole(columns["opened"])[some], whole(columns[rule.until])[some]
    flag = labels(columns["flag"][some])
    missed = np.array([word == rule.missed for word in flag.words])[flag.codes]
    kinds = labels(columns[rule.by][some]) if rule.by else None
    kind = [kinds.words[code] for code in kinds.codes] if kinds else [None] * len(some)

    def told(hours: tuple[int, int]) -> float:
        due = replace(timed, hours=hours).due(opened, kind, calendar)
        return float(((end > due) == missed)[due < NEVER].mean())

    timed = replace(rule, timezone=calendar.timezone if calendar else "UTC")
    plain = told(ALL_HOURS)
    if plain == 1:
        return rule
    begin, until = ALL_HOURS
    for _ in range(2):
        # One edge after the other; of hours that tell as much the longest.
        begin = max(range(until), key=lambda hour: told((hour, until)))
        until = max(range(24, begin, -1), key=lambda hour: told((begin, hour)))
    best = told((begin, until))
    return replace(timed, hours=(begin, until), agreement=best) if 1 - best <= (1 - BETTER) * (1 - plain) else rule


def _rules(name: str, columns: Mapping[str, NDArray[Any]], calendar: BusinessCalendar | None) -> Iterator[Deadline]:
    flag = labels(columns["flag"])
    for until in ("closed", "solved"):
        ended = ~np.ma.getmaskarray(columns[until])
        codes = flag.codes[ended]
        if len(codes) < ENOUGH or len(flag.words) != 2:
            continue
        opened, end = whole(columns["opened"])[ended], whole(columns[until])[ended]
        for clock in ("weekdays", "calendar", *(["desk"] if calendar else [])):
            took = _between(opened, end, _calendar(clock, calendar))
            for by in BY:
                kind = labels(columns[by][ended]) if by else None
                kinds = kind.codes if kind else np.zeros(len(codes), dtype=np.int64)
                words = kind.words if kind else (None,)
                for missed, word in enumerate(flag.words):
                    within, right = _within(took, codes == missed, kinds, words)
                    share, usual = right / len(codes), max(np.mean(codes), 1 - np.mean(codes))
                    if share >= AGREE and 1 - share <= (1 - BETTER) * (1 - usual):
                        yield Deadline(name, str(word), until, clock, by, within, float(share), len(codes))


def _within(
    took: NDArray[np.int64], missed: NDArray[np.bool_], kinds: NDArray[np.int64], words: Sequence[str | None]
) -> tuple[dict[str | None, int], int]:
    """The time promised to each kind of ticket that tells most of their flags, and how many it tells."""
    within: dict[str | None, int] = {}
    right = 0
    for code, word in enumerate(words):
        mine = kinds == code
        if mine.sum() < ENOUGH_OF_A_KIND:
            continue
        late = np.sort(took[mine & missed])
        fine = np.sort(took[mine & ~missed])
        told = len(late) - np.searchsorted(late, PROMISED, side="right") + np.searchsorted(fine, PROMISED, side="right")
        best = _roundest(told)
        within[word] = int(PROMISED[best])
        right += int(told[best])
    return within, right


def _roundest(told: NDArray[np.int64]) -> int:
    """The place of the promise that tells most; one of hours only where no full days tell nearly as much."""
    best, in_days = int(np.argmax(told)), int(np.argmax(np.where(PROMISED % _DAY == 0, told, -1)))
    return in_days if told[in_days] >= (1 - HARDLY) * told[best] else best


def _calendar(clock: str, calendar: BusinessCalendar | None) -> BusinessCalendar | None:
    return {"weekdays": WEEKDAYS, "calendar": None, "desk": calendar}[clock]


def _between(start: NDArray[np.int64], end: NDArray[np.int64], calendar: BusinessCalendar | None) -> NDArray[np.int64]:
    if calendar is None:
        return end - start
    return calendar.business_seconds_of(end.astype(np.float64)) - calendar.business_seconds_of(start.astype(np.float64))


def _advance(
    start: NDArray[np.int64], seconds: NDArray[np.int64], calendar: BusinessCalendar | None
) -> NDArray[np.int64]:
    """The instants so much business time after others."""
    if calendar is None:
        return start + seconds
    return calendar.after_of(start, seconds)
