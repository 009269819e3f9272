"""What became of tickets for which a resolution was cited: stayed solved, or came back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, select
from sqlalchemy.orm import sessionmaker

from knowledge.base import KnowledgeBase
from knowledge.fate import Event, Outcome
from unstuck.sync import card_id, occasion
from unstuck.tickets.changes import StageClass
from unstuck.tickets.history import TICKET, chunks, table_of, timelines
from unstuck.tickets.store import reading
from unstuck.tickets.tables import KnowledgeUse, Source
from unstuck.tickets.timeline import Timeline

#: Uses that are this old have had their fate.
FOLLOWED_FOR = timedelta(days=180)

_DONE = frozenset({StageClass.SOLVED, StageClass.CLOSED})


def follow_uses(sessions: sessionmaker[Any], base: KnowledgeBase, now: datetime, stays_solved_for: timedelta) -> int:
    """Tell the base which cited cards lasted and which did not; how much of that was new. Again: no change."""
    engine: Engine = sessions.kw["bind"]
    uses: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in _uses(engine, now - FOLLOWED_FOR):
        uses[row.ticket_id].append(row)
    recorded = 0
    for some in chunks(uses):
        with reading(engine) as connection:
            lives = list(timelines(connection, some))
        recorded += base.record_all(
            event
            for life in lives
            for use in uses[life.ticket]
            for event in _fate(use, _solvings(life, use.at), now - stays_solved_for)
        )
    return recorded


def _uses(engine: Engine, since: datetime) -> Sequence[Any]:
    use, source = table_of(KnowledgeUse), table_of(Source)
    query = (
        select(use.c.card_id, use.c.ticket_id, use.c.at, TICKET.c.ext_id, source.c.name.label("source"))
        .join(TICKET, TICKET.c.id == use.c.ticket_id)
        .join(source, source.c.id == TICKET.c.source_id)
        .where(use.c.at >= since)
    )
    with reading(engine) as connection:
        return connection.execute(query).all()


def _solvings(life: Timeline, since: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """(solved at, opened again at) of each time the ticket was solved after `since`."""
    solved: datetime | None = None
    for stay in life.stays:
        if stay.stage_class in _DONE:
            solved = solved or stay.start_at
            continue
        if solved is not None and solved >= since and stay.stage_class is not StageClass.DROPPED:
            yield solved, stay.start_at
        solved = None
    if solved is not None and solved >= since:
        yield solved, None


def _fate(
    use: Row[Any], solvings: Iterator[tuple[datetime, datetime | None]], lasted_before: datetime
) -> Iterator[Event]:
    for solved, back in solvings:
        about = occasion(card_id(use.source, use.ext_id), solved)
        if back is not None:
            yield Event(use.card_id, Outcome.REOPENED, back, about=about)
        elif solved <= lasted_before:
            yield Event(use.card_id, Outcome.REUSED, solved, about=about)
