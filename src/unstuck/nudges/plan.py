"""From findings to rows: one unique nudge an occasion and step, within the caps; overtaken ones withdrawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from unstuck import notices
from unstuck.clock import iso
from unstuck.notices import Told
from unstuck.nudges.desk import Desk
from unstuck.nudges.mornings import GATHER, is_mild, may_wait, morning_of, next_morning_of
from unstuck.nudges.rules import DIGEST_LINES
from unstuck.nudges.sweep import CURSOR, NUDGE, WATCH, Findings, Wanted
from unstuck.stalls.find import Stall
from unstuck.tickets.database import lock_for_writing
from unstuck.tickets.history import TICKET, chunks

#: Rows written at a time.
AT_ONCE = 10_000
#: A recipient of one source.
Whom = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a sweep led to."""

    #: Tickets that were looked at.
    looked_at: int
    #: Rows inserted, and stalls left for another day because of the caps.
    planned: int
    put_off: int
    #: Nudges withdrawn or marked as overtaken because their ticket moved.
    moved: int


def plan_nudges(session: Session, findings: Findings, desk: Desk) -> Planned:
    """Write down what a sweep found. Any number of sweeps may find the same: each nudge is inserted once."""
    connection = session.connection()
    lock_for_writing(connection)
    now = findings.now
    gathering, heard = _Gathering(session, desk, now), spent(connection, now)
    mild = [one for one in findings.wanted if is_mild(one, desk)]
    left_out = gathering.take(mild, morning_of, heard)
    chosen, over = within_caps([one for one in findings.wanted if not is_mild(one, desk)], heard, desk, now)
    left_out += [one for one in over if not may_wait(one, desk)]
    left_out += gathering.take([one for one in over if may_wait(one, desk)], next_morning_of, heard)
    gathered, put_off = gathering.found, left_out
    sources = _source_names(connection) if chosen or gathered else {}
    rows = [_row(one, sources[one.ticket.source_id]) for one in chosen]
    rows += [_row(one, sources[one.ticket.source_id]) | morning for one, morning in gathered]
    inserted = _insert(connection, rows)
    _overtaken(connection, findings.moved, now)
    later = {**findings.crowded_out, **{one.ticket.id: day_after(one, desk, now) for one in put_off}}
    _watch(connection, later, findings)
    return Planned(len(findings.looks), inserted, len(later), len(findings.moved))


@dataclass(slots=True)
class _Gathering:
    """Nudges that wait for a morning's digest, with what their rows say of that."""

    session: Session
    desk: Desk
    now: datetime
    found: list[tuple[Wanted, dict[str, Any]]] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)

    def take(
        self,
        some: Iterable[Wanted],
        when: Callable[[Wanted, Desk, datetime], tuple[str, datetime]],
        heard: dict[Whom, list[datetime]],
    ) -> list[Wanted]:
        """Find a place for each, the longest overdue first; those for which there is none.

        A digest is added to what its reader has `heard`: once, for it is one message.
        """
        left_out: list[Wanted] = []
        for one in sorted(some, key=lambda w: (-w.overdue, w.ticket.id)):
            key, at = when(one, self.desk, self.now)
            if key not in self._lines:
                waiting = select(func.count()).select_from(NUDGE).where(NUDGE.c.digest == key)
                self._lines[key] = self.session.execute(waiting).scalar_one()
                if not self._lines[key]:
                    heard.setdefault((one.ticket.source_id, one.next.recipient), []).append(at)
            if self._lines[key] >= DIGEST_LINES:
                left_out.append(one)
                continue
            self._lines[key] += 1
            told = Told(key, "morning", {}, one.next.recipient, one.ticket.source_id, one.stall.team)
            notices.put(self.session, told, at + GATHER)
            self.found.append((one, {"digest": key, "due_at": at}))
        return left_out


def within_caps(
    wanted: Iterable[Wanted], spent: Mapping[Whom, Sequence[datetime]], desk: Desk, now: datetime
) -> tuple[list[Wanted], list[Wanted]]:
    """Nudges that may go out today and those put off: the longest overdue first, so many to a recipient."""
    chosen: list[Wanted] = []
    put_off: list[Wanted] = []
    today: Counter[Whom] = Counter()
    for one in sorted(wanted, key=lambda w: (-w.overdue, w.ticket.id)):
        whom = (one.ticket.source_id, one.next.recipient)
        start, end = desk.situation(one.ticket.source_id, one.stall).day(now, one.next.recipient)
        before = sum(start <= at < end for at in spent.get(whom, ()))
        if before + today[whom] < desk.rules.person_per_day:
            today[whom] += 1
            chosen.append(one)
        else:
            put_off.append(one)
    return chosen, put_off


def day_after(one: Wanted, desk: Desk, now: datetime) -> datetime:
    """When the caps leave room again: the next decent hour of another day."""
    return desk.situation(one.ticket.source_id, one.stall).next_day(now, one.next.recipient)


