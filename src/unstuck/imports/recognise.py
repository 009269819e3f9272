"""Recognising an export by its columns: ServiceNow, Zendesk, Jira, Freshdesk, or any event log or ticket list."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from unstuck.errors import UsageError
from unstuck.imports.mapping import ColumnMap
from unstuck.imports.rows import Row
from unstuck.imports.times import sniff_format
from unstuck.tickets.changes import StageClass

#: Canonical field to the names its column goes by, as `_norm` writes them; the first that a file has is taken.
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class System:
    """What an export of one ticket system looks like."""

    kind: str
    #: The export must have a column of each group.
    needs: tuple[frozenset[str], ...]
    ticket: Names
    change: Names
    #: Meanings of statuses that their names do not tell; in small letters.
    classes: Mapping[str, StageClass]


@cache
def systems() -> tuple[System, ...]:
    """The systems of `exports.toml`, and at last any export whose columns have usual names."""
    tables = tomllib.loads((files("unstuck.imports") / "exports.toml").read_text(encoding="utf-8"))
    common = tables["common"]
    known = tuple(
        System(
            kind=table["kind"],
            needs=tuple(frozenset(group) for group in table["needs"]),
            ticket={**common["ticket"], **table.get("ticket", {})},
            change={**common["change"], **table.get("change", {})},
            classes={status: StageClass(name) for status, name in table.get("classes", {}).items()},
        )
        for table in tables["system"]
    )
    return (*known, System("generic", (), common["ticket"], common["change"], {}))


# ServiceNow's database views put the table's short name before each column (`inc_number`, `task.state`).
_VIEW_PREFIX = re.compile(
    r"^(?:inc|incident|task|taskslatable|slatable)_(?=(?:number|opened_at|short_description|state|incident_state"
    r"|assignment_group|assigned_to|caller_id|priority|category|subcategory|resolved_at|closed_at|sys_updated_on"
    r"|sys_created_on|cmdb_ci|close_notes)$)"
)
_PAIRS = {"true": StageClass.SOLVED, "false": StageClass.ACTIVE, "yes": StageClass.SOLVED, "no": StageClass.ACTIVE}


def recognise(columns: Sequence[str], sample: Sequence[Row], path: Path) -> ColumnMap:
    """The map of an export that nobody described. Raises `UsageError` when its columns say too little."""
    names = {_norm(column): column for column in reversed(columns) if column}
    system = next(system for system in systems() if all(group & names.keys() for group in system.needs))
    mapping = ColumnMap(
        ticket=_found(system.ticket, names),
        change=_found(system.change, names),
        classes=system.classes,
        kind=system.kind,
    )
    mapping = _shaped(mapping, sample)
    if "id" not in mapping.ticket or not (mapping.is_event_log or "created_at" in mapping.ticket):
        raise UsageError("not_recognised", path=path, columns=", ".join(column for column in columns if column)[:500])
    return replace(mapping, time_format=sniff_format(_times(mapping, sample), path))


def _norm(column: str) -> str:
    name = re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "_", column.casefold()).strip("_")
    return _VIEW_PREFIX.sub("", name)


def _found(wanted: Names, names: Mapping[str, str]) -> dict[str, str]:
    """The columns that are there, by canonical field."""
    there = {
        canonical: next((names[name] for name in given if name in names), None) for canonical, given in wanted.items()
    }
    return {canonical: column for canonical, column in there.items() if column is not None}


def _shaped(mapping: ColumnMap, sample: Sequence[Row]) -> ColumnMap:
    """Decide between one row an update and one row a ticket, and leave each column one meaning."""
    if _repeats(mapping, sample):
        # An update's own columns, the ticket's unchanging ones, and no date that only the end can know.
        own = set(mapping.change.values())
        late = {
            "solved_at",
            "closed_at",
            "updated_at",
            "first_reply_at",
            "comments",
            "score",
            "status",
            "team",
            "assignee",
        }
        ticket = {name: column for name, column in mapping.ticket.items() if name not in late}
        return replace(
            mapping, ticket={name: column for name, column in ticket.items() if name == "id" or column not in own}
        )
    return _resolved_flag(replace(mapping, change={}), sample)


def _repeats(mapping: ColumnMap, sample: Sequence[Row]) -> bool:
    """Whether some ticket occurs at two different times."""
    ticket, at = mapping.ticket.get("id"), mapping.change.get("at")
    if ticket is None or at is None:
        return False
    if "created_at" not in mapping.ticket:
        return True
    seen: dict[str, str] = {}
    return any(
        seen.setdefault(str(row.values.get(ticket)), str(row.values.get(at))) != str(row.values.get(at))
        for row in sample
    )


def _resolved_flag(mapping: ColumnMap, sample: Sequence[Row]) -> ColumnMap:
    """A column `resolved` may hold yes and no instead of a time."""
    column = mapping.ticket.get("solved_at")
    values = {str(row.values.get(column)).casefold() for row in sample if column and row.values.get(column) is not None}
    if column is None or not values or not values <= {*_PAIRS, ""}:
        return mapping
    rest = {name: used for name, used in mapping.ticket.items() if name != "solved_at"}
    if "status" in rest:
        return replace(mapping, ticket=rest)
    return replace(mapping, ticket={**rest, "status": column}, classes={**mapping.classes, **_PAIRS})


def _times(mapping: ColumnMap, sample: Iterable[Row]) -> list[str]:
    columns = [mapping.change["at"]] if mapping.is_event_log else []
    columns += [mapping.ticket[name] for name in mapping.ticket if name.endswith("_at")]
    return [
        value
        for row in sample
        for column in columns
        if isinstance(value := row.values.get(column), str) and value.strip()
    ]
