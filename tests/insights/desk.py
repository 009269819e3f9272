"""A desk in memory: the relations of `unstuck.facts`, filled from ticket changes.

Lets the compiler be tested without a store. The fold below is the tests' own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import duckdb

from unstuck.facts.relations import FIELD_NAMES, LEARNED, LIVE, PER_TICKET
from unstuck.insights.compile.draft import BusinessClock
from unstuck.tickets.changes import ChangeKind, TicketChange

FLOW = ("status", "team", "assignee")
COLUMNS = {**PER_TICKET, **LEARNED, **LIVE}


def plain(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC).replace(tzinfo=None) if at is not None else None


def create(con: duckdb.DuckDBPyConnection) -> None:
    for relation, columns in COLUMNS.items():
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        con.execute(f"CREATE TABLE {relation} ({listed})")


def fill(con: duckdb.DuckDBPyConnection, relation: str, rows: list[dict[str, object]]) -> None:
    """Column-wise, as row-wise inserts are slow in DuckDB."""
    columns = COLUMNS[relation]
    lists = [[row.get(name) for row in rows] for name in columns]
    picks = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
    if rows:
        con.execute(f"INSERT INTO {relation} SELECT {picks}", lists)


def desk(
    changes: Iterable[TicketChange],
    classes: Mapping[str, str],
    *,
    timers: Mapping[str, int] | None = None,
    stages: Mapping[str, str] | None = None,
    calendars: Mapping[str | None, BusinessClock] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection with all relations; statuses without a class have none."""
    con = duckdb.connect()
    create(con)
    rows: dict[str, list[dict[str, object]]] = defaultdict(list)
    by_ticket: dict[str, list[TicketChange]] = defaultdict(list)
    for change in changes:
        by_ticket[change.ticket].append(change)
    for number, (ext_id, history) in enumerate(by_ticket.items(), 1):
        history.sort(key=lambda change: (change.at, change.order))
        _fold(number, ext_id, history, classes, stages or {}, rows)
    rows["timers"] = [{"stage": stage, "seconds": seconds, "share": 0.9} for stage, seconds in (timers or {}).items()]
    if calendars:
        _tick(rows, calendars)
    for relation, found in rows.items():
        fill(con, relation, found)
    return con


def _fold(
    number: int,
    ext_id: str,
    history: list[TicketChange],
    classes: Mapping[str, str],
    stages: Mapping[str, str],
    rows: dict[str, list[dict[str, object]]],
) -> None:
    now: dict[str, str | None] = dict.fromkeys(FLOW)
    values: dict[str, str | None] = {}
    dropped = False
    stays: list[dict[str, object]] = []
    fields: list[dict[str, object]] = []
    for order, change in enumerate(history, 1):
        at = plain(change.at)
        before = (dict(now), dropped, dict(values))
        if change.kind in (ChangeKind.DELETED, ChangeKind.MERGED, ChangeKind.RESTORED):
            dropped = change.kind is not ChangeKind.RESTORED
        for name, value in change.values.items():
            if name != "status" or value:  # a ticket is never without a status
                (now if name in FLOW else values)[name] = value
        status = now["status"]
        if not stays or (now, dropped) != before[:2]:
            if stays:
                stays[-1]["end_at"] = at
            stays.append(
                {"ticket": number, "seq": len(stays), **now, "start_at": at, "end_at": None,
                 "stage": stages.get(str(status), status), "class": "DROPPED" if dropped else classes.get(str(status))}
            )  # fmt: skip
        if not fields or values != before[2]:
            if fields:
                fields[-1]["end_at"] = at
            known = {name: values.get(name) for name in FIELD_NAMES}
            custom = {name: value for name, value in values.items() if name not in FIELD_NAMES}
            fields.append({"ticket": number, "start_at": at, "end_at": None, **known, "custom": custom or None})
        rows["changes"].append(
            {"ticket": number, "seq": order, "at": at, "kind": str(change.kind), "actor": change.actor,
             "actor_kind": None if change.actor is None else change.actor.split(":")[0], "activity": True}
        )  # fmt: skip
        if change.message is not None:
            rows["messages"].append(
                {"ticket": number, "at": at, "author": change.actor, "author_kind": change.message.author_kind,
                 "public": change.message.public}
            )  # fmt: skip
        if change.feedback is not None:
            rows["feedback"].append({"ticket": number, "at": at, "score": change.feedback.score})
    _link(stays)
    rows["stays"] += stays
    rows["fields"] += fields
    rows["tickets"].append({"ticket": number, "source": "desk", "ext_id": ext_id, "created_at": plain(history[0].at)})


def _tick(rows: Mapping[str, list[dict[str, object]]], calendars: Mapping[str | None, BusinessClock]) -> None:
    """Business seconds at both ends of each stay, and at each message on the clock of the stay it fell into."""
    for stay in rows["stays"]:
        clock = calendars.get(stay["team"], calendars[None])  # type: ignore[call-overload]
        for name in ("start", "end"):
            at = stay[f"{name}_at"]
            stay[f"business_{name}"] = None if at is None else clock.business_seconds(at.replace(tzinfo=UTC))
    for message in rows["messages"]:
        held = [s for s in rows["stays"] if s["ticket"] == message["ticket"] and s["start_at"] <= message["at"]]  # type: ignore[operator]
        clock = calendars.get(held[-1]["team"], calendars[None])  # type: ignore[call-overload]
        message["business_at"] = clock.business_seconds(message["at"].replace(tzinfo=UTC))  # type: ignore[attr-defined]


def _link(stays: list[dict[str, object]]) -> None:
    visits: dict[object, int] = defaultdict(int)
    for index, stay in enumerate(stays):
        for name in ("status", "stage", "class", "team"):
            stay[f"prev_{name}"] = stays[index - 1][name] if index else None
            stay[f"next_{name}"] = stays[index + 1][name] if index + 1 < len(stays) else None
        if index == 0 or stays[index - 1]["stage"] != stay["stage"]:
            visits[stay["stage"]] += 1
        stay["visit"] = visits[stay["stage"]]
        before = stays[:index][::-1]
        for name in ("team", "assignee"):
            stay[f"from_{name}"] = next((earlier[name] for earlier in before if earlier[name] is not None), None)
    for stay in stays:
        lasted = stay["end_at"] is None or stay["end_at"] > stay["start_at"]  # type: ignore[operator]
        stay["born"] = lasted and stay["start_at"] == stays[0]["start_at"]
