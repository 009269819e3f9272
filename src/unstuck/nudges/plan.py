"""From findings to rows: one unique nudge an occasion and step, within the caps; overtaken ones withdrawn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, select, true, update
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, SQLModel

from unstuck import notices
from unstuck.clock import iso
from unstuck.notices import Told
from unstuck.nudges.desk import Desk
from unstuck.nudges.garbage import searched_rarely
from unstuck.nudges.glance import Look
from unstuck.nudges.mornings import GATHER
from unstuck.nudges.places import RECENT, day_after, find_places
from unstuck.nudges.sweep import CURSOR, IN_FLIGHT, NUDGE, WATCH, Findings, Wanted, Whom
from unstuck.stalls.find import Stall
from unstuck.tickets.database import insert_into, lock_for_writing
from unstuck.tickets.history import TICKET, chunks

#: States of a nudge that has reached somebody or will.
LIVE = ("due", "sending", "sent")
#: Looks, and about as many nudges, that are written in one transaction.
AT_ONCE, NUDGES_AT_ONCE = 20_000, 2_000
#: The pause after a transaction, as a share of its time.
PAUSE = 0.25


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


@searched_rarely()
def plan_nudges(sessions: sessionmaker[Session], findings: Findings, desk: Desk) -> Planned:
    """Write down what a sweep found, in many short transactions: whoever else writes gets a turn between them.

    Any number of sweeps may find the same: each nudge is inserted once. What one leaves undone the next one
    finds again, because up to where tickets have been looked at is written last.
    """
    now, inserted, put_off = findings.now, 0, 0
    for some in _by_recipient(findings.wanted):
        with _turn(sessions) as connection:
            rows, left_out = _places(connection, some, desk, now)
            inserted += _insert(connection, rows)
            again = dict.fromkeys((one.ticket.id for one in some), now + IN_FLIGHT)
            again |= {one.ticket.id: day_after(one, desk, now) for one in left_out}
            _watch(connection, again.items(), findings)
            put_off += len(left_out)
    for nudges in chunks(findings.moved):
        with _turn(sessions) as connection:
            _overtaken(connection, nudges, now)
    for looks in chunks(findings.looks, AT_ONCE):
        with _turn(sessions) as connection:
            _watch(connection, looks, findings)
    for closed in chunks(findings.closed):
        with _turn(sessions) as connection:
            connection.execute(delete(WATCH).where(WATCH.c.ticket_id.in_(closed)))
    with _turn(sessions) as connection:
        _watch(connection, [(CURSOR, None)], findings)
    looked_at = len(findings.looks) + len(findings.wanted)
    return Planned(looked_at, inserted, put_off + findings.crowded_out, len(findings.moved))


@contextmanager
def _turn(sessions: sessionmaker[Session]) -> Iterator[Connection]:
    """A transaction that writes, and a pause after it for whoever waits to write."""
    with sessions.begin() as session:
        connection = session.connection()
        lock_for_writing(connection)
        start = time.perf_counter()
        yield connection
    # Who waits for SQLite's lock asks for it now and then; it must be free for a good part of the time.
    time.sleep((time.perf_counter() - start) * PAUSE)


def _by_recipient(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """The nudges of some recipients at a time: caps and digests are reckoned by recipient."""
    by_whom: dict[Whom, list[Wanted]] = {}
    for one in wanted:
        by_whom.setdefault(one.whom, []).append(one)
    some: list[Wanted] = []
    for mine in by_whom.values():
        some += mine
        if len(some) >= NUDGES_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _places(
    connection: Connection, wanted: Sequence[Wanted], desk: Desk, now: datetime
) -> tuple[list[dict[str, Any]], list[Wanted]]:
    """Rows of the nudges that find a place, today or in a morning's digest, and those that find none."""
    heard = spent(connection, now, whom={one.whom for one in wanted})
    places = find_places(wanted, heard, partial(_count_lines, connection), desk, now)
    digests: dict[str, tuple[Told, datetime]] = {}
    for line in places.lines:
        one = line.one
        told = Told(line.digest, "morning", {}, one.next.recipient, one.ticket.source_id, one.stall.team)
        digests.setdefault(line.digest, (told, line.at + GATHER))
    notices.put_all(connection, digests.values())
    sources = _source_names(connection)
    rows = [_row(one, sources[one.ticket.source_id]) for one in places.alone]
    gathered = [(line.one, {"digest": line.digest, "due_at": line.at}) for line in places.lines]
    rows += [_row(one, sources[one.ticket.source_id]) | morning for one, morning in gathered]
    return rows, places.left_out


