"""Columns that know the end at the start: an export's last values written onto every row (METRICS.md, "Labels")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unstuck.imports.mapping import ColumnMap
from unstuck.tickets.changes import TicketChange

#: Tickets looked at: enough to tell, few enough to forget.
_WATCHED = 2000
#: Fewer tickets with several rows than this prove nothing.
_ENOUGH = 20
#: Share of tickets whose first row must hold the last value.
_NEARLY_ALL = 0.99
# Only names that speak of an end: a ticket's customer, too, is the same on its first and last row.
_ENDS = re.compile(
    r"clos|resol|solv|solution|\bsla|sla\b|_sla|caus|outcome|breach|satisf|csat|rating|解决|关闭|结单|结案|超时|达标|满意|原因|结果",
    re.IGNORECASE,
)


class LateLabels:
    """Watches the first and the last value of each suspicious column on the first tickets of an event log."""

    def __init__(self, mapping: ColumnMap) -> None:
        columns = {**mapping.ticket, **mapping.fields}
        watched = (f"{field} {column}" for field, column in columns.items() if mapping.is_event_log)
        self._fields = {name.split(" ", 1)[0]: name.split(" ", 1)[1] for name in watched if _ENDS.search(name)}
        self._rows: dict[str, int] = {}
        self._first: dict[str, Mapping[str, str | None]] = {}
        self._last: dict[str, Mapping[str, str | None]] = {}

    def watch(self, change: TicketChange) -> None:
        if not self._fields or (change.ticket not in self._rows and len(self._rows) >= _WATCHED):
            return
        self._rows[change.ticket] = self._rows.get(change.ticket, 0) + 1
        self._first.setdefault(change.ticket, change.values)
        self._last[change.ticket] = change.values

    def found(self) -> list[str]:
        """The columns whose first row already says what the last one does."""
        return [column for field, column in self._fields.items() if self._is_late(field)]

    def _is_late(self, field: str) -> bool:
        known = [
            self._first[ticket].get(field) == self._last[ticket].get(field)
            for ticket, rows in self._rows.items()
            if rows > 1 and self._last[ticket].get(field) is not None
        ]
        return len(known) >= _ENOUGH and sum(known) >= _NEARLY_ALL * len(known)
