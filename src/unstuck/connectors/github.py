"""GitHub Issues of one repository, by its REST interface.

Issues are listed by when they were last updated; what happened to each is its timeline. The values an issue was
created with are what holds now, with the timeline taken back. GitHub knows open and closed only: teams, priorities
and finer statuses are labels that begin with a word of the desk's choice.

https://docs.github.com/en/rest/issues
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import httpx

from unstuck.clock import iso
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
from unstuck.connectors.updates import by_update, moment
from unstuck.connectors.words import say_once, set_once
from unstuck.errors import Forbidden, NotThere, Refused, UsageError
from unstuck.tickets.changes import ChangeKind, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: GitHub's own limit.
PER_PAGE = 100
#: Issues listed at once. Each timeline is then asked for by itself, so a page takes a while.
LISTED = 30
_AGENTS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_DUPLICATE = re.compile(r"duplicate of\s+(?:#|\S+/issues/)(\d+)", re.IGNORECASE)
#: Why an issue was closed, to our status; anything else is plainly `closed`.
_REASONS = {"not_planned": "not planned", "duplicate": "duplicate"}
_STATUSES = (
    StatusRecord("open", "open", StageClass.NEW, certain=False),
    StatusRecord("closed", "closed", StageClass.SOLVED),
    StatusRecord("not_planned", "not planned", StageClass.CLOSED),
    StatusRecord("duplicate", "duplicate", StageClass.DROPPED),
)
#: What of a timeline somebody did to the issue; the rest is about mail and mentions.
_ACTIVITY = frozenset({
    "assigned", "unassigned", "closed", "reopened", "labeled", "unlabeled", "renamed", "commented",
    "marked_as_duplicate", "unmarked_as_duplicate", "milestoned", "demilestoned", "locked", "unlocked",
})  # fmt: skip

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _State:
    """What timeline events change of an issue."""

    #: `None` while it is open; otherwise why it is closed.
    closed_as: str | None
    labels: tuple[str, ...]
    #: In the order of their assignment: the first one is ours.
    assignees: tuple[str, ...]
    title: str


class GitHub:
    """The issues of one repository. Options: `repository` (`owner/name`, unless the URL names it), and what labels
    begin with that say something: `status_label` (`status:`), `team_label` (`team:`), `priority_label` (`priority:`).
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="GitHub Issues", deletes="swept",
        # All comments are public.
        writes=frozenset({ActionKind.REPLY, ActionKind.ASSIGN, ActionKind.STATUS}),
        signature=Signature("X-Hub-Signature-256", "sha256=", delivery="X-GitHub-Delivery"),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        asked, repository = _at_api(connection)
        owner, _, name = repository.partition("/")
        if not owner or not name or "/" in name:
            raise UsageError("connector_bad_option", option="repository", known="owner/name")
        self._repo = f"repos/{quote(owner, safe='')}/{quote(name, safe='')}"
        self._issues = f"{self._repo}/issues"
        self._search = f"repo:{owner}/{name} type:issue"
        headers = {
            "Authorization": f"Bearer {connection.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._http = Http(asked, headers, transport)
        options = connection.options
        #: Our field to what its labels begin with.
        self._prefixes = {
            name: str(options.get(f"{name}_label", f"{name}:")) for name in ("status", "team", "priority")
        }

    # --- describe

    def describe(self) -> Description:
        labels = list(self._all(f"{self._repo}/labels"))
        named = {str(row["id"]): self._named("status", str(row["name"])) for row in labels}
        teams = sorted({team for row in labels if (team := self._named("team", str(row["name"])))})
        return Description(
            account=self._account(),
            statuses=[*_STATUSES, *(StatusRecord(number, name) for number, name in named.items() if name)],
            teams=[TeamRecord(team, team) for team in teams],
            people=[_person(row, "agent") for row in self._all(f"{self._repo}/assignees")],
            tickets=int(self._http.get("search/issues", q=self._search, per_page=1)["total_count"]),
        )

    def _account(self) -> str:
        try:
            return str(self._http.get("user")["login"])
        except Forbidden:
            # An app's token is nobody's.
            return ""

    def _named(self, field: str, label: str) -> str | None:
        """What a label says about a field; `None`: it says nothing about it."""
        prefix = self._prefixes[field]
        told = label.casefold().startswith(prefix.casefold()) and prefix
        return label[len(prefix) :].strip() or None if told else None

    def _all(self, path: str, **params: Any) -> Iterator[_Row]:
        page = 1
        while True:
            rows = rows_of(self._http.get(path, per_page=PER_PAGE, page=page, **params))
            yield from rows
            if len(rows) < PER_PAGE:
                return
            page += 1

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        def ask(since: datetime, offset: int) -> Sequence[_Row]:
            given = {"state": "all", "sort": "updated", "direction": "asc", "since": iso(since)}
            return rows_of(self._http.get(self._issues, per_page=LISTED, page=offset // LISTED + 1, **given))

        for rows, after, is_last in by_update(ask, _updated_at, LISTED, cursor, lambda: self._http.server_time):
            issues = [row for row in rows if "pull_request" not in row]
            yield self._page(issues, after, 0 if is_last else None)

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), PER_PAGE):
            ids = tickets.ids[first : first + PER_PAGE]
            found = self._standing(ids, is_all=len(tickets.ids) > PER_PAGE)
            left = len(tickets.ids) - first - len(ids)
            page = self._page(list(found.values()) if tickets.whole else [], None, left)
            standing = {ticket: self._values(_state(found[ticket])) if ticket in found else None for ticket in ids}
            yield replace(page, standing=standing, rows=len(ids))

    def _standing(self, ids: Sequence[str], *, is_all: bool) -> dict[str, _Row]:
        if is_all:
            listed = self._listed_by_number
            return {ticket: listed[ticket] for ticket in ids if ticket in listed}
        return {ticket: row for ticket in ids if (row := self._issue(ticket))}

    @cached_property
    def _listed_by_number(self) -> dict[str, _Row]:
        """All issues: a request for each hundred, where one for each issue would use up the hour's."""
        rows = self._all(self._issues, state="all", sort="created", direction="asc")
        return {str(row["number"]): row for row in rows if "pull_request" not in row}

    def _issue(self, number: str) -> _Row | None:
        try:
            row: _Row = self._http.get(f"{self._issues}/{int(number)}")
        except NotThere:
            return None
        # One that was moved to another repository answers from there.
        return row if str(row.get("number")) == number else None

    def _page(self, issues: Sequence[_Row], cursor: str | None, left: int | None) -> Page:
        people: dict[str, PersonRecord] = {}
        changes: list[TicketChange] = []
        for issue in issues:
            try:
                timeline = list(self._all(f"{self._issues}/{issue['number']}/timeline"))
            except NotThere:
                # Deleted since it was listed.
                continue
            changes += self._history(issue, timeline)
            people |= _people(issue, timeline)
        teams = sorted({team for change in changes if (team := change.values.get("team"))})
        return Page(
            changes, cursor, list(people.values()), [TeamRecord(team, team) for team in teams],
            left=left, rows=len(issues),
        )  # fmt: skip

    # --- one issue as its changes

    def _history(self, issue: _Row, timeline: Sequence[_Row]) -> Iterator[TicketChange]:
        events = [event for event in timeline if event.get("event") in _ACTIVITY]
        state = _state(issue)
        for event in reversed(events):
            state = _before(state, event)
        number, author = str(issue["number"]), issue.get("user") or {}
        created = TicketChange(
            number, f"issue:{issue['id']}:created", moment(issue["created_at"]), ChangeKind.CREATED,
            actor=_id(author), values={
                **self._values(state), "customer": _id(author), "description": issue.get("body") or None,
                "url": str(issue["html_url"]),
            },
        )  # fmt: skip
        yield created
        into: str | None = None
        for order, event in enumerate(events, start=1):
            after = _after(state, event)
            was, values = self._values(state), self._values(after)
            changed = {name: value for name, value in values.items() if value != was[name]}
            state = after
            if found := _DUPLICATE.search(str(event.get("body") or "")):
                into = found[1]
            yield _told(replace(created, kind=ChangeKind.UPDATED, values=changed, order=order), event, into)

    def _values(self, state: _State) -> _Values:
        said = {name: [told for label in state.labels if (told := self._named(name, label))] for name in self._prefixes}
        plain = [label for label in state.labels if not any(self._named(name, label) for name in self._prefixes)]
        return {
            "status": state.closed_as or next(iter(said["status"]), "open"),
            "team": next(iter(said["team"]), None),
            "priority": next(iter(said["priority"]), None),
            "assignee": next(iter(state.assignees), None),
            "title": state.title,
            "tags": ", ".join(plain) or None,
        }

    # --- write

    def write(self, action: Action) -> Written:
        path = f"{self._issues}/{int(action.ticket)}"
        if action.kind is ActionKind.REPLY:
            return self._say(path, action)
        if action.kind not in self.capabilities.writes:
            raise Refused("GitHub has no internal notes: everything on an issue is public")
        field = "assignee" if action.kind is ActionKind.ASSIGN else "status"
        # Somebody who may not be assigned is passed over without a word.
        return set_once(
            action.value,
            lambda: self._values(_state(self._http.get(path)))[field] or "",
            lambda: self._http.write("PATCH", path, self._wanted(self._http.get(path), action)),
        )

    def _wanted(self, issue: _Row, action: Action) -> dict[str, Any]:
        if action.kind is ActionKind.ASSIGN:
            logins = [str(self._http.get(f"user/{int(action.value)}")["login"])] if action.value else []
            return {"assignees": logins}
        others = [name for name in _state(issue).labels if self._named("status", name) is None]
        for status in _STATUSES[1:]:
            if status.name == action.value:
                reason = "completed" if status.id == "closed" else status.id
                return {"state": "closed", "state_reason": reason}
        if action.value == "open":
            return {"state": "open", "labels": others}
        for row in self._all(f"{self._repo}/labels"):
            if self._named("status", str(row["name"])) == action.value:
                return {"state": "open", "labels": [*others, str(row["name"])]}
        raise Refused("there is no such status")

    def _say(self, path: str, action: Action) -> Written:
        def is_said(mark: str) -> bool:
            return any(mark in str(row.get("body") or "") for row in self._all(f"{path}/comments"))

        return say_once(action, is_said, lambda text: self._http.write("POST", f"{path}/comments", {"body": text}))


def _at_api(connection: Connection) -> tuple[Connection, str]:
    """Where the interface is, and which repository: the address of its page says both."""
    parts = urlsplit(connection.url if "//" in connection.url else f"https://{connection.url}")
    repository = str(connection.options.get("repository", ""))
    if parts.hostname in ("github.com", "www.github.com"):
        return replace(connection, url="https://api.github.com"), repository or parts.path.strip("/")
    return connection, repository


def _state(issue: _Row) -> _State:
    labels = (label["name"] if isinstance(label, dict) else label for label in issue.get("labels") or [])
    reason = str(issue.get("state_reason") or "")
    return _State(
        _REASONS.get(reason, "closed") if issue["state"] == "closed" else None,
        tuple(sorted(map(str, labels))),
        tuple(str(user["id"]) for user in issue.get("assignees") or []),
        str(issue.get("title") or ""),
    )


def _after(state: _State, event: _Row) -> _State:
    """What an event makes of an issue."""
    match event["event"]:
        case "closed":
            return replace(state, closed_as=_REASONS.get(str(event.get("state_reason") or ""), "closed"))
        case "reopened":
            return replace(state, closed_as=None)
        case "labeled":
            return replace(state, labels=tuple(sorted({*state.labels, str(event["label"]["name"])})))
        case "unlabeled":
            return replace(state, labels=tuple(one for one in state.labels if one != event["label"]["name"]))
        case "assigned" if event.get("assignee"):
            who = str(event["assignee"]["id"])
            return replace(state, assignees=(*(one for one in state.assignees if one != who), who))
        case "unassigned" if event.get("assignee"):
            return replace(
                state, assignees=tuple(one for one in state.assignees if one != str(event["assignee"]["id"]))
            )
        case "renamed":
            return replace(state, title=str(event["rename"]["to"]))
    return state


#: What takes an event back.
_OPPOSITE = {
    "closed": "reopened", "reopened": "closed", "labeled": "unlabeled", "unlabeled": "labeled",
    "assigned": "unassigned", "unassigned": "assigned",
}  # fmt: skip


def _before(state: _State, event: _Row) -> _State:
    """What an issue was before an event."""
    if event["event"] == "renamed":
        return replace(state, title=str(event["rename"]["from"]))
    return _after(state, {**event, "event": _OPPOSITE.get(event["event"], "")})


def _told(base: TicketChange, event: _Row, into: str | None) -> TicketChange:
    """An event as a change. Which issue a duplicate repeats is only said in the comment that marks it."""
    name = event["event"]
    actor = event.get("actor") or event.get("user") or {}
    key = f"comment:{event['id']}" if name == "commented" else f"event:{event['id']}"
    base = replace(base, change_id=key, at=moment(event["created_at"]), actor=_id(actor))
    if name == "commented":
        said = Message(str(event.get("body") or ""), _author_kind(event, actor))
        return replace(base, kind=ChangeKind.MESSAGE, message=said)
    if name == "marked_as_duplicate" and into is not None and into != base.ticket:
        return replace(base, kind=ChangeKind.MERGED, merged_into=into)
    return replace(base, kind=ChangeKind.RESTORED) if name == "unmarked_as_duplicate" else base


def _author_kind(row: _Row, who: _Row) -> str:
    if who.get("type") == "Bot":
        return "bot"
    return "agent" if row.get("author_association") in _AGENTS else "customer"


def _people(issue: _Row, timeline: Sequence[_Row]) -> dict[str, PersonRecord]:
    """Everybody an issue and its timeline mention, as far as they say what somebody is."""
    found: dict[str, PersonRecord] = {}
    for row in (issue, *timeline):
        for user in (row.get("user"), row.get("actor"), row.get("assignee")):
            if user:
                found.setdefault(str(user["id"]), _person(user, "unknown"))
        if (user := row.get("user")) and row.get("author_association"):
            found[str(user["id"])] = _person(user, _author_kind(row, user))
    for user in issue.get("assignees") or []:
        found[str(user["id"])] = _person(user, "agent")
    return found


def _person(user: _Row, kind: str) -> PersonRecord:
    return PersonRecord(str(user["id"]), str(user["login"]), "bot" if user.get("type") == "Bot" else kind)


def _id(user: _Row) -> str | None:
    return str(user["id"]) if user.get("id") else None


def _updated_at(row: _Row) -> datetime:
    return moment(row["updated_at"])
