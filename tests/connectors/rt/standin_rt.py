"""RT's REST2 interface, as https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html documents it and as the real server of
`realservers/` answered: at most 100 rows a page, no total without super-user rights, owner changes told twice, merged
tickets answering as their target, deleted ones hidden from searches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.clock import iso

USERS = {"1": ("ana", 1), "2": ("bo", 1), "6": ("Nobody", 0), "9": ("cy@customer.example", 0)}
NAMES = {name: number for number, (name, _) in USERS.items()}
_TYPES = {"reply": "Correspond", "note": "Comment"}


class RtStandIn(StandIn):
    system: ClassVar[str] = "rt"
    page: ClassVar[int] = 100
    takes_writes: ClassVar[bool] = False
    words: ClassVar[Mapping[str, str]] = {
        "new": "new",
        "open": "open",
        "resolved": "resolved",
        "ana": "ana",
        "bo": "bo",
    }
    #: Statuses are known by their names alone: a new name is another status.
    renames: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.transactions: list[dict[str, Any]] = []
        self.tickets: dict[str, dict[str, Any]] = {}
        self.merged: dict[str, str] = {}
        self.texts: dict[int, tuple[str, str]] = {}
        self._last = 0

    def is_known(self) -> bool:
        return request.headers.get("Authorization") == f"token {self.token}"

    def take(self, happening: Happening) -> None:
        ticket, value, does = happening.ticket, happening.value, happening.does
        if does == "create":
            self.tickets[ticket] = {"Status": "new", "Owner": "6", "Subject": value, "Created": iso(happening.at)}
            number = self._add(happening, "Create", who="9")
            self.texts[number] = ("It does not work.", value)
        elif does == "status":
            self._set_status(happening, value)
        elif does == "delete":
            self._set_status(happening, "deleted")
        elif does == "assign":
            old, self.tickets[ticket]["Owner"] = self.tickets[ticket]["Owner"], value or "6"
            for kind in ("Set", "SetWatcher"):
                self._add(happening, kind, "Owner", old, value or "6")
        elif does == "merge":
            self.merged[ticket] = value
            for one in (ticket, value):
                self._add(happening, "AddLink", "MergedInto", "", f"fsck.com-rt://desk/ticket/{value}", of=one)
        else:
            self.texts[self._add(happening, _TYPES[does])] = (value, "")

    def _set_status(self, happening: Happening, status: str, number: int | None = None) -> None:
        ticket = self.tickets[happening.ticket]
        old, ticket["Status"] = ticket["Status"], status
        self._add(happening, "Status", "Status", old, status, number=number)

    def _add(
        self, happening: Happening, kind: str, field: str = "", old: str = "", new: str = "", *, who: str | None = None,
        of: str | None = None, number: int | None = None,
    ) -> int:  # fmt: skip
        self._last += number is None
        given = number or self._last
        self.transactions.append({
            "id": str(given), "type": "transaction", "Type": kind, "Field": field, "OldValue": old, "NewValue": new,
            "Created": iso(happening.at), "ObjectId": of or happening.ticket,
            "Creator": {"type": "user", "id": USERS[who or happening.who][0]},
        })  # fmt: skip
        self.transactions.sort(key=lambda row: int(row["id"]))
        return given

    def happen_late(self, ticket: str, at: Any) -> None:
        # Its number was given out before the newest one's.
        number, self._last = self._last, self._last + 1
        for row in self.transactions:
            if row["id"] == str(number):
                row["id"] = str(self._last)
        if number in self.texts:
            self.texts[self._last] = self.texts.pop(number)
        late = Happening(ticket, at, "status", "open")
        self.happened.append(late)
        self._set_status(late, "open", number)

    def rename_status(self, old: str, new: str) -> None:
        """RT has no numbers for statuses: tickets and later transactions have the new name."""
        for ticket in self.tickets.values():
            ticket["Status"] = new if ticket["Status"] == old else ticket["Status"]

    def routes(self, app: Flask) -> None:
        app.add_url_rule("/REST/2.0/rt", "rt", lambda: answer({"Version": "5.0.3", "Plugins": []}))
        app.add_url_rule("/REST/2.0/queues/all", "queues", lambda: self._listed([{"id": "3", "Name": "Repairs"}]))
        app.add_url_rule("/REST/2.0/transactions", "transactions", self._transactions, methods=["GET", "POST"])
        app.add_url_rule("/REST/2.0/attachments", "attachments", self._attachments, methods=["POST"])
        app.add_url_rule("/REST/2.0/tickets", "tickets", self._tickets)
        app.add_url_rule("/REST/2.0/ticket/<number>", "ticket", self._ticket)
        app.add_url_rule("/REST/2.0/user/<name>", "user", self._user)

    def _listed(self, rows: list[dict[str, Any]]) -> Response:
        page, size = int(request.args.get("page", 1)), min(self.page, int(request.args.get("per_page", 20)))
        if request.args.get("order") == "DESC":
            rows = rows[::-1]
        shown = [{**row, **self.extra} for row in rows[(page - 1) * size : page * size]]
        return answer(
            {"items": shown, "page": page, "per_page": size, "count": len(shown), "total": None, "pages": None}
        )

    def _transactions(self) -> Response:
        query = request.args.get("query", "")
        conditions = {row["field"]: row for row in request.get_json(silent=True) or []}
        after = re.search(r"\bid > (\d+)", query)
        above = int(after[1]) if after else int(conditions.get("id", {}).get("value", -1))
        rows = [row for row in self.transactions if int(row["id"]) > above]
        if kind := conditions.get("Type", {}).get("value") or "".join(re.findall(r"\bType = '(\w+)'", query)):
            rows = [row for row in rows if row["Type"] == kind]
        if of := re.findall(r"ObjectId = (\d+)", query):
            rows = [row for row in rows if row["ObjectId"] in of]
        if queue := re.search(r"TicketQueue = '(.*?)'", query):
            rows = [row for row in rows if queue[1] == "Repairs"]
        if status := re.search(r"TicketStatus = '(.*?)'", query):
            rows = [row for row in rows if self.tickets[row["ObjectId"]]["Status"] == status[1]]
        return self._listed(rows)

    def _attachments(self) -> Response:
        limits = request.get_json()
        assert limits[1].get("entry_aggregator") == "AND", "RT would take the two limits for alternatives"
        first, last, after = (int(limit["value"]) for limit in limits)
        rows = [
            {
                "id": str(number),
                "TransactionId": str(number),
                "Content": text,
                "ContentType": "text/plain",
                "Subject": subject,
            }
            for number, (text, subject) in sorted(self.texts.items())
            if first < number < last and number > after
        ]
        return self._listed(rows)

    def _tickets(self) -> Response:
        wanted = re.findall(r"\bid = (\d+)", request.args["query"])
        rows = [
            self._row(number)
            for number in wanted
            if number in self.tickets and number not in self.merged and self.tickets[number]["Status"] != "deleted"
        ]
        return self._listed(rows)

    def _ticket(self, number: str) -> Response:
        while number in self.merged:
            number = self.merged[number]
        if number not in self.tickets:
            return Response('{"message": "Not Found"}', 404, content_type="application/json")
        return answer({**self._row(number), **self.extra})

    def _row(self, number: str) -> dict[str, Any]:
        ticket = self.tickets[number]
        return {
            "id": number, "type": "ticket", "Status": ticket["Status"], "Subject": ticket["Subject"], "Priority": "30",
            "Queue": {"type": "queue", "id": "3"}, "Owner": {"type": "user", "id": USERS[ticket["Owner"]][0]},
            "Requestor": [{"type": "user", "id": USERS["9"][0]}], "Created": ticket["Created"], "CustomFields": [],
        }  # fmt: skip

    def _user(self, name: str) -> Response:
        number = name if name in USERS else NAMES.get(name)
        if number is None:
            return Response('{"message": "Not Found"}', 404, content_type="application/json")
        known, privileged = USERS[number]
        return answer(
            {
                "Name": known,
                "RealName": known.title(),
                "EmailAddress": f"{known}@desk.example",
                "Privileged": privileged,
            }
        )
