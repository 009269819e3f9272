"""Intercom's tickets, by its REST interface.

Tickets are searched by when they were last updated; what happened to each are its parts, which come with the ticket.
Times have whole seconds. What a ticket was created with is said by the first part that changed it.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

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
from unstuck.connectors.updates import cursor_at, done_of, moment, start_of
from unstuck.connectors.words import html_of, plain_text, say_once, set_once
from unstuck.errors import NotThere, Refused
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

VERSION = "2.14"
#: Tickets searched for at once (150 are allowed). Each is then asked for by itself, so a page takes a while.
LISTED = 25
#: Categories of states. Parts name them; the labels that a desk gives its states are not in the history.
_STATUSES = {
    "submitted": StageClass.NEW,
    "in_progress": StageClass.ACTIVE,
    "waiting_on_customer": StageClass.WAIT_CUSTOMER,
    "on_hold": StageClass.WAIT_INTERNAL,
    "resolved": StageClass.SOLVED,
}
_TITLE, _DESCRIPTION = "_default_title_", "_default_description_"
_KINDS = {
    "admin": "agent",
    "team": "agent",
    "bot": "bot",
    "user": "customer",
    "lead": "customer",
    "contact": "customer",
}

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Intercom:
    """The tickets of one Intercom workspace. People are admins by their number, customers by the contact's id."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Intercom", deletes="swept", writes=frozenset(ActionKind), per_minute=1000,
        signature=Signature("X-Hub-Signature", "sha1=", digest="sha1"),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}", "Intercom-Version": VERSION}
        self._http = Http(connection, headers, transport, per_minute=self.capabilities.per_minute)

    # --- describe

    def describe(self) -> Description:
        return Description(
            account=str(self._me.get("name") or self._me["id"]),
            statuses=[StatusRecord(name, name, meant) for name, meant in _STATUSES.items()],
            teams=list(self._teams.values()),
            people=list(self._admins.values()),
            tickets=int(self._search(0, None, per_page=1)["total_count"]),
        )

    @cached_property
    def _me(self) -> _Row:
        found: _Row = self._http.get("me")
        return found

    @cached_property
    def _teams(self) -> dict[str, TeamRecord]:
        rows = rows_of(self._http.get("teams"), "teams")
        return {str(row["id"]): TeamRecord(str(row["id"]), str(row["name"])) for row in rows}

    @cached_property
    def _admins(self) -> dict[str, PersonRecord]:
        rows = rows_of(self._http.get("admins"), "admins")
        return {str(row["id"]): _person({"type": "admin", **row}) for row in rows}

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        since, newest = int(start_of(cursor)[0].timestamp()), done_of(cursor)
        after: str | None = None
        done = 0
        while True:
            # Later than, so a second less; tickets that move while we page move to the end and come again.
            found = self._search(max(0, since - 1), after, per_page=LISTED)
            rows = rows_of(found, "tickets")
            done += len(rows)
            newest = max([newest, *(moment(row["updated_at"]) for row in rows)])
            cursor = cursor_at(newest, self._http.server_time)
            whole = [ticket for row in rows if (ticket := self._ticket(str(row["id"])))]
            after = ((found.get("pages") or {}).get("next") or {}).get("starting_after")
            left = max(0, int(found["total_count"]) - done) if after else 0
            yield replace(self._page(whole, cursor), left=left, rows=len(rows))
            if not after:
                return

    def _search(self, since: int, after: str | None, *, per_page: int) -> Any:
        paging = {"per_page": per_page, **({"starting_after": after} if after else {})}
        asked = {
            "query": {"field": "updated_at", "operator": ">", "value": since},
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": paging,
        }
        return self._http.read("POST", "tickets/search", json=asked)

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = tickets.ids[first : first + LISTED]
            found = {ticket: self._ticket(ticket) for ticket in ids}
            whole = [row for row in found.values() if row and tickets.whole]
            standing = {ticket: _standing(row) if row else None for ticket, row in found.items()}
            left = len(tickets.ids) - first - len(ids)
            yield replace(self._page(whole, None), standing=standing, left=left, rows=len(ids))

    def _ticket(self, ticket: str) -> _Row | None:
        try:
            row: _Row = self._http.get(f"tickets/{quote(ticket, safe='')}")
        except NotThere:
            return None
        return row

    def _page(self, tickets: Sequence[_Row], cursor: str | None) -> Page:
        people: dict[str, PersonRecord] = {}
        changes: list[TicketChange] = []
        for ticket in tickets:
            changes += _history(ticket)
            changes += self._ratings(ticket)
            people |= {one.ext_id: one for one in self._mentioned(ticket)}
        used = {team for change in changes if (team := change.values.get("team"))}
        teams = [self._teams[team] for team in sorted(used) if team in self._teams]
        return Page(changes, cursor, list(people.values()), teams)

    def _mentioned(self, ticket: _Row) -> Iterator[PersonRecord]:
        for contact in _contacts(ticket)[:1]:
            yield self._contact(str(contact["id"]))
        for part in _parts(ticket):
            author = part.get("author") or {}
            if author.get("id") and author.get("type") in ("admin", "bot"):
                yield self._admins.get(str(author["id"])) or _person(author)
            if (who := part.get("assigned_to")) and who.get("type") == "admin" and str(who["id"]) in self._admins:
                yield self._admins[str(who["id"])]

    def _contact(self, number: str) -> PersonRecord:
        if number not in self._contacts:
            try:
                self._contacts[number] = _person(
                    {"type": "contact", **self._http.get(f"contacts/{quote(number, safe='')}")}
                )
            except NotThere:
                # Deleted, or merged into another one.
                self._contacts[number] = PersonRecord(number, number, "customer")
        return self._contacts[number]

    @cached_property
    def _contacts(self) -> dict[str, PersonRecord]:
        return {}

    def _ratings(self, ticket: _Row) -> Iterator[TicketChange]:
        """What the customer thought of the conversations that the ticket came from."""
        linked = (ticket.get("linked_objects") or {}).get("data") or []
        for one in linked:
            if one.get("type") != "conversation":
                continue
            try:
                talk = self._http.get(f"conversations/{quote(str(one['id']), safe='')}")
            except NotThere:
                continue
            rating = talk.get("conversation_rating") or {}
            if rating.get("rating") is None and not rating.get("remark"):
                continue
            score = float(rating["rating"]) if rating.get("rating") is not None else None
            yield TicketChange(
                str(ticket["id"]), f"rating:{one['id']}:{rating.get('created_at')}", moment(rating["created_at"]),
                ChangeKind.FEEDBACK, actor=str((rating.get("contact") or {}).get("id") or "") or None,
                feedback=Feedback(score, rating.get("remark") or None), order=1_000_000,
            )  # fmt: skip

    # --- write

    def write(self, action: Action) -> Written:
        path = f"tickets/{quote(action.ticket, safe='')}"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            return self._say(path, action)
        field = "assignee" if action.kind is ActionKind.ASSIGN else "status"
        return set_once(
            action.value,
            lambda: _standing(self._http.get(path))[field] or "",
            lambda: self._http.write("PUT", path, self._wanted(self._http.get(path), action)),
        )

    def _wanted(self, ticket: _Row, action: Action) -> dict[str, Any]:
        if action.kind is ActionKind.ASSIGN:
            if action.value and action.value not in self._admins:
                raise Refused("there is no such teammate")
            return {"admin_id": self._me["id"], "assignee_id": action.value or "0"}
        kind = str((ticket.get("ticket_type") or {}).get("id"))
        for state in rows_of(self._http.get("ticket_states"), "data"):
            of_types = {str(one["id"]) for one in (state.get("ticket_types") or {}).get("data") or []}
            if state["category"] == action.value and not state.get("archived") and (kind in of_types or not of_types):
                return {"admin_id": self._me["id"], "ticket_state_id": state["id"]}
        raise Refused("there is no such status")

    def _say(self, path: str, action: Action) -> Written:
        kind = "note" if action.kind is ActionKind.NOTE else "comment"
        said = {"message_type": kind, "type": "admin", "admin_id": self._me["id"]}

        def is_said(mark: str) -> bool:
            return any(mark in str(part.get("body") or "") for part in _parts(self._http.get(path)))

        return say_once(
            action, is_said, lambda text: self._http.write("POST", f"{path}/reply", {**said, "body": html_of(text)})
        )


