"""Request Tracker 5, by its REST2 interface.

Everything that happens in RT is a transaction with a growing id, so one feed tells it all. What the feed lacks are
the values a ticket was created with: they are what holds now, with all later transactions taken back.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import httpx

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
from unstuck.connectors.http import Http
from unstuck.connectors.updates import moment
from unstuck.connectors.words import best_score, plain_text, say_once, score_of
from unstuck.errors import Malformed, NotThere, Refused
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: RT's own limit.
PER_PAGE = 100
#: Ids read again each time: one that was handed out earlier may be committed after a higher one.
OVERLAP = 200
#: Tickets asked for at once; more would make the query's URL too long for some servers.
BATCH = 50
NOBODY = "Nobody"
_FIELDS = "Type,Field,OldValue,NewValue,Created,Creator,ObjectId"
_TICKET_FIELDS = "Queue,Status,Owner,Priority,Subject,Requestor,Created,LastUpdated,CustomFields"
#: RT's older names for a change of owner; `SetWatcher` tells the same change a second time.
_OWNER_TYPES = frozenset({"Set", "Take", "Steal", "Give", "Untake", "Force"})
#: What RT does by itself about mail and reminders.
_NO_ACTIVITY = frozenset({"EmailRecord", "CommentEmailRecord", "SystemError", "SetWatcher"})
_SET = {"Queue": "team", "Subject": "title", "Priority": "priority"}
#: Statuses of RT's own lifecycle.
_KNOWN = {
    "new": StageClass.NEW,
    "open": StageClass.ACTIVE,
    "stalled": StageClass.WAIT_CUSTOMER,  # on most desks
    "resolved": StageClass.SOLVED,
    "closed": StageClass.CLOSED,
    "rejected": StageClass.CLOSED,
    "deleted": StageClass.DROPPED,
}
#: Newest status changes that are looked through for statuses in use: REST2 does not list a lifecycle.
_STATUS_SAMPLE = 500

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class RequestTracker:
    """One RT. Options: `feedback_field` (custom field that holds the customer's score), `feedback_best`."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Request Tracker 5", deletes="told", writes=frozenset(ActionKind), counts_all=True
    )

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        self._http = Http(connection, {"Authorization": f"token {token}"}, transport)
        self._web = connection.url.rstrip("/")
        self._feedback_field = connection.options.get("feedback_field")
        self._feedback_best = best_score(connection.options)
        self._people: dict[str, PersonRecord] = {}
        self._names: dict[str, str] = {}
        self._custom: dict[str, str] = {}

    # --- describe

    def describe(self) -> Description:
        self._http.get("REST/2.0/rt")
        return Description(
            # REST2 does not say whose token it is.
            account="",
            statuses=[StatusRecord(name, name, _KNOWN.get(name), certain=name != "stalled") for name in self._statuses],
            teams=list(self._queues.values()),
            tickets=self._count(),
        )

    def _count(self) -> int | None:
        # Merged tickets are not found by a search for tickets; their creation is still in the feed.
        found = self._transactions([{"field": "Type", "value": "Create"}], order="DESC", per_page=1)
        total = found.get("total")
        return int(total) if total is not None else None

    @cached_property
    def _statuses(self) -> list[str]:
        seen = {"new", "open", "resolved", "deleted"}
        for page in range(1, _STATUS_SAMPLE // PER_PAGE + 1):
            rows = _items(self._transactions([{"field": "Type", "value": "Status"}], order="DESC", page=page))
            seen.update(value for row in rows for value in (row["OldValue"], row["NewValue"]) if value)
            if len(rows) < PER_PAGE:
                break
        return sorted(seen)

    @cached_property
    def _queues(self) -> dict[str, TeamRecord]:
        found: list[TeamRecord] = []
        for page in range(1, 1000):
            rows = _items(self._http.get("REST/2.0/queues/all", fields="Name", per_page=PER_PAGE, page=page))
            found += [TeamRecord(str(row["id"]), str(row["Name"])) for row in rows]
            if len(rows) < PER_PAGE:
                break
        return {queue.ext_id: queue for queue in found}

    def queues(self, used: Iterable[str]) -> list[TeamRecord]:
        """Those of the queues that we may see."""
        wanted = sorted(set(used))
        return [self._queues[queue] for queue in wanted if queue in self._queues] if wanted else []

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._feed(int(since) if since else 0)

    def _feed(self, cursor: int) -> Iterator[Page]:
        after, newest = max(0, cursor - OVERLAP), None
        while True:
            found = self._transactions([{"field": "id", "operator": ">", "value": str(after)}])
            rows = _items(found)
            if not rows:
                yield Page(cursor=str(max(cursor, after)), left=0)
                return
            after = max(int(row["id"]) for row in rows)
            newest = newest or self._newest()
            yield self._page(rows, cursor=str(max(cursor, after)), left=max(0, newest - after))
            if _is_last(found):
                return

    def _newest(self) -> int:
        rows = _items(self._transactions([], order="DESC", per_page=1))
        return int(rows[0]["id"]) if rows else 0

    def _transactions(self, where: list[dict[str, str]], *, order: str = "ASC", **params: Any) -> Any:
        return self._http.read(
            "POST",
            "REST/2.0/transactions",
            params={"orderby": "id", "order": order, "per_page": PER_PAGE, "fields": _FIELDS, **params},
            json=[*where, {"field": "ObjectType", "value": "RT::Ticket"}],
        )

    def _page(self, rows: Sequence[_Row], *, cursor: str | None, left: int | None) -> Page:
        if not rows:
            return Page(cursor=cursor, left=left)
        told = _Told(self, rows)
        changes = [change for row in rows if (change := told.change(row))]
        teams = self.queues(team for change in changes if (team := change.values.get("team")))
        return Page(changes, cursor, people=told.people(), teams=teams, left=left, rows=len(rows))

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), BATCH):
            ids = list(tickets.ids[first : first + BATCH])
            now = self.tickets_now(ids)
            standing = {ticket: self._standing(now.get(ticket)) for ticket in ids}
            rows = self.history(ids) if tickets.whole else []
            page = self._page(rows, cursor=None, left=len(tickets.ids) - first - len(ids))
            yield Page(page.changes, None, page.people, page.teams, standing, page.left, len(ids))

    def _standing(self, row: _Row | None) -> _Values | None:
        if row is None:
            return None
        return self.values_of(row)

    # --- what a page of transactions needs to be understood

    def history(self, tickets: Sequence[str]) -> list[_Row]:
        """All transactions of some tickets, in order."""
        rows: list[_Row] = []
        for some in _batches(tickets):
            ids = " OR ".join(f"ObjectId = {int(ticket)}" for ticket in some)
            last = 0
            while True:
                query = f"ObjectType = 'RT::Ticket' AND id > {last} AND ({ids})"
                params = {"query": query, "orderby": "id", "order": "ASC", "per_page": PER_PAGE, "fields": _FIELDS}
                answer = self._http.read("GET", "REST/2.0/transactions", params=params)
                rows += _items(answer)
                if _is_last(answer):
                    break
                last = int(rows[-1]["id"])
        return rows

    def tickets_now(self, tickets: Sequence[str]) -> dict[str, _Row]:
        """How tickets stand, by id; those that were merged away are not among them."""
        found: dict[str, _Row] = {}
        for some in _batches(tickets):
            query = " OR ".join(f"id = {int(ticket)}" for ticket in some)
            params = {"query": query, "per_page": PER_PAGE, "fields": _TICKET_FIELDS, "orderby": "id"}
            found |= {str(row["id"]): row for row in _items(self._http.read("GET", "REST/2.0/tickets", params=params))}
            for ticket in set(some) - found.keys():
                row = self._hidden(ticket)
                if row is not None:
                    found[ticket] = row
        return {ticket: row for ticket, row in found.items() if ticket in set(tickets)}

    def _hidden(self, ticket: str) -> _Row | None:
        """A deleted ticket, which searches pass over. One that was merged answers as the other one."""
        try:
            row: _Row = self._http.get(f"REST/2.0/ticket/{int(ticket)}")
        except NotThere:
            return None
        return row if str(row.get("id")) == ticket else None

    def merged_values(self, tickets: Sequence[str], name: Literal["team", "status"]) -> dict[str, str]:
        """Team or status of tickets that were merged away, which only a search through transactions finds."""
        found: dict[str, str] = {}
        column = "TicketQueue" if name == "team" else "TicketStatus"
        known = {queue.name: queue.ext_id for queue in self._queues.values()} if name == "team" else {}
        for some in _batches(tickets):
            ids = " OR ".join(f"ObjectId = {int(ticket)}" for ticket in some)
            for text in known or self._statuses:
                quoted = text.replace("\\", "\\\\").replace("'", "\\'")
                query = f"ObjectType = 'RT::Ticket' AND Type = 'Create' AND {column} = '{quoted}' AND ({ids})"
                params = {"query": query, "fields": "ObjectId", "per_page": PER_PAGE}
                for row in _items(self._http.read("GET", "REST/2.0/transactions", params=params)):
                    found[str(row["ObjectId"])] = known.get(text, text)
        return found

    def texts(self, first: int, last: int, wanted: set[str]) -> dict[str, tuple[str, str]]:
        """(text, subject) of the messages of transactions `first` to `last`: their first readable attachment."""
        found: dict[str, tuple[str, str]] = {}
        rank: dict[str, int] = {}
        after = 0
        while wanted:
            answer = self._attachments(first, last, after)
            for row in _items(answer):
                after = int(row["id"])
                self._take_text(row, wanted, found, rank)
            if _is_last(answer):
                break
        return found

    def _attachments(self, first: int, last: int, after: int) -> Any:
        fields = "Content,ContentType,TransactionId,Subject,Filename"
        return self._http.read(
            "POST",
            "REST/2.0/attachments",
            params={"orderby": "id", "order": "ASC", "per_page": PER_PAGE, "fields": fields},
            json=[
                {"field": "TransactionId", "operator": ">", "value": str(first - 1)},
                # Without being told RT takes two limits of one field for alternatives.
                {"field": "TransactionId", "operator": "<", "value": str(last + 1), "entry_aggregator": "AND"},
                {"field": "id", "operator": ">", "value": str(after)},
            ],
        )

    @staticmethod
    def _take_text(row: _Row, wanted: set[str], found: dict[str, tuple[str, str]], rank: dict[str, int]) -> None:
        transaction, kind = str(row["TransactionId"]), str(row.get("ContentType") or "")
        if transaction not in wanted:
            return
        _, subject = found.get(transaction, ("", ""))
        subject = subject or str(row.get("Subject") or "")
        # The plain text comes first, else what the HTML says; a named file is no message.
        worth = 0 if row.get("Filename") else {"text/plain": 2, "text/html": 1}.get(kind, 0)
        if worth > rank.get(transaction, 0):
            content = str(row.get("Content") or "")
            rank[transaction] = worth
            found[transaction] = (plain_text(content) if kind == "text/html" else content, subject)
        else:
            found[transaction] = (found.get(transaction, ("", ""))[0], subject)

    def name(self, principal: str) -> str:
        """The name of a user that a transaction gives by number."""
        if principal not in self._names:
            try:
                user = self._http.get(f"REST/2.0/user/{int(principal)}")
            except (NotThere, ValueError):
                user = {"Name": principal}
            self._names[principal] = name = str(user["Name"])
            self._people.setdefault(name, _person(name, user))
        return self._names[principal]

    def person(self, name: str) -> PersonRecord:
        """A user by name, read once."""
        if name not in self._people:
            self._people[name] = self._read_person(name)
        return self._people[name]

    def _read_person(self, name: str) -> PersonRecord:
        try:
            return _person(name, self._http.get(f"REST/2.0/user/{quote(name, safe='')}"))
        except NotThere:
            return PersonRecord(name, name)

    def custom_field(self, number: str) -> str:
        """The name of a custom field."""
        if number not in self._custom:
            try:
                self._custom[number] = str(self._http.get(f"REST/2.0/customfield/{int(number)}")["Name"])
            except (NotThere, ValueError):
                self._custom[number] = f"field {number}"
        return self._custom[number]

    def values_of(self, row: _Row) -> _Values:
        """The values of a ticket as REST2 shows it now."""
        customers = [str(who["id"]) for who in row.get("Requestor") or []]
        values: _Values = {
            "status": str(row["Status"]),
            "team": str(row["Queue"]["id"]),
            "assignee": _somebody(str(row["Owner"]["id"])),
            "priority": str(row.get("Priority") or "") or None,
            "title": str(row.get("Subject") or "") or None,
            "customer": customers[0] if customers else None,
        }
        for custom in row.get("CustomFields") or []:
            if custom.get("name") and custom["name"] != self._feedback_field:
                values[str(custom["name"])] = ", ".join(map(str, custom.get("values") or [])) or None
        return values

    def meaning(self, row: _Row) -> _Values:
        """What a transaction set, by our names; empty where it set nothing that we keep."""
        kind, field = row["Type"], row["Field"]
        if kind == "Status":
            return {"status": str(row["NewValue"])}
        if field == "Owner" and kind in _OWNER_TYPES:
            return {"assignee": _somebody(self.name(str(row["NewValue"])))}
        if kind == "Set" and field in _SET:
            return {_SET[field]: str(row["NewValue"]) or None}
        if kind == "CustomField" and self.custom_field(str(field)) != self._feedback_field:
            return {self.custom_field(str(field)): str(row["NewValue"]) or None}
        return {}

    def was(self, row: _Row) -> _Values:
        """What held before a transaction, by our names."""
        return self.meaning({**row, "NewValue": row["OldValue"]})

    def feedback(self, row: _Row) -> Feedback | None:
        if row["Type"] != "CustomField" or not self._feedback_field or not row["NewValue"]:
            return None
        if self.custom_field(str(row["Field"])) != self._feedback_field:
            return None
        return score_of(str(row["NewValue"]), self._feedback_best)

    def link(self, ticket: str) -> str:
        return f"{self._web}/Ticket/Display.html?id={ticket}"

    # --- write

    def write(self, action: Action) -> Written:
        ticket = f"REST/2.0/ticket/{int(action.ticket)}"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            return say_once(
                action,
                lambda marker: self._is_said(action.ticket, marker),
                lambda text: self._say(ticket, action, text),
            )
        field, value = (
            ("Owner", action.value or NOBODY) if action.kind is ActionKind.ASSIGN else ("Status", action.value)
        )
        if self._has(ticket, field) == value:
            return Written("already")
        answer = self._http.write("PUT", ticket, {field: value})
        if self._has(ticket, field) != value:
            # RT answers 200 with the reason in words where it changes nothing.
            raise Refused(f"{field} was not changed: {_reason(answer)}")
        return Written("done")

    def _has(self, ticket: str, field: str) -> str:
        value = self._http.get(ticket)[field]
        return str(value["id"] if isinstance(value, dict) else value)

    def _say(self, ticket: str, action: Action, text: str) -> None:
        verb = "comment" if action.kind is ActionKind.NOTE else "correspond"
        self._http.write("POST", f"{ticket}/{verb}", {"Content": text, "ContentType": "text/plain"})

    def _is_said(self, ticket: str, marker: str) -> bool:
        rows = self.history([ticket])
        wanted = {str(row["id"]) for row in rows if row["Type"] in ("Comment", "Correspond")}
        if not wanted:
            return False
        texts = self.texts(min(map(int, wanted)), max(map(int, wanted)), wanted)
        return any(marker in text for text, _ in texts.values())


