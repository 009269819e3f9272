"""The last things that did not get through to Slack, counted, for `unstuck doctor` and the admins' Home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from unstuck.nudges.outbox import troubles as nudge_troubles
from unstuck.tickets.database import insert_into
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Notice, Trouble

TROUBLE, NOTICE = table_of(Trouble), table_of(Notice)

#: Older trouble is over, or has happened again.
SHOWN_FOR, KEPT_FOR = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Seen:
    """One kind of trouble."""

    #: `app_mention`, `chart`, `nudge`, …
    kind: str
    #: Slack's word for it, or the name of what broke.
    word: str
    times: int
    #: The Slack channel or person, where one is known.
    place: str = ""
    last_at: datetime | None = None


def note(session: Session, kind: str, word: str, now: datetime, place: str = "") -> None:
    """Count one thing that did not get through."""
    row = {"kind": kind, "place": place, "word": word, "times": 1, "first_at": now, "last_at": now}
    again = {"times": TROUBLE.c.times + 1, "last_at": now}
    insert = insert_into(session.connection(), TROUBLE).values(**row)
    session.execute(insert.on_conflict_do_update(index_elements=["kind", "place", "word"], set_=again))


def recent(session: Session, now: datetime) -> Iterator[Seen]:
    """What is wrong now: counted lately, or stuck in one of the outboxes. Newest first within each."""
    columns = TROUBLE.c.kind, TROUBLE.c.word, TROUBLE.c.times, TROUBLE.c.place, TROUBLE.c.last_at
    lately = select(*columns).where(TROUBLE.c.last_at > now - SHOWN_FOR)
    yield from (Seen(*row) for row in session.execute(lately.order_by(TROUBLE.c.last_at.desc())))
    for one in nudge_troubles(session):
        yield Seen("nudge", one.error, one.attempts)
    # A notice is tried for an hour; what failed long ago is nobody's task any more.
    stuck = NOTICE.c.error.is_not(None), NOTICE.c.state.in_(("due", "failed")), NOTICE.c.due_at > now - SHOWN_FOR
    wanted = select(NOTICE.c.error, NOTICE.c.attempts).where(*stuck).order_by(NOTICE.c.id.desc()).limit(50)
    yield from (Seen("notice", *row) for row in session.execute(wanted))


def forget_old(session: Session, now: datetime) -> None:
    session.execute(delete(TROUBLE).where(TROUBLE.c.last_at < now - KEPT_FOR))