# --- one ticket as its changes


def _history(ticket: _Row) -> Iterator[TicketChange]:
    number, parts = str(ticket["id"]), _parts(ticket)
    contacts = _contacts(ticket)
    yield TicketChange(
        number, f"{number}:created", moment(ticket["created_at"]), ChangeKind.CREATED,
        actor=str(contacts[0]["id"]) if contacts else None, values=_first_values(ticket, parts),
    )  # fmt: skip
    for order, part in enumerate(parts, start=1):
        author = part.get("author") or {}
        base = TicketChange(
            number, f"part:{part['id']}", moment(part["created_at"]), ChangeKind.UPDATED,
            actor=str(author["id"]) if author.get("id") else None, values=_set_by(part), order=order,
        )  # fmt: skip
        if part.get("body") and part["part_type"] in ("comment", "note", "quick_reply"):
            said = Message(
                plain_text(str(part["body"])), _KINDS.get(str(author.get("type")), "agent"),
                public=part["part_type"] != "note",
            )  # fmt: skip
            base = replace(base, kind=ChangeKind.MESSAGE, message=said)
        yield base


def _set_by(part: _Row) -> _Values:
    """What a part changed, by our names."""
    values: _Values = {}
    if "previous_ticket_state" in part and part["previous_ticket_state"] != part.get("ticket_state"):
        values["status"] = str(part["ticket_state"])
    who = part.get("assigned_to") or {}
    if who.get("type") in ("admin", "nobody_admin"):
        values["assignee"] = _number(who.get("id"))
    elif who.get("type") in ("team", "nobody_team"):
        values["team"] = _number(who.get("id"))
    data = part.get("updated_attribute_data") or {}
    if name := (data.get("attribute") or {}).get("label"):
        value = (data.get("value") or {}).get("label")
        values[_field(str(name))] = ", ".join(map(str, value)) if isinstance(value, list) else _text(value)
    return values


