"""Jira Service Management in Atlassian's cloud, by its platform interface, version 2 (texts as text).

Issues are found by when they were last updated; their change histories come for many at once. The values an issue was
created with are what holds now, with its history taken back. Deleted issues leave no trace.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import httpx

from unstuck.connectors import (
    Action,
    ActionKind,
    Capabilities,
    Connection,
    Description,
    Page,
    Signature,
    Since,
    StatusRecord,
    Tickets,
    Written,
)
from unstuck.connectors.http import Http, rows_of
from unstuck.connectors.updates import cursor_at, moment, start_of
from unstuck.connectors.words import say_once, set_once
from unstuck.errors import NotThere, Refused, UsageError
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Issues and comments asked for at once.
LISTED = 100
_FIELDS = (
    "summary", "description", "status", "assignee", "priority", "issuetype", "project", "reporter", "created", "updated",
    "comment", "issuelinks",
)  # fmt: skip
#: Fields that a history tells by their names, as ours.
_BY_NAME = {"priority": "priority", "issuetype": "type", "summary": "title", "description": "description"}
#: Fields that it tells by their numbers.
_BY_ID = {"assignee": "assignee", "reporter": "customer", "project": "project"}
#: What a status's category says of it; in progress may be anybody's turn, which only its name says.
_CATEGORIES = {"new": StageClass.NEW, "done": StageClass.CLOSED}
_NAMED = {
    "waiting for customer": StageClass.WAIT_CUSTOMER,
    "pending": StageClass.WAIT_INTERNAL,
    "escalated": StageClass.WAIT_INTERNAL,
    "waiting for support": StageClass.ACTIVE,
    "in progress": StageClass.ACTIVE,
}
_KINDS = {"customer": "customer", "app": "bot"}
#: Types of the two fields in which Jira keeps what the customer thought of it.
_SCORE, _SCORE_AT = (
    "com.atlassian.servicedesk:sd-request-feedback",
    "com.atlassian.servicedesk:sd-request-feedback-date",
)
_DUPLICATES = "This issue duplicates "

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class Jira:
    """One Jira site. Options: `projects` (keys; every service project unless given), `team` (`project`, or the name of
    a field), `fields` (names of further fields to keep).
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="Jira Service Management",
        deletes="swept",
        writes=frozenset(ActionKind),
        asks_user=True,
        signature=Signature("X-Hub-Signature", "sha256=", delivery="X-Atlassian-Webhook-Identifier"),
    )

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        # An API token goes with its user's address; without one it is an OAuth token.
        auth = (connection.user, token) if connection.user else None
        self._http = Http(connection, {} if auth else {"Authorization": f"Bearer {token}"}, transport, auth=auth)
        self._web = connection.url.rstrip("/")
        options = connection.options
        projects = options.get("projects", [])
        self._projects: list[str] = [projects] if isinstance(projects, str) else list(projects)
        self._team = str(options.get("team", "project"))
        fields = options.get("fields", [])
        self._wanted = {*([fields] if isinstance(fields, str) else fields), *({self._team} - {"project"})}

    # --- describe

    def describe(self) -> Description:
        me = self._http.get("rest/api/2/myself")
        if unknown := sorted(self._wanted - set(self._custom.values())):
            raise UsageError("connector_bad_option", option=unknown[0], known=", ".join(sorted(self._named_fields)))
        return Description(
            account=str(me.get("displayName") or me["accountId"]),
            statuses=[_status(row) for row in self._known_statuses],
            teams=list(self._teams.values()) if self._team == "project" else [],
        )

    @cached_property
    def _known_statuses(self) -> list[_Row]:
        return rows_of(self._http.get("rest/api/2/status"))

    @cached_property
    def _status_names(self) -> dict[str, str]:
        return {str(row["id"]): str(row["name"]) for row in self._known_statuses}

    @cached_property
    def _teams(self) -> dict[str, TeamRecord]:
        """Projects by number."""
        found: dict[str, TeamRecord] = {}
        while True:
            answer = self._http.get("rest/api/2/project/search", startAt=len(found), maxResults=50)
            found |= {str(row["id"]): TeamRecord(str(row["id"]), str(row["name"])) for row in rows_of(answer, "values")}
            if answer.get("isLast", True):
                return found

    @cached_property
    def _named_fields(self) -> dict[str, _Row]:
        return {str(row["name"]): row for row in rows_of(self._http.get("rest/api/2/field"))}

    @cached_property
    def _custom(self) -> dict[str, str]:
        """Further fields that are kept: id to name."""
        return {str(row["id"]): name for name, row in self._named_fields.items() if name in self._wanted}

    @cached_property
    def _score_fields(self) -> tuple[str, str] | None:
        """Fields with the customer's score, and when it was given; `None` where there are none."""
        of_type = {(row.get("schema") or {}).get("custom"): str(row["id"]) for row in self._named_fields.values()}
        return (of_type[_SCORE], of_type[_SCORE_AT]) if {_SCORE, _SCORE_AT} <= of_type.keys() else None

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        # Nobody would be answered with an empty list.
        self._http.get("rest/api/2/myself")
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        since, known = start_of(cursor)
        scope = (
            f"project in ({', '.join(map(_quoted, self._projects))})"
            if self._projects
            else "projectType = service_desk"
        )
        jql = f"{scope} AND updated >= {int(since.timestamp() * 1000)} ORDER BY updated ASC, id ASC"
        done, token = since, None
        while True:
            found = self._search(jql, token)
            rows = rows_of(found, "issues")
            done = max([done, *(moment(row["fields"]["updated"]) for row in rows)])
            fresh = [row for row in rows if moment(row["fields"]["updated"]) != known]
            token = found.get("nextPageToken")
            yield self._page(fresh, cursor_at(done, self._http.server_time), left=None if token else 0)
            if not token:
                return

    @cached_property
    def _fields(self) -> list[str]:
        return [*_FIELDS, *self._custom, *(self._score_fields or ())]

    def _search(self, jql: str, token: str | None = None) -> Any:
        asked = {
            "jql": jql,
            "fields": self._fields,
            "maxResults": LISTED,
            **({"nextPageToken": token} if token else {}),
        }
        return self._http.read("POST", "rest/api/2/search/jql", json=asked)

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = list(tickets.ids[first : first + LISTED])
            found = self._http.read(
                "POST", "rest/api/2/issue/bulkfetch", json={"issueIdsOrKeys": ids, "fields": self._fields}
            )
            rows = {str(row["id"]): row for row in rows_of(found, "issues")}
            standing = {ticket: self._now(rows[ticket]) if ticket in rows else None for ticket in ids}
            page = self._page(list(rows.values()) if tickets.whole else [], None, len(tickets.ids) - first - len(ids))
            yield replace(page, standing=standing, rows=len(ids))

    def _page(self, issues: Sequence[_Row], cursor: str | None, left: int | None) -> Page:
        histories = self._histories([str(issue["id"]) for issue in issues])
        people: dict[str, PersonRecord] = {}
        changes = [
            change for issue in issues for change in self._told(issue, histories[str(issue["id"])], people)
        ]  # fmt: skip
        return Page(changes, cursor, list(people.values()), left=left, rows=len(issues))

    def _histories(self, issues: list[str]) -> dict[str, list[_Row]]:
        """The change histories of issues, oldest first."""
        found: dict[str, list[_Row]] = defaultdict(list)
        asked: dict[str, Any] = {"issueIdsOrKeys": issues, "maxResults": 1000}
        while issues:
            answer = self._http.read("POST", "rest/api/2/changelog/bulkfetch", json=asked)
            for one in rows_of(answer, "issueChangeLogs"):
                found[str(one["issueId"])] += one["changeHistories"]
            if not answer.get("nextPageToken"):
                break
            asked["nextPageToken"] = answer["nextPageToken"]
        return defaultdict(list, {issue: sorted(rows, key=_when) for issue, rows in found.items()})

    def _comments(self, issue: _Row) -> list[_Row]:
        """All comments of an issue; only the first ones come with it."""
        shown = issue["fields"].get("comment") or {}
        rows = list(shown.get("comments") or [])
        while len(rows) < int(shown.get("total", 0)):
            path = f"rest/api/2/issue/{int(issue['id'])}/comment"
            more = rows_of(self._http.get(path, startAt=len(rows), maxResults=LISTED, orderBy="created"), "comments")
            if not more:
                break
            rows += more
        return rows

    # --- one issue as its changes

    def _told(self, issue: _Row, history: list[_Row], people: dict[str, PersonRecord]) -> Iterator[TicketChange]:
        ticket, created = str(issue["id"]), moment(issue["fields"]["created"])
        reporter = _met(issue["fields"].get("reporter"), people)
        _met(issue["fields"].get("assignee"), people)
        first = self._now(issue)
        for row in reversed(history):
            first |= self._set_by(row, "from")
        key, url = str(issue["key"]), f"{self._web}/browse/{issue['key']}"
        yield TicketChange(
            ticket, f"{ticket}:created", created, ChangeKind.CREATED, reporter,
            {**first, "customer": first.get("customer") or reporter, "number": key, "url": url},
        )  # fmt: skip
        for row in history:
            yield from self._history(ticket, row, people)
        for row in self._comments(issue):
            author = _met(row.get("author"), people)
            # What does not say that customers see it is between agents.
            said = Message(str(row.get("body") or ""), _author_kind(row, reporter), public=row.get("jsdPublic") is True)
            number = str(row["id"])
            yield TicketChange(
                ticket, f"{ticket}:comment:{number}", moment(row["created"]), ChangeKind.MESSAGE, author, message=said,
                order=_order(number),
            )  # fmt: skip
        yield from self._feedback(issue, reporter)

    def _history(self, ticket: str, row: _Row, people: dict[str, PersonRecord]) -> Iterator[TicketChange]:
        number, actor = str(row["id"]), _met(row.get("author"), people)
        values = self._set_by(row, "to")
        base = TicketChange(
            ticket, f"{ticket}:history:{number}", _when(row), ChangeKind.UPDATED, actor, values, order=_order(number)
        )
        merges = [into for item in row["items"] if (into := self._merge_of(item)) is not None]
        by_itself = bool(actor) and people[str(actor)].kind == "bot"
        if values or not (merges or by_itself):
            yield base
        for into in merges:
            kind = ChangeKind.MERGED if into else ChangeKind.RESTORED
            yield replace(base, change_id=f"{base.change_id}:merge", kind=kind, values={}, merged_into=into or None)

    def _merge_of(self, item: _Row) -> str | None:
        """The issue that a link says this one repeats; empty when it does not any more; `None`: it says neither."""
        if item["field"] != "Link":
            return None
        if str(item.get("toString") or "").startswith(_DUPLICATES):
            return self._number_of(str(item["to"]))
        return "" if str(item.get("fromString") or "").startswith(_DUPLICATES) else None

    def _number_of(self, key: str) -> str | None:
        try:
            return str(self._http.get(f"rest/api/2/issue/{quote(key, safe='')}", fields="status")["id"])
        except NotThere:
            return None

    def _feedback(self, issue: _Row, reporter: str | None) -> Iterator[TicketChange]:
        if self._score_fields is None:
            return
        score, at = (issue["fields"].get(field) for field in self._score_fields)
        rating = score.get("rating") if isinstance(score, dict) else None
        if rating is None or not at:
            return
        given, ticket = moment(at), str(issue["id"])
        yield TicketChange(
            ticket, f"{ticket}:rating:{int(given.timestamp())}", given, ChangeKind.FEEDBACK, reporter,
            feedback=Feedback(float(rating)),
        )  # fmt: skip

    def _now(self, issue: _Row) -> _Values:
        """An issue's values as it stands."""
        fields = issue["fields"]
        status = fields["status"]
        values: _Values = {
            "status": self._status_names.get(str(status["id"]), str(status["name"])),
            "assignee": _account(fields.get("assignee")),
            "customer": _account(fields.get("reporter")),
            "priority": _text(fields.get("priority")),
            "type": _text(fields.get("issuetype")),
            "title": _text(fields.get("summary")),
            "description": _text(fields.get("description")),
            "project": str(fields["project"]["id"]),
        }
        values |= {name: _text(fields.get(field)) for field, name in self._custom.items()}
        return self._with_team(values)

    def _set_by(self, row: _Row, which: Literal["from", "to"]) -> _Values:
        """What a change set, or what held before it."""
        values: _Values = {}
        for item in row["items"]:
            field, number, text = str(item["field"]), item.get(which), item.get(f"{which}String")
            if field == "status":
                values["status"] = self._status_names.get(str(number), _text(text))
            elif field in _BY_ID:
                values[_BY_ID[field]] = _text(number)
            elif field in _BY_NAME:
                values[_BY_NAME[field]] = _text(text)
            elif field in self._wanted:
                values[field] = _text(text)
        return self._with_team(values)

    def _with_team(self, values: _Values) -> _Values:
        if self._team in values:
            values["team"] = values[self._team]
        if "project" in values:
            project = values.pop("project")
            if self._team != "project":
                known = self._teams.get(project or "")
                values["product"] = known.name if known else project
        return values

    # --- write

    def write(self, action: Action) -> Written:
        issue = f"rest/api/2/issue/{int(action.ticket)}"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            public = action.kind is ActionKind.REPLY
            path = f"rest/servicedeskapi/request/{int(action.ticket)}/comment"
            return say_once(
                action, lambda mark: self._is_said(issue, mark),
                lambda text: self._http.write("POST", path, {"body": text, "public": public}),
            )  # fmt: skip
        if action.kind is ActionKind.ASSIGN:
            wanted = {"accountId": action.value or None}
            return set_once(
                action.value, lambda: self._has(issue, "assignee"),
                lambda: self._http.write("PUT", f"{issue}/assignee", wanted),
            )  # fmt: skip
        return set_once(action.value, lambda: self._has(issue, "status"), lambda: self._move(issue, action.value))

    def _move(self, issue: str, status: str) -> None:
        rows = rows_of(self._http.get(f"{issue}/transitions"), "transitions")
        ways = [str(row["id"]) for row in rows if str(row["to"]["name"]) == status]
        if not ways:
            raise Refused("the workflow has no step to that status from here")
        self._http.write("POST", f"{issue}/transitions", {"transition": {"id": ways[0]}})

    def _has(self, issue: str, name: str) -> str:
        return self._now(self._http.get(issue, fields=",".join(self._fields)))[name] or ""

    def _is_said(self, issue: str, mark: str) -> bool:
        newest = self._http.get(f"{issue}/comment", orderBy="-created", maxResults=LISTED)
        return any(mark in str(row.get("body") or "") for row in rows_of(newest, "comments"))


