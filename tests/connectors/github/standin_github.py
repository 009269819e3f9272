"""GitHub's REST interface for the issues of one repository, as https://docs.github.com/en/rest/issues documents it:
at most 100 rows a page, pull requests among the issues, timelines that only come by issue.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

from unstuck.clock import iso

PEOPLE = {"1": "ana", "2": "bo", "9": "cy"}
REPOSITORY = "acme/desk"


class GitHubStandIn(StandIn):
    system: ClassVar[str] = "github"
    page: ClassVar[int] = 100
    words: ClassVar[Mapping[str, str]] = {
        "new": "open", "open": "in progress", "resolved": "closed", "ana": "1", "bo": "2",
    }  # fmt: skip
    has_notes: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Any]] = {"repository": REPOSITORY}

    def __post_init__(self) -> None:
        self.labels = {"11": "status: in progress", "12": "team: Repairs", "13": "priority: high", "14": "bug"}
        self.issues: dict[str, dict[str, Any]] = {}
        self.timelines: dict[str, list[dict[str, Any]]] = {}
        self._last = 100

    def is_known(self) -> bool:
        assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    # --- what happens

    def take(self, happening: Happening) -> None:
        at, number = iso(happening.at), happening.ticket
        if happening.does == "create":
            self.issues[number] = self._issue(int(number), happening.value, at)
            self.timelines[number] = []
            return
        if happening.does == "delete":
            del self.issues[number], self.timelines[number]
            return
        issue = self.issues[number]
        issue["updated_at"] = max(issue["updated_at"], at)
        getattr(self, f"_{happening.does}")(issue, happening, at)

    def _issue(self, number: int, title: str, at: str) -> dict[str, Any]:
        web = f"https://github.com/{REPOSITORY}/issues/{number}"
        return {
            "id": 900_000 + number, "number": number, "html_url": web, "title": title, "user": person("9"),
            "labels": [self._label("team: Repairs")], "state": "open", "state_reason": None, "assignees": [],
            "comments": 0, "created_at": at, "updated_at": at, "closed_at": None, "author_association": "NONE",
            "body": "It does not work.",
        }  # fmt: skip

    def _tell(self, issue: dict[str, Any], event: str, at: str, who: str, **more: Any) -> None:
        self._last += 1
        row = {"id": self._last, "event": event, "created_at": at, "actor": person(who), **more}
        self.timelines[str(issue["number"])].append(row)

    def _assign(self, issue: dict[str, Any], happening: Happening, at: str) -> None:
        if happening.value:
            self._tell(issue, "assigned", at, happening.who, assignee=person(happening.value))
        for one in issue["assignees"]:
            self._tell(issue, "unassigned", at, happening.who, assignee=one)
        issue["assignees"] = [person(happening.value)] if happening.value else []

    def _status(self, issue: dict[str, Any], happening: Happening, at: str) -> None:
        if happening.value in ("closed", "duplicate"):
            reason = "completed" if happening.value == "closed" else "duplicate"
            issue["state"], issue["state_reason"], issue["closed_at"] = "closed", reason, at
            self._tell(issue, "closed", at, happening.who, state_reason=reason)
            return
        label = self._label(f"status: {happening.value}")
        if label not in issue["labels"]:
            issue["labels"].append(label)
            shown = {"name": label["name"], "color": label["color"]}
            self._tell(issue, "labeled", at, happening.who, label=shown)
        if issue["state"] == "closed":
            issue["state"], issue["state_reason"], issue["closed_at"] = "open", "reopened", None
            self._tell(issue, "reopened", at, happening.who, state_reason=None)

    def _reply(self, issue: dict[str, Any], happening: Happening, at: str) -> None:
        issue["comments"] += 1
        author = "NONE" if happening.who == "9" else "MEMBER"
        self._tell(
            issue, "commented", at, happening.who, body=happening.value, user=person(happening.who), updated_at=at,
            author_association=author,
        )  # fmt: skip

    _note = _reply

    def _merge(self, issue: dict[str, Any], happening: Happening, at: str) -> None:
        said = Happening(happening.ticket, happening.at, "reply", f"Duplicate of #{happening.value}", happening.who)
        self._reply(issue, said, at)
        self._tell(issue, "marked_as_duplicate", at, happening.who)
        self._status(issue, Happening(happening.ticket, happening.at, "status", "duplicate"), at)

    def happen_late(self, ticket: str, at: Any) -> None:
        self.happen(ticket, at, "status", "in progress")
        self.issues[ticket]["updated_at"] = iso(at)

    def rename_status(self, old: str, new: str) -> None:
        (number,) = (number for number, name in self.labels.items() if name == f"status: {old}")
        self.labels[number] = f"status: {new}"
        for issue in self.issues.values():
            for label in issue["labels"]:
                label["name"] = self.labels[str(label["id"])]

    def _label(self, name: str) -> dict[str, Any]:
        return next({"id": int(n), "name": one, "color": "ededed"} for n, one in self.labels.items() if one == name)

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
        return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": f"72d3162e-{int(at.timestamp())}"}

    # --- what is answered

    def routes(self, app: Flask) -> None:
        repo = f"/repos/{REPOSITORY}"
        app.add_url_rule("/user", "me", lambda: answer(person("1")))
        app.add_url_rule("/user/<number>", "user", self._user)
        app.add_url_rule("/search/issues", "search", lambda: answer({"total_count": len(self.issues), "items": []}))
        app.add_url_rule(
            f"{repo}/labels", "labels", lambda: self._paged([self._label(n) for n in self.labels.values()])
        )
        app.add_url_rule(f"{repo}/assignees", "assignees", lambda: self._paged([person("1"), person("2")]))
        app.add_url_rule(f"{repo}/issues", "issues", self._listed)
        app.add_url_rule(f"{repo}/issues/<number>", "issue", self._one, methods=["GET", "PATCH"])
        app.add_url_rule(f"{repo}/issues/<number>/timeline", "timeline", self._timeline)
        app.add_url_rule(f"{repo}/issues/<number>/comments", "comments", self._comments, methods=["GET", "POST"])

    def _user(self, number: str) -> Response:
        return answer(person(number)) if number in PEOPLE else Response("{}", 404, content_type="application/json")

    def _paged(self, rows: list[dict[str, Any]]) -> Response:
        size = min(self.page, int(request.args.get("per_page", 30)))
        first = (int(request.args.get("page", 1)) - 1) * size
        return answer([{**row, **self.extra} for row in rows[first : first + size]])

    def _listed(self) -> Response:
        assert request.args["state"] == "all"
        order = {"updated": "updated_at", "created": "created_at"}[request.args["sort"]]
        pull = {**self._issue(4711, "A pull request", "2020-01-01T00:00:00Z"), "pull_request": {"url": "x"}}
        rows = sorted([pull, *self.issues.values()], key=lambda row: (row[order], row["number"]))
        return self._paged([row for row in rows if row["updated_at"] >= request.args.get("since", "")])

    def _one(self, number: str) -> Response:
        if number not in self.issues:
            return Response('{"message": "This issue was deleted"}', 410, content_type="application/json")
        issue = self.issues[number]
        if request.method == "PATCH":
            self._patch(issue, request.get_json())
        return answer({**issue, **self.extra})

    def _patch(self, issue: dict[str, Any], given: dict[str, Any]) -> None:
        if "assignees" in given:
            numbers = {login: number for number, login in PEOPLE.items()}
            # Those who may not be assigned are passed over.
            issue["assignees"] = [person(numbers[login]) for login in given["assignees"] if login in ("ana", "bo")]
        if "labels" in given:
            issue["labels"] = [self._label(name) for name in given["labels"]]
        issue.update({name: given[name] for name in ("state", "state_reason") if name in given})

    def _timeline(self, number: str) -> Response:
        if number not in self.timelines:
            return Response('{"message": "This issue was deleted"}', 410, content_type="application/json")
        return self._paged(self.timelines[number])

    def _comments(self, number: str) -> Response:
        if request.method == "POST":
            self.happen(number, self.happened[-1].at, "reply", request.get_json()["body"])
            return Response("{}", 201, content_type="application/json")
        return self._paged([row for row in self.timelines[number] if row["event"] == "commented"])


def person(number: str) -> dict[str, Any]:
    return {"id": int(number), "login": PEOPLE[number], "type": "User"}
