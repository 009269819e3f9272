"""Redmine, by its REST interface.

Issues are listed by when they were last updated; what happened to each are its journals, which only come with the
issue itself. The values an issue was created with are what holds now, with all journals taken back.
Deleted issues leave no trace: only asking for them finds out.

https://www.redmine.org/projects/redmine/wiki/Rest_Issues
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Literal

import httpx

from unstuck.clock import iso
from unstuck.connectors import (
    Action,
    ActionKind,
    Capabilities,
    Connection,
    Description,
    Page,
    Since,
    StatusRecord,
    Tickets,
    Written,
)
from unstuck.connectors.http import Http
from unstuck.connectors.updates import by_update, moment
from unstuck.connectors.words import best_score, say_once, score_of
from unstuck.errors import Forbidden, Malformed, NotThere, Refused, UsageError
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: Redmine's own limit.
PER_PAGE = 100
#: Issues listed at once. Each is then asked for by itself, so a page takes a while: small ones lose less to a kill.
LISTED = 25
#: Names the cursor where no projects were chosen.
EVERYWHERE = "*"
#: Issue attribute of a journal's details to our field, and the issue's own name for the same.
_ATTRIBUTES = {
    "status_id": ("status", "status"),
    "assigned_to_id": ("assignee", "assigned_to"),
    "priority_id": ("priority", "priority"),
    "tracker_id": ("type", "tracker"),
    "category_id": ("category", "category"),
    "project_id": ("project", "project"),
    "subject": ("title", "subject"),
    "description": ("description", "description"),
}
#: Attributes whose values are kept as numbers of people and projects: their names live in tables of their own.
_AS_ID = frozenset({"assignee", "project"})
#: What tells agents from customers where `agent_roles` does not: whoever may edit tickets is an agent.
_AGENT_PERMISSION = "edit_issues"

#: Statuses that Redmine brings along. What Feedback waits for is the customer on most desks.
_DEFAULTS = {"New": StageClass.NEW, "In Progress": StageClass.ACTIVE, "Feedback": StageClass.WAIT_CUSTOMER}

_Issue = Mapping[str, Any]
_Values = dict[str, str | None]


class Redmine:
    """One Redmine. Options: `team` (`project`, `category` or `tracker`), `projects` (identifiers; all unless given),
    `agent_roles`, `feedback_field` (custom field that holds the customer's score), `feedback_best`.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(title="Redmine", deletes="swept", writes=frozenset(ActionKind))

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        self._http = Http(connection, {"X-Redmine-API-Key": connection.token.get_secret_value()}, transport)
        self._web = connection.url.rstrip("/")
        options = connection.options
        self._team: Literal["project", "category", "tracker"] = options.get("team", "project")
        if self._team not in ("project", "category", "tracker"):
            raise UsageError("connector_bad_option", option="team", known="project, category, tracker")
        self._projects: list[str] = list(options.get("projects", []))
        self._agent_roles: list[str] | None = options.get("agent_roles")
        self._feedback_field = options.get("feedback_field")
        self._feedback_best = best_score(options)

    # --- describe

    def describe(self) -> Description:
        # Anything else answers a wrong key as if nobody had asked, with what is public.
        user = self._http.get("users/current.json")["user"]
        return Description(
            account=_name(user),
            statuses=[_status(row) for row in _rows(self._http.get("issue_statuses.json"), "issue_statuses")],
            teams=self._teams(),
            people=list(self._people.values()),
            tickets=self._count(),
        )

    def _count(self) -> int:
        return sum(self._list(project, limit=1)["total_count"] for project in self._scopes)

    def _teams(self) -> list[TeamRecord]:
        if self._team == "project":
            return [TeamRecord(project, name) for project, name in self._project_names.items()]
        if self._team == "tracker":
            return [TeamRecord(name, name) for name in self._names("trackers.json", "trackers").values()]
        return []

    @property
    def _scopes(self) -> list[str]:
        return self._projects or [EVERYWHERE]

    # --- names behind numbers

    @cached_property
    def _project_names(self) -> dict[str, str]:
        return self._names("projects.json", "projects")

    @cached_property
    def _named(self) -> dict[str, dict[str, str]]:
        """Attribute to (number to name)."""
        return {
            "status": self._names("issue_statuses.json", "issue_statuses"),
            "priority": self._names("enumerations/issue_priorities.json", "issue_priorities"),
            "type": self._names("trackers.json", "trackers"),
            "category": self._categories(),
        }

    def _names(self, path: str, key: str) -> dict[str, str]:
        return {str(row["id"]): str(row["name"]) for row in self._all(path, key)}

    def _categories(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for project in self._project_names:
            try:
                found |= self._names(f"projects/{project}/issue_categories.json", "issue_categories")
            except (Forbidden, NotThere):
                # The project has no tickets, or is archived.
                continue
        return found

    @cached_property
    def _custom(self) -> dict[str, str]:
        """Custom fields by number. Without admin rights their names come with the issues."""
        try:
            return self._names("custom_fields.json", "custom_fields")
        except Forbidden:
            return {}

    def _all(self, path: str, key: str, **params: Any) -> Iterator[_Issue]:
        offset = 0
        while True:
            found = self._http.get(path, limit=PER_PAGE, offset=offset, **params)
            rows = _rows(found, key)
            yield from rows
            offset += len(rows)
            if not rows or offset >= int(found.get("total_count", 0)):
                return

    # --- people

    @cached_property
    def _people(self) -> dict[str, PersonRecord]:
        """Everybody whom we may see, by number; only admins see everybody, and e-mails."""
        known = {str(user["id"]): self._person(user) for user in self._users()}
        for number, name in self._agents.items():
            known.setdefault(number, PersonRecord(number, name, "agent"))
        return known

    def _users(self) -> list[_Issue]:
        try:
            # `status=`: people who were locked out have a past, too.
            return list(self._all("users.json", "users", status=""))
        except Forbidden:
            return []

    def _person(self, user: _Issue) -> PersonRecord:
        number = str(user["id"])
        kind = "agent" if number in self._agents or user.get("admin") else "customer"
        return PersonRecord(number, _name(user), kind, user.get("mail") or None, active=user.get("status", 1) == 1)

    @cached_property
    def _agents(self) -> dict[str, str]:
        """Number and name of those whose role in some project makes them agents."""
        found: dict[str, str] = {}
        for project in self._project_names:
            try:
                for member in self._all(f"projects/{project}/memberships.json", "memberships"):
                    if "user" in member and any(role["name"] in self.agent_roles for role in member["roles"]):
                        found[str(member["user"]["id"])] = str(member["user"]["name"])
            except (Forbidden, NotThere):
                continue
        return found

    @cached_property
    def agent_roles(self) -> list[str]:
        """Roles of agents: those that an admin named, else those that may edit tickets."""
        if self._agent_roles is not None:
            return self._agent_roles
        roles = []
        for number, name in self._names("roles.json", "roles").items():
            role = self._http.get(f"roles/{number}.json")["role"]
            if _AGENT_PERMISSION in role.get("permissions", []):
                roles.append(name)
        return roles

    def _author_kind(self, person: str, issue: _Issue) -> str:
        known = self._people.get(person)
        if known is not None and known.kind != "unknown":
            return known.kind
        # Nobody we may look up: the one who opened the ticket asks, the others answer.
        return "customer" if person == _id(issue.get("author")) else "agent"

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        # A wrong key would be answered with what is public: an empty list, say.
        self._http.get("users/current.json")
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        reached: dict[str, str] = json.loads(cursor) if cursor else {}
        for project in self._scopes:
            for page in self._project(project, reached.get(project)):
                reached[project] = str(page.cursor)
                yield replace(page, cursor=json.dumps(reached, sort_keys=True))

    def _project(self, project: str, cursor: str | None) -> Iterator[Page]:
        left = 0

        def ask(since: datetime, offset: int) -> list[_Issue]:
            nonlocal left
            found = self._list(
                project, limit=LISTED, offset=offset, sort="updated_on:asc,id:asc", updated_on=f">={iso(since)}"
            )
            rows = _rows(found, "issues")
            left = max(0, int(found["total_count"]) - offset - len(rows))
            return rows

        def updated_at(row: _Issue) -> datetime:
            return moment(row["updated_on"])

        for rows, reached, _ in by_update(ask, updated_at, LISTED, cursor, lambda: self._http.server_time):
            whole = [issue for row in rows if (issue := self._issue(str(row["id"])))]
            yield self._page(whole, cursor=reached, left=left, rows=len(rows))

    def _list(self, project: str, **params: Any) -> Any:
        if project != EVERYWHERE:
            params["project_id"] = project
        return self._http.get("issues.json", status_id="*", **params)

    def _issue(self, number: str) -> _Issue | None:
        """An issue with its journals; `None` when it has gone since it was listed."""
        try:
            issue: _Issue = self._http.get(f"issues/{int(number)}.json", include="journals,relations")["issue"]
        except (NotThere, Forbidden):
            return None
        return issue

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), PER_PAGE):
            ids = list(tickets.ids[first : first + PER_PAGE])
            listed = self._http.get("issues.json", issue_id=",".join(ids), status_id="*", limit=PER_PAGE)
            rows = {str(row["id"]): row for row in _rows(listed, "issues")}
            standing = {ticket: self._standing(rows[ticket]) if ticket in rows else None for ticket in ids}
            whole = [issue for ticket in rows if tickets.whole and (issue := self._issue(ticket))]
            left = len(tickets.ids) - first - len(ids)
            page = self._page(whole, cursor=None, left=left, rows=len(ids))
            yield replace(page, standing=standing)

    def _standing(self, row: _Issue) -> _Values:
        return {**self._named_values(self._raw(row)), "created_at": str(row["created_on"])}

    def _page(self, issues: Sequence[_Issue], *, cursor: str | None, left: int, rows: int) -> Page:
        changes = [change for issue in issues for change in self._history(issue)]
        used = {change.actor for change in changes} | {change.values.get("assignee") for change in changes}
        people = [self._people[who] for who in sorted(filter(None, used)) if who in self._people]
        strangers = {number: name for issue in issues for number, name in _seen(issue) if number not in self._people}
        people += [PersonRecord(number, name) for number, name in sorted(strangers.items())]
        teams = {team for change in changes if (team := change.values.get("team"))}
        names = self._project_names if self._team == "project" else {team: team for team in teams}
        return Page(
            changes, cursor, people, [TeamRecord(team, names.get(team, team)) for team in sorted(teams)],
            left=left, rows=rows,
        )  # fmt: skip

    # --- one issue as its changes

    def _history(self, issue: _Issue) -> Iterator[TicketChange]:
        created = moment(issue["created_on"])
        ticket = str(issue["id"])
        # Numbers of deleted issues may be given out again: the moment of creation tells the two apart.
        epoch = f"{ticket}@{int(created.timestamp())}"
        journals = issue.get("journals") or []
        yield TicketChange(
            ticket, f"{epoch}:created", created, ChangeKind.CREATED, actor=_id(issue.get("author")),
            values=self._first_values(issue, journals), ticket_created_at=created,
        )  # fmt: skip
        for order, journal in enumerate(journals, start=1):
            yield from self._journal(issue, journal, f"{epoch}:journal:{journal['id']}", order, created)

    def _journal(
        self, issue: _Issue, journal: _Issue, key: str, order: int, created: datetime
    ) -> Iterator[TicketChange]:
        actor = _id(journal.get("user"))
        base = TicketChange(
            str(issue["id"]), key, moment(journal["created_on"]), ChangeKind.UPDATED, actor=actor, order=2 * order,
            values=self._named_values(self._set_by(journal, "new_value")), ticket_created_at=created,
        )  # fmt: skip
        if notes := journal.get("notes"):
            said = Message(str(notes), self._author_kind(actor or "", issue), public=not journal.get("private_notes"))
            yield replace(base, kind=ChangeKind.MESSAGE, message=said)
        elif base.values or not self._is_told_elsewhere(journal):
            yield base
        yield from self._special(base, journal)

    def _is_told_elsewhere(self, journal: _Issue) -> bool:
        """Whether a journal says no more than a score or a relation. Redmine writes a relation on both issues, and on
        the second one without moving its `updated_on`: nobody did anything there.
        """
        details = journal.get("details") or []
        return bool(details) and all(one["property"] == "relation" or self._feedback_of(one) for one in details)

    def _special(self, base: TicketChange, journal: _Issue) -> Iterator[TicketChange]:
        """What a journal says beside values and words: a score, or that the ticket repeats another one."""
        for detail in journal.get("details") or []:
            alone = replace(base, values={}, message=None, order=base.order + 1)
            if feedback := self._feedback_of(detail):
                yield replace(
                    alone, change_id=f"{base.change_id}:feedback", kind=ChangeKind.FEEDBACK, feedback=feedback
                )
            elif (into := _merge_of(detail)) is not None:
                kind = ChangeKind.MERGED if into else ChangeKind.RESTORED
                yield replace(alone, change_id=f"{base.change_id}:merge", kind=kind, merged_into=into or None)

    def _feedback_of(self, detail: _Issue) -> Feedback | None:
        if detail["property"] != "cf" or self._custom_name(detail["name"]) != self._feedback_field:
            return None
        value = detail.get("new_value")
        if not value:
            return None
        return score_of(str(value), self._feedback_best)

    def _first_values(self, issue: _Issue, journals: Sequence[_Issue]) -> _Values:
        """What the issue was created with: what holds now, with every journal taken back."""
        raw = self._raw(issue)
        for journal in reversed(journals):
            raw |= self._set_by(journal, "old_value")
        values = self._named_values(raw)
        return {**values, "customer": _id(issue.get("author")), "url": f"{self._web}/issues/{issue['id']}"}

    def _raw(self, issue: _Issue) -> _Values:
        """An issue's values now, by our field names, as numbers where Redmine has numbers."""
        raw: _Values = {}
        for field, own in _ATTRIBUTES.values():
            value = issue.get(own)
            raw[field] = _id(value) if isinstance(value, dict) else str(value) if value not in (None, "") else None
        for custom in issue.get("custom_fields") or []:
            self._custom.setdefault(str(custom["id"]), str(custom["name"]))
            raw[f"cf:{custom['id']}"] = _text(custom.get("value"))
        return raw

    def _set_by(self, journal: _Issue, which: Literal["old_value", "new_value"]) -> _Values:
        raw: _Values = {}
        for detail in journal.get("details") or []:
            value = _text(detail.get(which))
            if detail["property"] == "attr":
                raw[_ATTRIBUTES.get(detail["name"], (detail["name"], ""))[0]] = value
            elif detail["property"] == "cf":
                name = f"cf:{detail['name']}"
                # A field of many values has a detail for each.
                raw[name] = ", ".join(filter(None, (raw.get(name), value))) or None
        return raw

    def _named_values(self, raw: _Values) -> _Values:
        """Numbers become the names of what they stand for, but for people and projects."""
        values: _Values = {}
        for field, value in raw.items():
            if field.startswith("cf:"):
                name = self._custom_name(field.removeprefix("cf:"))
                if name != self._feedback_field:
                    values[name] = value
            elif field in _AS_ID or value is None:
                values[field] = value
            else:
                values[field] = self._named[field].get(value, f"#{value}") if field in self._named else value
        return self._with_team(values)

    def _with_team(self, values: _Values) -> _Values:
        field = "type" if self._team == "tracker" else self._team
        if field in values:
            values["team"] = values[field]
        if "project" in values:
            project = values.pop("project")
            if self._team != "project":
                values["product"] = self._project_names.get(project or "", project)
        return values

    def _custom_name(self, number: str) -> str:
        return self._custom.get(str(number), f"field {number}")

    # --- write

    def write(self, action: Action) -> Written:
        path = f"issues/{int(action.ticket)}.json"
        if action.kind in (ActionKind.NOTE, ActionKind.REPLY):
            return say_once(
                action, lambda marker: self._is_said(path, marker), lambda text: self._say(path, action, text)
            )
        attribute, wanted = self._wanted(action)
        if self._has(path, attribute) == wanted:
            return Written("already")
        self._http.write("PUT", path, {"issue": {attribute: wanted or ""}})
        if self._has(path, attribute) != wanted:
            # Redmine answers 204 where the workflow forbids it.
            raise Refused(f"{attribute} was not changed: the workflow or the role does not allow it")
        return Written("done")

    def _wanted(self, action: Action) -> tuple[str, str | None]:
        if action.kind is ActionKind.ASSIGN:
            return "assigned_to_id", action.value or None
        for number, name in self._names("issue_statuses.json", "issue_statuses").items():
            if name == action.value:
                return "status_id", number
        raise Refused("there is no such status")

    def _has(self, path: str, attribute: str) -> str | None:
        issue = self._http.get(path)["issue"]
        return _id(issue.get(_ATTRIBUTES[attribute][1]))

    def _say(self, path: str, action: Action, text: str) -> None:
        private = action.kind is ActionKind.NOTE
        self._http.write("PUT", path, {"issue": {"notes": text, "private_notes": private}})

    def _is_said(self, path: str, marker: str) -> bool:
        journals = self._http.get(path, include="journals")["issue"].get("journals") or []
        return any(marker in str(one.get("notes") or "") for one in journals)