class _Told:
    """One page of transactions, with what is needed to tell each as a change."""

    def __init__(self, rt: RequestTracker, rows: Sequence[_Row]) -> None:
        self._rt = rt
        self._used: set[str] = set()
        written = {str(row["id"]) for row in rows if row["Type"] in ("Create", "Comment", "Correspond")}
        numbers = [int(row["id"]) for row in rows]
        self._texts = rt.texts(min(numbers), max(numbers), written) if written else {}
        self._first = self._first_values([str(row["ObjectId"]) for row in rows if row["Type"] == "Create"])

    def _first_values(self, created: list[str]) -> dict[str, _Values]:
        """The values that tickets were created with. How they stand is read before the history that is taken back."""
        if not created:
            return {}
        rt = self._rt
        now = rt.tickets_now(created)
        first: dict[str, _Values] = {ticket: rt.values_of(now[ticket]) if ticket in now else {} for ticket in created}
        later: dict[str, list[_Row]] = defaultdict(list)
        for row in rt.history(created):
            later[str(row["ObjectId"])].append(row)
        for ticket, values in first.items():
            for row in reversed(later[ticket]):
                values.update(rt.was(row))
        self._ask_of_merged([ticket for ticket in created if ticket not in now], first)
        return first

    def _ask_of_merged(self, merged: list[str], first: dict[str, _Values]) -> None:
        """What no transaction of theirs says has not changed, so how they stand is how they began."""
        for name in ("team", "status"):
            silent = [ticket for ticket in merged if name not in first[ticket]]
            for ticket, value in self._rt.merged_values(silent, name).items() if silent else ():
                first[ticket][name] = value

    def change(self, row: _Row) -> TicketChange | None:
        """The change that a transaction is; `None` for what RT does by itself."""
        if row["Type"] in _NO_ACTIVITY:
            return None
        number, ticket, at = int(row["id"]), str(row["ObjectId"]), moment(row["Created"])
        actor = str(row["Creator"]["id"] if isinstance(row["Creator"], dict) else row["Creator"])
        self._used.add(actor)
        values = self._rt.meaning(row)
        if assignee := values.get("assignee"):
            self._used.add(assignee)
        base = TicketChange(ticket, f"txn:{number}", at, ChangeKind.UPDATED, actor=actor, values=values, order=number)
        return self._special(base, row)

    def _special(self, base: TicketChange, row: _Row) -> TicketChange:
        kind, key = row["Type"], str(row["id"])
        text, subject = self._texts.get(key, ("", ""))
        if kind == "Create":
            return replace(base, kind=ChangeKind.CREATED, values=self._created(base, text, subject))
        if kind in ("Correspond", "Comment"):
            author = self._rt.person(base.actor or "").kind
            said = Message(text, "agent" if author == "unknown" else author, public=kind == "Correspond")
            return replace(base, kind=ChangeKind.MESSAGE, message=said)
        if kind == "Status" and "deleted" in (row["NewValue"], row["OldValue"]):
            return replace(base, kind=ChangeKind.DELETED if row["NewValue"] == "deleted" else ChangeKind.RESTORED)
        if kind == "AddLink" and row["Field"] == "MergedInto":
            into = str(row["NewValue"]).rpartition("/")[2]
            # RT writes it on both tickets.
            return replace(base, kind=ChangeKind.MERGED, merged_into=into) if into != base.ticket else base
        feedback = self._rt.feedback(row)
        return replace(base, kind=ChangeKind.FEEDBACK, feedback=feedback) if feedback else base

    def _created(self, base: TicketChange, text: str, subject: str) -> _Values:
        known = self._first.get(base.ticket, {})
        # What holds of a ticket that was merged away cannot be asked any more; the first message says some of it.
        values: _Values = {"title": subject or None, "assignee": None, "customer": base.actor, **known}
        self._used.update(who for name in ("assignee", "customer") if (who := values.get(name)))
        return {**values, "description": text or None, "url": self._rt.link(base.ticket)}

    def people(self) -> list[PersonRecord]:
        return [self._rt.person(name) for name in sorted(self._used) if name != NOBODY]


