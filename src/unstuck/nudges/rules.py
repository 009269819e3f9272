"""The rules of nudging: read from `rules.toml`, overruled by `nudges.toml` in the home directory."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import time
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unstuck.errors import UserError
from unstuck.stalls.clocks import AT_ONCE, Span
from unstuck.stalls.thresholds import Target
from unstuck.stalls.turn import PartyKind

FILE = "nudges.toml"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Rung = Literal["owner", "team", "lead", "manager"]
RUNGS: tuple[Rung, ...] = get_args(Rung)


@dataclass(frozen=True, slots=True)
class Hours:
    """When people may be disturbed: `[start, end)` on the given weekdays (0 is Monday), local time."""

    start: time = time(9)
    end: time = time(18)
    days: frozenset[int] = frozenset(range(5))
    #: IANA name; None means the desk's own.
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder and the wait since the step before."""

    to: Rung
    after: Span = AT_ONCE


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    waiting_on: frozenset[PartyKind]
    steps: tuple[Step, ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything an administrator can set about nudges."""

    hours: Hours
    at_least: Span
    quiet: Span
    answer_noticed: Span
    targets: tuple[Target, ...]
    ticket_per_day: int
    person_per_day: int
    cool_down: Span
    mine: Span
    rules: tuple[Rule, ...]

    def rule_for(self, waiting_on: PartyKind) -> Rule | None:
        """The first rule that is on and covers tickets waiting on that party."""
        return next((rule for rule in self.rules if rule.enabled and waiting_on in rule.waiting_on), None)


def load(home: Path) -> Rules:
    """The rules shipped with Unstuck, with those of `<home>/nudges.toml` over them.

    Raises `UserError("nudge_rules")` that says what cannot be read and where.
    """
    shipped = tomllib.loads((files("unstuck.nudges") / "rules.toml").read_text(encoding="utf-8"))
    path = home / FILE
    if not path.exists():
        return parse(shipped)
    try:
        return parse(_over(shipped, tomllib.loads(path.read_text(encoding="utf-8"))))
    except (ValueError, OSError) as error:
        raise UserError("nudge_rules", file=path, problem=error) from None


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged name by name; lists (rules, targets) are replaced whole."""
    unknown = set(above) - {*below, "target"}
    if unknown:
        raise ValueError(f"unknown section {', '.join(sorted(unknown))}")
    merged = dict(below)
    for name, value in above.items():
        merged[name] = {**below[name], **value} if isinstance(below.get(name), dict) else value
    return merged


def parse(raw: dict[str, Any]) -> Rules:
    """Rules from the tables of a TOML file. Raises `ValueError` that names what is wrong."""
    late, caps = (
        _known(raw, "late", "at_least quiet answer_noticed"),
        _known(raw, "caps", "ticket_per_day person_per_day cool_down"),
    )
    return Rules(
        hours=_hours(_known(raw, "hours", "from to days timezone")),
        at_least=span(late["at_least"]),
        quiet=span(late["quiet"]),
        answer_noticed=span(late["answer_noticed"]),
        targets=tuple(_target(target) for target in raw.get("target", [])),
        ticket_per_day=_count(caps, "ticket_per_day"),
        person_per_day=_count(caps, "person_per_day"),
        cool_down=span(caps["cool_down"]),
        mine=span(_known(raw, "patience", "mine")["mine"]),
        rules=tuple(_rule(rule) for rule in raw["rule"]),
    )


def _known(raw: dict[str, Any], section: str, names: str) -> dict[str, Any]:
    table = raw[section]
    if not isinstance(table, dict):
        raise ValueError(f"{section} must be a table")
    if unknown := set(table) - set(names.split()):
        raise ValueError(f"unknown {section}.{sorted(unknown)[0]}")
    return table


def _count(table: dict[str, Any], name: str) -> int:
    value = table[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
    return value


def span(text: object) -> Span:
    """`4h`, `1d`, `90m`, `1d 4h`. Raises `ValueError`."""
    parts = re.fullmatch(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?", str(text).strip())
    if not isinstance(text, str) or parts is None or not any(parts.groups()):
        raise ValueError(f'{text!r} is no time: write "4h", "1d" or "90m"')
    days, hours, minutes = (int(part or 0) for part in parts.groups())
    return Span(days, hours * 3600 + minutes * 60)


def _hours(table: dict[str, Any]) -> Hours:
    days = frozenset(_one_of(day, DAYS, "hours.days") for day in table["days"])
    start, end = time.fromisoformat(table["from"]), time.fromisoformat(table["to"])
    if start >= end or not days:
        raise ValueError("hours must have a day, and begin before they end")
    if (zone := table.get("timezone")) is not None:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"unknown time zone {zone!r}") from None
    return Hours(start, end, frozenset(DAYS.index(day) for day in days), zone)


def _target(table: dict[str, Any]) -> Target:
    if unknown := set(table) - {"stage", "priority", "team", "within"}:
        raise ValueError(f"unknown target.{sorted(unknown)[0]}")
    if "within" not in table:
        raise ValueError("a target needs `within`")
    return Target(span(table["within"]), table.get("stage"), table.get("priority"), table.get("team"))


def _rule(table: dict[str, Any]) -> Rule:
    if unknown := set(table) - {"name", "waiting_on", "steps", "enabled"}:
        raise ValueError(f"unknown rule.{sorted(unknown)[0]}")
    if missing := {"name", "waiting_on", "steps"} - set(table):
        raise ValueError(f"a rule needs `{sorted(missing)[0]}`")
    kinds = tuple(kind.value for kind in PartyKind)
    waiting_on = frozenset(PartyKind(_one_of(kind, kinds, "waiting_on")) for kind in table["waiting_on"])
    steps = tuple(_step(step) for step in table["steps"])
    if not re.fullmatch(r"\w+", table["name"]) or not steps:
        raise ValueError(f"rule {table['name']!r}: the name is one word, and there is at least one step")
    return Rule(table["name"], waiting_on, steps, bool(table.get("enabled", True)))


def _step(table: dict[str, Any]) -> Step:
    to = next((rung for rung in RUNGS if rung == table.get("to")), None)
    if to is None or set(table) - {"to", "after"}:
        raise ValueError(f'{table!r} is no step: write {{ to = "owner", after = "1d" }}')
    return Step(to, span(table.get("after", "0m")))


def _one_of(value: object, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise ValueError(f"{where}: {value!r} is none of {', '.join(known)}")
    return str(value)
