"""Writing tickets: changes in, once each, whatever order and however often they arrive.

Every function takes the session of the caller, who ends the transaction. Sessions bound to an engine
of `open_store` hold the write lock for as long as they live, so keep them short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.orm import Session

from unstuck.tickets.changes import StageClass, TicketChange
from unstuck.tickets.database import lock_for_writing, open_store, reading
from unstuck.tickets.history import CHANGE, MERGE, MESSAGE, STAGE, TICKET, changes_of, chunks, stages_of, table_of
from unstuck.tickets.roster import get_cursor, id_of, put_calendars, put_cursor, put_people, put_teams
from unstuck.tickets.stages import Stages, guess
from unstuck.tickets.tables import Source, TicketFeedback
from unstuck.tickets.timeline import ordered, standing

__all__ = [
    "Applied", "apply", "count_new", "get_cursor", "get_source", "open_store", "put_calendars", "put_cursor",
    "put_people", "put_stages", "put_teams", "reading",
]  # fmt: skip

#: Changes stored at once: more would hold other writers up for longer than it saves.
BATCH = 2000

#: Who may overrule whom about what a status means.
_RANK = {"recognised": 0, "map": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a stream of changes."""

    #: Changes given, those already known included.
    changes: int = 0
    new_changes: int = 0
    #: Messages among `changes`.
    messages: int = 0

    def __add__(self, other: Applied) -> Applied:
        return Applied(
            self.changes + other.changes, self.new_changes + other.new_changes, self.messages + other.messages
        )


def get_source(session: Session, name: str, kind: str) -> Source:
    """The source of that name, created on first use; its `kind` is the first one given."""
    found = session.execute(select(Source).where(table_of(Source).c.name == name)).scalar_one_or_none()
    if found is None:
        found = Source(name=name, kind=kind)
        session.add(found)
        session.flush()
    return found


def apply(session: Session, source: Source, changes: Iterable[TicketChange], *, seen_at: datetime) -> Applied:
    """Store changes that are not yet known, and refold the tickets they touch.

    A change is known by its source and `change_id`. The stored state depends only on the set of changes
    stored, never on their order of arrival. Statuses without a stage get one by name (`recognised`).
    """
    applied = Applied()
    for batch in chunks(changes, BATCH):
        new = _store_batch(session.connection(), id_of(source), batch, seen_at)
        applied += Applied(len(batch), new, sum(change.message is not None for change in batch))
    return applied


def _store_batch(connection: Connection, source: int, batch: Sequence[TicketChange], seen_at: datetime) -> int:
    lock_for_writing(connection)
    new = _unknown(connection, source, batch)
    if not new:
        return 0
    stages = _with_guesses(connection, source, new)
    known = _ticket_ids(connection, source, {change.ticket for change in new})
    before = changes_of(connection, {ticket: ext_id for ext_id, ticket in known.items()})
    history = {ext_id: before[ticket] for ext_id, ticket in known.items()}
    for change in new:
        history.setdefault(change.ticket, []).append(change)
    rows = [_standing_row(source, ext_id, ordered(changes), stages) for ext_id, changes in history.items()]
    ids = known | _write_tickets(connection, source, rows, known)
    _write_changes(connection, source, new, ids, seen_at)
    return len(new)


def count_new(connection: Connection, source: str, changes: Sequence[TicketChange]) -> int:
    """How many of the changes the source of that name does not have yet; nothing is stored."""
    sources = table_of(Source)
    found = connection.execute(select(sources.c.id).where(sources.c.name == source)).scalar()
    return len(_unknown(connection, -1 if found is None else found, changes))


def _unknown(connection: Connection, source: int, batch: Sequence[TicketChange]) -> list[TicketChange]:
    """The changes that are not stored yet, the first of each id."""
    first = {change.change_id: change for change in reversed(batch)}
    for keys in chunks(list(first)):
        wanted = select(CHANGE.c.change_key).where(CHANGE.c.source_id == source, CHANGE.c.change_key.in_(keys))
        for key in connection.execute(wanted).scalars():
            del first[key]
    return list(reversed(first.values()))


