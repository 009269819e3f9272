"""Jira Cloud's platform interface, as https://developer.atlassian.com/cloud/jira/platform/rest/v2/ documents it: issues
by JQL in pages with a token and without a total, histories for many at once, comments cut off with the issue, deleted
issues gone.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.testing import NOON

PEOPLE = {"1": ("Ana", "atlassian"), "2": ("Bo", "atlassian"), "9": ("Cy", "customer")}
#: Comments that come with an issue.
SHOWN = 1


class JiraStandIn(StandIn):
    system: ClassVar[str] = "jira"
    page: ClassVar[int] = 40
    user: ClassVar[str | None] = "ana@desk.example"
    words: ClassVar[Mapping[str, str]] = {
        "new": "New", "open": "In Progress", "resolved": "Resolved", "ana": "acc-1", "bo": "acc-2",
    }  # fmt: skip

    def __post_init__(self) -> None:
        self.statuses = {"1": "New", "3": "In Progress", "5": "Resolved", "6": "Waiting for customer"}
        self.issues: dict[str, dict[str, Any]] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self._last = 10_000

    def is_known(self) -> bool:
        given = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {given}"

    def take(self, happening: Happening) -> None:
        ticket, value, does = happening.ticket, happening.value, happening.does
        if does == "create":
            self.histories[ticket], self.comments[ticket] = [], []
            self.issues[ticket] = {
                "summary": value, "description": "It does not work.", "status": self._status("New"), "assignee": None,
                "priority": {"id": "3", "name": "Medium"}, "issuetype": {"id": "7", "name": "Fault"}, "issuelinks": [],
                "project": {"id": "20", "key": "SUP", "name": "Repairs"}, "reporter": _user("9"),
                "created": stamp(happening.at), "customfield_10030": None, "customfield_10031": None,
            }  # fmt: skip
        elif does == "delete":
            del self.issues[ticket]
            return
        elif does in ("reply", "note"):
            self._last += 1
            self.comments[ticket].append({
                "id": str(self._last), "author": _user(happening.who), "body": value, "created": stamp(happening.at),
                "updated": stamp(happening.at), "jsdPublic": does == "reply",
            })  # fmt: skip
        elif does == "rate":
            self.issues[ticket] |= {
                "customfield_10030": {"rating": int(value)},
                "customfield_10031": stamp(happening.at),
            }
        else:
            self._change(happening)
        issue = self.issues[ticket]
        issue["updated"] = max(issue.get("updated", ""), stamp(happening.at))

    def _change(self, happening: Happening) -> None:
        ticket, value, issue = happening.ticket, happening.value, self.issues[happening.ticket]
        if happening.does == "status":
            old, issue["status"] = issue["status"], self._status(value)
            item = _item("status", old["id"], old["name"], issue["status"]["id"], value)
        elif happening.does == "assign":
            old, issue["assignee"] = issue["assignee"] or {}, _user(value) if value else None
            new = issue["assignee"] or {}
            item = _item(
                "assignee", old.get("accountId"), old.get("displayName"), new.get("accountId"), new.get("displayName")
            )
        else:
            item = _item("Link", None, None, f"SUP-{value}", f"This issue duplicates SUP-{value}")
        self._last += 1
        self.histories[ticket].append({
            "id": str(self._last), "author": _user(happening.who), "items": [item],
            "created": int(happening.at.timestamp() * 1000),
        })  # fmt: skip

    def happen_late(self, ticket: str, at: datetime) -> None:
        updated = self.issues[ticket]["updated"]
        self.happen(ticket, at, "status", "In Progress")
        self.issues[ticket]["updated"] = max(updated, stamp(at))

    def rename_status(self, old: str, new: str) -> None:
        number = next(number for number, name in self.statuses.items() if name == old)
        self.statuses[number] = new
        for issue in self.issues.values():
            issue["status"] = self._status(self.statuses[issue["status"]["id"]])

    def _status(self, name: str) -> dict[str, Any]:
        number = next(number for number, known in self.statuses.items() if known == name)
        category = {"1": "new", "5": "done"}.get(number, "indeterminate")
        return {"id": number, "name": name, "statusCategory": {"key": category}}

    def said(self, ticket: str) -> list[tuple[str, bool]]:
        return [(row["body"], row["jsdPublic"]) for row in self.comments[ticket]]

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks"""
        digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
        return {"X-Hub-Signature": f"sha256={digest}", "X-Atlassian-Webhook-Identifier": f"wh-{hash(at)}"}

    def is_write(self) -> bool:
        return request.method != "GET" and not request.path.endswith(("/search/jql", "/bulkfetch"))

    # --- what is asked

    def routes(self, app: Flask) -> None:
        add, api = app.add_url_rule, "/rest/api/2"
        fields = [
            {"id": "summary", "name": "Summary", "custom": False},
            {"id": "customfield_10030", "name": "Satisfaction", "schema": {"custom": "com.atlassian.servicedesk:sd-request-feedback"}},
            {"id": "customfield_10031", "name": "Satisfaction date", "schema": {"custom": "com.atlassian.servicedesk:sd-request-feedback-date"}},
        ]  # fmt: skip
        projects = [{"id": "20", "key": "SUP", "name": "Repairs"}]
        add(f"{api}/myself", "me", lambda: answer(_user("1")))
        add(
            f"{api}/status",
            "statuses",
            lambda: answer([self._status(name) | self.extra for name in self.statuses.values()]),
        )
        add(f"{api}/field", "fields", lambda: answer(fields))
        add(f"{api}/project/search", "projects", lambda: answer({"values": projects, "isLast": True}))
        add(f"{api}/search/jql", "search", self._search, methods=["POST"])
        add(f"{api}/issue/bulkfetch", "some", self._some, methods=["POST"])
        add(f"{api}/changelog/bulkfetch", "histories", self._told, methods=["POST"])
        add(f"{api}/issue/<number>", "issue", self._issue)
        add(f"{api}/issue/<number>/comment", "comments", self._commented)
        add(f"{api}/issue/<number>/assignee", "assign", self._assign, methods=["PUT"])
        add(f"{api}/issue/<number>/transitions", "move", self._move, methods=["GET", "POST"])
        add("/rest/servicedeskapi/request/<number>/comment", "say", self._say, methods=["POST"])

    def _shown(self, number: str, fields: list[str]) -> dict[str, Any]:
        issue, comments = self.issues[number], self.comments[number]
        shown = {"comments": comments[:SHOWN], "total": len(comments), "maxResults": SHOWN, "startAt": 0}
        known = {**issue, "comment": shown}
        return {"id": number, "key": f"SUP-{number}", "fields": {name: known[name] for name in fields} | self.extra}

    def _search(self) -> Response:
        asked = request.get_json()
        since = re.search(r"updated >= (\d+)", asked["jql"])
        assert since, asked["jql"]
        assert "ORDER BY updated ASC" in asked["jql"]
        least = stamp(datetime.fromtimestamp(int(since[1]) / 1000, UTC))
        rows = sorted(
            (issue["updated"], int(number)) for number, issue in self.issues.items() if issue["updated"] >= least
        )
        first, size = int(asked.get("nextPageToken") or 0), min(self.page, asked["maxResults"])
        shown = [self._shown(str(number), asked["fields"]) for _, number in rows[first : first + size]]
        more = {"nextPageToken": str(first + size)} if first + size < len(rows) else {}
        return answer({"issues": shown, "isLast": not more, **more})

    def _some(self) -> Response:
        asked = request.get_json()
        assert len(asked["issueIdsOrKeys"]) <= 100
        shown = [self._shown(number, asked["fields"]) for number in asked["issueIdsOrKeys"] if number in self.issues]
        return answer({"issues": shown, "issueErrors": []})

    def _told(self) -> Response:
        asked = request.get_json()
        rows = [(number, row) for number in asked["issueIdsOrKeys"] for row in self.histories.get(number, [])]
        first, size = int(asked.get("nextPageToken") or 0), min(self.page, asked["maxResults"])
        found: dict[str, list[Any]] = {}
        for number, row in rows[first : first + size]:
            found.setdefault(number, []).append(row | self.extra)
        token = str(first + size) if first + size < len(rows) else None
        logs = [{"issueId": number, "changeHistories": rows} for number, rows in found.items()]
        return answer({"issueChangeLogs": logs, "nextPageToken": token})

    def _issue(self, number: str) -> Response:
        number = number.removeprefix("SUP-")
        if number not in self.issues:
            return Response('{"errorMessages": ["Issue does not exist"]}', 404, content_type="application/json")
        return answer(self._shown(number, request.args["fields"].split(",")))

    def _commented(self, number: str) -> Response:
        rows = self.comments[number][:: -1 if request.args["orderBy"].startswith("-") else 1]
        first = int(request.args.get("startAt", 0))
        size = min(self.page, int(request.args["maxResults"]))
        return answer({"comments": rows[first : first + size], "total": len(rows), "startAt": first})

    def _assign(self, number: str) -> Response:
        account = request.get_json()["accountId"]
        if account and account.removeprefix("acc-") not in PEOPLE:
            return Response('{"errors": {"assignee": "no such user"}}', 400, content_type="application/json")
        self.happen(number, self._later(), "assign", (account or "").removeprefix("acc-"))
        return Response(status=204)

    def _move(self, number: str) -> Response:
        ways = [{"id": f"4{n}", "name": f"To {name}", "to": self._status(name)} for n, name in self.statuses.items()]
        if request.method == "POST":
            wanted = request.get_json()["transition"]["id"]
            (name,) = (way["to"]["name"] for way in ways if way["id"] == wanted)
            self.happen(number, self._later(), "status", name)
            return Response(status=204)
        return answer({"transitions": ways})

    def _say(self, number: str) -> Response:
        said = request.get_json()
        self.happen(number, self._later(), "reply" if said["public"] else "note", said["body"])
        return answer(self.comments[number][-1])

    def _later(self) -> datetime:
        return max((one.at for one in self.happened), default=NOON) + timedelta(seconds=1)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _user(number: str) -> dict[str, Any]:
    name, kind = PEOPLE[number]
    return {
        "accountId": f"acc-{number}",
        "displayName": name,
        "accountType": kind,
        "active": True,
        "emailAddress": f"{name.lower()}@desk.example",
    }


def _item(field: str, old: Any, was: Any, new: Any, becomes: Any) -> dict[str, Any]:
    return {
        "field": field,
        "fieldId": field.lower(),
        "fieldtype": "jira",
        "from": old,
        "fromString": was,
        "to": new,
        "toString": becomes,
    }
