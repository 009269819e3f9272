"""Freshdesk's interface, as https://developers.freshdesk.com/api/ documents it: tickets by when they were updated, at
most a hundred a page and three hundred pages, without a history; what was said, deleted tickets, spam and ratings apart.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.clock import iso
from unstuck.testing import NOON

PEOPLE = {"1": "Ana", "2": "Bo", "9": "Cy"}


class FreshdeskStandIn(StandIn):
    system: ClassVar[str] = "freshdesk"
    page: ClassVar[int] = 100
    words: ClassVar[Mapping[str, str]] = {
        "new": "New", "open": "In repair", "resolved": "Resolved", "ana": "1", "bo": "2",
    }  # fmt: skip
    forgets: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.statuses = {"2": "New", "3": "Pending", "4": "Resolved", "5": "Closed", "8": "In repair"}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.conversations: dict[str, list[dict[str, Any]]] = {}
        self.ratings: list[dict[str, Any]] = []
        self._last = 5000

    def is_known(self) -> bool:
        return request.headers.get("Authorization") == f"Basic {base64.b64encode(f'{self.token}:X'.encode()).decode()}"

    def take(self, happening: Happening) -> None:
        at, ticket, value, does = iso(happening.at), happening.ticket, happening.value, happening.does
        if does == "create":
            self.conversations[ticket] = []
            self.tickets[ticket] = {
                "id": int(ticket), "subject": value, "description_text": "It does not work.", "status": 2, "priority": 2,
                "type": "Fault", "group_id": 3, "responder_id": None, "requester_id": 9, "source": 1, "spam": False,
                "deleted": False, "custom_fields": {"cf_product": "lamp"}, "created_at": at, "updated_at": at,
                "stats": {"status_updated_at": at, "resolved_at": None, "closed_at": None, "reopened_at": None},
            }  # fmt: skip
            return
        row = self.tickets[ticket]
        row["updated_at"] = max(row["updated_at"], at)
        if does == "status":
            row["status"] = next(int(number) for number, name in self.statuses.items() if name == value)
            row["stats"] |= {"status_updated_at": at}
            for number, name in ((4, "resolved_at"), (5, "closed_at")):
                row["stats"][name] = (
                    at if row["status"] == number else None if row["status"] not in (4, 5) else row["stats"][name]
                )
        elif does == "assign":
            row["responder_id"] = int(value) if value else None
        elif does == "delete":
            row["deleted"] = True
        elif does == "merge":
            self._say(ticket, happening, f"This ticket is closed and merged into ticket {value}", private=True)
        elif does == "rate":
            self._last += 1
            score, _, words = value.partition(" ")
            self.ratings.append({
                "id": self._last, "survey_id": 1, "user_id": 9, "agent_id": 1, "feedback": words, "group_id": 3,
                "ticket_id": int(ticket), "created_at": at, "updated_at": at, "ratings": {"default_question": int(score)},
            })  # fmt: skip
        else:
            self._say(ticket, happening, value, private=does == "note")

    def _say(self, ticket: str, happening: Happening, body: str, *, private: bool) -> None:
        self._last += 1
        self.conversations[ticket].append({
            "id": self._last, "ticket_id": int(ticket), "user_id": int(happening.who), "body": f"<div>{body}</div>",
            "body_text": body, "private": private, "incoming": happening.who == "9", "source": 2 if private else 0,
            "created_at": iso(happening.at), "updated_at": iso(happening.at),
        })  # fmt: skip

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "In repair")

    def rename_status(self, old: str, new: str) -> None:
        number = next(number for number, name in self.statuses.items() if name == old)
        self.statuses[number] = new

    def said(self, ticket: str) -> list[tuple[str, bool]]:
        return [(row["body_text"], not row["private"]) for row in self.conversations[ticket]]

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """Its automations send headers that an administrator wrote down."""
        return {"X-Unstuck-Token": secret}

    # --- what is asked

    def routes(self, app: Flask) -> None:
        def agents() -> list[dict[str, Any]]:
            return [
                {
                    "id": int(n),
                    "contact": {"name": PEOPLE[n], "email": f"{PEOPLE[n].lower()}@desk.example", "active": True},
                }
                for n in ("1", "2")
            ]

        def fields() -> Response:
            choices = {number: [name, name] for number, name in self.statuses.items()}
            return self._listed([{"id": 1, "name": "status", "type": "default_status", "choices": choices}])

        add, api = app.add_url_rule, "/api/v2"
        add(f"{api}/agents/me", "me", lambda: answer(agents()[0]))
        add(f"{api}/agents", "agents", lambda: self._listed(agents()))
        add(f"{api}/groups", "groups", lambda: self._listed([{"id": 3, "name": "Repairs"}]))
        add(f"{api}/ticket_fields", "fields", fields)
        add(f"{api}/tickets", "tickets", self._tickets)
        add(f"{api}/tickets/<number>", "ticket", self._ticket, methods=["GET", "PUT"])
        add(f"{api}/tickets/<number>/conversations", "said", lambda number: self._listed(self.conversations[number]))
        add(f"{api}/tickets/<number>/<how>", "say", self._written, methods=["POST"])
        add(f"{api}/surveys/satisfaction_ratings", "ratings", lambda: self._listed(
            [row for row in self.ratings if row["created_at"] >= request.args["created_since"]]
        ))  # fmt: skip

    def _listed(self, rows: list[dict[str, Any]]) -> Response:
        page, size = int(request.args.get("page", 1)), int(request.args.get("per_page", 30))
        if size > self.page or page > 300:
            return Response('{"description": "Validation failed"}', 400, content_type="application/json")
        return answer([row | self.extra for row in rows[(page - 1) * size : page * size]])

    def _tickets(self) -> Response:
        given = request.args
        which, least = given.get("filter"), given["updated_since"]
        assert (given["order_by"], given["order_type"]) == ("updated_at", "asc")
        rows = [
            row for row in self.tickets.values()
            if (row["deleted"], row["spam"]) == (which == "deleted", which == "spam") and row["updated_at"] >= least
        ]  # fmt: skip
        rows.sort(key=lambda row: (row["updated_at"], row["id"]))
        return self._listed([self._shown(row, given.get("include", "")) for row in rows])

    @staticmethod
    def _shown(row: dict[str, Any], include: str) -> dict[str, Any]:
        """Statistics, requester and description come only when they are asked for."""
        shown = {name: value for name, value in row.items() if name not in ("stats", "description_text")}
        more = {
            "stats": row["stats"], "description_text": row["description_text"],
            "requester": {"id": 9, "name": "Cy", "email": "cy@customer.example", "mobile": None, "phone": None},
        }  # fmt: skip
        return shown | {name: value for name, value in more.items() if name.removesuffix("_text") in include.split(",")}

    def _ticket(self, number: str) -> Response:
        if number not in self.tickets:
            return Response(status=404)
        row = self.tickets[number]
        if request.method == "PUT":
            change, at = request.get_json(), self._later()
            if "responder_id" in change:
                if str(change["responder_id"] or 1) not in PEOPLE:
                    return Response('{"description": "Validation failed"}', 400, content_type="application/json")
                self.happen(number, at, "assign", str(change["responder_id"] or ""))
            else:
                self.happen(number, at, "status", self.statuses[str(change["status"])])
        return answer(self._shown(row, request.args.get("include", "") + ",description") | self.extra)

    def _written(self, number: str, how: str) -> Response:
        given = request.get_json()
        body = re.sub("<br>", "\n", given["body"])
        self.happen(number, self._later(), "note" if how == "notes" and given["private"] else "reply", body)
        return Response("{}", 201, content_type="application/json")

    def _later(self) -> datetime:
        return max((one.at for one in self.happened), default=NOON) + timedelta(seconds=1)