def _with_guesses(connection: Connection, source: int, changes: Iterable[TicketChange]) -> Stages:
    """The source's stages, those of new statuses guessed by name and stored so."""
    stages = stages_of(connection, source)
    stated = {status for change in changes if (status := change.values.get("status"))}
    guessed = {status: (status, guess(status)) for status in sorted(stated - stages.keys())}
    _insert_stages(connection, source, guessed, "recognised")
    return {**stages, **guessed}


def _insert_stages(connection: Connection, source: int, stages: Stages, set_by: str) -> None:
    if stages:
        rows = [
            {"source_id": source, "status": status, "stage": stage, "stage_class": stage_class.value, "set_by": set_by}
            for status, (stage, stage_class) in stages.items()
        ]
        connection.execute(STAGE.insert(), rows)


def _ticket_ids(connection: Connection, source: int, ext_ids: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for some in chunks(ext_ids):
        wanted = select(TICKET.c.ext_id, TICKET.c.id).where(TICKET.c.source_id == source, TICKET.c.ext_id.in_(some))
        ids.update((row[0], row[1]) for row in connection.execute(wanted))
    return ids


def _standing_row(source: int, ext_id: str, changes: Sequence[TicketChange], stages: Stages) -> dict[str, Any]:
    now = standing(changes, stages)
    values = {name: value for name, value in now.values.items() if value is not None}
    for column in ("status", "team", "assignee"):
        values.pop(column, None)
    return {
        "source_id": source,
        "ext_id": ext_id,
        **{column: values.pop(column, None) for column in ("title", "description", "url")},
        "status": now.status,
        "stage_class": now.stage_class.value,
        "team": now.team,
        "assignee": now.assignee,
        "values": values,
        "created_at": now.created_at,
        "updated_at": now.updated_at,
        "still_since": now.still_since,
        "solved_at": now.solved_at,
        "closed_at": now.closed_at,
        "deleted_at": now.deleted_at,
    }


def _write_tickets(
    connection: Connection, source: int, rows: Sequence[dict[str, Any]], known: Mapping[str, int]
) -> dict[str, int]:
    """Insert or update tickets under the next revision; the ids of those that are new."""
    revision = (connection.execute(select(func.max(TICKET.c.revision))).scalar() or 0) + 1
    fresh = [{**row, "revision": revision} for row in rows if row["ext_id"] not in known]
    _update_tickets(connection, [row for row in rows if row["ext_id"] in known], known, revision)
    if not fresh:
        return {}
    connection.execute(TICKET.insert(), fresh)
    ids = _ticket_ids(connection, source, [row["ext_id"] for row in fresh])
    _link_waiting_merges(connection, source, ids)
    return ids


def _update_tickets(
    connection: Connection, rows: Sequence[dict[str, Any]], known: Mapping[str, int], revision: int
) -> None:
    if not rows:
        return
    kept = {"source_id", "ext_id"}
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in rows[0] if name not in kept}
    statement = update(TICKET).where(TICKET.c.id == bindparam("of")).values(**columns, revision=revision)
    connection.execute(
        statement,
        [{"of": known[row["ext_id"]], **{f"new_{name}": row[name] for name in columns}} for row in rows],
    )


def _link_waiting_merges(connection: Connection, source: int, ids: Mapping[str, int]) -> None:
    """Give merges into tickets that had not arrived yet their target."""
    waiting = select(MERGE.c.into_ext_id).where(MERGE.c.source_id == source, MERGE.c.into_ticket_id.is_(None))
    for ext_id in set(connection.execute(waiting).scalars()) & ids.keys():
        into = MERGE.c.source_id == source, MERGE.c.into_ext_id == ext_id
        connection.execute(update(MERGE).where(*into).values(into_ticket_id=ids[ext_id]))


