"""Which column means what: read from a TOML map, written back to one, checked against a file's columns."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from unstuck.errors import UsageError
from unstuck.tickets.changes import StageClass

#: `[ticket]` names that are moments: with no `[change]` they are all a ticket's row tells about its history.
DATES = ("created_at", "first_reply_at", "solved_at", "closed_at", "updated_at")
_TICKET = {
    "id", "title", "description", "resolution", "url", "number", "status", "team", "assignee", "priority", "type",
    "product", "category", "subcategory", "customer", "tier", "region", "language", "channel", "tags", "comments",
    "score", *DATES,
}  # fmt: skip
#: Other words for the same.
_ALIASES = {"resolved_at": "solved_at", "first_response_at": "first_reply_at", "requester": "customer", "group": "team"}
_CHANGE = {"at", "status", "team", "assignee", "actor", "message", "author_kind", "public"}
_TABLES = {"ticket", "change", "classes", "stages", "time", "null", "fields"}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How the rows of a file are read. Values of `ticket`, `change` and `fields` are column names."""

    #: Canonical field to column.
    ticket: Mapping[str, str]
    #: The columns of one update; empty when a row is a whole ticket.
    change: Mapping[str, str] = field(default_factory=dict)
    #: Status to class, where the map says so.
    classes: Mapping[str, StageClass] = field(default_factory=dict)
    #: Status to the stage it is counted under; a status that is absent is its own stage.
    stages: Mapping[str, str] = field(default_factory=dict)
    #: `strptime` format of times; `None` means ISO 8601.
    time_format: str | None = None
    #: Zone of times without an offset; `None` means that there must not be any.
    timezone: str | None = None
    #: Texts that mean "nothing"; the empty text always does.
    nulls: frozenset[str] = frozenset()
    #: Custom field to column.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: Which system's export it is: `servicenow`, …, `generic`; `map` when a person wrote it.
    kind: str = "map"

    @property
    def is_event_log(self) -> bool:
        """Whether a row is one update of a ticket, rather than a whole ticket."""
        return "at" in self.change

    def columns(self) -> set[str]:
        return {*self.ticket.values(), *self.change.values(), *self.fields.values()}


def read_map(path: Path) -> ColumnMap:
    """The map in a TOML file. Raises `UsageError` when it is missing, malformed or incomplete."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError("map_unreadable", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("map_malformed", path=path, problem=str(error)) from error
    return _parse(tables, path)


def _parse(tables: dict[str, Any], path: Path) -> ColumnMap:
    _only_known(tables, _TABLES, path, "")
    sections = {name: _section(tables, name, path) for name in _TABLES}
    columns = {_ALIASES.get(name, name): column for name, column in _texts(sections["ticket"], path).items()}
    _only_known(sections["change"], _CHANGE, path, "change.")
    if "id" not in columns:
        raise UsageError("map_lacks", path=path, name="[ticket] id")
    if "at" not in sections["change"] and "created_at" not in columns:
        raise UsageError("map_lacks", path=path, name="[change] at / [ticket] created_at")
    return ColumnMap(
        ticket={name: column for name, column in columns.items() if name in _TICKET},
        change=_texts(sections["change"], path),
        classes={status: _class(name, path) for status, name in sections["classes"].items()},
        stages=_texts(sections["stages"], path),
        time_format=sections["time"].get("format"),
        timezone=checked_zone(sections["time"].get("timezone")),
        nulls=frozenset(str(value) for value in sections["null"].get("values", [])),
        # What we have no meaning for under [ticket] is a custom field like those under [fields].
        fields={n: c for n, c in columns.items() if n not in _TICKET} | _texts(sections["fields"], path),
    )


def _section(tables: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    section = tables.get(name, {})
    if not isinstance(section, dict):
        raise UsageError("map_malformed", path=path, problem=f"[{name}]")
    return section


def _only_known(given: Iterable[str], known: set[str], path: Path, prefix: str) -> None:
    """A name we do not know is a typing error: to pass it over would lose a column in silence."""
    for name in given:
        if name not in known:
            raise UsageError("map_unknown_name", path=path, name=prefix + name, known=", ".join(sorted(known)))


def _texts(section: dict[str, Any], path: Path) -> dict[str, str]:
    for name, value in section.items():
        if not isinstance(value, str):
            raise UsageError("map_malformed", path=path, problem=f"{name} = {value!r}")
    return section


def _class(name: object, path: Path) -> StageClass:
    try:
        return StageClass(str(name))
    except ValueError:
        classes = ", ".join(StageClass)
        raise UsageError("map_unknown_name", path=path, name=f"classes: {name}", known=classes) from None


def checked_zone(name: str | None) -> str | None:
    """An IANA time zone's name. Raises `UsageError` when there is no such zone."""
    if name is not None:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise UsageError("bad_timezone", name=name) from None
    return name


def check_columns(mapping: ColumnMap, columns: Iterable[str], path: Path) -> None:
    """Raises `UsageError` when the file lacks a column that the map names."""
    there = set(columns)
    missing = sorted(
        column for column in mapping.columns() if column not in there and column.split(".")[0] not in there
    )
    if missing:
        raise UsageError("column_missing", path=path, missing=", ".join(missing), columns=", ".join(sorted(there)[:40]))


def as_toml(mapping: ColumnMap) -> str:
    """A map as TOML: the same text for the same map."""
    tables: dict[str, Mapping[str, object]] = {
        "ticket": mapping.ticket,
        "change": mapping.change,
        "classes": {status: stage_class.value for status, stage_class in mapping.classes.items()},
        "stages": mapping.stages,
        "time": {"format": mapping.time_format, "timezone": mapping.timezone},
        "null": {"values": sorted(mapping.nulls)} if mapping.nulls else {},
        "fields": mapping.fields,
    }
    return "\n".join(_toml(name, table) for name, table in tables.items() if any(v is not None for v in table.values()))


def write_map(mapping: ColumnMap, path: Path) -> None:
    """Save a map, to be looked through and given to `--map` next time."""
    try:
        path.write_text(as_toml(mapping), encoding="utf-8")
    except OSError as error:
        raise UsageError("map_unwritable", path=path) from error


def _toml(name: str, table: Mapping[str, object]) -> str:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    # JSON's strings and lists of strings are TOML's, but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
