"""The history of one ticket as it is written down, change by change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from unstuck.demo.people import AUTOMATION, DeskPerson
from unstuck.tickets.changes import ChangeKind, Feedback, Message, TicketChange


class Diary:
    """Collects a ticket's changes in time order and remembers where the ticket stands."""

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket
        self.changes: list[TicketChange] = []
        #: Moment of the last entry, epoch seconds.
        self.at = 0.0
        self.status = ""

    def create(self, at: float, actor: DeskPerson, values: Mapping[str, str | None]) -> None:
        self.status = values["status"] or ""
        self._write(at, ChangeKind.CREATED, actor, values=values)

    def update(self, at: float, actor: DeskPerson = AUTOMATION, **values: str | None) -> None:
        self.status = values.get("status") or self.status
        self._write(at, ChangeKind.UPDATED, actor, values=values)

    def message(self, at: float, author: DeskPerson, body: str, *, public: bool = True) -> None:
        self._write(at, ChangeKind.MESSAGE, author, message=Message(body, author.kind, public))

    def feedback(self, at: float, customer: DeskPerson, score: int, text: str) -> None:
        self._write(at, ChangeKind.FEEDBACK, customer, feedback=Feedback(score, text or None))

    def merge(self, at: float, actor: DeskPerson, into: str, status: str) -> None:
        self.status = status
        self._write(at, ChangeKind.MERGED, actor, values={"status": status}, merged_into=into)

    def _write(
        self,
        at: float,
        kind: ChangeKind,
        actor: DeskPerson,
        *,
        values: Mapping[str, str | None] | None = None,
        message: Message | None = None,
        feedback: Feedback | None = None,
        merged_into: str | None = None,
    ) -> None:
        self.at = max(self.at, at)
        number = len(self.changes) + 1
        self.changes.append(
            TicketChange(
                ticket=self.ticket,
                change_id=f"{self.ticket}-{number}",
                at=datetime.fromtimestamp(int(self.at), UTC),
                kind=kind,
                actor=actor.id,
                values=values or {},
                message=message,
                feedback=feedback,
                merged_into=merged_into,
                order=number,
            )
        )
