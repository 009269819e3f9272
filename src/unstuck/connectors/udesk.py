"""Udesk's tickets, by its open interface.

It lists tickets by page alone, in no promised order and without a filter by time, and tells how they stand, never how
they stood. So each sync goes through the list; a ticket whose time of update is new is read, and how it stands then is
one change. Every request is signed anew: a random word counts once.

https://www.udesk.cn/doc/apiv2/tickets/
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
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
    Since,
    StatusRecord,
    Tickets,
    Written,
)
from unstuck.connectors.http import Http, rows_of
from unstuck.connectors.updates import cursor_at, done_of, moment, start_of
from unstuck.connectors.words import plain_text, set_once
from unstuck.errors import (
    ConnectorError,
    Malformed,
    NotThere,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UsageError,
)
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Udesk's own limits.
PER_PAGE = 100
PER_MINUTE = 60
_STATUSES = {
    1: ("开启", StageClass.NEW),
    4: ("解决中", StageClass.ACTIVE),
    2: ("已解决", StageClass.SOLVED),
    3: ("已关闭", StageClass.CLOSED),
}
#: The older interface's words for the same.
_WORDS = {"open": 1, "resolved": 2, "closed": 3, "solving": 4}
_FINE = 1000
_NO_SUCH = re.compile(r"不存在|未找到|找不到|not.?found|no such", re.IGNORECASE)
_NOT_KNOWN = re.compile(r"sign|auth|token|nonce|签名|鉴权|认证|验证", re.IGNORECASE)
_TOO_MANY = re.compile(r"频率|频繁|限流|超出|too many|limit", re.IGNORECASE)

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Udesk:
    """One Udesk. The connection's user is the e-mail address of an admin. Options: `filter` (number of a saved filter,
    say of what was updated this week, that syncs after the first one go through instead of all tickets), `replies`
    (`public`: agents' replies that do not say are public; otherwise they count as internal).
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Udesk",
        deletes="swept",
        asks_user=True,
        writes=frozenset({ActionKind.ASSIGN, ActionKind.STATUS}),
        per_minute=PER_MINUTE,
    )

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        if not connection.user:
            raise UsageError("connector_bad_option", option="user", known="the e-mail address of an admin")
        signed = _Signed(connection.user, connection.token.get_secret_value())
        self._http = Http(connection, {}, transport, auth=signed, per_minute=PER_MINUTE)
        self._web = connection.url.rstrip("/")
        self._account = connection.user
        self._filter = connection.options.get("filter")
        self._replies_are_public = connection.options.get("replies") == "public"

    def _get(self, path: str, **params: Any) -> _Row:
        return _checked(self._http.get(f"open_api_v1/{path}", **params))

    def _paged(self, path: str, key: str, **params: Any) -> Iterator[tuple[list[_Row], int]]:
        """Pages of rows, and how many rows there are in all."""
        page = 1
        while True:
            found = self._get(path, page=page, per_page=PER_PAGE, **params)
            rows = rows_of(found, key)
            meta = found.get("meta") or {}
            yield rows, int(meta.get("total_count", len(rows)))
            if page >= int(meta.get("total_pages", 1)):
                return
            page += 1

    # --- describe

    def describe(self) -> Description:
        _, total = next(self._paged("tickets", "contents"))
        return Description(
            account=self._account,
            statuses=[StatusRecord(str(number), name, meant) for number, (name, meant) in _STATUSES.items()],
            teams=self._teams,
            people=list(self._agents.values()),
            tickets=total,
        )

    @cached_property
    def _agent_rows(self) -> list[_Row]:
        return [row for rows, _ in self._paged("agents", "agents") for row in rows]

    @cached_property
    def _agents(self) -> dict[str, PersonRecord]:
        return {str(row["id"]): _agent(row) for row in self._agent_rows}

    @property
    def _teams(self) -> list[TeamRecord]:
        groups = {str(one["id"]): str(one["name"]) for row in self._agent_rows for one in row.get("user_groups") or []}
        return [TeamRecord(number, name) for number, name in sorted(groups.items())]

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        since, newest = start_of(cursor)[0], done_of(cursor)
        seen: set[str] = set()
        total = 0
        for rows, total in self._listed(cursor):
            seen |= {str(row["id"]) for row in rows}
            newest = max([newest, *(_moment(row["updated_at"]) for row in rows)])
            fresh = [row for row in rows if _moment(row["updated_at"]) >= since]
            left = max(0, total - len(seen))
            yield replace(self._page(fresh), cursor=cursor, left=left, rows=len(rows))
        # A row that moved to an earlier page while we turned them was not seen: then all is gone through again.
        is_whole = len(seen) >= total
        yield Page(cursor=cursor_at(newest, self._http.server_time) if is_whole else cursor, left=0)

    def _listed(self, cursor: str | None) -> Iterator[tuple[list[_Row], int]]:
        if cursor and self._filter:
            return self._paged("tickets/tickets_in_filter", "contents", filter_id=self._filter)
        return self._paged("tickets", "contents")

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), PER_PAGE):
            ids = tickets.ids[first : first + PER_PAGE]
            if len(tickets.ids) > PER_PAGE:
                found = {ticket: self._all[ticket] for ticket in ids if ticket in self._all}
            else:
                found = {ticket: row for ticket in ids if (row := self._ticket(ticket))}
            page = self._page(list(found.values())) if tickets.whole else Page()
            standing = {ticket: _values(found[ticket]) if ticket in found else None for ticket in ids}
            yield replace(page, standing=standing, left=len(tickets.ids) - first - len(ids), rows=len(ids))

    @cached_property
    def _all(self) -> dict[str, _Row]:
        return {str(row["id"]): row for rows, _ in self._paged("tickets", "contents") for row in rows}

    def _ticket(self, ticket: str) -> _Row | None:
        try:
            row: _Row = self._get("tickets/detail", id=int(ticket))["ticket"]
        except NotThere:
            return None
        return row

    def _page(self, tickets: Sequence[_Row]) -> Page:
        changes: list[TicketChange] = []
        people: dict[str, PersonRecord] = {}
        for row in tickets:
            ticket = str(row["id"])
            try:
                replies = [one for rows, _ in self._paged(f"tickets/{ticket}/replies", "replies") for one in rows]
            except NotThere:
                # Deleted since it was listed.
                continue
            changes += self._history(row, replies)
            people |= {one.ext_id: one for one in _people(row, replies)}
        teams = {str(row["user_group_id"]): str(row["user_group_name"]) for row in tickets if row.get("user_group_id")}
        known = [TeamRecord(number, name) for number, name in sorted(teams.items())]
        return Page(changes, None, list(people.values()), known)

    # --- one ticket as its changes

    def _history(self, row: _Row, replies: Sequence[_Row]) -> Iterator[TicketChange]:
        ticket, customer = str(row["id"]), _customer(row)
        seen_at = _moment(row["updated_at"])
        base = TicketChange(
            ticket, f"{ticket}:created", _moment(row["created_at"]), ChangeKind.CREATED, actor=customer,
            values={
                "status": _STATUSES[1][0], "assignee": None, "customer": customer, "title": _text(row.get("subject")),
                "description": plain_text(str(row.get("content") or "")) or None, "channel": _text(row.get("platform")),
                "url": f"{self._web}/entry/ticket/list/{ticket}",
            },
        )  # fmt: skip
        yield base
        update = replace(base, kind=ChangeKind.UPDATED, actor=None, values={})
        key = f"{ticket}:{int(seen_at.timestamp())}"
        yield replace(update, change_id=key, at=seen_at, values=_values(row), order=1)
        for order, one in enumerate(sorted(replies, key=lambda one: int(one["id"])), start=2):
            author = one.get("author") or {}
            kind = "customer" if author.get("user_type") == "customer" else "agent"
            said = Message(plain_text(str(one.get("content") or "")), kind, public=self._is_public(one, kind))
            yield replace(
                update, change_id=f"reply:{one['id']}", at=_moment(one["created_at"]), kind=ChangeKind.MESSAGE,
                actor=_person_id(kind, author), message=said, order=order,
            )  # fmt: skip

    def _is_public(self, reply: _Row, kind: str) -> bool:
        if kind == "customer":
            return True
        told = reply.get("is_public")
        return bool(told) if told is not None else self._replies_are_public

    # --- write

    def write(self, action: Action) -> Written:
        if action.kind not in self.capabilities.writes:
            raise Refused("Udesk's interface cannot do that: do it in Udesk")
        field = "assignee" if action.kind is ActionKind.ASSIGN else "status"
        given = self._wanted(action)
        return set_once(
            action.value,
            lambda: _values(self._now(action.ticket))[field] or "",
            lambda: self._put(action.ticket, given),
        )

    def _put(self, ticket: str, given: dict[str, Any]) -> None:
        answer = self._http.write("PUT", f"open_api_v1/tickets/{int(ticket)}", {"ticket": given})
        try:
            _checked(answer.json())
        except ValueError:
            raise Unavailable("nobody knows what became of it: the answer was cut off") from None

    def _wanted(self, action: Action) -> dict[str, Any]:
        if action.kind is ActionKind.ASSIGN:
            agent = self._agents.get(action.value)
            if action.value and (agent is None or not agent.email):
                raise Refused("there is no such agent")
            return {"assignee_email": agent.email if agent else ""}
        for number, (name, _) in _STATUSES.items():
            if name == action.value:
                return {"status_id": number}
        raise Refused("there is no such status")

    def _now(self, ticket: str) -> _Row:
        row = self._ticket(ticket)
        if row is None:
            raise Refused("the ticket is not there any more")
        return row


