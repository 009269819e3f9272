"""Event logs: a row is one update of a ticket, and its values hold until the ticket's next row."""

from __future__ import annotations

from unstuck.imports.cells import Cells, RejectedRowError
from unstuck.imports.mapping import DATES, ColumnMap
from unstuck.imports.rows import Row
from unstuck.imports.seen import Seen
from unstuck.tickets.changes import ChangeKind, Message, TicketChange

_STATE = ("status", "team", "assignee")
_NO_VALUES = {"id", "comments", "score", *DATES}


class Updates:
    """Turns the rows of an event log into changes."""

    def __init__(self, mapping: ColumnMap, seen: Seen) -> None:
        self._map = mapping
        self._cells = Cells(mapping)
        self._seen = seen
        self._columns = [
            *((name, column) for name, column in mapping.ticket.items() if name not in _NO_VALUES),
            *((name, column) for name, column in mapping.change.items() if name in _STATE),
            *mapping.fields.items(),
        ]

    def changes(self, row: Row) -> list[TicketChange]:
        """The change that a row tells. Raises `RejectedRowError`, or `NoTimezoneError` for the whole file."""
        cells, values, columns = self._cells, row.values, self._map.change
        ticket = cells.text(values, self._map.ticket["id"])
        if ticket is None:
            raise RejectedRowError("no_id")
        at = cells.time(values, columns["at"])
        if at is None:
            raise RejectedRowError("no_time", column=columns["at"])
        created = self._map.ticket.get("created_at")
        after = cells.texts(values, self._columns)
        actor = cells.text(values, columns["actor"]) if "actor" in columns else None
        message = self._message(row, actor, after.get("customer"))
        # What identifies an update is who moved the ticket where and when. Other columns may be filled in
        # later, and a longer export would then repeat the whole history.
        key = self._seen.unique(
            ticket, at.isoformat(), *(after.get(name) for name in _STATE), actor, message.body if message else None
        )
        self._seen.ticket(ticket)
        return [
            TicketChange(
                ticket=ticket,
                change_id=key,
                at=at,
                kind=ChangeKind.MESSAGE if message else ChangeKind.UPDATED,
                actor=actor,
                values=after,
                message=message,
                order=row.number,
                ticket_created_at=cells.time(values, created) if created else None,
            )
        ]

    def _message(self, row: Row, actor: str | None, customer: str | None) -> Message | None:
        columns = self._map.change
        body = self._cells.text(row.values, columns["message"]) if "message" in columns else None
        if body is None:
            return None
        kind = self._cells.text(row.values, columns["author_kind"]) if "author_kind" in columns else None
        public = self._cells.text(row.values, columns["public"]) if "public" in columns else None
        return Message(body, kind_of(kind, actor, customer), is_yes(public))


def kind_of(stated: str | None, author: str | None, customer: str | None) -> str:
    """`customer`, `agent` or `bot`: as the export says, else by whether the author is the ticket's customer."""
    word = (stated or "").casefold()
    if word in {"customer", "end-user", "end_user", "requester", "user", "client", "客户", "用户"}:
        return "customer"
    if word in {"bot", "system", "automation", "机器人", "系统"}:
        return "bot"
    return "customer" if author is not None and author == customer else "agent"


def is_yes(text: str | None) -> bool:
    """Whether a cell says yes. Silence is no: a note must not become public by accident."""
    return (text or "").casefold() in {"true", "yes", "1", "y", "public", "是", "公开"}
