"""Feishu's service desk interface, as https://open.feishu.cn/document/server-docs/helpdesk-v1 documents it: a token
that is asked for first, errors in a code under a 200, at most 200 rows a page and 10,000 a query, in no order.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

PEOPLE = {"1": "Ana", "2": "Bo", "9": "Cy"}
STATUSES = {"待响应": 1, "处理中": 2, "待用户响应": 5, "客服关闭": 51}
SESSION = "t-7f1bcd13fc57d46bac21793a18e560"


class FeishuStandIn(StandIn):
    system: ClassVar[str] = "feishu"
    page: ClassVar[int] = 200
    words: ClassVar[Mapping[str, str]] = {
        "new": "待响应", "open": "处理中", "resolved": "客服关闭", "ana": "ou_1", "bo": "ou_2",
    }  # fmt: skip
    forgets: ClassVar[bool] = True
    user: ClassVar[str | None] = "cli_a1"
    options: ClassVar[Mapping[str, Any]] = {"helpdesk": "6939"}
    merges: ClassVar[bool] = False
    renames: ClassVar[bool] = False
    has_teams: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.token = f"{self.token}:desk-t0ken"
        self.tickets: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self._last = 0

    def is_known(self) -> bool:
        if request.path.endswith("/tenant_access_token/internal"):
            return True
        _, _, desk_token = self.token.partition(":")
        desk = base64.b64encode(f"6939:{desk_token}".encode()).decode()
        assert request.headers["X-Lark-Helpdesk-Authorization"] == desk
        return request.headers.get("Authorization") == f"Bearer {SESSION}"

    def is_write(self) -> bool:
        return request.method == "PUT"

    # --- what happens

    def take(self, happening: Happening) -> None:
        at, number, does = int(happening.at.timestamp() * 1000), happening.ticket, happening.does
        if does == "delete":
            del self.tickets[number]
            return
        if does == "create":
            self.tickets[number] = _ticket(number, at)
            self.messages[number] = []
            self._say(number, at, happening.value, "9")
            return
        ticket = self.tickets[number]
        ticket["updated_at"] = max(ticket["updated_at"], at)
        if does == "status":
            ticket["status"] = STATUSES[happening.value]
            ticket["closed_at"] = at if ticket["status"] >= 50 else None
        elif does == "assign":
            ticket["agents"].append(person(happening.value))
        elif does == "note":
            self._last += 1
            who = person(happening.who)
            note = {"id": str(self._last), "content": happening.value, "created_at": at, "user_id": who["id"]}
            ticket["comments"].append({**note, "user_name": who["name"]})
        else:
            self._say(number, at, happening.value, happening.who)

    def _say(self, ticket: str, at: int, text: str, who: str) -> None:
        self._last += 1
        said = {"id": f"m{self._last:06}", "message_id": f"om_{self._last}", "message_type": "text", "created_at": at}
        author = person(who)
        self.messages[ticket].append(
            {**said, "content": text, "user_name": author["name"], "user_id": author["id"], "avatar_url": ""}
        )

    def happen_late(self, ticket: str, at: Any) -> None:
        self.happen(ticket, at, "status", "处理中")
        self.tickets[ticket]["updated_at"] = int(at.timestamp() * 1000)

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        moment, nonce = str(int(at.timestamp())), "n0nce"
        digest = hashlib.sha256(f"{moment}{nonce}{secret}".encode() + body).hexdigest()
        return {"X-Lark-Signature": digest, "X-Lark-Request-Timestamp": moment, "X-Lark-Request-Nonce": nonce}

    # --- what is answered

    def routes(self, app: Flask) -> None:
        base = "/open-apis/helpdesk/v1/tickets"
        sign_in = "/open-apis/auth/v3/tenant_access_token/internal"
        app.add_url_rule(sign_in, "token", self._token, methods=["POST"])
        app.add_url_rule(base, "tickets", self._listed)
        app.add_url_rule(f"{base}/<number>", "put", self._put, methods=["PUT"])
        app.add_url_rule(f"{base}/<number>/messages", "messages", self._told)

    def _token(self) -> Response:
        given = request.get_json()
        if given != {"app_id": "cli_a1", "app_secret": self.token.partition(":")[0]}:
            return answer({"code": 10014, "msg": "app secret invalid"})
        return answer({"code": 0, "msg": "ok", "tenant_access_token": SESSION, "expire": 7200})

    def _listed(self) -> Response:
        given = request.args
        # Newest first, or any other way: nothing is promised.
        rows = [{**row, **self.extra} for row in reversed(self.tickets.values())]
        if "ticket_id" in given:
            rows = [row for row in rows if row["ticket_id"] == given["ticket_id"]]
        if "update_time_start" in given:
            since, until = int(given["update_time_start"]), int(given["update_time_end"])
            rows = [row for row in rows if since <= row["updated_at"] <= until]
        size, page = min(self.page, int(given.get("page_size", 20))), int(given.get("page", 1))
        if size * page > 10_000 + size:
            return answer({"code": 155003, "msg": "too many"})
        return ok({"total": len(rows), "tickets": rows[size * (page - 1) : size * page]})

    def _told(self, number: str) -> Response:
        size, page = min(self.page, int(request.args.get("page_size", 20))), int(request.args.get("page", 1))
        rows = self.messages.get(number, [])
        return ok({"total": len(rows), "messages": rows[size * (page - 1) : size * page]})

    def _put(self, number: str) -> Response:
        given, at = request.get_json(), self.happened[-1].at
        if "comment" in given:
            self.happen(number, at, "note", given["comment"])
        if "status" in given:
            (name,) = (name for name, status in STATUSES.items() if status == given["status"])
            self.happen(number, at, "status", name)
            self.tickets[number]["solve"] = given.get("solved", 1)
        return ok({})


def ok(data: dict[str, Any]) -> Response:
    return answer({"code": 0, "msg": "success", "data": data})


def person(number: str) -> dict[str, Any]:
    name = PEOPLE[number]
    return {"id": f"ou_{number}", "name": name, "email": f"{name.lower()}@acme.example", "avatar_url": ""}


def _ticket(number: str, at: int) -> dict[str, Any]:
    return {
        "ticket_id": number, "helpdesk_id": "6939", "guest": person("9"), "comments": [], "ticket_type": 2, "status": 1,
        "score": 0, "created_at": at, "updated_at": at, "closed_at": None, "agents": [], "channel": 0, "solve": 1,
        "collaborators": [], "customized_fields": [],
    }  # fmt: skip