def _status(row: _Row) -> StatusRecord:
    category = str((row.get("statusCategory") or {}).get("key"))
    named = _NAMED.get(str(row["name"]).casefold())
    meant = named or _CATEGORIES.get(category)
    return StatusRecord(str(row["id"]), str(row["name"]), meant, certain=named is None or named is StageClass.ACTIVE)


def _met(user: _Row | None, people: dict[str, PersonRecord]) -> str | None:
    """The account of a user whom an issue mentions, and who that is."""
    account = _account(user)
    if user and account:
        kind = _KINDS.get(str(user.get("accountType")), "unknown")
        name, mail = str(user.get("displayName") or account), user.get("emailAddress") or None
        people[account] = PersonRecord(account, name, kind, mail, active=bool(user.get("active", True)))
    return account


def _author_kind(comment: _Row, reporter: str | None) -> str:
    author = comment.get("author") or {}
    known = _KINDS.get(str(author.get("accountType")))
    # Colleagues who ask have the same kind of account as those who answer.
    return known or ("customer" if reporter and _account(author) == reporter else "agent")


def _account(user: _Row | None) -> str | None:
    return str(user["accountId"]) if user else None


def _when(row: _Row) -> datetime:
    """When a history was written: a text, or milliseconds where many are asked for at once."""
    return moment(row["created"])


def _order(number: str) -> int:
    return int(number) % 2**31 if number.isdigit() else 1


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value))) or None
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("value") or value.get("displayName"))
    return None if value in (None, "") else str(value)
