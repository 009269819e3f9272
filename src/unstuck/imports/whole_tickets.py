"""Ticket lists: a row is a whole ticket, and its dates are all that is left of its history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from unstuck.clock import iso
from unstuck.i18n import language_of
from unstuck.imports.cells import Cells, RejectedRowError, reader_of
from unstuck.imports.mapping import DATES, ColumnMap
from unstuck.imports.rows import Row
from unstuck.imports.seen import Seen, digest
from unstuck.imports.updates import is_yes, kind_of
from unstuck.tickets.changes import ChangeKind, Feedback, Message, StageClass, TicketChange
from unstuck.tickets.stages import guess

_NO_VALUES = {"id", "comments", "score", *DATES}
#: What a ticket's row knows only because the ticket has ended: it holds from the last date on.
_KNOWN_AT_THE_END = {"resolution"}
_PASSABLE = (StageClass.NEW, StageClass.ACTIVE, StageClass.SOLVED, StageClass.CLOSED)
#: Statuses that a ticket must have had although the row only keeps the last one.
_PASSED = {
    "en": dict(zip(_PASSABLE, ("New", "In progress", "Resolved", "Closed"), strict=True)),
    "zh": dict(zip(_PASSABLE, ("新建", "处理中", "已解决", "已关闭"), strict=True)),
}
_ENDS = (("solved", "solved_at", StageClass.SOLVED), ("closed", "closed_at", StageClass.CLOSED))
_NEVER = datetime.max.replace(tzinfo=UTC)
_SCORES = {"good": 5.0, "satisfied": 5.0, "满意": 5.0, "bad": 1.0, "unsatisfied": 1.0, "不满意": 1.0}


@dataclass(frozen=True, slots=True)
class _Step:
    at: datetime
    #: What happened, as part of the change's id.
    role: str
    status: str | None


class WholeTickets:
    """Turns rows of whole tickets into the changes that their dates tell.

    Change ids depend on the ticket, on what happened and when, and on nothing else: a later export of
    the same desk adds what happened since. New values without a new date are kept when the export has
    an `updated_at`.
    """

    def __init__(self, mapping: ColumnMap, seen: Seen) -> None:
        self._map = mapping
        self._cells = Cells(mapping)
        self._seen = seen
        self._columns = [(n, c) for n, c in {**mapping.ticket, **mapping.fields}.items() if n not in _NO_VALUES]
        self._columns += [(n, c) for n, c in mapping.change.items() if n in ("status", "team", "assignee")]
        self._dates = [(name, mapping.ticket[name]) for name in DATES if name in mapping.ticket]
        self._comments = reader_of(mapping.ticket.get("comments"))
        self._classes = {status.casefold(): stage_class for status, stage_class in mapping.classes.items()}

    def changes(self, row: Row) -> list[TicketChange]:
        """A ticket's changes. Raises `RejectedRowError`, or `NoTimezoneError` for the whole file."""
        ticket = self._cells.text(row.values, self._map.ticket["id"])
        if ticket is None:
            raise RejectedRowError("no_id")
        dates = {name: at for name, column in self._dates if (at := self._cells.time(row.values, column))}
        if "created_at" not in dates:
            raise RejectedRowError("no_time", column=self._map.ticket["created_at"])
        values = self._cells.texts(row.values, self._columns)
        self._seen.ticket(ticket)
        created = dates["created_at"]
        dates = {name: max(at, created) for name, at in dates.items()}
        steps = list(self._steps(dates, values.get("status")))
        moves = self._moves(ticket, created, steps, values)
        latest = max(dates.values())
        return [*moves, *self._notes(ticket, row, latest, values), *self._score(ticket, row, latest)]

    def _class(self, status: str) -> StageClass:
        return self._classes.get(status.casefold()) or guess(status)

    def _steps(self, dates: Mapping[str, datetime], final: str | None) -> Iterator[_Step]:
        """What happened after creation, in order; the last step ends in the row's own status."""
        steps = sorted(self._dated_steps(dates, final), key=lambda step: step.at)
        yield from steps
        last = steps[-1] if steps else _Step(dates["created_at"], "created", final)
        updated = max(dates.get("updated_at", last.at), last.at)
        if updated > last.at or final not in (last.status, None):
            yield _Step(updated, "updated", final)

    def _dated_steps(self, dates: Mapping[str, datetime], final: str | None) -> Iterator[_Step]:
        passed = _PASSED[language_of(final or "")]
        reached = self._class(final) if final else None
        ended = [dates[name] for name in ("solved_at", "closed_at") if name in dates]
        if "first_reply_at" in dates:
            at = dates["first_reply_at"]
            working = final if reached in (StageClass.NEW, StageClass.ACTIVE) else passed[StageClass.ACTIVE]
            # A reply to a ticket that has ended is an answer, not work taken up again.
            yield _Step(at, "first_reply", working if at < min(ended, default=_NEVER) else None)
        for role, name, stage_class in _ENDS:
            if name in dates:
                yield _Step(dates[name], role, final if reached is stage_class else passed[stage_class])

    def _moves(
        self, ticket: str, created: datetime, steps: list[_Step], values: dict[str, str | None]
    ) -> Iterator[TicketChange]:
        early = {name: value for name, value in values.items() if name not in _KNOWN_AT_THE_END}
        if not steps:
            yield TicketChange(
                ticket, digest(ticket, "created", iso(created)), created, ChangeKind.CREATED, values=values
            )
            return
        if values.get("status"):
            early["status"] = _PASSED[language_of(values["status"] or "")][StageClass.NEW]
        yield TicketChange(ticket, digest(ticket, "created", iso(created)), created, ChangeKind.CREATED, values=early)
        for place, step in enumerate(steps, start=1):
            yield self._move(ticket, step, place, values, is_last=place == len(steps))

    def _move(
        self, ticket: str, step: _Step, place: int, values: dict[str, str | None], *, is_last: bool
    ) -> TicketChange:
        status = {"status": step.status} if step.status else {}
        after = {**values, **status} if is_last else status
        content = json.dumps(after, sort_keys=True, ensure_ascii=False) if step.role == "updated" else None
        replied = step.role == "first_reply"
        return TicketChange(
            ticket=ticket,
            change_id=digest(ticket, step.role, iso(step.at), content),
            at=step.at,
            kind=ChangeKind.MESSAGE if replied else ChangeKind.UPDATED,
            actor=values.get("assignee") if replied else None,
            values=after,
            # That somebody answered is known, what they wrote is not.
            message=Message("", "agent") if replied else None,
            order=place,
        )

    def _notes(
        self, ticket: str, row: Row, latest: datetime, values: Mapping[str, str | None]
    ) -> Iterator[TicketChange]:
        """The comments, each as a message: at its own time where it states one, else at the row's last date."""
        cell = self._comments(row.values)
        for item in cell if isinstance(cell, list) else [cell]:
            note = self._note(item)
            if note is None:
                continue
            at, author, kind, public, body = note
            yield TicketChange(
                ticket=ticket,
                change_id=digest(ticket, "comment", iso(at) if at else None, author, body),
                at=at or latest,
                kind=ChangeKind.MESSAGE,
                actor=author,
                message=Message(body, kind_of(kind, author, values.get("customer")), public),
            )

    def _note(self, item: Any) -> tuple[datetime | None, str | None, str | None, bool, str] | None:
        """Time, author, author's kind, whether public, text."""
        if isinstance(item, Mapping):
            return self._note_object(item)
        text = self._cells.text({"comment": item}, "comment")
        if text is None:
            return None
        # Jira: "15/Jan/24 10:23 AM;author;text".
        stamp, author, body = [*text.split(";", 2), "", ""][:3]
        try:
            at = self._cells.moment(stamp, "comment") if body else None
        except RejectedRowError:
            at = None
        return (at, author, None, False, body) if at else (None, None, None, False, text)

    def _note_object(self, item: Mapping[str, Any]) -> tuple[datetime | None, str | None, str | None, bool, str] | None:
        def first(*names: str) -> str | None:
            return next((text for name in names if (text := self._cells.text(item, name))), None)

        body = first("plain_body", "body", "body_text", "text")
        stamp = first("created_at", "created", "at", "time")
        if body is None:
            return None
        at = self._cells.moment(stamp, "comment") if stamp else None
        return (
            at,
            first("author", "author_id", "user_id", "from"),
            first("author_kind", "role"),
            is_yes(first("public")),
            body,
        )

    def _score(self, ticket: str, row: Row, latest: datetime) -> Iterator[TicketChange]:
        column = self._map.ticket.get("score")
        text = self._cells.text(row.values, column) if column else None
        feedback = _feedback(text) if text else None
        if feedback:
            key = digest(ticket, "score", text)
            yield TicketChange(ticket, key, latest, ChangeKind.FEEDBACK, feedback=feedback)


def _feedback(text: str) -> Feedback | None:
    """A score as a number or a word; anything else (`offered`, `unoffered`) is none."""
    word = text.casefold()
    if word in _SCORES:
        return Feedback(_SCORES[word])
    try:
        score = float(text)
    except ValueError:
        return None
    scale = next((top for top in (5.0, 10.0, 100.0) if score <= top), None)
    return Feedback(score, scale_min=0 if scale == 100 else 1, scale_max=scale) if scale else None
