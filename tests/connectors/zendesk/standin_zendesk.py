"""Zendesk's ticketing API, as https://developer.zendesk.com/api-reference/ticketing/ documents it: exports of at most
so many rows that begin at a whole second of at least a minute ago and at most ten a minute, lists by cursor, ratings of
their own, deleted tickets in the export of tickets alone.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.clock import iso, parse_instant
from unstuck.testing import NOON

PEOPLE = {"1": ("Ana", "agent"), "2": ("Bo", "admin"), "9": ("Cy", "end-user")}
CATEGORIES = ("new", "open", "pending", "hold", "solved", "closed")


class ZendeskStandIn(StandIn):
    system: ClassVar[str] = "zendesk"
    page: ClassVar[int] = 100
    user: ClassVar[str | None] = "ana@desk.example"
    words: ClassVar[Mapping[str, str]] = {
        "new": "new", "open": "In repair", "resolved": "solved", "ana": "1", "bo": "2",
    }  # fmt: skip

    def __post_init__(self) -> None:
        self.own = {"77": ("In repair", "open")}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.ratings: list[dict[str, Any]] = []
        self._last = 91048994000

    def is_known(self) -> bool:
        given = f"{self.user}/token:{self.token}".encode()
        return request.headers.get("Authorization") == f"Basic {base64.b64encode(given).decode()}"

    def clock(self) -> datetime:
        return (self.now or max((one.at for one in self.happened), default=NOON)) + timedelta(seconds=1)

    # --- what happens

    def take(self, happening: Happening) -> None:
        ticket, value, does = happening.ticket, happening.value, happening.does
        if does == "create":
            self.tickets[ticket] = {
                "id": int(ticket), "created_at": iso(happening.at), "subject": value, "status": "new", "group_id": 3,
                "custom_status_id": 1, "assignee_id": None, "requester_id": 9, "priority": "normal", "type": "problem",
                "custom_fields": [{"id": 360041, "value": "lamp"}],
            }  # fmt: skip
            first = {
                name: self.tickets[ticket][name]
                for name in ("subject", "status", "group_id", "requester_id", "priority", "type", "custom_status_id")
            }
            children = [self._child("Create", **{name: given}) for name, given in first.items()]
            children.append(self._child("Create", custom_ticket_fields={"360041": "lamp"}))
            self._audit(happening, [*children, self._comment("It does not work.", public=True)], who="9")
        elif does == "status":
            self._audit(happening, self._set(ticket, **self._status(value)))
        elif does == "assign":
            self._audit(happening, self._set(ticket, assignee_id=int(value) if value else None))
        elif does == "merge":
            said = self._comment(f'This request was closed and merged into request #{value} "x".', public=False)
            tagged = self._child("Change", tags=["closed_by_merge"], added_tags=["closed_by_merge"], removed_tags=[])
            self._audit(happening, [*self._set(ticket, status="closed"), tagged, said])
        elif does == "delete":
            self.tickets[ticket]["status"] = "deleted"
            self.events = [event for event in self.events if event["ticket_id"] != int(ticket)]
        elif does == "rate":
            self._rate(happening)
        else:
            self._audit(happening, [self._comment(value, public=does == "reply")])
        self.tickets[ticket]["updated_at"] = iso(happening.at)

    def _status(self, name: str) -> dict[str, Any]:
        if name in CATEGORIES:
            return {"status": name, "custom_status_id": CATEGORIES.index(name) + 1}
        number = next(number for number, (label, _) in self.own.items() if label == name)
        return {"status": self.own[number][1], "custom_status_id": int(number)}

    def _set(self, ticket: str, **values: Any) -> list[dict[str, Any]]:
        row = self.tickets[ticket]
        children = [
            self._child("Change", **{name: value}, previous_value=row[name])
            for name, value in values.items()
            if row[name] != value
        ]
        row.update(values)
        return children

    def _child(self, event_type: str, **said: Any) -> dict[str, Any]:
        self._last += 1
        return {"id": self._last, "via": "Web form", "via_reference_id": None, "event_type": event_type, **said}

    def _comment(self, body: str, *, public: bool) -> dict[str, Any]:
        return self._child("Comment", type="Comment", body=body, public=public)

    def _audit(self, happening: Happening, children: list[dict[str, Any]], who: str | None = None) -> None:
        self._last += 1
        self.events.append({
            "id": self._last, "ticket_id": int(happening.ticket), "timestamp": int(happening.at.timestamp()),
            "created_at": iso(happening.at), "updater_id": int(who or happening.who), "via": "Web form",
            "event_type": "Audit", "system": {}, "metadata": {}, "child_events": children,
        })  # fmt: skip

    def _rate(self, happening: Happening) -> None:
        self._last += 1
        score, _, comment = happening.value.partition(" ")
        self.ratings.append({
            "id": self._last, "ticket_id": int(happening.ticket), "requester_id": 9, "assignee_id": 1, "group_id": 3,
            "score": score, "comment": comment, "created_at": iso(happening.at), "updated_at": iso(happening.at),
        })  # fmt: skip

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "In repair")

    def rename_status(self, old: str, new: str) -> None:
        (number,) = (number for number, (label, _) in self.own.items() if label == old)
        self.own[number] = (new, self.own[number][1])

    def said(self, ticket: str) -> list[tuple[str, bool]]:
        children = [
            child for event in self.events if event["ticket_id"] == int(ticket) for child in event["child_events"]
        ]
        return [(child["body"], child["public"]) for child in children if child["event_type"] == "Comment"]

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """https://developer.zendesk.com/documentation/webhooks/verifying/"""
        digest = hmac.digest(secret.encode(), iso(at).encode() + body, "sha256")
        name = "X-Zendesk-Webhook"
        return {
            f"{name}-Signature": base64.b64encode(digest).decode(), f"{name}-Signature-Timestamp": iso(at),
            f"{name}-Invocation-Id": f"01F{hash(at)}",
        }  # fmt: skip

    # --- what is asked

    def routes(self, app: Flask) -> None:
        def listed(key: str, rows: list[dict[str, Any]]) -> Response:
            size, after = int(request.args.get("page[size]", 100)), int(request.args.get("page[after]", 0))
            assert size <= 100
            shown = [{**row, **self.extra} for row in rows[after : after + size]]
            more = after + size < len(rows)
            return answer({key: shown, "meta": {"has_more": more, "after_cursor": str(after + size) if more else None}})

        def users() -> list[dict[str, Any]]:
            return [
                {"id": int(n), "name": name, "role": role, "email": f"{name.lower()}@desk.example", "active": True}
                for n, (name, role) in PEOPLE.items()
            ]

        def statuses() -> list[dict[str, Any]]:
            known = [(i, name, name.title(), True) for i, name in enumerate(CATEGORIES[:5], start=1)]
            known += [(int(n), category, label, False) for n, (label, category) in self.own.items()]
            return [
                {"id": n, "status_category": category, "agent_label": label, "default": default, "active": True}
                for n, category, label, default in known
            ]

        get = app.add_url_rule
        get("/api/v2/users/me.json", "me", lambda: answer({"user": users()[0]}))
        get("/api/v2/users/show_many.json", "users", lambda: answer({"users": _among(users())}))
        get("/api/v2/groups.json", "groups", lambda: listed("groups", [{"id": 3, "name": "Repairs"}]))
        get("/api/v2/custom_statuses.json", "statuses", lambda: answer({"custom_statuses": statuses()}))
        get(
            "/api/v2/ticket_fields.json",
            "fields",
            lambda: listed("ticket_fields", [{"id": 360041, "title": "Product"}]),
        )
        get(
            "/api/v2/tickets/count.json",
            "count",
            lambda: answer({"count": {"value": len(self._there()), "refreshed_at": None}}),
        )
        get(
            "/api/v2/tickets/show_many.json",
            "some",
            lambda: answer({"tickets": [{**r, **self.extra} for r in _among(self._there())]}),
        )
        get("/api/v2/tickets/<number>.json", "ticket", self._ticket, methods=["GET", "PUT"])
        get("/api/v2/tickets/<number>/audits.json", "audits", lambda number: listed("audits", self._shown(number)))
        get("/api/v2/tickets/<number>/comments.json", "comments", lambda number: listed("comments", [
            {"id": i, "body": body, "plain_body": body, "public": public}
            for i, (body, public) in enumerate(reversed(self.said(number)))
        ]))  # fmt: skip
        get("/api/v2/satisfaction_ratings.json", "ratings", lambda: listed("satisfaction_ratings", [
            row for row in self.ratings if parse_instant(row["created_at"]).timestamp() >= int(request.args["start_time"])
        ]))  # fmt: skip
        get("/api/v2/incremental/ticket_events.json", "events", self._exported_events)
        get("/api/v2/incremental/tickets/cursor.json", "tickets", self._exported_tickets)

    def _there(self) -> list[dict[str, Any]]:
        return [row for row in self.tickets.values() if row["status"] != "deleted"]

    def _exported_events(self) -> Response:
        start = int(request.args["start_time"])
        if start > self.clock().timestamp() - 60:
            return Response('{"error": "StartTimeTooRecent"}', 400, content_type="application/json")
        rows = sorted((row for row in self.events if row["timestamp"] >= start), key=lambda row: row["timestamp"])
        shown = rows[: self.page]
        # A page ends with a whole second, however much happened in it.
        shown += [row for row in rows[self.page :] if row["timestamp"] == shown[-1]["timestamp"]]
        end = shown[-1]["timestamp"] if shown else start
        with_comments = "comment_events" in request.args.get("include", "")
        events = [
            {
                **row,
                "child_events": [c for c in row["child_events"] if with_comments or c["event_type"] != "Comment"],
                **self.extra,
            }
            for row in shown
        ]
        return answer({
            "ticket_events": events, "count": len(shown), "end_time": end, "end_of_stream": len(shown) == len(rows),
            "next_page": f"{self.url}/api/v2/incremental/ticket_events.json?start_time={end}",
        })  # fmt: skip

    def _exported_tickets(self) -> Response:
        after = request.args.get("cursor", "")
        rows = sorted(self.tickets.values(), key=lambda row: (row["updated_at"], row["id"]))
        rows = [row for row in rows if f"{row['updated_at']}|{row['id']}" > after]
        shown = rows[: self.page]
        cursor = f"{shown[-1]['updated_at']}|{shown[-1]['id']}" if shown else after
        return answer({
            "tickets": [{**row, **self.extra} for row in shown], "after_cursor": cursor, "before_cursor": None,
            "end_of_stream": len(shown) == len(rows),
        })  # fmt: skip

    def _ticket(self, number: str) -> Response:
        row = self.tickets[number]
        if request.method == "PUT":
            change = request.get_json()["ticket"]
            at = self.clock()
            if comment := change.get("comment"):
                self.happen(number, at, "reply" if comment["public"] else "note", comment["body"])
            elif "assignee_id" in change:
                if str(change["assignee_id"] or 1) not in PEOPLE:
                    return Response('{"error": "RecordInvalid"}', 422, content_type="application/json")
                self.happen(number, at, "assign", str(change["assignee_id"] or ""))
            elif "custom_status_id" in change:
                self.happen(number, at, "status", self.own[str(change["custom_status_id"])][0])
            else:
                self.happen(number, at, "status", change["status"])
        return answer({"ticket": {**row, **self.extra}})

    def _shown(self, number: str) -> list[dict[str, Any]]:
        """The audits as they come with a ticket: the same numbers in another shape."""
        found = []
        for row in (row for row in self.events if row["ticket_id"] == int(number)):
            events = [event for child in row["child_events"] for event in _as_shown(child)]
            found.append({
                "id": row["id"], "ticket_id": row["ticket_id"], "created_at": row["created_at"],
                "author_id": row["updater_id"], "events": events,
            })  # fmt: skip
        return found


def _among(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = request.args["ids"].split(",")
    assert len(wanted) <= 100
    return [row for row in rows if str(row["id"]) in wanted]


def _as_shown(child: dict[str, Any]) -> list[dict[str, Any]]:
    kind = child["event_type"]
    if kind == "Comment":
        return [
            {
                "id": child["id"],
                "type": kind,
                "body": child["body"],
                "plain_body": child["body"],
                "public": child["public"],
            }
        ]
    told = child.get("custom_ticket_fields") or {
        name: child[name]
        for name in child
        if name
        in (
            "subject",
            "status",
            "group_id",
            "assignee_id",
            "requester_id",
            "priority",
            "type",
            "custom_status_id",
            "tags",
        )
    }
    return [
        {
            "id": child["id"],
            "type": kind,
            "field_name": name,
            "value": value,
            "previous_value": child.get("previous_value"),
        }
        for name, value in told.items()
    ]
