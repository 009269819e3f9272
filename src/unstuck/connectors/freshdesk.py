"""Freshdesk, by its interface, version 2.

It keeps no history that can be asked for: it shows how a ticket stands, and when it last got its status, was resolved
and closed. So each time a ticket was updated is told with all its values, as they stood when it was looked at; two
changes between two looks are one. Deleted tickets and spam are lists of their own.

https://developers.freshdesk.com/api/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import httpx

from unstuck.clock import SystemClock, iso
from unstuck.connectors import (
    Action,
    ActionKind,
    Capabilities,
    Connection,
    Description,
    Page,
    Signature,
    Since,
    StatusRecord,
    Tickets,
    Written,
)
from unstuck.connectors.http import Http, rows_of
from unstuck.connectors.updates import START, by_update, moment
from unstuck.connectors.words import html_of, number_of, say_once, set_once
from unstuck.errors import Forbidden, NotThere, Refused
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Freshdesk's own limit.
PER_PAGE = 100
#: Tickets listed at once when each is then asked for what was said: small pages lose less to a kill.
LISTED = 30
#: More tickets than this are looked for in the list of all, rather than one by one.
ONE_BY_ONE = 50
#: Ratings read again each time.
RATING_OVERLAP = timedelta(days=1)
#: Streams of tickets: those that are there, and those that are gone.
_THERE, _GONE = "tickets", ("deleted", "spam")
_STATUSES = {2: "Open", 3: "Pending", 4: "Resolved", 5: "Closed", 6: "Waiting on Customer", 7: "Waiting on Third Party"}
_CLASSES = {
    2: StageClass.ACTIVE,
    3: StageClass.WAIT_CUSTOMER,
    4: StageClass.SOLVED,
    5: StageClass.CLOSED,
    6: StageClass.WAIT_CUSTOMER,
    7: StageClass.WAIT_VENDOR,
}
_FIRST = 2
#: What they mean on most desks only.
_VAGUE = frozenset({2, 3})
_PRIORITIES = {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"}
_CHANNELS = {1: "email", 2: "portal", 3: "phone", 7: "chat", 9: "widget", 10: "outbound email"}
#: Scores of the seven-step survey, from extremely unhappy to extremely happy.
_SCORES = {-103: 1, -102: 2, -101: 3, 100: 4, 101: 5, 102: 6, 103: 7}
#: The note that a ticket gets which was merged into another.
_MERGED = re.compile(r"merged into ticket\s+#?(\d+)", re.IGNORECASE)

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Freshdesk:
    """One Freshdesk. It cannot sign webhooks: they carry the secret in a header."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Freshdesk",
        deletes="told",
        writes=frozenset(ActionKind),
        signature=Signature("X-Unstuck-Token", digest="secret"),
    )

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        # The key is the user's name; any password goes with it.
        self._http = Http(connection, {}, transport, auth=(connection.token.get_secret_value(), "X"))
        self._web = connection.url.rstrip("/")

    # --- describe

    def describe(self) -> Description:
        me = self._http.get("api/v2/agents/me")
        return Description(
            account=str(me["contact"].get("name") or me["id"]),
            statuses=[
                StatusRecord(str(number), name, _CLASSES.get(number), certain=number not in _VAGUE)
                for number, name in self._statuses.items()
            ],
            teams=[TeamRecord(str(row["id"]), str(row["name"])) for row in self._all("api/v2/groups")],
            people=list(self._agents.values()),
        )

    @cached_property
    def _statuses(self) -> dict[int, str]:
        """Number to the name that agents see."""
        for field in self._optional("api/v2/ticket_fields"):
            if field.get("type") == "default_status":
                return {int(number): str(names[0]) for number, names in field["choices"].items()}
        return dict(_STATUSES)

    @cached_property
    def _agents(self) -> dict[str, PersonRecord]:
        found = {}
        for row in self._optional("api/v2/agents"):
            contact, number = row.get("contact") or {}, str(row["id"])
            name, mail = str(contact.get("name") or number), contact.get("email")
            found[number] = PersonRecord(number, name, "agent", mail, active=bool(contact.get("active", True)))
        return found

    def _all(self, path: str, **params: Any) -> Iterator[_Row]:
        page = 1
        while True:
            rows = rows_of(self._http.get(path, page=page, per_page=PER_PAGE, **params))
            yield from rows
            if len(rows) < PER_PAGE:
                return
            page += 1

    def _optional(self, path: str, **params: Any) -> list[_Row]:
        """What the plan or the key's role may not show is not there."""
        try:
            return list(self._all(path, **params))
        except (Forbidden, NotThere):
            return []

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
            return
        reached: dict[str, str] = json.loads(since) if since else {}
        for page in self._there(reached.get(_THERE)):
            reached[_THERE] = str(page.cursor)
            yield replace(page, cursor=json.dumps(reached, sort_keys=True))
        for stream in _GONE:
            for rows, cursor, _ in self._listed(reached.get(stream), PER_PAGE, filter=stream):
                reached[stream] = cursor
                yield Page([_gone(row) for row in rows], json.dumps(reached, sort_keys=True), rows=len(rows))
        yield self._rated(reached)

    def _there(self, cursor: str | None) -> Iterator[Page]:
        wanted = "stats,requester,description"
        for rows, reached, is_last in self._listed(cursor, LISTED, include=wanted):
            yield self._page(rows, reached, left=0 if is_last else None)

    def _listed(self, cursor: str | None, size: int, **params: Any) -> Iterator[tuple[list[_Row], str, bool]]:
        def ask(since: datetime, offset: int) -> Sequence[_Row]:
            return rows_of(self._http.get(
                "api/v2/tickets", updated_since=iso(since), order_by="updated_at", order_type="asc", per_page=size,
                page=offset // size + 1, **params,
            ))  # fmt: skip

        return by_update(ask, _updated, size, cursor, lambda: self._http.server_time)

    def _page(self, rows: Sequence[_Row], cursor: str | None, left: int | None) -> Page:
        changes = [change for row in rows for change in self._told(row)]
        people = {str(row["requester"]["id"]): _customer(row["requester"]) for row in rows if row.get("requester")}
        return Page(changes, cursor, list(people.values()), left=left, rows=len(rows))

    def _rated(self, reached: dict[str, str]) -> Page:
        since = moment(reached["ratings"]) - RATING_OVERLAP if "ratings" in reached else START
        rows = self._optional("api/v2/surveys/satisfaction_ratings", created_since=iso(since))
        reached["ratings"] = iso(self._http.server_time or SystemClock().now())
        return Page([_rating(row) for row in rows], json.dumps(reached, sort_keys=True), left=0)

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        left = dict.fromkeys(tickets.ids)
        if not tickets.whole and len(left) > ONE_BY_ONE:
            for rows, _, _ in self._listed(None, PER_PAGE):
                standing = {str(row["id"]): self._now(row) for row in rows if str(row["id"]) in left}
                for ticket in standing:
                    del left[ticket]
                yield Page(standing=standing, left=len(left), rows=len(standing))
        ids = list(left)
        for first in range(0, len(ids), LISTED):
            some = ids[first : first + LISTED]
            found = {ticket: row for ticket in some if (row := self._ticket(ticket))}
            page = self._page(list(found.values()) if tickets.whole else [], None, len(ids) - first - len(some))
            stands = {ticket: self._now(found[ticket]) if ticket in found else None for ticket in some}
            yield replace(page, standing=stands, rows=len(some))

    def _ticket(self, ticket: str) -> _Row | None:
        try:
            row: _Row = self._http.get(f"api/v2/tickets/{int(ticket)}", include="stats,requester")
        except NotThere:
            return None
        return None if row.get("deleted") or row.get("spam") else row

    # --- one ticket as its changes

    def _told(self, row: _Row) -> Iterator[TicketChange]:
        ticket, created, updated = str(row["id"]), moment(row["created_at"]), _updated(row)
        now, customer, stats = self._now(row), str(row["requester_id"]), row.get("stats") or {}
        got_status = moment(stats["status_updated_at"]) if stats.get("status_updated_at") else None
        # A status that never changed is the first one; the others began with what Freshdesk gives to new tickets.
        first = now["status"] if got_status == created else self._statuses.get(_FIRST, _STATUSES[_FIRST])
        yield TicketChange(
            ticket, f"{ticket}:created", created, ChangeKind.CREATED, customer,
            {"status": first, "assignee": None, "title": now["title"], "customer": customer, "description": row.get("description_text"),
             "channel": _CHANNELS.get(row.get("source", 0)), "url": f"{self._web}/a/tickets/{ticket}"},
        )  # fmt: skip
        for at, status in self._statuses_told(row, got_status):
            if created < at < updated:
                yield TicketChange(
                    ticket,
                    f"{ticket}:status:{iso(at)}:{status}",
                    at,
                    ChangeKind.UPDATED,
                    values={"status": status},
                    order=1,
                )
        seen = TicketChange(ticket, f"{ticket}:seen:{iso(updated)}", updated, ChangeKind.UPDATED, values=now, order=2)
        yield seen
        for said in self._all(f"api/v2/tickets/{int(ticket)}/conversations"):
            yield from self._said(ticket, said)

    def _statuses_told(self, row: _Row, got_status: datetime | None) -> Iterator[tuple[datetime, str]]:
        """When a ticket was resolved and closed, and got the status that it has."""
        stats = row.get("stats") or {}
        for name, number in (("resolved_at", 4), ("closed_at", 5)):
            if stats.get(name) and number != row["status"]:
                yield moment(stats[name]), self._statuses.get(number, _STATUSES[number])
        if got_status:
            yield got_status, self._status(row)

    @staticmethod
    def _said(ticket: str, said: _Row) -> Iterator[TicketChange]:
        number, body = str(said["id"]), str(said.get("body_text") or "")
        author, is_customer = str(said["user_id"]), bool(said.get("incoming"))
        message = Message(body, "customer" if is_customer else "agent", public=said.get("private") is False)
        base = TicketChange(
            ticket, f"{ticket}:said:{number}", moment(said["created_at"]), ChangeKind.MESSAGE, author, message=message,
            order=3 + int(number) % 2**30,
        )  # fmt: skip
        yield base
        if not message.public and not is_customer and (into := _MERGED.search(body)):
            yield replace(
                base, change_id=f"{base.change_id}:merge", kind=ChangeKind.MERGED, message=None, merged_into=into[1]
            )

    def _now(self, row: _Row) -> _Values:
        return {
            "status": self._status(row),
            "team": _text(row.get("group_id")),
            "assignee": _text(row.get("responder_id")),
            "priority": _PRIORITIES.get(row.get("priority", 0), _text(row.get("priority"))),
            "type": _text(row.get("type")),
            "title": _text(row.get("subject")),
            **{name.removeprefix("cf_"): _text(value) for name, value in (row.get("custom_fields") or {}).items()},
        }

    def _status(self, row: _Row) -> str:
        return self._statuses.get(int(row["status"]), f"#{row['status']}")

    # --- write

    def write(self, action: Action) -> Written:
        path = f"api/v2/tickets/{int(action.ticket)}"
        if action.kind is ActionKind.NOTE:
            return self._say(path, action, "notes", {"private": True})
        if action.kind is ActionKind.REPLY:
            return self._say(path, action, "reply", {})
        if action.kind is ActionKind.ASSIGN:
            wanted = {"responder_id": number_of(action.value) if action.value else None}
            return set_once(action.value, lambda: self._has(path, "assignee"), lambda: self._put(path, wanted))
        numbers = [number for number, name in self._statuses.items() if name == action.value]
        if not numbers:
            raise Refused("there is no such status")
        return set_once(
            action.value, lambda: self._has(path, "status"), lambda: self._put(path, {"status": numbers[0]})
        )

    def _say(self, path: str, action: Action, how: str, more: _Row) -> Written:
        def send(text: str) -> None:
            self._http.write("POST", f"{path}/{how}", {"body": html_of(text), **more})

        def is_said(mark: str) -> bool:
            return any(mark in str(row.get("body_text") or "") for row in self._all(f"{path}/conversations"))

        return say_once(action, is_said, send)

    def _put(self, path: str, change: _Row) -> None:
        self._http.write("PUT", path, change)

    def _has(self, path: str, name: str) -> str:
        return self._now(self._http.get(path))[name] or ""


def _updated(row: _Row) -> datetime:
    return moment(row["updated_at"])


def _gone(row: _Row) -> TicketChange:
    ticket, at = str(row["id"]), _updated(row)
    return TicketChange(
        ticket, f"{ticket}:gone:{iso(at)}", at, ChangeKind.DELETED, ticket_created_at=moment(row["created_at"]), order=9
    )


def _rating(row: _Row) -> TicketChange:
    at, score = moment(row["created_at"]), (row.get("ratings") or {}).get("default_question")
    feedback = Feedback(_SCORES.get(int(score or 0)), row.get("feedback") or None, scale_min=1, scale_max=7)
    return TicketChange(
        str(row["ticket_id"]), f"rating:{row['id']}", at, ChangeKind.FEEDBACK, str(row["user_id"]), feedback=feedback
    )


def _customer(row: _Row) -> PersonRecord:
    number = str(row["id"])
    return PersonRecord(number, str(row.get("name") or number), "customer", row.get("email") or None)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