def spent(
    connection: Connection, now: datetime, states: Sequence[str] = ("due", "sending", "sent")
) -> dict[Whom, list[datetime]]:
    """When each recipient got, or is about to get, messages in the last two days."""
    at = func.coalesce(NUDGE.c.sent_at, NUDGE.c.due_at)
    rows = connection.execute(
        select(TICKET.c.source_id, NUDGE.c.recipient, NUDGE.c.sent_at, NUDGE.c.due_at, NUDGE.c.digest)
        .join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
        .where(NUDGE.c.state.in_(states), at > now - timedelta(days=2))
        # Says nothing new of any but a nudge that could not be sent for days; but it has an index.
        .where(NUDGE.c.due_at > now - timedelta(days=9))
    )
    heard: dict[Whom, list[datetime]] = {}
    digests: set[str] = set()
    for source, recipient, sent_at, due_at, digest in rows:
        # A digest is one message, however long.
        if digest is None or digest not in digests:
            heard.setdefault((source, recipient), []).append(sent_at or due_at)
        digests |= {digest} if digest else set()
    return heard


def _source_names(connection: Connection) -> dict[int, str]:
    source = SQLModel.metadata.tables["source"]
    return {row[0]: row[1] for row in connection.execute(select(source.c.id, source.c.name))}


def _row(one: Wanted, source: str) -> dict[str, Any]:
    key = f"{one.next.rule}:{source}/{one.ticket.ext_id}:{one.next.occasion}:{one.next.step}"
    return {
        "key": key,
        "ticket_id": one.ticket.id,
        "rule": one.next.rule,
        "occasion": one.next.occasion,
        "step": one.next.step,
        "recipient": one.next.recipient,
        "state": "due",
        "due_at": one.next.at,
        "payload": as_payload(one.stall) | ({"ask": one.next.ask} if one.next.ask else {}),
        "attempts": 0,
        "redraw": False,
        "digest": None,
    }


def as_payload(stall: Stall) -> dict[str, Any]:
    """A stall as JSON; `message` reads it back."""
    fields = {name: getattr(stall, name) for name in Stall.__slots__}
    fields["waiting_on"] = {"kind": stall.waiting_on.kind.value, "id": stall.waiting_on.id}
    fields["since"], fields["still_since"] = iso(stall.since), iso(stall.still_since)
    fields["evidence"] = [
        {"kind": fact.kind, "at": iso(fact.at), "who": fact.who, "what": fact.what} for fact in stall.evidence
    ]
    return fields


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(NUDGE).on_conflict_do_nothing(index_elements=["key"]).returning(NUDGE.c.id)
    return sum(len(connection.execute(statement, row).all()) for row in rows)


def _overtaken(connection: Connection, nudges: Sequence[int], now: datetime) -> None:
    """Withdraw what has not been sent; what has been gets struck through."""
    for some in chunks(nudges):
        mine = NUDGE.c.id.in_(some)
        moved = {"outcome": "moved", "outcome_at": now}
        connection.execute(update(NUDGE).where(mine, NUDGE.c.state == "due").values(state="withdrawn", **moved))
        sent = mine, NUDGE.c.state == "sent", NUDGE.c.outcome.is_(None)
        connection.execute(update(NUDGE).where(*sent).values(redraw=True, **moved))


def _watch(connection: Connection, later: Mapping[int, datetime], findings: Findings) -> None:
    """Note when to look at each ticket again, `later` overrules; closed ones are watched no longer."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(WATCH)
    # Somebody may have pressed a button while the sweep was reading; its earlier look is kept. One too many is cheap.
    earlier = and_(WATCH.c.look_at > findings.now, func.coalesce(WATCH.c.look_at < insert.excluded.look_at, True))
    look_at = case((earlier, WATCH.c.look_at), else_=insert.excluded.look_at)
    upsert = insert.on_conflict_do_update(
        index_elements=["ticket_id"], set_={"revision": insert.excluded.revision, "look_at": look_at}
    )
    for some in chunks(chain([(CURSOR, None)], findings.looks), AT_ONCE):
        rows = ((ticket, later.get(ticket, at)) for ticket, at in some)
        connection.execute(
            upsert, [{"ticket_id": ticket, "revision": findings.cursor, "look_at": at} for ticket, at in rows]
        )
    for some_closed in chunks(findings.closed):
        connection.execute(delete(WATCH).where(WATCH.c.ticket_id.in_(some_closed)))


def look_again(connection: Connection, ticket: int, at: datetime) -> None:
    """Have the sweep look at a ticket at `at`, or soon after; sweeps under way cannot undo it."""
    watched = WATCH.c.ticket_id == ticket
    connection.execute(update(WATCH).where(watched).values(look_at=at + timedelta(seconds=1)))
