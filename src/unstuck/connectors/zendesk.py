"""Zendesk Support, by its incremental exports.

Whatever is done to a ticket at once is one audit. The export of ticket events tells the audits of all tickets in order
of time, with what they changed and said; the export of tickets tells which were deleted; satisfaction has a list of
its own. A cursor says how far each of the three has been read.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import httpx

from unstuck.clock import SystemClock
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
from unstuck.connectors.http import Http, Pace, rows_of
from unstuck.connectors.updates import moment
from unstuck.connectors.words import number_of, say_once, set_once
from unstuck.errors import Forbidden, NotThere, Refused, Unauthorized, UsageError
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Zendesk's own limits: rows of an export and of a list, and exports asked for in a minute.
EXPORTED, LISTED, EXPORTS_PER_MINUTE = 1000, 100, 10
#: Events read again each time: they are sorted by whole seconds.
OVERLAP = timedelta(minutes=2)
#: Ratings read again each time: they are listed by when they were asked for, and given days later.
RATING_OVERLAP = timedelta(days=14)
_CLASSES = {
    "new": StageClass.NEW,
    "open": StageClass.ACTIVE,
    "pending": StageClass.WAIT_CUSTOMER,
    "hold": StageClass.WAIT_INTERNAL,
    "solved": StageClass.SOLVED,
    "closed": StageClass.CLOSED,
    "deleted": StageClass.DROPPED,
}
#: Zendesk's names of fields to ours; others are custom fields or no matter to anybody who asks.
_FIELDS = {
    "status": "status", "custom_status_id": "custom_status_id", "group_id": "team", "assignee_id": "assignee",
    "requester_id": "customer", "priority": "priority", "type": "type", "subject": "title",
}  # fmt: skip
_KINDS = {"end-user": "customer", "agent": "agent", "admin": "agent"}
#: Zendesk puts it on a ticket that was merged into another one.
_MERGED = "closed_by_merge"

_Row = Mapping[str, Any]
_Values = dict[str, str | None]

_SYSTEM_STATUSES = [StatusRecord(name, name, meant, certain=name != "hold") for name, meant in _CLASSES.items()]


class Zendesk:
    """One Zendesk account. Option: `exports_per_minute` (30 with the High Volume add-on)."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Zendesk",
        # The export tells of them, too; the nightly check finds those that left it.
        deletes="swept",
        writes=frozenset(ActionKind),
        asks_user=True,
        signature=Signature(
            "X-Zendesk-Webhook-Signature", encoding="base64", timestamp="X-Zendesk-Webhook-Signature-Timestamp",
            delivery="X-Zendesk-Webhook-Invocation-Id",
        ),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        # An API token goes with its user's address; without one it is an OAuth token.
        auth = (f"{connection.user}/token", token) if connection.user else None
        headers = {} if auth else {"Authorization": f"Bearer {token}"}
        self._http = Http(connection, headers, transport, auth=auth)
        self._web = connection.url.rstrip("/")
        self._exports = Pace(_pace(connection.options), burst=EXPORTS_PER_MINUTE)
        self._people: dict[str, PersonRecord] = {}

    # --- describe

    def describe(self) -> Description:
        user = self._http.get("api/v2/users/me.json")["user"]
        if user.get("id") is None:
            # Whoever has no token is answered as an anonymous user.
            raise Unauthorized("GET /api/v2/users/me.json: nobody")
        count = self._http.get("api/v2/tickets/count.json")["count"]["value"]
        return Description(
            account=str(user.get("name") or user["id"]),
            statuses=[*_SYSTEM_STATUSES, *self._own_statuses.values()],
            teams=[TeamRecord(str(row["id"]), str(row["name"])) for row in self._list("api/v2/groups.json", "groups")],
            tickets=int(count),
        )

    @cached_property
    def _own_statuses(self) -> dict[str, StatusRecord]:
        """Statuses that the account made, by number. The five it came with are known by their category."""
        try:
            rows = rows_of(self._http.get("api/v2/custom_statuses.json"), "custom_statuses")
        except (Forbidden, NotThere):
            return {}
        return {
            str(row["id"]): StatusRecord(str(row["id"]), str(row["agent_label"]), _CLASSES.get(row["status_category"]))
            for row in rows
            if not row.get("default")
        }

    @cached_property
    def _custom(self) -> dict[str, str]:
        """Custom ticket fields: number to title."""
        rows = self._list("api/v2/ticket_fields.json", "ticket_fields")
        return {str(row["id"]): str(row["title"]) for row in rows}

    def _list(self, path: str, key: str, **params: Any) -> Iterator[_Row]:
        """All rows of a list, page by page."""
        params["page[size]"] = LISTED
        while True:
            found = self._http.get(path, **params)
            yield from rows_of(found, key)
            meta = found.get("meta") or {}
            if not meta.get("has_more"):
                return
            params["page[after]"] = meta["after_cursor"]

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
            return
        reached: dict[str, Any] = {"events": 0, "tickets": "", "ratings": 0, **(json.loads(since) if since else {})}
        for stream in (self._events, self._deletions, self._ratings):
            for page, news in stream(reached):
                reached |= news
                yield replace(page, cursor=json.dumps(reached, sort_keys=True))
        yield Page(cursor=json.dumps(reached, sort_keys=True), left=0)

    def _export(self, path: str, **params: Any) -> Any:
        self._exports.wait()
        return self._http.get(path, per_page=EXPORTED, **params)

    def _events(self, reached: _Row) -> Iterator[tuple[Page, _Row]]:
        start = max(0, int(reached["events"]) - int(OVERLAP.total_seconds()))
        begun, read = 0, 0
        while True:
            found = self._export("api/v2/incremental/ticket_events.json", start_time=start, include="comment_events")
            rows = rows_of(found, "ticket_events")
            begun, read = begun or (_second(rows[0]) if rows else 0), read + len(rows)
            end = int(found.get("end_time") or start)
            # A moment in the future is of a clock since set right: what comes after it would be passed over.
            done = min(end, int(self._now().timestamp()))
            is_last = bool(found.get("end_of_stream"))
            left = None if is_last else self._left(read, begun, end)
            yield self._page([_Audit.exported(row) for row in rows], left), {"events": max(done, reached["events"])}
            if is_last or end <= start:
                return
            start = end

    def _left(self, read: int, begun: int, end: int) -> int | None:
        """About how many events are still to come, if as many happen in a day as until now."""
        ahead = self._now().timestamp() - end
        return int(read * ahead / (end - begun)) if begun and end > begun and ahead > 0 else None

    def _deletions(self, reached: _Row) -> Iterator[tuple[Page, _Row]]:
        cursor = str(reached["tickets"])
        while True:
            found = self._export(
                "api/v2/incremental/tickets/cursor.json", **({"cursor": cursor} if cursor else {"start_time": 0})
            )
            rows = rows_of(found, "tickets")
            cursor = str(found.get("after_cursor") or cursor)
            gone = [self._gone(row) for row in rows if row["status"] == "deleted"]
            yield Page(gone, rows=0), {"tickets": cursor}
            if found.get("end_of_stream", True):
                return

    @staticmethod
    def _gone(row: _Row) -> TicketChange:
        ticket, at = str(row["id"]), moment(row["updated_at"])
        return TicketChange(
            ticket, f"ticket:{ticket}:deleted:{int(at.timestamp())}", at, ChangeKind.DELETED,
            ticket_created_at=moment(row["created_at"]),
        )  # fmt: skip

    def _ratings(self, reached: _Row) -> Iterator[tuple[Page, _Row]]:
        start = max(0, int(reached["ratings"]) - int(RATING_OVERLAP.total_seconds()))
        news = {"ratings": int(self._now().timestamp())}
        try:
            rows = list(
                self._list(
                    "api/v2/satisfaction_ratings.json", "satisfaction_ratings", score="received", start_time=start
                )
            )
        except (Forbidden, NotThere):
            # The plan has none, or the token may not see them.
            return
        yield Page([_rated(row) for row in rows], people=self._met(str(row["requester_id"]) for row in rows)), news

    def _now(self) -> datetime:
        """By Zendesk's own clock."""
        return self._http.server_time or SystemClock().now()

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = list(tickets.ids[first : first + LISTED])
            found = self._http.get("api/v2/tickets/show_many.json", ids=",".join(ids))
            rows = {str(row["id"]): row for row in rows_of(found, "tickets") if row["status"] != "deleted"}
            standing = {ticket: self._standing(rows[ticket]) if ticket in rows else None for ticket in ids}
            audits = [audit for ticket in rows if tickets.whole for audit in self._audits(ticket)]
            page = self._page(audits, len(tickets.ids) - first - len(ids))
            yield replace(page, standing=standing, rows=len(ids))

    def _audits(self, ticket: str) -> list[_Audit]:
        rows = self._list(f"api/v2/tickets/{int(ticket)}/audits.json", "audits")
        return [_Audit.shown(row) for row in rows]

    def _standing(self, row: _Row) -> _Values:
        raw = {name: row.get(name) for name in _FIELDS}
        if row["status"] == "closed":
            raw["custom_status_id"] = None
        values = self._named(raw)
        for one in row.get("custom_fields") or []:
            values[self._custom_name(str(one["id"]))] = _text(one.get("value"))
        return values

    def _page(self, audits: Sequence[_Audit], left: int | None) -> Page:
        used = {audit.actor for audit in audits} | {
            who for audit in audits for name in ("assignee_id", "requester_id") if (who := _text(audit.set.get(name)))
        }
        people = self._met(filter(None, used))
        return Page(
            [change for audit in audits for change in self._told(audit)], None, people, left=left, rows=len(audits)
        )

    def _met(self, used: Iterable[str]) -> list[PersonRecord]:
        """Those whom this connection meets for the first time; the others are stored already."""
        new = sorted(set(used) - self._people.keys())
        for first in range(0, len(new), LISTED):
            ids = new[first : first + LISTED]
            found = self._http.get("api/v2/users/show_many.json", ids=",".join(ids))
            self._people |= {str(row["id"]): _person(row) for row in rows_of(found, "users")}
            # Whoever is not shown has been deleted.
            self._people |= {who: PersonRecord(who, who, active=False) for who in ids if who not in self._people}
        return [self._people[who] for who in new]

    # --- one audit as changes

    def _told(self, audit: _Audit) -> Iterator[TicketChange]:
        values = self._named(audit.set)
        kind = ChangeKind.CREATED if audit.creates else ChangeKind.MESSAGE if audit.said else ChangeKind.UPDATED
        if audit.creates:
            values = {"assignee": None, **values, "url": f"{self._web}/agent/tickets/{audit.ticket}"}
            if audit.said and audit.said.get("public"):
                values["description"] = _body(audit.said)
        elif not audit.said and not values:
            # Mail that was sent, a tag, a trigger: nobody did anything.
            return
        message = self._message(audit) if kind is ChangeKind.MESSAGE else None
        yield TicketChange(
            audit.ticket, f"audit:{audit.id}", audit.at, kind, audit.actor, values, message, order=audit.order
        )
        if audit.creates and audit.said and not audit.said.get("public"):
            # Agents opened it among themselves: their words are no description that everybody may read.
            yield TicketChange(
                audit.ticket, f"audit:{audit.id}:said", audit.at, ChangeKind.MESSAGE, audit.actor,
                message=self._message(audit), order=audit.order,
            )  # fmt: skip
        if (into := audit.merged_into) is not None:
            yield TicketChange(
                audit.ticket, f"audit:{audit.id}:merge", audit.at, ChangeKind.MERGED, audit.actor, merged_into=into,
                order=audit.order,
            )  # fmt: skip

    def _message(self, audit: _Audit) -> Message:
        said, author = audit.said or {}, self._people.get(audit.actor or "")
        kind = author.kind if author and author.kind != "unknown" else "bot" if audit.actor is None else "agent"
        return Message(_body(said), kind, public=said.get("public") is True)

    def _named(self, raw: Mapping[str, Any]) -> _Values:
        """Zendesk's fields by our names, what was made by the account by its own."""
        values: _Values = {}
        for name, value in raw.items():
            if name in _FIELDS:
                values[_FIELDS[name]] = _text(value)
            elif name.isdigit():
                values[self._custom_name(name)] = _text(value)
        own = self._own_statuses.get(values.pop("custom_status_id", None) or "")
        if own is not None:
            values["status"] = own.name
        return values

    def _custom_name(self, number: str) -> str:
        return self._custom.get(number, f"field {number}")

    # --- write

    def write(self, action: Action) -> Written:
        ticket = int(action.ticket)
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            public = action.kind is ActionKind.REPLY
            return say_once(
                action, lambda mark: self._is_said(ticket, mark),
                lambda text: self._put(ticket, {"comment": {"body": text, "public": public}}),
            )  # fmt: skip
        if action.kind is ActionKind.ASSIGN:
            wanted = number_of(action.value) if action.value else None
            return set_once(
                action.value, lambda: self._has(ticket, "assignee"), lambda: self._put(ticket, {"assignee_id": wanted})
            )
        return set_once(
            action.value, lambda: self._has(ticket, "status"), lambda: self._put(ticket, self._status(action.value))
        )

    def _status(self, name: str) -> _Row:
        for number, own in self._own_statuses.items():
            if own.name == name:
                return {"custom_status_id": int(number)}
        if name not in _CLASSES:
            raise Refused("there is no such status")
        return {"status": name}

    def _put(self, ticket: int, change: _Row) -> None:
        self._http.write("PUT", f"api/v2/tickets/{ticket}.json", {"ticket": change})

    def _has(self, ticket: int, name: str) -> str:
        return self._standing(self._http.get(f"api/v2/tickets/{ticket}.json")["ticket"])[name] or ""

    def _is_said(self, ticket: int, mark: str) -> bool:
        newest = self._http.get(f"api/v2/tickets/{ticket}/comments.json", sort="-created_at", **{"page[size]": LISTED})
        return any(mark in _body(row) for row in rows_of(newest, "comments"))


