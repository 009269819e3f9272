"""The nightly check of a source against its store: by counts, by how every ticket stands, by whole histories of some.

What was missed is stored and counted. A difference that no change explains becomes a change of its own, so that the
store says what the ticket system says.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from unstuck.clock import iso, parse_instant
from unstuck.connectors import Tickets
from unstuck.sources.pull import Pull, engine_of, gone
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, TicketChange
from unstuck.tickets.database import reading
from unstuck.tickets.history import MERGE, TICKET, chunks

#: Tickets whose whole histories are compared, beside those that look different.
SAMPLE = 50
#: A ticket that was not found counts as deleted when it is still not found so much later.
ASK_AGAIN_AFTER = timedelta(minutes=10)
#: Stream under which tickets that were not found are noted.
_MISSING = "missing"

_Values = Mapping[str, str | None]


@dataclass(slots=True)
class Reconciled:
    """What a check found."""

    source: str
    #: Tickets that the system says it has, and that the store has; `None` where the system does not say.
    there: int | None = None
    here: int = 0
    #: Tickets compared as they stand, and with their whole histories.
    compared: int = 0
    sampled: int = 0
    #: Changes that the pull had missed, now stored.
    missed: int = 0
    #: Tickets that were deleted without a word.
    deleted: list[str] = field(default_factory=list)
    #: Tickets not found once; they are asked for again next time.
    not_found: list[str] = field(default_factory=list)
    #: Tickets that stood differently though no change told so; set right.
    mended: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing had been missed."""
        return not (self.missed or self.mended)


@dataclass(slots=True)
class _Mine:
    """A ticket as the store has it."""

    ticket: str
    created_at: datetime
    values: dict[str, str | None]

    @property
    def number(self) -> str:
        """Its id in the ticket system: one that was given out again has its creation added here."""
        return self.ticket.partition("@")[0]


def reconcile(pull: Pull, chance: random.Random, *, sample: int = SAMPLE) -> Reconciled:
    """Compare a source with its store, after a pull. Raises `ConnectorError`."""
    found = Reconciled(pull.config.name, there=pull.learn_words())
    different, absent = _compare(pull, list(_mine(pull)), found)
    told = pull.connector.capabilities.deletes == "told"
    whole = {*different, *(absent if told else ())}
    others = sorted({mine.number for mine in _mine(pull)} - whole)
    picked = chance.sample(others, min(sample, len(others)))
    _read_whole(pull, [*sorted(whole), *picked], found)
    if not told:
        _note_absent(pull, absent, found)
    found.here = _count(pull)
    if found.there is not None and found.there > found.here:
        _read_all(pull, found)
    _mend(pull, sorted(whole), found)
    found.here = _count(pull)
    return found


def _mine(pull: Pull, only: Iterable[str] | None = None) -> Iterator[_Mine]:
    """The tickets that are still there, as far as the store knows."""
    wanted = set(only) if only is not None else None
    source = pull.source_id()
    merged = select(MERGE.c.ticket_id).where(MERGE.c.source_id == source)
    here = (
        TICKET.c.source_id == source,
        TICKET.c.deleted_at.is_(None),
        (TICKET.c.stage_class != "DROPPED") | TICKET.c.id.not_in(merged),
    )
    with reading(engine_of(pull.sessions)) as connection:
        rows = connection.execute(select(TICKET).where(*here))
        mine = [_as_mine(row) for row in rows]
    yield from (one for one in mine if wanted is None or one.number in wanted)


def _as_mine(row: Any) -> _Mine:
    columns = {name: getattr(row, name) for name in ("status", "team", "assignee", "title", "description")}
    return _Mine(row.ext_id, row.created_at, {**row.values, **columns})


