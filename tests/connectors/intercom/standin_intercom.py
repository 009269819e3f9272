"""Intercom's ticket interface, version 2.14, as https://developers.intercom.com/docs/references/2.14/rest-api documents
it: searches by cursor with at most 150 a page, parts only with the ticket, at most 500 of them, times in seconds.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

PEOPLE = {"1": "Ana", "2": "Bo", "9": "Cy"}
STATES = {"31": "submitted", "32": "in_progress", "33": "waiting_on_customer", "34": "resolved"}


class IntercomStandIn(StandIn):
    system: ClassVar[str] = "intercom"
    page: ClassVar[int] = 150
    words: ClassVar[Mapping[str, str]] = {
        "new": "submitted", "open": "in_progress", "resolved": "resolved", "ana": "1", "bo": "2",
    }  # fmt: skip
    merges: ClassVar[bool] = False
    #: Histories name categories of states, which nobody renames.
    renames: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.conversations: dict[str, dict[str, Any]] = {}
        self._last = 0

    def is_known(self) -> bool:
        assert request.headers["Intercom-Version"] == "2.14"
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def is_write(self) -> bool:
        return request.method == "PUT" or request.path.endswith("/reply")

    # --- what happens

    def take(self, happening: Happening) -> None:
        at, number = int(happening.at.timestamp()), happening.ticket
        if happening.does == "create":
            self.tickets[number] = _ticket(number, happening.value, at)
        elif happening.does == "delete":
            del self.tickets[number]
        else:
            ticket = self.tickets[number]
            ticket["updated_at"] = max(ticket["updated_at"], at)
            self._tell(ticket, happening, at)

    def _tell(self, ticket: dict[str, Any], happening: Happening, at: int) -> None:
        self._last += 1
        does, was = happening.does, ticket["ticket_state"]["category"]
        author = {
            "type": "user" if happening.who == "9" else "admin",
            "id": happening.who,
            "name": PEOPLE[happening.who],
        }
        part: dict[str, Any] = {
            "type": "ticket_part", "id": str(self._last), "part_type": {"reply": "comment"}.get(does, does), "body": None,
            "ticket_state": was, "previous_ticket_state": was, "created_at": at, "updated_at": at, "assigned_to": None,
            "author": author, "attachments": [], "redacted": False, "updated_attribute_data": None,
        }  # fmt: skip
        if does == "status":
            ticket["ticket_state"] = _state(happening.value)
            part |= {"part_type": "ticket_state_updated_by_admin", "ticket_state": happening.value}
        elif does == "assign":
            ticket["admin_assignee_id"] = int(happening.value or 0)
            kind = "admin" if happening.value else "nobody_admin"
            part |= {"part_type": "assignment", "assigned_to": {"type": kind, "id": happening.value or None}}
        else:
            part["body"] = f"<p>{happening.value}</p>"
        ticket["ticket_parts"]["ticket_parts"].append(part)
        ticket["ticket_parts"]["total_count"] += 1

    def happen_late(self, ticket: str, at: Any) -> None:
        self.happen(ticket, at, "status", "in_progress")
        self.tickets[ticket]["updated_at"] = int(at.timestamp())

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        return {"X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, "sha1").hexdigest()}

    # --- what is answered

    def routes(self, app: Flask) -> None:
        admins = [
            {"type": "admin", "id": n, "name": PEOPLE[n], "email": f"{PEOPLE[n].lower()}@acme.example"}
            for n in ("1", "2")
        ]
        app.add_url_rule("/me", "me", lambda: answer(admins[0]))
        app.add_url_rule("/admins", "admins", lambda: answer({"type": "admin.list", "admins": admins}))
        teams = [{"type": "team", "id": "7", "name": "Repairs", "admin_ids": [1, 2]}]
        app.add_url_rule("/teams", "teams", lambda: answer({"type": "team.list", "teams": teams}))
        states = [
            {"type": "ticket_state", "archived": False, "ticket_types": {"data": []}, **_state(n)}
            for n in STATES.values()
        ]
        app.add_url_rule("/ticket_states", "states", lambda: answer({"type": "list", "data": states}))
        app.add_url_rule("/contacts/<number>", "contact", self._contact)
        app.add_url_rule("/conversations/<number>", "conversation", self._conversation)
        app.add_url_rule("/tickets/search", "search", self._search, methods=["POST"])
        app.add_url_rule("/tickets/<number>", "ticket", self._ticket, methods=["GET", "PUT"])
        app.add_url_rule("/tickets/<number>/reply", "reply", self._reply, methods=["POST"])

    def _contact(self, number: str) -> Response:
        return answer({"type": "contact", "id": number, "role": "user", "name": "Cy", "email": "cy@customer.example"})

    def _conversation(self, number: str) -> Response:
        return answer(self.conversations[number]) if number in self.conversations else _gone()

    def _search(self) -> Response:
        asked = request.get_json()
        assert asked["query"]["field"] == asked["sort"]["field"] == "updated_at"
        assert asked["query"]["operator"] == ">"
        rows = [ticket for ticket in self.tickets.values() if ticket["updated_at"] > asked["query"]["value"]]
        rows.sort(key=lambda ticket: (ticket["updated_at"], int(ticket["id"])))
        paging = asked["pagination"]
        size, first = min(self.page, paging["per_page"]), int(paging.get("starting_after") or 0)
        shown = [{name: value for name, value in row.items() if name != "ticket_parts"} | self.extra for row in rows]
        follows = {"starting_after": str(first + size)} if first + size < len(rows) else None
        pages = {"type": "pages", "per_page": size, "next": follows}
        return answer(
            {"type": "ticket.list", "pages": pages, "total_count": len(rows), "tickets": shown[first : first + size]}
        )

    def _ticket(self, number: str) -> Response:
        if number not in self.tickets:
            return _gone()
        if request.method == "PUT":
            self._put(number, request.get_json())
        return answer({**self.tickets[number], **self.extra})

    def _put(self, number: str, given: dict[str, Any]) -> None:
        at = self.happened[-1].at
        if "ticket_state_id" in given:
            self.happen(number, at, "status", STATES[given["ticket_state_id"]], given["admin_id"])
        if "assignee_id" in given:
            self.happen(number, at, "assign", given["assignee_id"].replace("0", ""), given["admin_id"])

    def _reply(self, number: str) -> Response:
        given = request.get_json()
        does = {"note": "note", "comment": "reply"}[given["message_type"]]
        self.happen(number, self.happened[-1].at, does, given["body"], given["admin_id"])
        return answer({"type": "ticket_part"})


def _gone() -> Response:
    body = '{"type": "error.list", "errors": [{"code": "ticket_not_found"}]}'
    return Response(body, 404, content_type="application/json")


def _state(category: str) -> dict[str, Any]:
    (number,) = (number for number, name in STATES.items() if name == category)
    return {"id": number, "category": category, "internal_label": category, "external_label": category}


def _ticket(number: str, title: str, at: int) -> dict[str, Any]:
    return {
        "type": "ticket", "id": number, "ticket_id": f"4{number}", "category": "Customer", "open": True,
        "ticket_attributes": {"_default_title_": title, "_default_description_": "It does not work."},
        "ticket_state": {"type": "ticket_state", **_state("submitted")},
        "ticket_type": {"type": "ticket_type", "id": "5", "name": "Bug"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "9", "external_id": "70"}]},
        "admin_assignee_id": 0, "team_assignee_id": 7, "created_at": at, "updated_at": at, "is_shared": False,
        "linked_objects": {"type": "list", "total_count": 0, "has_more": False, "data": []},
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": [], "total_count": 0},
    }  # fmt: skip
