"""Business hours from a TOML file: the desk's own, and those of teams that differ."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from unstuck.errors import UsageError
from unstuck.imports.mapping import checked_zone
from unstuck.tickets.calendars import DESK
from unstuck.tickets.tables import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_INTERVAL = re.compile(r"^([01]\d|2[0-4]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)$")


def read_calendars(path: Path) -> list[Calendar]:
    """The calendars in a TOML file: `default`, and one named after each `[team.NAME]`.

        timezone = "Asia/Shanghai"
        country = "CN"
        [hours]
        mon = ["09:00-12:00", "13:30-18:00"]
        [exceptions]
        "2026-02-14" = ["09:00-18:00"]
        "2026-12-24" = "off"
        [team."Night shift".hours]
        mon = ["20:00-24:00"]

    A team's table says only what differs. Raises `UsageError` when the file is missing or malformed.
    """
    try:
        desk = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError("calendar_unreadable", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("calendar_malformed", path=path, problem=str(error)) from error
    teams = desk.pop("team", {})
    if not isinstance(teams, dict) or not all(isinstance(team, dict) for team in teams.values()):
        raise UsageError("calendar_malformed", path=path, problem="[team]")
    return [_calendar(DESK, desk, path), *(_calendar(name, {**desk, **team}, path) for name, team in teams.items())]


def _calendar(name: str, table: dict[str, Any], path: Path) -> Calendar:
    unknown = table.keys() - {"timezone", "country", "hours", "exceptions"}
    if unknown or "timezone" not in table or not isinstance(table.get("hours"), dict):
        problem = ", ".join(sorted(unknown)) or "timezone, [hours]"
        raise UsageError("calendar_malformed", path=path, problem=problem)
    zone = checked_zone(str(table["timezone"]))
    assert zone is not None
    hours = {str(_weekday(day, path)): _intervals(value, path) for day, value in table["hours"].items()}
    exceptions = {_date(day, path): _day(value, path) for day, value in table.get("exceptions", {}).items()}
    return Calendar(name=name, timezone=zone, hours=hours, country=table.get("country"), exceptions=exceptions)


def _weekday(name: str, path: Path) -> int:
    short = name[:3].casefold()
    if short not in _DAYS:
        raise UsageError("calendar_malformed", path=path, problem=name)
    return _DAYS.index(short)


def _date(text: str, path: Path) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError("calendar_malformed", path=path, problem=text) from None


def _day(value: Any, path: Path) -> Any:
    return "off" if value == "off" else _intervals(value, path)


def _intervals(value: Any, path: Path) -> list[list[str]]:
    """`["09:00-12:00", …]` as pairs, in order and apart."""
    found = [_INTERVAL.match(str(text).strip()) for text in (value if isinstance(value, list) else [value])]
    pairs = [[f"{m[1]}:{m[2]}", f"{m[3]}:{m[4]}"] for m in found if m]
    edges = [edge for pair in pairs for edge in pair]
    if len(pairs) != len(found) or edges != sorted(set(edges)) or any(edge > "24:00" for edge in edges):
        raise UsageError("calendar_malformed", path=path, problem=str(value))
    return pairs
