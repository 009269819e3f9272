"""Redmine's REST interface, as https://www.redmine.org/projects/redmine/wiki/Rest_Issues documents it and as the real
server of `realservers/` answered: at most 100 issues a page, journals only with one issue, deleted ones gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.clock import iso

PEOPLE = {"1": "Ana Agent", "2": "Bo Agent", "9": "Cy Customer"}


class RedmineStandIn(StandIn):
    system: ClassVar[str] = "redmine"
    page: ClassVar[int] = 100
    takes_writes: ClassVar[bool] = False
    words: ClassVar[Mapping[str, str]] = {
        "new": "New",
        "open": "In Progress",
        "resolved": "Resolved",
        "ana": "1",
        "bo": "2",
    }

    def __post_init__(self) -> None:
        self.statuses = {"1": "New", "2": "In Progress", "3": "Resolved", "5": "Closed"}
        self.issues: dict[str, dict[str, Any]] = {}
        self._journals = 0

    def is_known(self) -> bool:
        return request.headers.get("X-Redmine-API-Key") == self.token

    def take(self, happening: Happening) -> None:
        at, ticket = iso(happening.at), happening.ticket
        if happening.does == "create":
            self.issues[ticket] = {
                "id": int(ticket), "project": {"id": 1, "name": "Repairs"}, "tracker": {"id": 3, "name": "Support"},
                "status": self._status("New"), "priority": {"id": 2, "name": "Normal"}, "author": _person("9"),
                "subject": happening.value, "description": "It does not work.", "custom_fields": [],
                "created_on": at, "updated_on": at, "journals": [],
            }  # fmt: skip
            return
        issue = self.issues[ticket]
        if happening.does == "delete":
            del self.issues[ticket]
            return
        issue["updated_on"] = max(issue["updated_on"], at)
        issue["journals"].append(self._journal(issue, happening, at))

    def _journal(self, issue: dict[str, Any], happening: Happening, at: str) -> dict[str, Any]:
        self._journals += 1
        details, notes, does = [], "", happening.does
        if does == "status":
            new = self._status(happening.value)
            details.append(_detail("attr", "status_id", str(issue["status"]["id"]), str(new["id"])))
            issue["status"] = new
        elif does == "assign":
            old = issue.get("assigned_to")
            details.append(_detail("attr", "assigned_to_id", str(old["id"]) if old else None, happening.value or None))
            issue["assigned_to"] = _person(happening.value) if happening.value else None
        elif does == "merge":
            details.append(_detail("relation", "duplicates", None, happening.value))
        else:
            notes = happening.value
        return {
            "id": self._journals, "user": _person(happening.who), "notes": notes, "created_on": at,
            "private_notes": does == "note", "details": details,
        }  # fmt: skip

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "In Progress")
        self.issues[ticket]["updated_on"] = iso(at)

    def rename_status(self, old: str, new: str) -> None:
        (number,) = (number for number, name in self.statuses.items() if name == old)
        self.statuses[number] = new
        for issue in self.issues.values():
            if str(issue["status"]["id"]) == number:
                issue["status"]["name"] = new

    def _status(self, name: str) -> dict[str, Any]:
        return next({"id": int(number), "name": name} for number, known in self.statuses.items() if known == name)

    def routes(self, app: Flask) -> None:
        def listed(key: str, rows: list[dict[str, Any]]) -> Response:
            return answer(
                {key: [{**row, **self.extra} for row in rows], "total_count": len(rows), "offset": 0, "limit": 100}
            )

        app.add_url_rule(
            "/users/current.json", "me", lambda: answer({"user": {"id": 1, "login": "ana", "firstname": "Ana"}})
        )
        app.add_url_rule(
            "/issue_statuses.json",
            "statuses",
            lambda: answer(
                {
                    "issue_statuses": [
                        {"id": int(number), "name": name, "is_closed": name == "Closed"}
                        for number, name in self.statuses.items()
                    ]
                }
            ),
        )
        app.add_url_rule("/projects.json", "projects", lambda: listed("projects", [{"id": 1, "name": "Repairs"}]))
        app.add_url_rule("/trackers.json", "trackers", lambda: answer({"trackers": [{"id": 3, "name": "Support"}]}))
        app.add_url_rule(
            "/enumerations/issue_priorities.json",
            "priorities",
            lambda: answer({"issue_priorities": [{"id": 2, "name": "Normal"}]}),
        )
        app.add_url_rule("/projects/1/issue_categories.json", "categories", lambda: listed("issue_categories", []))
        app.add_url_rule("/roles.json", "roles", lambda: answer({"roles": [{"id": 4, "name": "Agent"}]}))
        app.add_url_rule(
            "/roles/4.json",
            "role",
            lambda: answer({"role": {"id": 4, "name": "Agent", "permissions": ["edit_issues"]}}),
        )
        app.add_url_rule(
            "/projects/1/memberships.json",
            "members",
            lambda: listed(
                "memberships",
                [{"id": int(n), "user": _person(n), "roles": [{"id": 4, "name": "Agent"}]} for n in ("1", "2")],
            ),
        )
        app.add_url_rule("/users.json", "users", lambda: Response(status=403))
        app.add_url_rule("/custom_fields.json", "custom", lambda: Response(status=403))
        app.add_url_rule("/issues.json", "issues", self._issues)
        app.add_url_rule("/issues/<number>.json", "issue", self._issue, methods=["GET", "PUT"])

    def _issues(self) -> Response:
        given = request.args
        rows = sorted(self.issues.values(), key=lambda issue: (issue["updated_on"], issue["id"]))
        if since := given.get("updated_on"):
            rows = [issue for issue in rows if issue["updated_on"] >= since.removeprefix(">=")]
        if numbers := given.get("issue_id"):
            rows = [issue for issue in rows if str(issue["id"]) in numbers.split(",")]
        offset, limit = int(given.get("offset", 0)), min(self.page, int(given.get("limit", 25)))
        shown = [{name: value for name, value in issue.items() if name != "journals"} | self.extra for issue in rows]
        return answer(
            {"issues": shown[offset : offset + limit], "total_count": len(rows), "offset": offset, "limit": limit}
        )

    def _issue(self, number: str) -> Response:
        if number not in self.issues:
            return Response(status=404)
        return answer({"issue": {**self.issues[number], **self.extra}})


def _person(number: str) -> dict[str, Any]:
    return {"id": int(number), "name": PEOPLE.get(number, f"Person {number}")}


def _detail(prop: str, name: str, old: str | None, new: str | None) -> dict[str, Any]:
    return {"property": prop, "name": name, "old_value": old, "new_value": new}
