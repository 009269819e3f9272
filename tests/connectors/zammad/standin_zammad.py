"""Zammad's REST interface, as https://docs.zammad.org/en/latest/api/ documents it: tickets by a search that answers with
numbers and the rest beside them, histories and articles ticket by ticket, deleted tickets gone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.testing import NOON

#: Number, name and roles; 1 is nobody. The suite's Ana is 3, its Bo 4.
USERS = {"3": ("Ana", [2]), "4": ("Bo", [1, 2]), "9": ("Cy", [3])}
NUMBERS = {"1": "3", "2": "4", "9": "9", "": "1"}
TYPES = {"1": "new", "2": "open", "3": "pending reminder", "4": "closed", "5": "merged", "8": "open"}


class ZammadStandIn(StandIn):
    system: ClassVar[str] = "zammad"
    page: ClassVar[int] = 100
    words: ClassVar[Mapping[str, str]] = {
        "new": "new", "open": "in repair", "resolved": "closed", "ana": "3", "bo": "4",
    }  # fmt: skip

    def __post_init__(self) -> None:
        self.states = {"1": "new", "2": "open", "3": "pending reminder", "4": "closed", "5": "merged", "8": "in repair"}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.articles: dict[str, list[dict[str, Any]]] = {}
        self._last = 100

    def is_known(self) -> bool:
        return request.headers.get("Authorization") == f"Token token={self.token}"

    def take(self, happening: Happening) -> None:
        at, ticket, value, does = stamp(happening.at), happening.ticket, happening.value, happening.does
        if does == "create":
            self.histories[ticket], self.articles[ticket] = [], []
            self.tickets[ticket] = {
                "id": int(ticket), "number": f"22{int(ticket):03}", "title": value, "group_id": 3, "state_id": 1,
                "priority_id": 2, "owner_id": 1, "customer_id": 9, "created_by_id": 9, "created_at": at, "updated_at": at,
            }  # fmt: skip
            self._tell(happening, "created", who="9")
            self._write(happening, "It does not work.", sender="Customer", internal=False, who="9")
            return
        row = self.tickets[ticket]
        row["updated_at"] = max(row["updated_at"], at)
        if does == "delete":
            del self.tickets[ticket]
        elif does == "status":
            old, new = row["state_id"], next(int(number) for number, name in self.states.items() if name == value)
            row["state_id"] = new
            self._tell(happening, "updated", "state", self.states[str(old)], value, old, new)
        elif does == "assign":
            old, new = row["owner_id"], int(NUMBERS[value])
            row["owner_id"] = new
            self._tell(happening, "updated", "owner", "-", value, old, new)
        elif does == "merge":
            self._tell(happening, "merged_into", "", None, "", None, int(value))
            self._tell(happening, "received_merge", "", None, "", None, int(ticket), of=value)
            row["state_id"] = 5
            self.articles[value] += self.articles.pop(ticket)
            self.articles[ticket] = []
        else:
            self._write(happening, value, sender="Agent", internal=does == "note")

    def _tell(
        self, happening: Happening, kind: str, attribute: str = "", was: Any = None, becomes: Any = None, old: Any = None,
        new: Any = None, *, of: str | None = None, who: str | None = None,
    ) -> None:  # fmt: skip
        self._last += 1
        self.histories[of or happening.ticket].append({
            "id": self._last, "o_id": int(of or happening.ticket), "object": "Ticket", "type": kind,
            "attribute": attribute, "value_from": was, "value_to": becomes, "id_from": old, "id_to": new,
            "created_at": stamp(happening.at), "created_by_id": int(who or NUMBERS[happening.who]),
        })  # fmt: skip

    def _write(self, happening: Happening, body: str, *, sender: str, internal: bool, who: str | None = None) -> None:
        self._last += 1
        self.articles[happening.ticket].append({
            "id": self._last, "ticket_id": int(happening.ticket), "sender": sender, "type": "note", "internal": internal,
            "body": body, "content_type": "text/plain", "subject": None, "created_at": stamp(happening.at),
            "created_by_id": int(who or NUMBERS[happening.who]),
        })  # fmt: skip

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "in repair")

    def rename_status(self, old: str, new: str) -> None:
        number = next(number for number, name in self.states.items() if name == old)
        self.states[number] = new

    def said(self, ticket: str) -> list[tuple[str, bool]]:
        return [(row["body"], not row["internal"]) for row in self.articles[ticket]]

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """https://docs.zammad.org/en/latest/admin/manage/webhook.html"""
        digest = hmac.new(secret.encode(), body, "sha1").hexdigest()
        return {
            "X-Hub-Signature": f"sha1={digest}",
            "X-Zammad-Delivery": f"d-{hash(at)}",
            "X-Zammad-Trigger": "Tell Unstuck",
        }

    # --- what is asked

    def routes(self, app: Flask) -> None:
        add, api = app.add_url_rule, "/api/v1"
        add(f"{api}/users/me", "me", lambda: answer(_user("3")))
        add(f"{api}/users/<number>", "user", lambda number: answer(_user(number)))
        add(f"{api}/ticket_states", "states", lambda: answer([
            {"id": int(number), "name": name, "state_type": TYPES[number], "active": True} for number, name in self.states.items()
        ]))  # fmt: skip
        add(f"{api}/ticket_priorities", "priorities", lambda: answer([{"id": 2, "name": "2 normal"}]))
        add(f"{api}/groups", "groups", lambda: answer([{"id": 3, "name": "Repairs", "active": True}]))
        add(f"{api}/tickets/search", "search", self._search)
        add(f"{api}/tickets/<number>", "ticket", self._ticket, methods=["GET", "PUT"])
        add(f"{api}/ticket_history/<number>", "history", self._history)
        add(f"{api}/ticket_articles/by_ticket/<number>", "articles", self._articles)
        add(f"{api}/ticket_articles", "article", self._said, methods=["POST"])

    def _search(self) -> Response:
        given = request.args
        rows = list(self.tickets.values())
        if since := re.fullmatch(r"updated_at:\[(\S+) TO \*\]", given["query"]):
            rows = [row for row in rows if row["updated_at"] >= since[1].replace("Z", ".000Z")]
        elif wanted := re.fullmatch(r"id:\((.*)\)", given["query"]):
            rows = [row for row in rows if str(row["id"]) in wanted[1].split(" OR ")]
        else:
            raise AssertionError(given["query"])
        assert (given["sort_by"], given["order_by"]) == ("updated_at", "asc")
        rows.sort(key=lambda row: (row["updated_at"], row["id"]))
        page, size = int(given["page"]), min(self.page, int(given["per_page"]))
        shown = rows[(page - 1) * size : page * size]
        assets = {"Ticket": {str(row["id"]): row | self.extra for row in shown}, "User": {n: _user(n) for n in USERS}}
        return answer({"tickets": [row["id"] for row in shown], "tickets_count": len(shown), "assets": assets})

    def _ticket(self, number: str) -> Response:
        if number not in self.tickets:
            return _missing()
        if request.method == "PUT":
            change = request.get_json()
            if "owner_id" in change:
                who = next((name for name, known in NUMBERS.items() if known == str(change["owner_id"])), None)
                if who is None:
                    return Response(
                        '{"error": "Invalid value for param \'owner_id\'"}', 422, content_type="application/json"
                    )
                self.happen(number, self._later(), "assign", who)
            else:
                self.happen(number, self._later(), "status", self.states[str(change["state_id"])])
        return answer(self.tickets[number] | self.extra)

    def _history(self, number: str) -> Response:
        if number not in self.tickets:
            return _missing()
        return answer(
            {"history": [row | self.extra for row in self.histories[number]], "assets": {"User": {"3": _user("3")}}}
        )

    def _articles(self, number: str) -> Response:
        return answer([row | self.extra for row in self.articles[number]]) if number in self.tickets else _missing()

    def _said(self) -> Response:
        given = request.get_json()
        assert given["internal"] or given["to"] == "cy@desk.example"
        self.happen(str(given["ticket_id"]), self._later(), "note" if given["internal"] else "reply", given["body"])
        return Response("{}", 201, content_type="application/json")

    def _later(self) -> datetime:
        return max((one.at for one in self.happened), default=NOON) + timedelta(seconds=1)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _missing() -> Response:
    return Response('{"error": "Couldn\'t find Ticket"}', 404, content_type="application/json")


def _user(number: str) -> dict[str, Any]:
    name, roles = USERS[number]
    groups = {"3": ["full"]} if roles != [3] else {}
    return {
        "id": int(number), "login": name.lower(), "firstname": name, "lastname": "", "email": f"{name.lower()}@desk.example",
        "active": True, "role_ids": roles, "group_ids": groups,
    }  # fmt: skip
