"""ServiceNow, by its Table API.

A record's history is in tables of its own: `sys_audit` has what was changed, `sys_journal_field` what was said,
`sys_audit_delete` what was deleted. The values a record was created with are what holds now, with its history taken
back. References are `sys_id`s, times are UTC without saying so.

https://www.servicenow.com/docs/bundle/xanadu-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
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
from unstuck.connectors.updates import by_update, moment
from unstuck.connectors.words import say_once, set_once
from unstuck.errors import Forbidden, NotThere, Refused, Unauthorized
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Records whose histories are asked for at once: their ids stand in the address.
LISTED = 50
#: Rows of one answer.
PER_PAGE = 1000
#: Column to our field, beside status (two columns) and customer.
_FIELDS = {
    "assignment_group": "team", "assigned_to": "assignee", "priority": "priority", "category": "category",
    "subcategory": "subcategory", "short_description": "title", "description": "description", "caller_id": "customer",
    "contact_type": "channel",
}  # fmt: skip
_STATUS = ("state", "hold_reason")
_COLUMNS = (
    *_FIELDS,
    *_STATUS,
    "close_code",
    "parent_incident",
    "sys_id",
    "number",
    "sys_created_on",
    "sys_updated_on",
    "sys_created_by",
)
_ON_HOLD, _AWAITING_CALLER, _AWAITING_VENDOR = "3", "1", "4"
_CLASSES = {
    "1": StageClass.NEW,
    "2": StageClass.ACTIVE,
    "6": StageClass.SOLVED,
    "7": StageClass.CLOSED,
    "8": StageClass.DROPPED,
}
_HELD = {_AWAITING_CALLER: StageClass.WAIT_CUSTOMER, _AWAITING_VENDOR: StageClass.WAIT_VENDOR}
#: Resolution code of a record that goes on as its parent.
_DUPLICATE = "Duplicate"
_RECORDS, _DELETED = "records", "deleted"

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class ServiceNow:
    """One table of a ServiceNow instance. Option: `table` (`incident` unless given)."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="ServiceNow",
        # Told sooner where the user may read `sys_audit_delete`.
        deletes="swept",
        writes=frozenset(ActionKind),
        asks_user=True,
        signature=Signature(
            "X-Unstuck-Signature", encoding="base64", timestamp="X-Unstuck-Timestamp", between="."
        ),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        # A password goes with its user's name; without one it is an OAuth token.
        auth = (connection.user, token) if connection.user else None
        self._http = Http(connection, {} if auth else {"Authorization": f"Bearer {token}"}, transport, auth=auth)
        self._web = connection.url.rstrip("/")
        self._table = str(connection.options.get("table", "incident"))
        #: Users by `sys_id`, and `sys_id` by login name.
        self._people: dict[str, PersonRecord] = {}
        self._logins: dict[str, str] = {}

    # --- describe

    def describe(self) -> Description:
        mine = self._rows("sys_user", "user_name=javascript:gs.getUserName()", "name,user_name", limit=1)
        if not mine:
            raise Unauthorized("GET sys_user: nobody")
        stats = self._http.get(f"api/now/stats/{self._table}", sysparm_count="true")["result"]["stats"]
        return Description(
            account=str(mine[0]["name"]), statuses=self._known_statuses, teams=list(self._groups.values()),
            tickets=int(stats["count"]),
        )  # fmt: skip

    @cached_property
    def _labels(self) -> dict[tuple[str, str], str]:
        """Labels of states and reasons for holding: (column, value) to label."""
        query = f"name={self._table}^ORname=task^elementINstate,hold_reason^inactive=false^language=en"
        rows = self._all("sys_choice", query, "name,element,value,label")
        # The table's own labels go before those of `task`.
        rows.sort(key=lambda row: row["name"] == self._table)
        return {(str(row["element"]), str(row["value"])): str(row["label"]) for row in rows}

    @property
    def _known_statuses(self) -> list[StatusRecord]:
        states = [value for column, value in self._labels if column == "state"]
        reasons = [value for column, value in self._labels if column == "hold_reason"]
        found = [StatusRecord(state, self._status(state, ""), _CLASSES.get(state)) for state in states]
        for reason in reasons if _ON_HOLD in states else ():
            meant = _HELD.get(reason, StageClass.WAIT_INTERNAL)
            found.append(StatusRecord(f"{_ON_HOLD}/{reason}", self._status(_ON_HOLD, reason), meant))
        return found

    def _status(self, state: str, reason: str) -> str:
        name = self._labels.get(("state", state), f"state {state}")
        if state != _ON_HOLD or not reason:
            return name
        return f"{name}: {self._labels.get(('hold_reason', reason), reason)}"

    @cached_property
    def _groups(self) -> dict[str, TeamRecord]:
        rows = self._all("sys_user_group", "active=true", "name")
        return {str(row["sys_id"]): TeamRecord(str(row["sys_id"]), str(row["name"])) for row in rows}

    @cached_property
    def _agents(self) -> set[str]:
        """Everybody who is in a group that tickets may be assigned to."""
        return {str(row["user"]) for row in self._all("sys_user_grmember", "", "user")}

    # --- rows

    def _rows(self, table: str, query: str, columns: str, *, limit: int, offset: int = 0) -> list[_Row]:
        return rows_of(
            self._http.get(
                f"api/now/table/{table}", sysparm_query=query, sysparm_fields=f"sys_id,{columns}", sysparm_limit=limit,
                sysparm_offset=offset, sysparm_display_value="false", sysparm_exclude_reference_link="true",
            ),
            "result",
        )  # fmt: skip

    def _all(self, table: str, query: str, columns: str) -> list[_Row]:
        """All rows of a query. Rows that the user may not see are missing from a page: only an empty one is the last."""
        rows: list[_Row] = []
        last = ""
        while True:
            ordered = "^".join(filter(None, (query, f"sys_id>{last}" if last else "", "ORDERBYsys_id")))
            found = self._rows(table, ordered, columns, limit=PER_PAGE)
            rows += found
            if not found:
                return rows
            last = str(found[-1]["sys_id"])

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
            return
        reached: dict[str, str] = json.loads(since) if since else {}
        for rows, cursor, _ in self._walk(self._table, "sys_updated_on", "", reached.get(_RECORDS)):
            reached[_RECORDS] = cursor
            page = self._page(rows, left=None)
            yield replace(page, cursor=json.dumps(reached, sort_keys=True))
        yield from self._deletions(reached)
        yield Page(cursor=json.dumps(reached, sort_keys=True), left=0)

    def _walk(self, table: str, column: str, where: str, cursor: str | None) -> Iterator[tuple[list[_Row], str, bool]]:
        columns = ",".join(_COLUMNS) if table == self._table else "documentkey,sys_created_on"

        def ask(since: datetime, offset: int) -> Sequence[_Row]:
            query = f"{where}{column}>={since.strftime('%Y-%m-%d %H:%M:%S')}^ORDERBY{column}^ORDERBYsys_id"
            return self._rows(table, query, columns, limit=LISTED, offset=offset)

        return by_update(ask, lambda row: _at(row[column]), LISTED, cursor, lambda: self._http.server_time, short=True)

    def _deletions(self, reached: dict[str, str]) -> Iterator[Page]:
        where = f"tablename={self._table}^"
        try:
            for rows, cursor, _ in self._walk("sys_audit_delete", "sys_created_on", where, reached.get(_DELETED)):
                reached[_DELETED] = cursor
                gone = [
                    TicketChange(str(row["documentkey"]), f"{row['documentkey']}:gone", _at(row["sys_created_on"]), ChangeKind.DELETED)
                    for row in rows
                ]  # fmt: skip
                yield Page(gone, json.dumps(reached, sort_keys=True), rows=len(rows))
        except (Forbidden, NotThere):
            # The user may not read the table; the nightly check finds what is gone.
            return

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = list(tickets.ids[first : first + LISTED])
            found = self._all(self._table, f"sys_idIN{','.join(ids)}", ",".join(_COLUMNS))
            rows = {str(row["sys_id"]): row for row in found}
            standing = {ticket: self._named(rows[ticket]) if ticket in rows else None for ticket in ids}
            page = self._page(list(rows.values()) if tickets.whole else [], left=len(tickets.ids) - first - len(ids))
            yield replace(page, standing=standing, rows=len(ids))

    def _page(self, rows: Sequence[_Row], left: int | None) -> Page:
        if not rows:
            return Page(left=left)
        ids = ",".join(str(row["sys_id"]) for row in rows)
        audits = self._all(
            "sys_audit", f"tablename={self._table}^documentkeyIN{ids}",
            "documentkey,fieldname,oldvalue,newvalue,user,record_checkpoint,sys_created_on",
        )  # fmt: skip
        said = self._all(
            "sys_journal_field", f"name={self._table}^element_idIN{ids}^elementINcomments,work_notes",
            "element_id,element,value,sys_created_on,sys_created_by",
        )  # fmt: skip
        logins = {str(row["user"]) for row in audits} | {str(row["sys_created_by"]) for row in (*said, *rows)}
        shown = [_text(row.get(column)) for row in rows for column in ("assigned_to", "caller_id")]
        told = [
            _text(row[side])
            for row in audits
            if row["fieldname"] in ("assigned_to", "caller_id")
            for side in ("oldvalue", "newvalue")
        ]
        people = self._met(filter(None, (*shown, *told)), logins)
        changes = [
            change
            for row in rows
            for change in self._told(row, _of(audits, "documentkey", row), _of(said, "element_id", row))
        ]
        return Page(changes, None, people, list(self._groups.values()), left=left, rows=len(rows))

    def _met(self, ids: Iterable[str], logins: Iterable[str]) -> list[PersonRecord]:
        """Users whom this connection meets for the first time."""
        new, unknown = sorted(set(ids) - self._people.keys()), sorted(set(logins) - self._logins.keys() - {""})
        found: list[PersonRecord] = []
        for column, values in (("sys_id", new), ("user_name", unknown)):
            for first in range(0, len(values), LISTED):
                query = f"{column}IN{','.join(values[first : first + LISTED])}"
                for row in self._all("sys_user", query, "user_name,name,email,active"):
                    number, login = str(row["sys_id"]), str(row["user_name"])
                    kind = "bot" if login == "system" else "agent" if number in self._agents else "unknown"
                    person = PersonRecord(
                        number,
                        str(row.get("name") or login),
                        kind,
                        _text(row.get("email")),
                        active=row["active"] != "false",
                    )
                    self._people[number], self._logins[login] = person, number
                    found.append(person)
        return list({person.ext_id: person for person in found}.values())

    # --- one record as its changes

    def _told(self, row: _Row, audits: list[_Row], said: list[_Row]) -> Iterator[TicketChange]:
        ticket, saves = str(row["sys_id"]), _saves(audits)
        raw: dict[str, Any] = {column: row.get(column) for column in (*_FIELDS, *_STATUS, "parent_incident")}
        for _, rows in reversed(saves):
            raw |= {str(one["fieldname"]): one["oldvalue"] for one in rows}
        url = f"{self._web}/nav_to.do?uri={self._table}.do?sys_id={ticket}"
        yield TicketChange(
            ticket, f"{ticket}:created", _at(row["sys_created_on"]), ChangeKind.CREATED, self._login(row["sys_created_by"]),
            {**self._named(raw), "number": str(row["number"]), "url": url},
        )  # fmt: skip
        for order, (key, rows) in enumerate(saves, start=1):
            news = {str(one["fieldname"]): one["newvalue"] for one in rows}
            raw |= news
            # Two columns make one status: it is told when either was set.
            values = self._named({**raw} if news.keys() & set(_STATUS) else news, only=news.keys())
            base = TicketChange(
                ticket, f"{ticket}:save:{key}", _at(rows[0]["sys_created_on"]), ChangeKind.UPDATED,
                self._login(rows[0]["user"]), values, order=order,
            )  # fmt: skip
            if values:
                yield base
            if news.get("close_code") == _DUPLICATE and (into := _text(raw.get("parent_incident"))):
                yield replace(
                    base, change_id=f"{base.change_id}:merge", kind=ChangeKind.MERGED, values={}, merged_into=into
                )
        for one in said:
            author = self._login(one["sys_created_by"])
            public = one["element"] == "comments"
            message = Message(str(one["value"]), self._author_kind(author, row, public=public), public=public)
            yield TicketChange(
                ticket, f"{ticket}:said:{one['sys_id']}", _at(one["sys_created_on"]), ChangeKind.MESSAGE, author,
                message=message, order=len(saves) + 1,
            )  # fmt: skip

    def _author_kind(self, author: str | None, row: _Row, *, public: bool) -> str:
        known = self._people.get(author or "")
        if known and known.kind != "unknown":
            return known.kind
        return "customer" if public and author == _text(row.get("caller_id")) else "agent"

    def _login(self, name: Any) -> str | None:
        return self._logins.get(str(name))

    def _named(self, raw: Mapping[str, Any], only: Iterable[str] | None = None) -> _Values:
        """Columns by our names; with `only`, of those."""
        wanted = raw.keys() if only is None else set(only)
        values: _Values = {field: _text(raw.get(column)) for column, field in _FIELDS.items() if column in wanted}
        if {*_STATUS} & wanted:
            values["status"] = self._status(str(raw.get("state") or ""), str(raw.get("hold_reason") or ""))
        return values

    # --- write

    def write(self, action: Action) -> Written:
        path = f"api/now/table/{self._table}/{quote(action.ticket, safe='')}"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            column = "work_notes" if action.kind is ActionKind.NOTE else "comments"
            return say_once(
                action, lambda mark: self._is_said(action.ticket, mark), lambda text: self._put(path, {column: text})
            )
        if action.kind is ActionKind.ASSIGN:
            wanted = {"assigned_to": action.value}
            return set_once(action.value, lambda: self._has(path, "assignee"), lambda: self._put(path, wanted))
        found = [status.id for status in self._known_statuses if status.name == action.value]
        if not found:
            raise Refused("there is no such status")
        state, _, reason = found[0].partition("/")
        change = {"state": state, "hold_reason": reason}
        return set_once(action.value, lambda: self._has(path, "status"), lambda: self._put(path, change))

    def _put(self, path: str, change: _Row) -> None:
        self._http.write("PATCH", path, change)

    def _has(self, path: str, field: str) -> str:
        row = self._http.get(path, sysparm_display_value="false", sysparm_exclude_reference_link="true")["result"]
        return self._named(row)[field] or ""

    def _is_said(self, ticket: str, mark: str) -> bool:
        query = f"name={self._table}^element_id={ticket}^elementINcomments,work_notes"
        return any(mark in str(row["value"]) for row in self._all("sys_journal_field", query, "value"))


def _of(rows: list[_Row], column: str, record: _Row) -> list[_Row]:
    return [row for row in rows if row[column] == record["sys_id"]]


def _saves(audits: list[_Row]) -> list[tuple[str, list[_Row]]]:
    """What was changed together, in order: the checkpoint counts the times that a record was saved."""
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in audits:
        found[str(row.get("record_checkpoint") or row["sys_created_on"])].append(row)
    return sorted(found.items(), key=lambda save: (save[1][0]["sys_created_on"], len(save[0]), save[0]))


def _at(text: object) -> datetime:
    return moment(f"{text}Z").astimezone(UTC)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