@dataclass(frozen=True, slots=True)
class _Audit:
    """All that was done to a ticket at once, as exported or as shown with the ticket: the same number in both."""

    id: int
    ticket: str
    at: datetime
    #: `None`: Zendesk itself, by a rule of the account.
    actor: str | None
    creates: bool
    #: What it set, by Zendesk's names, custom fields by their numbers.
    set: dict[str, Any]
    #: The comment, public or not.
    said: _Row | None
    tags: Sequence[str]

    @classmethod
    def exported(cls, row: _Row) -> _Audit:
        events = [
            (child["event_type"], {**child, **(child.get("custom_ticket_fields") or {})})
            for child in row["child_events"]
        ]
        return cls._of(row, row.get("updater_id"), events)

    @classmethod
    def shown(cls, row: _Row) -> _Audit:
        # Here `type` is the event's own; the ticket's is a `field_name`.
        events = [
            (event["type"], event if event["type"] == "Comment" else {str(event.get("field_name")): event.get("value")})
            for event in row["events"]
        ]
        return cls._of(row, row.get("author_id"), events)

    @classmethod
    def _of(cls, row: _Row, actor: Any, events: Sequence[tuple[str, _Row]]) -> _Audit:
        told = [event for kind, event in events if kind in ("Create", "Change")]
        given = {name: event[name] for event in told for name in event if name in _FIELDS or name.isdigit()}
        tags = [tag for event in told for tag in event.get("tags") or []]
        said = next((event for kind, event in events if kind == "Comment"), None)
        creates = any(kind == "Create" for kind, _ in events)
        at, who = moment(row["created_at"]), _somebody(actor)
        return cls(int(row["id"]), str(row["ticket_id"]), at, who, creates, given, said, tags)

    @property
    def order(self) -> int:
        # The numbers grow, beyond what the column holds.
        return self.id % 2**31

    @property
    def merged_into(self) -> str | None:
        """The ticket that this one was merged into: only the note that Zendesk leaves names it everywhere."""
        if _MERGED not in self.tags or self.said is None:
            return None
        named = re.search(r"#(\d+)", _body(self.said))
        return named[1] if named else None