def _first_values(ticket: _Row, parts: Sequence[_Row]) -> _Values:
    """What the ticket was created with: what no part changed holds still; before the first change it was empty."""
    values = _standing(ticket)
    changed = {name for part in parts for name in _set_by(part)}
    before = next((part["previous_ticket_state"] for part in parts if "status" in _set_by(part)), None)
    if before:
        values["status"] = str(before)
    values |= dict.fromkeys(changed - {"status", "title"})
    contacts = _contacts(ticket)
    return {
        **values, "customer": str(contacts[0]["id"]) if contacts else None,
        "description": _text((ticket.get("ticket_attributes") or {}).get(_DESCRIPTION)),
        "number": _text(ticket.get("ticket_id")),
    }  # fmt: skip


def _standing(ticket: _Row) -> _Values:
    attributes = ticket.get("ticket_attributes") or {}
    state = ticket.get("ticket_state")
    values: _Values = {
        "status": str(state["category"] if isinstance(state, dict) else state),
        "assignee": _number(ticket.get("admin_assignee_id")),
        "team": _number(ticket.get("team_assignee_id")),
        "type": _text((ticket.get("ticket_type") or {}).get("name")),
        "title": _text(attributes.get(_TITLE)),
    }
    named = {name: value for name, value in attributes.items() if name not in (_TITLE, _DESCRIPTION)}
    return {**{_field(name): _text(value) for name, value in named.items() if not isinstance(value, dict)}, **values}


def _field(label: str) -> str:
    """Our field for an attribute; a desk's own `Priority` is our priority."""
    name = label.strip().casefold()
    return name if name in ("priority", "product", "category", "region") else label.strip()


def _contacts(ticket: _Row) -> list[_Row]:
    return list((ticket.get("contacts") or {}).get("contacts") or [])


def _parts(ticket: _Row) -> list[_Row]:
    parts = (ticket.get("ticket_parts") or {}).get("ticket_parts") or []
    return sorted(
        parts, key=lambda part: (int(part["created_at"]), int(part["id"]) if str(part["id"]).isdigit() else 0)
    )


def _person(row: _Row) -> PersonRecord:
    name = str(row.get("name") or row.get("email") or row["id"])
    return PersonRecord(str(row["id"]), name, _KINDS.get(str(row.get("type")), "unknown"), row.get("email") or None)


def _number(value: object) -> str | None:
    """An id; nobody is 0."""
    return str(value) if value not in (None, 0, "0", "") else None


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)