class _Signed(httpx.Auth):
    """Signs each request as it is sent, a second try too."""

    def __init__(self, email: str, token: str) -> None:
        self._email, self._token = email, token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        at, nonce, version = str(int(SystemClock().now().timestamp())), secrets.token_hex(16), "v2"
        signed = "&".join((self._email, self._token, at, nonce, version))
        sign = hashlib.sha256(signed.encode()).hexdigest()
        given = {"email": self._email, "timestamp": at, "nonce": nonce, "sign_version": version, "sign": sign}
        request.url = request.url.copy_merge_params(given)
        yield request


def _checked(given: Any) -> _Row:
    """Udesk says with a code, often under a 200, what went wrong; its meaning is only in the message."""
    if not isinstance(given, dict) or "code" not in given:
        raise Malformed("Udesk answered without a code")
    if given["code"] == _FINE:
        return given
    said = f"{given.get('message') or given.get('exception') or ''}"
    if _NO_SUCH.search(said):
        raise NotThere(f"Udesk: {given['code']}")
    if _TOO_MANY.search(said):
        raise RateLimited(60)
    raise (Unauthorized if _NOT_KNOWN.search(said) else ConnectorError)(f"Udesk refused: {given['code']}")


def _values(row: _Row) -> _Values:
    number = str(row.get("status_id") or _WORDS.get(str(row.get("status")), ""))
    named = _STATUSES.get(int(number)) if number.isdigit() else None
    values: _Values = {
        # A desk's own sub-statuses are known by their names.
        "status": named[0] if named else _text(row.get("status")),
        "assignee": _text(row.get("assignee_id")),
        "team": _text(row.get("user_group_id")),
        "priority": _text(row.get("priority")),
        "title": _text(row.get("subject")),
    }
    for name, value in (row.get("custom_fields") or {}).items():
        values[str(name)] = _text(value)
    return values


