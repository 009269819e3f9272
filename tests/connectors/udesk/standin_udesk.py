"""Udesk's open interface, as https://www.udesk.cn/doc/apiv2 documents it: every request signed with a word that counts
once, a code under a 200, at most 100 rows a page, times with the offset of China.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

EMAIL = "admin@acme.example"
PEOPLE = {"1": "Ana", "2": "Bo"}
STATUSES = {"开启": 1, "解决中": 4, "已解决": 2, "已关闭": 3}
CHINA = timezone(timedelta(hours=8))


class UdeskStandIn(StandIn):
    system: ClassVar[str] = "udesk"
    page: ClassVar[int] = 100
    words: ClassVar[Mapping[str, str]] = {
        "new": "开启", "open": "解决中", "resolved": "已解决", "ana": "1", "bo": "2",
    }  # fmt: skip
    forgets: ClassVar[bool] = True
    user: ClassVar[str | None] = EMAIL
    merges: ClassVar[bool] = False
    renames: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.replies: dict[str, list[dict[str, Any]]] = {}
        self.nonces: set[str] = set()
        self._last = 0

    def is_known(self) -> bool:
        given = request.args
        signed = "&".join((EMAIL, self.token, given["timestamp"], given["nonce"], given["sign_version"]))
        is_new = given["nonce"] not in self.nonces
        self.nonces.add(given["nonce"])
        return is_new and given["email"] == EMAIL and given["sign"] == hashlib.sha256(signed.encode()).hexdigest()

    # --- what happens

    def take(self, happening: Happening) -> None:
        at, number, does = china(happening.at), happening.ticket, happening.does
        if does == "delete":
            del self.tickets[number]
            return
        if does == "create":
            self.tickets[number] = _ticket(number, happening.value, at)
            self.replies[number] = []
            return
        ticket = self.tickets[number]
        ticket["updated_at"] = max(ticket["updated_at"], at)
        if does == "status":
            ticket["status"], ticket["status_id"] = happening.value, STATUSES[happening.value]
        elif does == "assign":
            ticket["assignee_id"] = int(happening.value) if happening.value else None
            ticket["assignee"] = PEOPLE.get(happening.value)
        else:
            self._last += 1
            author = {"user_id": int(happening.who), "user_type": "agent", "user_name": PEOPLE[happening.who]}
            said = {"id": self._last, "content": f"<p>{happening.value}</p>", "created_at": at, "author": author}
            self.replies[number].append({**said, "is_public": does == "reply"})

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "解决中")
        self.tickets[ticket]["updated_at"] = china(at)

    # --- what is answered

    def routes(self, app: Flask) -> None:
        base = "/open_api_v1"
        app.add_url_rule(f"{base}/agents", "agents", self._agents)
        app.add_url_rule(f"{base}/tickets", "tickets", lambda: self._paged("contents", list(self.tickets.values())))
        app.add_url_rule(f"{base}/tickets/tickets_in_filter", "filter", self._filtered)
        app.add_url_rule(f"{base}/tickets/detail", "detail", self._detail)
        app.add_url_rule(f"{base}/tickets/<number>", "put", self._put, methods=["PUT"])
        app.add_url_rule(f"{base}/tickets/<number>/replies", "replies", self._told)

    def _agents(self) -> Response:
        groups = [{"id": 7, "name": "Repairs"}]
        rows = [
            {"id": int(n), "nick_name": name, "email": f"{name.lower()}@acme.example", "user_groups": groups}
            for n, name in PEOPLE.items()
        ]
        return self._paged("agents", rows)

    def _paged(self, key: str, rows: list[dict[str, Any]]) -> Response:
        size, page = min(self.page, int(request.args.get("per_page", 20))), int(request.args.get("page", 1))
        shown = [{**row, **self.extra} for row in rows[size * (page - 1) : size * page]]
        meta = {"current_page": page, "total_pages": -(-len(rows) // size), "total_count": len(rows)}
        return answer({"code": 1000, "message": "成功", "meta": meta, key: shown})

    def _filtered(self) -> Response:
        assert request.args["filter_id"] == "12"
        return self._paged("contents", list(self.tickets.values())[-5:])

    def _detail(self) -> Response:
        row = self.tickets.get(request.args["id"])
        if row is None:
            return answer({"code": 2005, "message": "工单不存在"})
        return answer({"code": 1000, "ticket": {**row, **self.extra}})

    def _told(self, number: str) -> Response:
        return self._paged("replies", self.replies[number])

    def _put(self, number: str) -> Response:
        given, at = request.get_json()["ticket"], self.happened[-1].at
        if "status_id" in given:
            self.happen(number, at, "status", next(name for name, one in STATUSES.items() if one == given["status_id"]))
        if "assignee_email" in given:
            who = {f"{name.lower()}@acme.example": n for n, name in PEOPLE.items()}.get(given["assignee_email"], "")
            self.happen(number, at, "assign", who)
        return answer({"code": 1000, "message": "成功"})


def china(at: datetime) -> str:
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S %z")


def _ticket(number: str, title: str, at: str) -> dict[str, Any]:
    return {
        "id": int(number), "subject": title, "content": "It does not work.", "content_type": "text", "platform": "邮件",
        "priority": "标准", "status": "开启", "status_id": 1, "user": "Cy", "user_id": 9, "user_email": "cy@customer.example",
        "user_cellphone": None, "assignee": None, "assignee_id": None, "user_group_id": 7, "user_group_name": "Repairs",
        "solving_at": "", "replied_by": None, "custom_fields": {"TextField_1": "L-7"}, "created_at": at, "updated_at": at,
    }  # fmt: skip