def _status(row: _Issue) -> StatusRecord:
    # That an issue is closed is all that Redmine says of a status; which kind of closed, its name does.
    by_default = _DEFAULTS.get(str(row["name"]))
    meant = StageClass.CLOSED if row.get("is_closed") else by_default
    return StatusRecord(str(row["id"]), str(row["name"]), meant, certain=meant is not StageClass.WAIT_CUSTOMER)


def _seen(issue: _Issue) -> Iterator[tuple[str, str]]:
    """Numbers and names of the people that an issue mentions."""
    people = [issue.get("author"), issue.get("assigned_to"), *(one.get("user") for one in issue.get("journals") or [])]
    yield from ((str(who["id"]), str(who.get("name") or who["id"])) for who in people if who)


def _merge_of(detail: _Issue) -> str | None:
    """The issue that a detail says this one repeats; empty when it does not any more; `None`: it says neither."""
    if detail["property"] != "relation" or detail["name"] != "duplicates":
        return None
    return str(detail.get("new_value") or "")


def _rows(found: Any, key: str) -> list[_Issue]:
    if not isinstance(found, dict) or not isinstance(found.get(key), list):
        raise Malformed(f"Redmine answered without {key}")
    rows: list[_Issue] = found[key]
    return rows


def _name(user: _Issue) -> str:
    whole = " ".join(filter(None, (user.get("firstname"), user.get("lastname"))))
    return whole or str(user.get("login") or user["id"])


def _id(row: Any) -> str | None:
    return str(row["id"]) if row else None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return None if value in (None, "") else str(value)
