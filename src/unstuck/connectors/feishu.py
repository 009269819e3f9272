"""Feishu's (Lark's) service desk, by its open interface.

It tells how tickets stand, never how they stood: each time a ticket is seen with a new time of update, how it stands
then is one change. Tickets are listed in no promised order and at most ten thousand at once, so time is cut into
windows that are read whole.

https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/list
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

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
from unstuck.connectors.http import Http
from unstuck.connectors.sealed import greeting
from unstuck.connectors.updates import cursor_at, done_of, moment, start_of
from unstuck.connectors.words import say_once, set_once
from unstuck.errors import ConnectorError, Malformed, RateLimited, Refused, Unauthorized, Unavailable, UsageError
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Feishu's own limit.
PER_PAGE = 200
#: Tickets in one window of time: ten thousand are allowed, but the cursor only moves from window to window.
WINDOW = 1000
#: Tickets in one page. The messages of each are asked for by themselves.
LISTED = 25
#: How far a wrong clock's times may lie ahead and still be read.
AHEAD = timedelta(days=1)
_MINUTE_MS = 60_000
#: A token is renewed so much before it ends.
_EARLY_S = 300.0
#: Status to class, and its names in Feishu and in Lark.
_STATUSES = {
    1: (StageClass.NEW, "待响应", "created"),
    2: (StageClass.ACTIVE, "处理中", "processing"),
    3: (StageClass.NEW, "排队中", "queueing"),
    4: (StageClass.WAIT_INTERNAL, "待定", "pending"),
    5: (StageClass.WAIT_CUSTOMER, "待用户响应", "waiting for user"),
    50: (StageClass.CLOSED, "机器人关闭", "closed by bot"),
    51: (StageClass.CLOSED, "客服关闭", "closed by agent"),
    52: (StageClass.CLOSED, "用户关闭", "closed by user"),
}
_NEW, _CLOSED_BY_AGENT = 1, 51
#: A closed ticket that was solved, whoever closed it.
_SOLVED = (StageClass.SOLVED, "已解决", "solved")
_SOLVED_FLAG = 2
_REFUSED_TOKENS = frozenset({10003, 10014, 99991661, 99991663, 99991664, 99991668})
_TOO_MANY = 99991400
_PRIORITY = frozenset({"优先级", "priority"})

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Feishu:
    """One service desk. The connection's user is the app's id, its token `APP_SECRET:HELPDESK_TOKEN`. Options:
    `helpdesk` (the desk's id), `team_field` (custom field that names the team).
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="飞书服务台 (Feishu/Lark service desk)", deletes="swept", asks_user=True,
        # Its interface does not change who a ticket is assigned to.
        writes=frozenset({ActionKind.NOTE, ActionKind.STATUS}), per_minute=600,
        greeting=greeting,
        signature=Signature(
            "X-Lark-Signature", timestamp="X-Lark-Request-Timestamp", nonce="X-Lark-Request-Nonce", keyed=False,
            signs=("timestamp", "nonce", "secret", "body"),
        ),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        secret, _, desk_token = connection.token.get_secret_value().partition(":")
        desk = str(connection.options.get("helpdesk", ""))
        for name, value in (("user", connection.user), ("helpdesk", desk), ("token", desk_token)):
            if not value:
                raise UsageError("connector_bad_option", option=name, known=_WANTED[name])
        self._app = {"app_id": str(connection.user), "app_secret": secret}
        desk_key = base64.b64encode(f"{desk}:{desk_token}".encode()).decode()
        headers = {"X-Lark-Helpdesk-Authorization": desk_key}
        self._http = Http(connection, headers, transport, per_minute=self.capabilities.per_minute)
        self._renew_at = 0.0
        self._team_field = connection.options.get("team_field")
        self._language = 2 if (urlsplit(connection.url).hostname or "").endswith("larksuite.com") else 1

    # --- speaking to it

    def _ask(self, method: str, path: str, *, params: dict[str, Any] | None = None) -> _Row:
        self._sign_in()
        return _data(self._http.read(method, f"open-apis/helpdesk/v1/{path}", params=params))

    def _put(self, path: str, given: dict[str, Any]) -> None:
        self._sign_in()
        answer = self._http.write("PUT", f"open-apis/helpdesk/v1/{path}", given)
        try:
            _data(answer.json())
        except ValueError:
            raise Unavailable("nobody knows what became of it: the answer was cut off") from None

    def _sign_in(self) -> None:
        """A token for the next two hours."""
        if time.monotonic() < self._renew_at:
            return
        given = self._http.read("POST", "open-apis/auth/v3/tenant_access_token/internal", json=self._app)
        _check(given)
        self._http.sign({"Authorization": f"Bearer {given['tenant_access_token']}"})
        self._renew_at = time.monotonic() + float(given.get("expire", 0)) - _EARLY_S

    # --- describe

    def describe(self) -> Description:
        found = self._ask("GET", "tickets", params={"page": 1, "page_size": 1})
        statuses = [StatusRecord(str(number), names[self._language], names[0]) for number, names in self._named]
        return Description(account=self._app["app_id"], statuses=statuses, tickets=int(found["total"]))

    @property
    def _named(self) -> list[tuple[int, tuple[Any, ...]]]:
        return [*_STATUSES.items(), (0, _SOLVED)]

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        self._sign_in()
        now = self._http.server_time or SystemClock().now()
        begin, end = start_of(cursor)[0], now + AHEAD
        left = self._count(_ms(begin), _ms(end))
        for start, stop in self._windows(_ms(begin), _ms(end), left):
            rows = self._window(start, stop)
            done = cursor_at(max(done_of(cursor), min(moment(stop), now)), now)
            for first in range(0, max(1, len(rows)), LISTED):
                some = rows[first : first + LISTED]
                left = max(0, left - len(some))
                # Only a window that is stored whole moves the cursor.
                is_last = first + LISTED >= len(rows)
                cursor = done if is_last else cursor
                yield self._page(some, cursor, 0 if is_last and stop == _ms(end) else left)

    def _windows(self, start: int, stop: int, count: int) -> Iterator[tuple[int, int]]:
        """Stretches of time with few enough tickets each, in order."""
        if count <= WINDOW or stop - start <= _MINUTE_MS:
            yield start, stop
            return
        middle = (start + stop) // 2
        earlier = self._count(start, middle)
        yield from self._windows(start, middle, earlier)
        yield from self._windows(middle, stop, count - earlier)

    def _count(self, start: int, stop: int) -> int:
        return int(self._list(start, stop, page=1, page_size=1)["total"])

    def _window(self, start: int, stop: int) -> list[_Row]:
        """All tickets of a stretch of time: asked for again when one of them moved meanwhile."""
        for _ in range(3):
            rows: dict[str, _Row] = {}
            page, total = 1, None
            while total is None or (page - 1) * PER_PAGE < total:
                found = self._list(start, stop, page=page, page_size=PER_PAGE)
                total = int(found["total"])
                rows |= {str(row["ticket_id"]): row for row in found.get("tickets") or []}
                page += 1
            if len(rows) >= total:
                break
        return sorted(rows.values(), key=lambda row: (int(row["updated_at"]), str(row["ticket_id"])))

    def _list(self, start: int, stop: int, **paging: int) -> _Row:
        return self._ask("GET", "tickets", params={"update_time_start": start, "update_time_end": stop, **paging})

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = tickets.ids[first : first + LISTED]
            found = {ticket: row for ticket in ids if (row := self._one(ticket))}
            page = self._page(list(found.values()) if tickets.whole else [], None, len(tickets.ids) - first - len(ids))
            # What a ticket is about is the first message's, which is only read with the whole.
            titles = {change.ticket: change.values["title"] for change in page.changes if "title" in change.values}
            standing: dict[str, _Values | None] = dict.fromkeys(ids)
            for ticket, row in found.items():
                about = {"title": titles[ticket]} if ticket in titles else {}
                standing[ticket] = {**self._values(row), **about}
            yield replace(page, standing=standing, rows=len(ids))

    def _one(self, ticket: str) -> _Row | None:
        found = self._ask("GET", "tickets", params={"ticket_id": ticket, "page": 1, "page_size": 1})
        return next((row for row in found.get("tickets") or [] if str(row["ticket_id"]) == ticket), None)

    def _page(self, tickets: Sequence[_Row], cursor: str | None, left: int | None) -> Page:
        people: dict[str, PersonRecord] = {}
        changes: list[TicketChange] = []
        for ticket in tickets:
            changes += self._history(ticket, self._messages(str(ticket["ticket_id"])))
            for kind, who in _people(ticket):
                people[str(who["id"])] = PersonRecord(
                    str(who["id"]), str(who.get("name") or who["id"]), kind, who.get("email") or None
                )
        teams = sorted({team for change in changes if (team := change.values.get("team"))})
        return Page(
            changes, cursor, list(people.values()), [TeamRecord(team, team) for team in teams], left=left,
            rows=len(tickets),
        )  # fmt: skip

    def _messages(self, ticket: str) -> list[_Row]:
        found: dict[str, _Row] = {}
        page = 1
        while True:
            asked = {"page": page, "page_size": PER_PAGE}
            rows = self._ask("GET", f"tickets/{quote(ticket, safe='')}/messages", params=asked).get("messages") or []
            found |= {str(row["id"]): row for row in rows}
            if len(rows) < PER_PAGE:
                return sorted(found.values(), key=lambda row: (int(row["created_at"]), str(row["id"])))
            page += 1

    # --- one ticket as its changes

    def _history(self, row: _Row, messages: Sequence[_Row]) -> Iterator[TicketChange]:
        ticket, guest = str(row["ticket_id"]), str((row.get("guest") or {}).get("id") or "")
        created_at, seen_at = moment(row["created_at"]), moment(row["updated_at"])
        first = next((one for one in messages if str(one.get("user_id") or "") == guest), None)
        about = words_of(first.get("content")) if first else ""
        base = TicketChange(
            ticket, f"{ticket}:created", created_at, ChangeKind.CREATED, actor=guest or None,
            values={
                "status": _STATUSES[_NEW][self._language], "assignee": None, "customer": guest or None,
                "title": about.partition("\n")[0][:120] or None, "description": about or None,
                "channel": str(row["channel"]) if row.get("channel") is not None else None,
            },
        )  # fmt: skip
        yield base
        update = replace(base, kind=ChangeKind.UPDATED, actor=None, values={})
        values = self._values(row)
        yield replace(update, change_id=f"{ticket}:{_ms(seen_at)}", at=seen_at, values=values, order=1)
        for order, one in enumerate((one for one in messages if one is not first), start=2):
            yield _message(update, one, guest, order)
        for one in _comments(row):
            said = Message(str(one.get("content") or ""), "agent", public=False)
            yield replace(
                update, change_id=f"comment:{ticket}:{one['id']}", at=moment(one["created_at"]),
                kind=ChangeKind.MESSAGE, actor=str(one.get("user_id") or "") or None, message=said, order=1_000_000,
            )  # fmt: skip
        yield from _feedback(update, row, guest)

    def _values(self, row: _Row) -> _Values:
        status = int(row["status"])
        is_solved = status in _STATUSES and not _STATUSES[status][0].is_open and row.get("solve") == _SOLVED_FLAG
        names = _SOLVED if is_solved else _STATUSES.get(status)
        values: _Values = {"status": str(names[self._language]) if names else str(status)}
        # Whose it is; where nobody is named, who came last.
        agents = [*(row.get("agents") or []), *filter(None, [row.get("agent_owner")])]
        values["assignee"] = str(agents[-1]["id"]) if agents else None
        for field in row.get("customized_fields") or []:
            name = str(field.get("display_name") or field.get("key_name") or field.get("id"))
            value = str(field["value"]) if field.get("value") not in (None, "") else None
            ours = "priority" if name.casefold() in _PRIORITY else "team" if name == self._team_field else name
            values[ours] = value
        return values

    # --- write

    def write(self, action: Action) -> Written:
        path = f"tickets/{quote(action.ticket, safe='')}"
        if action.kind is ActionKind.NOTE:
            return say_once(
                action, lambda mark: self._has(action.ticket, mark), lambda text: self._put(path, {"comment": text})
            )
        if action.kind is not ActionKind.STATUS:
            raise Refused("Feishu's interface cannot do that: do it in the service desk")
        wanted = self._wanted(action.value)
        return set_once(
            action.value,
            lambda: self._values(self._now(action.ticket))["status"] or "",
            lambda: self._put(path, dict(wanted)),
        )

    def _wanted(self, name: str) -> dict[str, int]:
        if name == _SOLVED[self._language]:
            return {"status": _CLOSED_BY_AGENT, "solved": _SOLVED_FLAG}
        for number, names in _STATUSES.items():
            if names[self._language] == name:
                return {"status": number} if names[0].is_open else {"status": number, "solved": 1}
        raise Refused("there is no such status")

    def _now(self, ticket: str) -> _Row:
        row = self._one(ticket)
        if row is None:
            raise Refused("the ticket is not there any more")
        return row

    def _has(self, ticket: str, mark: str) -> bool:
        return any(mark in str(one.get("content") or "") for one in _comments(self._now(ticket)))


_WANTED = {"user": "the app's id (cli_…)", "helpdesk": "the service desk's id", "token": "APP_SECRET:HELPDESK_TOKEN"}


def _message(base: TicketChange, row: _Row, guest: str, order: int) -> TicketChange:
    author = str(row.get("user_id") or "")
    kind = "customer" if author == guest else "agent" if author else "bot"
    said = Message(words_of(row.get("content")), kind)
    return replace(
        base, change_id=f"message:{row['id']}", at=moment(row["created_at"]), kind=ChangeKind.MESSAGE,
        actor=author or None, message=said, order=order,
    )  # fmt: skip


def _feedback(base: TicketChange, row: _Row, guest: str) -> Iterator[TicketChange]:
    """The customer's score. When it was given is not said: as the ticket was closed, or was seen with it."""
    if not row.get("score"):
        return
    reason = row.get("dissatisfaction_reason") or {}
    text = reason.get("zh_cn") or reason.get("en_us") or None
    thought = Feedback(float(row["score"]), text, scale_min=1, scale_max=3)
    at = moment(row.get("closed_at") or row["updated_at"])
    yield replace(
        base, change_id=f"{base.ticket}:score:{row['score']}", at=at, kind=ChangeKind.FEEDBACK, actor=guest or None,
        feedback=thought, order=2_000_000,
    )  # fmt: skip


def words_of(content: object) -> str:
    """What a message says: plain, or the texts of Feishu's rich text."""
    text = str(content or "")
    try:
        return "\n".join(_texts(json.loads(text))) if text.lstrip().startswith(("{", "[")) else text
    except ValueError:
        return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        yield from (str(value[key]) for key in ("title", "text") if value.get(key))
        yield from (text for one in value.values() if isinstance(one, list | dict) for text in _texts(one))


def _comments(row: _Row) -> list[_Row]:
    """Internal notes: one, or a list of them."""
    found = row.get("comments") or []
    return [found] if isinstance(found, dict) else list(found)


def _people(row: _Row) -> Iterator[tuple[str, _Row]]:
    for kind, who in (
        *(("agent", one) for one in row.get("agents") or []),
        *(("agent", one) for one in row.get("collaborators") or []),
        ("agent", row.get("agent_owner")),
        ("customer", row.get("guest")),
    ):
        if who and who.get("id"):
            yield kind, who


def _ms(at: Any) -> int:
    return int(at.timestamp() * 1000)


def _data(given: Any) -> _Row:
    _check(given)
    data: _Row = given.get("data") or {}
    return data


def _check(given: Any) -> None:
    """Feishu says with a code, often under a 200, what went wrong."""
    if not isinstance(given, dict) or "code" not in given:
        raise Malformed("Feishu answered without a code")
    code = given["code"]
    if code == _TOO_MANY:
        raise RateLimited(10)
    if code in _REFUSED_TOKENS:
        raise Unauthorized(f"the app or the service desk's token is refused: {code}")
    if code != 0:
        raise ConnectorError(f"Feishu refused: {code}")