def _items(found: Any) -> list[_Row]:
    if not isinstance(found, dict) or not isinstance(found.get("items"), list):
        raise Malformed("RT answered without a list of items")
    rows: list[_Row] = found["items"]
    return rows


def _is_last(found: Any) -> bool:
    """Whether nothing follows. Without super-user rights there is no total, and a page may be short without being
    the last: then only an empty one is.
    """
    rows = _items(found)
    return not rows or (found.get("total") is not None and len(rows) < PER_PAGE)


def _person(name: str, user: _Row) -> PersonRecord:
    if "Privileged" not in user:
        return PersonRecord(name, name)
    kind = "bot" if name == "RT_System" else "agent" if str(user["Privileged"]) == "1" else "customer"
    is_active = str(user.get("Disabled") or "0") == "0"
    return PersonRecord(
        name, str(user.get("RealName") or name), kind, user.get("EmailAddress") or None, active=is_active
    )


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    listed = list(values)
    for first in range(0, len(listed), BATCH):
        yield listed[first : first + BATCH]


def _somebody(name: str) -> str | None:
    return None if name == NOBODY else name


def _reason(answer: httpx.Response) -> str:
    """RT's own words about a write."""
    try:
        said = answer.json()
    except ValueError:
        return "no reason given"
    return "; ".join(map(str, said)) if isinstance(said, list) and said else "no reason given"
