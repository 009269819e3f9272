"""Zammad, by its REST interface.

Tickets are found by when they were last updated, in an index that lags a little; each ticket then has a history and
articles. The values it was created with are what holds now, with its history taken back. Deleted tickets leave no trace.

https://docs.zammad.org/en/latest/api/intro.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import httpx

from unstuck.clock import iso
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
from unstuck.connectors.updates import by_update, moment
from unstuck.connectors.words import number_of, plain_text, say_once, set_once
from unstuck.errors import Malformed, NotThere, Refused
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Tickets listed at once. Each is then asked for twice, so small pages lose less to a kill.
LISTED = 25
#: Tickets looked for by number at once.
BATCH = 50
#: The first article is written with the ticket: so much later at most.
_TOGETHER = timedelta(seconds=5)
#: The user that stands for nobody, and by whom Zammad does things by itself.
NOBODY = "1"
#: A state's type says what it means; what a reminder waits for is the customer on most desks.
_CLASSES = {
    "new": StageClass.NEW,
    "open": StageClass.ACTIVE,
    "pending reminder": StageClass.WAIT_CUSTOMER,
    "pending action": StageClass.SOLVED,
    "closed": StageClass.CLOSED,
    "merged": StageClass.DROPPED,
    "removed": StageClass.DROPPED,
}
_VAGUE = frozenset({"pending reminder", "pending action"})
#: Attributes that a history tells by number, and what they are called here.
_BY_ID = {"group": "team", "owner": "assignee", "customer": "customer"}
#: Roles that Zammad comes with: administrators and agents.
_AGENT_ROLES = frozenset({1, 2})
_SENDERS = {"Agent": "agent", "Customer": "customer", "System": "bot"}

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Zammad:
    """One Zammad. Option: `fields` (names of further ticket attributes to keep, as the interface has them)."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Zammad",
        deletes="swept",
        writes=frozenset(ActionKind),
        signature=Signature("X-Hub-Signature", "sha1=", digest="sha1", delivery="X-Zammad-Delivery"),
    )

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        self._http = Http(connection, {"Authorization": f"Token token={token}"}, transport)
        self._web = connection.url.rstrip("/")
        fields = connection.options.get("fields", [])
        self._wanted = [fields] if isinstance(fields, str) else list(fields)

    # --- describe

    def describe(self) -> Description:
        me = self._http.get("api/v1/users/me")
        return Description(
            account=_name(me),
            statuses=[
                StatusRecord(
                    str(row["id"]), str(row["name"]), _CLASSES.get(str(row.get("state_type"))),
                    certain=row.get("state_type") not in _VAGUE,
                )
                for row in self._states
            ],
            teams=list(self._groups.values()),
        )  # fmt: skip

    @cached_property
    def _states(self) -> list[_Row]:
        return rows_of(self._http.get("api/v1/ticket_states", expand="true"))

    @cached_property
    def _state_names(self) -> dict[str, str]:
        return {str(row["id"]): str(row["name"]) for row in self._states}

    @cached_property
    def _priorities(self) -> dict[str, str]:
        return {str(row["id"]): str(row["name"]) for row in rows_of(self._http.get("api/v1/ticket_priorities"))}

    @cached_property
    def _groups(self) -> dict[str, TeamRecord]:
        rows = rows_of(self._http.get("api/v1/groups"))
        return {str(row["id"]): TeamRecord(str(row["id"]), str(row["name"])) for row in rows}

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
            return
        people: dict[str, PersonRecord] = {}

        def ask(start: datetime, offset: int) -> Sequence[_Row]:
            # Hundredths of a second are beyond the index's query; a second more is read instead.
            found = self._search(f"updated_at:[{iso(start)} TO *]", LISTED, offset // LISTED + 1)
            people.update(_people(found))
            return _tickets(found)

        for rows, cursor, is_last in by_update(ask, _updated, LISTED, since, lambda: self._http.server_time):
            yield self._page(rows, people, cursor, left=0 if is_last else None)
            people.clear()

    def _search(self, query: str, size: int, page: int = 1) -> Any:
        return self._http.get(
            "api/v1/tickets/search", query=query, sort_by="updated_at", order_by="asc", per_page=size, page=page
        )

    def _page(
        self, rows: Sequence[_Row], people: dict[str, PersonRecord], cursor: str | None, left: int | None
    ) -> Page:
        changes: list[TicketChange] = []
        for row in rows:
            number = int(row["id"])
            try:
                history = self._http.get(f"api/v1/ticket_history/{number}")
                articles = rows_of(self._http.get(f"api/v1/ticket_articles/by_ticket/{number}"))
            except NotThere:
                # Deleted since it was listed.
                continue
            people |= _people(history)
            changes += self._told(row, rows_of(history, "history"), articles)
        return Page(changes, cursor, list(people.values()), list(self._groups.values()), left=left, rows=len(rows))

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), BATCH):
            ids = list(tickets.ids[first : first + BATCH])
            found = self._search(f"id:({' OR '.join(str(int(ticket)) for ticket in ids)})", BATCH)
            rows = {str(row["id"]): row for row in _tickets(found)}
            standing = {ticket: self._now(rows[ticket]) if ticket in rows else None for ticket in ids}
            page = self._page(
                list(rows.values()) if tickets.whole else [], {}, None, len(tickets.ids) - first - len(ids)
            )
            yield replace(page, standing=standing, rows=len(ids))

    # --- one ticket as its changes

    def _told(self, row: _Row, history: list[_Row], articles: list[_Row]) -> Iterator[TicketChange]:
        ticket, created = str(row["id"]), moment(row["created_at"])
        mine = sorted((one for one in history if one["object"] == "Ticket"), key=lambda one: int(one["id"]))
        first = self._now(row)
        for one in reversed(mine):
            first |= self._set_by(one, "from")
        opening = min(articles, key=lambda one: int(one["id"]), default=None)
        is_first = opening is not None and moment(opening["created_at"]) - created < _TOGETHER
        # What agents wrote among themselves is no description that everybody may read.
        description = _body(opening) if opening and is_first and opening.get("internal") is False else None
        yield TicketChange(
            ticket, f"{ticket}:created", created, ChangeKind.CREATED, _somebody(row.get("created_by_id")),
            {**first, "description": description, "number": str(row["number"]), "url": f"{self._web}/#ticket/zoom/{ticket}"},
        )  # fmt: skip
        for one in mine:
            yield from self._change(ticket, one)
        for one in articles:
            if one is not opening or description is None:
                yield self._said(ticket, one)

    def _change(self, ticket: str, one: _Row) -> Iterator[TicketChange]:
        number, kind, values = int(one["id"]), ChangeKind.UPDATED, self._set_by(one, "to")
        into = str(one.get("id_to") or one.get("value_to") or "") if one["type"] == "merged_into" else None
        if into:
            kind, values = ChangeKind.MERGED, {}
        elif not values:
            return
        yield TicketChange(
            ticket, f"history:{number}", moment(one["created_at"]), kind, _somebody(one.get("created_by_id")), values,
            merged_into=into, order=number,
        )  # fmt: skip

    @staticmethod
    def _said(ticket: str, one: _Row) -> TicketChange:
        # An article keeps its number when tickets are merged and it moves to the other one.
        number, sender = int(one["id"]), _SENDERS.get(str(one.get("sender")), "agent")
        message = Message(_body(one), sender, public=one.get("internal") is False)
        return TicketChange(
            ticket, f"article:{number}", moment(one["created_at"]), ChangeKind.MESSAGE,
            _somebody(one.get("created_by_id")), message=message, order=number,
        )  # fmt: skip

    def _now(self, row: _Row) -> _Values:
        values: _Values = {
            "status": self._state_names.get(str(row["state_id"]), str(row["state_id"])),
            "team": str(row["group_id"]),
            "assignee": _somebody(row.get("owner_id")),
            "customer": _somebody(row.get("customer_id")),
            "priority": self._priorities.get(str(row["priority_id"])),
            **{name: _text(row.get(name)) for name in ("title", *self._wanted)},
        }
        return values

    def _set_by(self, one: _Row, which: str) -> _Values:
        """What a row of a history set, or what held before it."""
        name, number, text = str(one.get("attribute") or ""), one.get(f"id_{which}"), one.get(f"value_{which}")
        if one["type"] != "updated":
            return {}
        if name == "state":
            return {"status": self._state_names.get(str(number), _text(text))}
        if name == "priority":
            return {"priority": self._priorities.get(str(number), _text(text))}
        if name in _BY_ID:
            return {_BY_ID[name]: _somebody(number)}
        return {name: _text(text)} if name == "title" or name in self._wanted else {}

    # --- write

    def write(self, action: Action) -> Written:
        number = int(action.ticket)
        path = f"api/v1/tickets/{number}"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            return say_once(
                action, lambda mark: self._is_said(number, mark), lambda text: self._say(number, action.kind, text)
            )
        if action.kind is ActionKind.ASSIGN:
            change = {"owner_id": number_of(action.value or NOBODY)}
            return set_once(action.value, lambda: self._has(path, "assignee"), lambda: self._put(path, change))
        states = [int(state) for state, name in self._state_names.items() if name == action.value]
        if not states:
            raise Refused("there is no such state")
        return set_once(
            action.value, lambda: self._has(path, "status"), lambda: self._put(path, {"state_id": states[0]})
        )

    def _say(self, number: int, kind: ActionKind, text: str) -> None:
        article: dict[str, Any] = {"ticket_id": number, "body": text, "content_type": "text/plain", "type": "note"}
        article["internal"] = kind is ActionKind.NOTE
        if kind is ActionKind.REPLY:
            ticket = self._http.get(f"api/v1/tickets/{number}")
            mail = self._http.get(f"api/v1/users/{int(ticket['customer_id'])}").get("email")
            # Without an address the customer reads it in the portal.
            article |= {"type": "email", "to": mail, "subject": ticket.get("title")} if mail else {}
        self._http.write("POST", "api/v1/ticket_articles", article)

    def _put(self, path: str, change: _Row) -> None:
        self._http.write("PUT", path, change)

    def _has(self, path: str, name: str) -> str:
        return self._now(self._http.get(path))[name] or ""

    def _is_said(self, number: int, mark: str) -> bool:
        articles = rows_of(self._http.get(f"api/v1/ticket_articles/by_ticket/{number}"))
        return any(mark in _body(one) for one in articles)