def _people(row: _Row, replies: Sequence[_Row]) -> Iterator[PersonRecord]:
    if customer := _customer(row):
        yield PersonRecord(customer, str(row.get("user") or customer), "customer", _text(row.get("user_email")))
    if row.get("assignee_id"):
        yield PersonRecord(str(row["assignee_id"]), str(row.get("assignee") or row["assignee_id"]), "agent")
    for one in replies:
        author = one.get("author") or {}
        kind = "customer" if author.get("user_type") == "customer" else "agent"
        if number := _person_id(kind, author):
            name = str(author.get("user_name") or author.get("nick_name") or number)
            yield PersonRecord(number, name, kind, _text(author.get("email")))


def _customer(row: _Row) -> str | None:
    return f"customer:{row['user_id']}" if row.get("user_id") else None


def _person_id(kind: str, author: _Row) -> str | None:
    """Customers and agents are numbered apart."""
    if not author.get("user_id"):
        return None
    return f"customer:{author['user_id']}" if kind == "customer" else str(author["user_id"])


def _agent(row: _Row) -> PersonRecord:
    groups = row.get("user_groups") or []
    team = str(groups[0]["id"]) if groups else None
    return PersonRecord(str(row["id"]), str(row.get("nick_name") or row["id"]), "agent", _text(row.get("email")), team)


def _moment(value: object) -> datetime:
    # `2017-05-04 14:26:18 +0800`
    return moment(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", str(value)))


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)
