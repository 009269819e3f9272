"""One SELECT in the making: named parts in order, and the values bound to it."""

from __future__ import annotations

from datetime import UTC, datetime


class Query:
    """Collects common table expressions and parameters; text never holds a value."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}
        #: What DuckDB is told of a part, where it is not left to choose.
        self._handling: dict[str, str] = {}
        self.values: dict[str, object] = {}

    def bind(self, value: object, kind: str) -> str:
        """A placeholder for `value`, cast to the DuckDB type `kind`."""
        plain = _plain(value)
        for name, known in self.values.items():
            if type(known) is type(plain) and known == plain:
                return f"${name}::{kind}"
        name = f"p{len(self.values)}"
        self.values[name] = plain
        return f"${name}::{kind}"

    def add(self, name: str, select: str) -> str:
        """Add `name AS (select)`; adding a name again keeps the first, as parts share what they need."""
        self._parts.setdefault(name, select)
        return name

    def add_view(self, name: str, select: str) -> str:
        """The same, read anew wherever it is used: scanning columns with their filters is cheaper than keeping all."""
        self._handling[name] = "NOT MATERIALIZED "
        return self.add(name, select)

    def add_kept(self, name: str, select: str) -> str:
        """The same, worked out first: a few tickets, by which larger relations are then read."""
        self._handling[name] = "MATERIALIZED "
        return self.add(name, select)

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def text(self, select: str) -> str:
        """The whole statement, ending in `select`."""
        parts = ",\n".join(
            f"{name} AS {self._handling.get(name, '')}(\n{_indented(text)}\n)" for name, text in self._parts.items()
        )
        return f"WITH {parts}\n{_flush(select)}" if parts else _flush(select)


def _plain(value: object) -> object:
    """DuckDB's TIMESTAMP has no zone: everything is UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _flush(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in _flush(text).splitlines())