def _count_lines(connection: Connection, digests: Collection[str]) -> dict[str, int]:
    """How many lines digests have already, by key; those that were withdrawn are told by none."""
    found = Counter[str]()
    columns = NUDGE.c.digest, NUDGE.c.state, func.count()
    for some in chunks(sorted(digests)):
        by_state = select(*columns).where(NUDGE.c.digest.in_(some)).group_by(NUDGE.c.digest, NUDGE.c.state)
        for digest, state, lines in connection.execute(by_state):
            found[digest] += lines if state in LIVE else 0
    return found


def spent(
    connection: Connection,
    now: datetime,
    states: Sequence[str] = LIVE,
    whom: Collection[Whom] | None = None,
) -> dict[Whom, list[datetime]]:
    """When recipients, all or some, got, or are about to get, messages in the last two days."""
    at = func.coalesce(NUDGE.c.sent_at, NUDGE.c.due_at)
    wanted = (
        select(TICKET.c.source_id, NUDGE.c.recipient, NUDGE.c.sent_at, NUDGE.c.due_at, NUDGE.c.digest, NUDGE.c.state)
        .join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
        .where(at > now - RECENT)
        # Says nothing new of any but a nudge that could not be sent for days; but it has an index.
        .where(NUDGE.c.due_at > now - timedelta(days=9))
    )
    if whom is None:
        return _heard(connection.execute(wanted), states)
    heard: dict[Whom, list[datetime]] = {}
    for some in chunks(sorted({recipient for _, recipient in whom})):
        heard |= _heard(connection.execute(wanted.where(NUDGE.c.recipient.in_(some))), states)
    return heard


def _heard(rows: Iterable[Any], states: Collection[str]) -> dict[Whom, list[datetime]]:
    heard: dict[Whom, list[datetime]] = {}
    digests: set[str] = set()
    for source, recipient, sent_at, due_at, digest, state in rows:
        # Asked for in SQL, it would have SQLite go through all nudges by their state instead of by recipient.
        if state not in states:
            continue
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
    if not rows:
        return 0
    insert = insert_into(connection, NUDGE).on_conflict_do_nothing(index_elements=["key"])
    return len(connection.execute(insert.returning(NUDGE.c.id), rows).all())


def _overtaken(connection: Connection, nudges: Sequence[int], now: datetime) -> None:
    """Withdraw what has not been sent; what has been gets struck through."""
    mine = NUDGE.c.id.in_(nudges)
    moved = {"outcome": "moved", "outcome_at": now}
    connection.execute(update(NUDGE).where(mine, NUDGE.c.state == "due").values(state="withdrawn", **moved))
    sent = mine, NUDGE.c.state == "sent", NUDGE.c.outcome.is_(None)
    connection.execute(update(NUDGE).where(*sent).values(redraw=True, **moved))


def _watch(connection: Connection, looks: Iterable[Look], findings: Findings) -> None:
    """Note when to look at tickets again."""
    insert = insert_into(connection, WATCH)
    # Somebody may have pressed a button while the sweep was reading; its earlier look is kept. One too many is cheap.
    earlier = and_(WATCH.c.look_at > findings.now, func.coalesce(WATCH.c.look_at < insert.excluded.look_at, true()))
    look_at = case((earlier, WATCH.c.look_at), else_=insert.excluded.look_at)
    upsert = insert.on_conflict_do_update(
        index_elements=["ticket_id"], set_={"revision": insert.excluded.revision, "look_at": look_at}
    )
    rows = [{"ticket_id": ticket, "revision": findings.cursor, "look_at": at} for ticket, at in looks]
    connection.execute(upsert, rows)


def look_again(connection: Connection, ticket: int, at: datetime) -> None:
    """Have the sweep look at a ticket at `at`, or soon after; sweeps under way cannot undo it."""
    watched = WATCH.c.ticket_id == ticket
    connection.execute(update(WATCH).where(watched).values(look_at=at + timedelta(seconds=1)))
