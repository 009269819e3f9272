"""The two questions that are asked about tickets: will it overstay its stage, will it miss its deadline?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unstuck.facts.timers import Timer
from unstuck.stalls.deadlines import Deadline
from unstuck.stalls.moments import AT_AGE, Moments, read
from unstuck.stalls.risk import Outcomes, Question
from unstuck.stalls.visits import NEVER, whole
from unstuck.tickets.calendars import BusinessCalendar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Longer than this share of finished visits to the stage is overstaying; fewer visits are no comparison.
LONG, ENOUGH = 0.9, 50


def overstaying(
    moments: Moments, learn_from: NDArray[np.bool_], now: int, calendar: BusinessCalendar | None = None
) -> Question:
    """Whether visits outlast nine in ten of those finished by `now`; stages with too few are left out."""
    stage, lasted = moments.facts["stage"].codes, moments.end - moments.start
    finished = learn_from & (moments.end <= now)
    limit = np.zeros(len(moments), dtype=np.int64)
    for code in np.unique(stage[finished]):
        known = lasted[finished & (stage == code)]
        if len(known) >= ENOUGH:
            limit[stage == code] = int(np.quantile(known, LONG))
    usual = np.isin(stage, np.unique(stage[finished])) & (
        np.bincount(stage[finished], minlength=stage.max() + 1)[stage] >= ENOUGH
    )
    return Question(moments.where(usual), (moments.start + limit)[usual], calendar=calendar)


def missing(
    connection: DuckDBPyConnection,
    deadline: Deadline,
    timers: Sequence[Timer],
    age: int,
    calendar: BusinessCalendar | None = None,
    now: int = NEVER,
) -> Question:
    """Whether tickets still open `age` seconds after opening will be solved too late for their deadline.

    Where the deadline is for closing and solved tickets are closed by clockwork, they have to be solved
    that much earlier, and whether they were is all that is learned from: it is known that much sooner, and
    a clock that once stood still made many late that had been solved in time. Only what happened by `now`
    is known (default: everything).
    """
    moments = read(connection, AT_AGE, age=age)
    moments = replace(moments, end=np.where(moments.end <= now, moments.end, NEVER)).where(moments.asked <= now)
    due = deadline.due(moments.opened, _kinds(moments, deadline.by), calendar)
    clockwork = max((timer.seconds for timer in timers), default=0) if deadline.until == "closed" else 0
    # Asked again once the last safe moment has passed, the answer is yes.
    safe = np.maximum(np.where(due == NEVER, NEVER, due - clockwork), moments.asked)
    known = due < NEVER
    told = None if clockwork else _outcomes(connection, moments.where(known), due[known], deadline.until, now)
    return Question(moments.where(known), safe[known], told, calendar)


def _outcomes(
    connection: DuckDBPyConnection, moments: Moments, due: NDArray[np.int64], until: str, now: int
) -> Outcomes:
    ended = _ended(connection, moments, until)
    ended = np.where(ended <= now, ended, NEVER)
    return Outcomes(np.minimum(ended, due), ended > due, due)


def _kinds(moments: Moments, by: str) -> list[str | None]:
    if not by or by not in moments.facts:
        return [None] * len(moments)
    fact = moments.facts[by]
    return [fact.words[code] for code in fact.codes]


def _ended(connection: DuckDBPyConnection, moments: Moments, until: str) -> NDArray[np.int64]:
    """When each moment's ticket was closed or solved for the last time."""
    found = connection.execute(
        "SELECT ticket, epoch_us(max(start_at)) // 1000000 AS ended FROM stays WHERE class = ? GROUP BY ticket ORDER BY ticket",
        ["CLOSED" if until == "closed" else "SOLVED"],
    ).fetchnumpy()
    tickets, ended = whole(found["ticket"]), whole(found["ended"])
    if not len(tickets):
        return np.full(len(moments), NEVER)
    place = np.minimum(np.searchsorted(tickets, moments.ticket), len(tickets) - 1)
    return np.where(tickets[place] == moments.ticket, ended[place], NEVER)