def _write_changes(
    connection: Connection, source: int, changes: Sequence[TicketChange], ids: Mapping[str, int], seen_at: datetime
) -> None:
    connection.execute(
        CHANGE.insert(),
        [
            {
                "source_id": source,
                "ticket_id": ids[change.ticket],
                "change_key": change.change_id,
                "at": change.at,
                "order": change.order,
                "kind": change.kind.value,
                "actor": change.actor,
                "values": dict(change.values),
                "ticket_created_at": change.ticket_created_at,
                "seen_at": seen_at,
            }
            for change in changes
        ],
    )
    extras = [change for change in changes if change.message or change.feedback or change.merged_into]
    keys = _change_ids(connection, source, [change.change_id for change in extras])
    base = [
        ({"change_id": keys[change.change_id], "ticket_id": ids[change.ticket], "at": change.at}, change)
        for change in extras
    ]
    _write_messages(connection, base)
    _write_feedback(connection, base)
    _write_merges(connection, source, base)


def _change_ids(connection: Connection, source: int, keys: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for some in chunks(keys):
        wanted = select(CHANGE.c.change_key, CHANGE.c.id).where(
            CHANGE.c.source_id == source, CHANGE.c.change_key.in_(some)
        )
        ids.update((row[0], row[1]) for row in connection.execute(wanted))
    return ids


_Based = Sequence[tuple[dict[str, Any], TicketChange]]


def _write_messages(connection: Connection, based: _Based) -> None:
    rows = [
        {
            **base,
            "author": change.actor,
            "author_kind": change.message.author_kind,
            "public": change.message.public,
            "body": change.message.body,
        }
        for base, change in based
        if change.message
    ]
    if rows:
        connection.execute(MESSAGE.insert(), rows)


def _write_feedback(connection: Connection, based: _Based) -> None:
    rows = [
        {
            **base,
            "score": change.feedback.score,
            "text": change.feedback.text,
            "scale_min": change.feedback.scale_min,
            "scale_max": change.feedback.scale_max,
        }
        for base, change in based
        if change.feedback
    ]
    if rows:
        connection.execute(table_of(TicketFeedback).insert(), rows)


def _write_merges(connection: Connection, source: int, based: _Based) -> None:
    merges = [(base, change.merged_into) for base, change in based if change.merged_into]
    if merges:
        targets = _ticket_ids(connection, source, {into for _, into in merges})
        connection.execute(
            MERGE.insert(),
            [
                {**base, "source_id": source, "into_ext_id": into, "into_ticket_id": targets.get(into)}
                for base, into in merges
            ],
        )


def put_stages(session: Session, source: Source, stages: Mapping[str, tuple[str, StageClass]], set_by: str) -> None:
    """Say what statuses mean; tickets stored already are refolded where the meaning changes.

    An admin's word overrules the map's, and the map's a guess by name; a lesser word changes nothing.
    """
    connection = session.connection()
    lock_for_writing(connection)
    of_source = STAGE.c.source_id == id_of(source)
    rows = connection.execute(
        select(STAGE.c.status, STAGE.c.stage, STAGE.c.stage_class, STAGE.c.set_by).where(of_source)
    )
    known = {status: (stage, stage_class, by) for status, stage, stage_class, by in rows}
    _insert_stages(connection, id_of(source), {s: meant for s, meant in stages.items() if s not in known}, set_by)
    remapped = False
    for status, (stage, stage_class) in stages.items():
        before = known.get(status)
        if before is None or before == (stage, stage_class, set_by) or _RANK[before[2]] > _RANK[set_by]:
            continue
        connection.execute(
            update(STAGE)
            .where(of_source, STAGE.c.status == status)
            .values(stage=stage, stage_class=stage_class.value, set_by=set_by)
        )
        remapped = remapped or before[:2] != (stage, stage_class)
    if remapped:
        _refold(connection, id_of(source))


def _refold(connection: Connection, source: int) -> None:
    """Fold every ticket of a source again, a chunk at a time."""
    stages = stages_of(connection, source)
    last = 0
    while True:
        some = select(TICKET.c.id, TICKET.c.ext_id).where(TICKET.c.source_id == source, TICKET.c.id > last)
        tickets = {row[0]: row[1] for row in connection.execute(some.order_by(TICKET.c.id).limit(BATCH))}
        if not tickets:
            return
        history = changes_of(connection, tickets)
        rows = [
            _standing_row(source, tickets[ticket], changes, stages) for ticket, changes in history.items() if changes
        ]
        _write_tickets(connection, source, rows, {ext_id: ticket for ticket, ext_id in tickets.items()})
        last = max(tickets)