def _compare(pull: Pull, mine: list[_Mine], found: Reconciled) -> tuple[list[str], dict[str, _Mine]]:
    """Numbers of tickets that stand differently, and those that are not there."""
    different: list[str] = []
    absent: dict[str, _Mine] = {}
    by_number = {one.number: one for one in mine}
    for page in pull.connector.changes(Tickets(list(by_number))):
        for number, standing in page.standing.items():
            one = by_number[number]
            found.compared += 1
            if standing is None or _is_another(standing, one):
                absent[number] = one
            elif _differences(standing, one):
                different.append(number)
    return different, absent


def _is_another(standing: _Values, mine: _Mine) -> bool:
    created = standing.get("created_at")
    return created is not None and parse_instant(created) != mine.created_at


def _differences(standing: _Values, mine: _Mine) -> dict[str, str | None]:
    return {
        name: value
        for name, value in standing.items()
        if name != "created_at" and (value or None) != (mine.values.get(name) or None)
    }


def _read_whole(pull: Pull, numbers: list[str], found: Reconciled) -> None:
    found.sampled += len(numbers)
    for page in pull.connector.changes(Tickets(numbers, whole=True)):
        found.missed += pull.put(page, moves=False).new_changes


def _read_all(pull: Pull, found: Reconciled) -> None:
    """There are tickets that we do not have: nothing but reading everything again finds which."""
    for page in pull.connector.changes(None):
        found.missed += pull.put(page, moves=False).new_changes


def _count(pull: Pull) -> int:
    """Tickets in the store, counted as the system counts its own."""
    here = [TICKET.c.source_id == pull.source_id()]
    if not pull.connector.capabilities.counts_all:
        # A duplicate is a ticket like any other in a system that only links them.
        here.append(TICKET.c.deleted_at.is_(None))
    with reading(engine_of(pull.sessions)) as connection:
        return int(connection.execute(select(func.count()).where(*here)).scalar() or 0)


def _note_absent(pull: Pull, absent: Mapping[str, _Mine], found: Reconciled) -> None:
    """What is not found twice, some minutes apart, was deleted. Once may be a server that is just starting."""
    now = pull.clock.now()
    with pull.sessions.begin() as session:
        source = pull.source(session)
        before = json.loads(store.get_cursor(session, source, _MISSING) or "{}")
        noted = {one.ticket: before.get(one.ticket, iso(now)) for one in absent.values()}
        sure = {
            ticket: parse_instant(since)
            for ticket, since in noted.items()
            if now - parse_instant(since) >= ASK_AGAIN_AFTER
        }
        of_ticket = {one.ticket: one for one in absent.values()}
        told = [gone(ticket, of_ticket[ticket].created_at, at=since) for ticket, since in sure.items()]
        store.apply(session, source, told, seen_at=now)
        kept = {ticket: since for ticket, since in noted.items() if ticket not in sure}
        store.put_cursor(session, source, _MISSING, json.dumps(kept, sort_keys=True), at=now)
    found.deleted, found.not_found = sorted(sure), sorted(kept)


def _mend(pull: Pull, numbers: list[str], found: Reconciled) -> None:
    """Whatever still stands differently with its whole history read is set to what the system shows."""
    for some in chunks(numbers):
        mine = {one.number: one for one in _mine(pull, some)}
        now = pull.clock.now()
        changes = []
        for page in pull.connector.changes(Tickets(list(mine))):
            for number, standing in page.standing.items():
                values = _differences(standing, mine[number]) if standing is not None else {}
                if values and standing is not None and not _is_another(standing, mine[number]):
                    changes.append(_snapshot(mine[number].ticket, values, now))
        with pull.sessions.begin() as session:
            store.apply(session, pull.source(session), changes, seen_at=now)
        found.mended += [change.ticket for change in changes]


def _snapshot(ticket: str, values: dict[str, str | None], at: datetime) -> TicketChange:
    """What was found to hold now, though nothing told when it came to be."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return TicketChange(ticket, f"{ticket}:seen:{iso(at)}:{digest}", at, ChangeKind.UPDATED, values=values)