def _tickets(found: Any) -> list[_Row]:
    """The tickets of a search, in its order; the numbers come first, the tickets beside them."""
    try:
        shown = found["assets"].get("Ticket") or {}
        return [shown[str(number)] for number in rows_of(found, "tickets")]
    except (KeyError, TypeError, AttributeError):
        raise Malformed("Zammad answered a search without tickets") from None


def _people(found: Any) -> dict[str, PersonRecord]:
    """Everybody whom an answer brings along."""
    users = (found.get("assets") or {}).get("User") or {} if isinstance(found, dict) else {}
    return {str(number): _person(row) for number, row in users.items() if str(number) != NOBODY}


def _person(row: _Row) -> PersonRecord:
    is_agent = bool(row.get("group_ids")) or bool(_AGENT_ROLES & set(row.get("role_ids") or []))
    kind = "agent" if is_agent else "customer"
    return PersonRecord(
        str(row["id"]), _name(row), kind, row.get("email") or None, active=bool(row.get("active", True))
    )


def _name(row: _Row) -> str:
    whole = " ".join(filter(None, (row.get("firstname"), row.get("lastname"))))
    return whole or str(row.get("login") or row["id"])


def _body(article: _Row) -> str:
    body = str(article.get("body") or "")
    return plain_text(body) if "html" in str(article.get("content_type")) else body


def _updated(row: _Row) -> datetime:
    return moment(row["updated_at"])


def _somebody(number: Any) -> str | None:
    return None if number in (None, "") or str(number) == NOBODY else str(number)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