def _pace(options: Mapping[str, Any]) -> float:
    try:
        return float(options.get("exports_per_minute", EXPORTS_PER_MINUTE))
    except (TypeError, ValueError):
        raise UsageError("connector_bad_option", option="exports_per_minute", known="10, 30") from None


def _rated(row: _Row) -> TicketChange:
    at = moment(row["updated_at"])
    score = {"good": 1.0, "bad": 0.0}.get(str(row["score"]).partition("_")[0])
    return TicketChange(
        str(row["ticket_id"]), f"rating:{row['id']}:{int(at.timestamp())}", at, ChangeKind.FEEDBACK,
        str(row["requester_id"]), feedback=Feedback(score, row.get("comment") or None, scale_min=0, scale_max=1),
    )  # fmt: skip


def _person(row: _Row) -> PersonRecord:
    number = str(row["id"])
    return PersonRecord(
        number, str(row.get("name") or number), _KINDS.get(str(row.get("role")), "unknown"), row.get("email") or None,
        active=bool(row.get("active", True)),
    )  # fmt: skip


def _body(said: _Row) -> str:
    return str(said.get("plain_body") or said.get("body") or "")


def _second(row: _Row) -> int:
    return int(row.get("timestamp") or moment(row["created_at"]).timestamp())


def _somebody(number: Any) -> str | None:
    return str(number) if number is not None and int(number) > 0 else None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return None if value in (None, "") else str(value)
