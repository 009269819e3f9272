"""How values of the rules file are read, and how one that cannot be used is named: by line, with an example."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unstuck.stalls.clocks import Span

T = TypeVar("T")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the file: a table, which of several of that name, and a key in it."""

    section: str
    index: int | None = None
    name: str | None = None

    def line(self, text: str) -> int:
        """Its line, from 1 on; the table's where the key cannot be told, 1 where neither can."""
        found, section, n = 1, None, -1
        for number, line in enumerate(text.splitlines(), 1):
            if header := re.match(r"\s*\[(\[?)\s*([\w.-]+)\s*\]", line):
                n = n + 1 if header[1] and header[2] == section else 0
                section = header[2]
            here = section == self.section and n == (self.index or 0)
            if here and header:
                found = number
            if here and self.name and re.match(rf"\s*[\"']?{re.escape(self.name)}[\"']?\s*=", line):
                return number
        return found


class RuleError(ValueError):
    """Something in the rules file that cannot be used; `errors.nudge_rules_<key>` in the locales says it."""

    def __init__(self, key: str, spot: Spot, **params: object) -> None:
        super().__init__(key, spot, params)
        self.key, self.spot, self.params = key, spot, params


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value: how it is read (raising `ValueError`), and an example to copy."""

    read: Callable[[object], T]
    example: str


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file."""

    values: Mapping[str, Any]
    spot: Spot

    def only(self, names: str) -> Section:
        """The same, once every key in it is known. Raises `RuleError`."""
        if not isinstance(self.values, Mapping):
            raise RuleError(
                "value", self.spot, name=self.spot.section, value=self.values, example=f"[{self.spot.section}]"
            )
        known = names.split()
        for name in self.values:
            if name not in known:
                raise RuleError("unknown", self._at(name), name=f"{self.spot.section}.{name}", known=", ".join(known))
        return self

    def take(self, name: str, kind: Kind[T]) -> T:
        """A value that must be there. Raises `RuleError`."""
        if name not in self.values:
            raise RuleError(
                "missing", self.spot, name=f"{self.spot.section}.{name}", example=f"{name} = {kind.example}"
            )
        try:
            return kind.read(self.values[name])
        except ValueError:
            value = self.values[name]
            raise RuleError(
                "value", self._at(name), name=f"{self.spot.section}.{name}", value=value, example=kind.example
            ) from None

    def find(self, name: str, kind: Kind[T]) -> T | None:
        """A value that may be left out."""
        return self.take(name, kind) if name in self.values else None

    def _at(self, name: str) -> Spot:
        return Spot(self.spot.section, self.spot.index, name)


def span(text: object) -> Span:
    """`4h`, `1d`, `90m`, `1d 4h`. Raises `ValueError`."""
    parts = re.fullmatch(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?", str(text).strip())
    if not isinstance(text, str) or parts is None or not any(parts.groups()):
        raise ValueError(text)
    days, hours, minutes = (int(part or 0) for part in parts.groups())
    return Span(days, hours * 3600 + minutes * 60)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(value)
    return value


def _number(value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(value)
    return float(value)


def _word(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\w+", value):
        raise ValueError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return value.strip()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _clock(value: object) -> time:
    return time.fromisoformat(_text(value))


def _zone(value: object) -> str:
    try:
        ZoneInfo(_text(value))
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(value) from None
    return str(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(value)
    return tuple(_text(one) for one in value)


def some_of(known: tuple[str, ...]) -> Kind[tuple[str, ...]]:
    """At least one of the known words."""

    def read(value: object) -> tuple[str, ...]:
        words = _texts(value)
        if not words or not set(words) <= set(known):
            raise ValueError(value)
        return words

    return Kind(read, "[" + ", ".join(f'"{one}"' for one in known) + "]")


SPAN = Kind(span, '"4h", "1d", "90m"')
COUNT = Kind(_count, "3")
SHARE = Kind(lambda value: _number(value, 0, 1), "0.1")
TIMES = Kind(lambda value: _number(value, 1, 1000), "1.5")
HOLD_OUT = Kind(lambda value: _number(value, 0, 0.5), "0.1")
WORD = Kind(_word, '"overdue"')
TEXT = Kind(_text, '"P1"')
TEXTS = Kind(_texts, '["P1", "P2"]')
FLAG = Kind(_flag, "true")
CLOCK = Kind(_clock, '"09:00"')
ZONE = Kind(_zone, '"Asia/Shanghai"')
WEEKDAYS = some_of(DAYS)
