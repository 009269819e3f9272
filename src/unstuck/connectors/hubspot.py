"""HubSpot's tickets, by its CRM interface.

Changed tickets are searched for by when they were last modified, fifty at once, and read with every value that their
properties ever had. Notes, e-mails and scores are records of their own that are linked to tickets.

https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

import httpx

from unstuck.clock import SystemClock, iso
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
from unstuck.connectors.words import best_score, html_of, plain_text, say_once, set_once
from unstuck.errors import Forbidden, Refused
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange

#: What can be read at once with history.
LISTED = 50
#: HubSpot's type of the link from a note to a ticket.
_NOTE_TO_TICKET = 228
_MERGED = "hs_merged_object_ids"
#: Property to our field.
_FIELDS = {
    "hs_pipeline_stage": "status", "hs_pipeline": "team", "hubspot_owner_id": "assignee",
    "hs_ticket_priority": "priority", "hs_ticket_category": "category", "subject": "title",
}  # fmt: skip
_PLAIN = ("content", "createdate", "hs_lastmodifieddate", "source_type")
_SUBMITTED = "hs_submission_timestamp"
#: Records linked to tickets, with what is read of them.
_LINKED = {
    "notes": ("hs_note_body", "hs_timestamp", "hubspot_owner_id"),
    "emails": ("hs_email_text", "hs_email_html", "hs_email_direction", "hs_timestamp", "hubspot_owner_id"),
    "feedback_submissions": ("hs_value", "hs_content", _SUBMITTED, "hs_survey_type"),
    "contacts": ("email", "firstname", "lastname"),
}
#: Best and worst of HubSpot's kinds of surveys.
_SCALES = {"CSAT": (1, 5), "CES": (1, 7), "NPS": (0, 10)}

_Row = Mapping[str, Any]
_Values = dict[str, str | None]


class HubSpot:
    """The tickets of one HubSpot account. Teams are pipelines, statuses their stages. Options: `feedback_best`, where
    a satisfaction survey's best score is not 5.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        title="HubSpot", deletes="swept",
        # Replies go through a channel that is the desk's choice, not the ticket's.
        writes=frozenset({ActionKind.NOTE, ActionKind.ASSIGN, ActionKind.STATUS}),
        # Searches: five a second.
        per_minute=240,
        signature=Signature(
            "X-HubSpot-Signature-v3", encoding="base64", timestamp="X-HubSpot-Request-Timestamp",
            signs=("method", "url", "body", "timestamp"),
        ),
    )  # fmt: skip

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        token = connection.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"}
        self._http = Http(connection, headers, transport, per_minute=self.capabilities.per_minute)
        self._scales = {**_SCALES, "CSAT": (1, best_score(connection.options, _SCALES["CSAT"][1]))}
        #: Kinds of linked records that the token may not read.
        self._closed: set[str] = set()

    # --- describe

    def describe(self) -> Description:
        stages = self._stages
        return Description(
            account=self._portal,
            statuses=[
                StatusRecord(number, name, StageClass.CLOSED if is_closed else None)
                for number, (name, is_closed) in stages.items()
            ],
            teams=list(self._pipelines.values()),
            people=list(self._owners.values()),
            tickets=int(self._http.read("POST", "crm/v3/objects/tickets/search", json={"limit": 1})["total"]),
        )

    @cached_property
    def _portal(self) -> str:
        return str(self._http.get("account-info/v3/details")["portalId"])

    @cached_property
    def _pipeline_rows(self) -> list[_Row]:
        return rows_of(self._http.get("crm/v3/pipelines/tickets"), "results")

    @cached_property
    def _pipelines(self) -> dict[str, TeamRecord]:
        return {str(row["id"]): TeamRecord(str(row["id"]), str(row["label"])) for row in self._pipeline_rows}

    @cached_property
    def _stages(self) -> dict[str, tuple[str, bool]]:
        """Name of each stage, and whether it closes a ticket. Two pipelines' stages of one name that differ in that
        are told apart.
        """
        found = {
            str(stage["id"]): (str(stage["label"]), str(row["label"]), _closes(stage))
            for row in self._pipeline_rows
            for stage in row["stages"]
        }
        closing: dict[str, set[bool]] = defaultdict(set)
        for label, _, is_closed in found.values():
            closing[label].add(is_closed)
        return {
            number: (label if len(closing[label]) == 1 else f"{label} ({pipeline})", is_closed)
            for number, (label, pipeline, is_closed) in found.items()
        }

    @cached_property
    def _owners(self) -> dict[str, PersonRecord]:
        return {str(row["id"]): _owner(row) for row in self._owner_rows}

    @cached_property
    def _owner_rows(self) -> list[_Row]:
        rows: list[_Row] = []
        # People who left have a past, too.
        for archived in ("false", "true"):
            after: str | None = None
            while True:
                found = self._http.get(
                    "crm/v3/owners", limit=500, archived=archived, **({"after": after} if after else {})
                )
                rows += rows_of(found, "results")
                after = _after(found)
                if not after:
                    break
        return rows

    @cached_property
    def _owner_of_user(self) -> dict[str, str]:
        return {str(row["userId"]): str(row["id"]) for row in self._owner_rows if row.get("userId")}

    # --- changes

    def changes(self, since: Since) -> Iterator[Page]:
        if isinstance(since, Tickets):
            yield from self._some(since)
        else:
            yield from self._updated(since)

    def _updated(self, cursor: str | None) -> Iterator[Page]:
        """Page by page, each asked for by time: no search gives more than its first 10,000 results."""
        left: int | None = None

        def ask(since: datetime, offset: int) -> Sequence[_Row]:
            nonlocal left
            found = self._search(_ms(since), offset)
            left = max(0, int(found["total"]) - offset - LISTED)
            return rows_of(found, "results")

        for rows, after, is_last in by_update(ask, _modified_at, LISTED, cursor, lambda: self._http.server_time):
            page = self._page(self._read([str(row["id"]) for row in rows]), after)
            yield replace(page, left=0 if is_last else left, rows=len(rows))

    def _search(self, since: int, after: int) -> Any:
        changed = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(since)}
        asked = {
            "filterGroups": [{"filters": [changed]}],
            "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
            "properties": ["hs_lastmodifieddate"], "limit": LISTED, "after": str(after),
        }  # fmt: skip
        return self._http.read("POST", "crm/v3/objects/tickets/search", json=asked)

    def _some(self, tickets: Tickets) -> Iterator[Page]:
        for first in range(0, len(tickets.ids), LISTED):
            ids = tickets.ids[first : first + LISTED]
            # One that was merged answers as the other one, an archived one not at all.
            found = {str(row["id"]): row for row in self._read(ids)}
            standing = {ticket: self._standing(found[ticket]) if ticket in found else None for ticket in ids}
            whole = [found[ticket] for ticket in ids if ticket in found and tickets.whole]
            left = len(tickets.ids) - first - len(ids)
            yield replace(self._page(whole, None), standing=standing, left=left, rows=len(ids))

    def _read(self, ids: Sequence[str]) -> list[_Row]:
        """Tickets with every value that their properties had."""
        asked = {
            "properties": [*_FIELDS, *_PLAIN], "propertiesWithHistory": [*_FIELDS, _MERGED],
            "inputs": [{"id": ticket} for ticket in ids],
        }  # fmt: skip
        return (
            rows_of(self._http.read("POST", "crm/v3/objects/tickets/batch/read", json=asked), "results") if ids else []
        )

    def _page(self, tickets: Sequence[_Row], cursor: str | None) -> Page:
        ids = [str(row["id"]) for row in tickets]
        linked = {kind: self._linked(kind, ids) for kind in _LINKED}
        changes: list[TicketChange] = []
        people: dict[str, PersonRecord] = {}
        for row in tickets:
            ticket = str(row["id"])
            customers = [_contact(one) for one in linked["contacts"].get(ticket, [])[:1]]
            people |= {one.ext_id: one for one in customers}
            changes += self._history(row, customers[0].ext_id if customers else None)
            changes += self._said(ticket, linked, customers[0].ext_id if customers else None)
        used = {who for one in changes for who in (one.actor, one.values.get("assignee")) if who in self._owners}
        teams = sorted({team for one in changes if (team := one.values.get("team")) in self._pipelines})
        people |= {who: self._owners[who] for who in used if who}
        return Page(changes, cursor, list(people.values()), [self._pipelines[team] for team in teams if team])

    def _linked(self, kind: str, tickets: Sequence[str]) -> dict[str, list[_Row]]:
        """Records of a kind by the ticket that they are linked to."""
        if not tickets or kind in self._closed:
            return {}
        try:
            of_ticket = self._links(kind, tickets)
            rows = self._records(kind, sorted({one for linked in of_ticket.values() for one in linked}))
        except Forbidden:
            if kind not in ("emails", "feedback_submissions"):
                raise
            self._closed.add(kind)
            return {}
        return {ticket: [rows[one] for one in linked if one in rows] for ticket, linked in of_ticket.items()}

    def _links(self, kind: str, tickets: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        inputs: list[dict[str, str]] = [{"id": ticket} for ticket in tickets]
        while inputs:
            path = f"crm/v4/associations/tickets/{kind}/batch/read"
            rows = rows_of(self._http.read("POST", path, json={"inputs": inputs}), "results")
            for row in rows:
                found[str(row["from"]["id"])] += [str(one["toObjectId"]) for one in row["to"]]
            inputs = [{"id": str(row["from"]["id"]), "after": after} for row in rows if (after := _after(row))]
        return found

    def _records(self, kind: str, ids: Sequence[str]) -> dict[str, _Row]:
        found: dict[str, _Row] = {}
        for first in range(0, len(ids), 100):
            asked = {"properties": list(_LINKED[kind]), "inputs": [{"id": one} for one in ids[first : first + 100]]}
            rows = rows_of(self._http.read("POST", f"crm/v3/objects/{kind}/batch/read", json=asked), "results")
            found |= {str(row["id"]): row for row in rows}
        return found

    # --- one ticket as its changes

    def _history(self, row: _Row, customer: str | None) -> Iterator[TicketChange]:
        ticket, created_at = str(row["id"]), moment(row["properties"]["createdate"])
        versions = sorted(self._versions(row), key=lambda change: (change.at, change.change_id))
        # What was set as the ticket came into being is how it began.
        first = [change for change in versions if change.at <= created_at]
        values: _Values = {
            "assignee": None,
            "customer": customer,
            "description": row["properties"].get("content") or None,
        }
        for change in first:
            values |= change.values
        portal = self._portal
        values["url"] = f"https://app.hubspot.com/contacts/{portal}/ticket/{ticket}"
        yield TicketChange(ticket, f"{ticket}:created", created_at, ChangeKind.CREATED, actor=customer, values=values)
        yield from (change for change in versions if change not in first)
        yield from _merges(row)

    def _versions(self, row: _Row) -> Iterator[TicketChange]:
        ticket = str(row["id"])
        for name, versions in (row.get("propertiesWithHistory") or {}).items():
            if name not in _FIELDS:
                continue
            for order, version in enumerate(reversed(versions), start=1):
                yield TicketChange(
                    ticket, f"{ticket}:{name}:{_ms(version['timestamp'])}", moment(version["timestamp"]),
                    ChangeKind.UPDATED, actor=self._owner_of_user.get(str(version.get("updatedByUserId"))),
                    values={_FIELDS[name]: self._value(name, version.get("value"))}, order=order,
                )  # fmt: skip

    def _value(self, name: str, value: Any) -> str | None:
        if value in (None, ""):
            return None
        return self._stages.get(str(value), (str(value), False))[0] if name == "hs_pipeline_stage" else str(value)

    def _standing(self, row: _Row) -> _Values:
        return {field: self._value(name, row["properties"].get(name)) for name, field in _FIELDS.items()}

    def _said(
        self, ticket: str, linked: Mapping[str, Mapping[str, list[_Row]]], customer: str | None
    ) -> Iterator[TicketChange]:
        for kind, told in (("notes", _note), ("emails", _email), ("feedback_submissions", self._feedback)):
            for row in linked[kind].get(ticket, []):
                said = row["properties"]
                change = TicketChange(
                    ticket, f"{kind}:{ticket}:{row['id']}", moment(said.get("hs_timestamp") or said.get(_SUBMITTED)),
                    ChangeKind.MESSAGE, actor=said.get("hubspot_owner_id") or None, order=1000,
                )  # fmt: skip
                yield told(change, said, customer)

    def _feedback(self, change: TicketChange, said: _Row, customer: str | None) -> TicketChange:
        worst, best = self._scales.get(str(said.get("hs_survey_type")).upper(), self._scales["CSAT"])
        score = float(said["hs_value"]) if said.get("hs_value") not in (None, "") else None
        feedback = Feedback(score, said.get("hs_content") or None, worst, best)
        return replace(change, kind=ChangeKind.FEEDBACK, feedback=feedback, actor=customer)

    # --- write

    def write(self, action: Action) -> Written:
        if action.kind is ActionKind.NOTE:
            return self._put_note(action)
        if action.kind not in self.capabilities.writes:
            raise Refused("replies are sent by a channel of HubSpot's inbox, not by the ticket")
        name = "hubspot_owner_id" if action.kind is ActionKind.ASSIGN else "hs_pipeline_stage"
        return set_once(
            action.value,
            lambda: self._standing(self._now(action.ticket))[_FIELDS[name]] or "",
            lambda: self._set(action, name),
        )

    def _set(self, action: Action, name: str) -> None:
        value = action.value
        if name == "hs_pipeline_stage":
            value = self._stage_named(self._now(action.ticket), action.value)
        elif value and value not in self._owners:
            raise Refused("there is no such owner")
        self._http.write("PATCH", f"crm/v3/objects/tickets/{int(action.ticket)}", {"properties": {name: value}})

    def _now(self, ticket: str) -> _Row:
        rows = [row for row in self._read([ticket]) if str(row["id"]) == ticket]
        if not rows:
            raise Refused("the ticket is not there any more")
        return rows[0]

    def _stage_named(self, row: _Row, name: str) -> str:
        for pipeline in self._pipeline_rows:
            if str(pipeline["id"]) == row["properties"].get("hs_pipeline"):
                for stage in pipeline["stages"]:
                    if self._stages[str(stage["id"])][0] == name:
                        return str(stage["id"])
        raise Refused("the ticket's pipeline has no such stage")

    def _put_note(self, action: Action) -> Written:
        def is_said(mark: str) -> bool:
            notes = self._linked("notes", [action.ticket]).get(action.ticket, [])
            return any(mark in str(row["properties"].get("hs_note_body") or "") for row in notes)

        return say_once(action, is_said, lambda text: self._send_note(action.ticket, text))

    def _send_note(self, ticket: str, text: str) -> None:
        at = iso(self._http.server_time or SystemClock().now())
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _NOTE_TO_TICKET}
        note = {
            "properties": {"hs_timestamp": at, "hs_note_body": html_of(text)},
            "associations": [{"to": {"id": ticket}, "types": [link]}],
        }
        self._http.write("POST", "crm/v3/objects/notes", note)


def _note(change: TicketChange, said: _Row, _: str | None) -> TicketChange:
    return replace(change, message=Message(plain_text(said.get("hs_note_body") or ""), "agent", public=False))


def _email(change: TicketChange, said: _Row, customer: str | None) -> TicketChange:
    text = said.get("hs_email_text") or plain_text(said.get("hs_email_html") or "")
    if said.get("hs_email_direction") == "INCOMING_EMAIL":
        return replace(change, message=Message(text, "customer"), actor=customer)
    return replace(change, message=Message(text, "agent"))


def _merges(row: _Row) -> Iterator[TicketChange]:
    """The tickets that went into this one: only the one that goes on says so."""
    known: set[str] = set()
    for version in reversed((row.get("propertiesWithHistory") or {}).get(_MERGED) or []):
        merged = {one for one in str(version.get("value") or "").split(";") if one}
        for gone in sorted(merged - known):
            yield TicketChange(
                gone, f"{gone}:merged:{row['id']}", moment(version["timestamp"]), ChangeKind.MERGED,
                merged_into=str(row["id"]), order=1_000_000,
            )  # fmt: skip
        known |= merged


def _closes(stage: _Row) -> bool:
    told = stage.get("metadata") or {}
    return told.get("ticketState") == "CLOSED" or str(told.get("isClosed")).lower() == "true"


def _owner(row: _Row) -> PersonRecord:
    name = " ".join(filter(None, (row.get("firstName"), row.get("lastName")))) or str(row.get("email") or row["id"])
    return PersonRecord(str(row["id"]), name, "agent", row.get("email") or None, active=not row.get("archived"))


def _contact(row: _Row) -> PersonRecord:
    said = row["properties"]
    name = " ".join(filter(None, (said.get("firstname"), said.get("lastname")))) or str(said.get("email") or row["id"])
    # Contacts and owners are numbered apart.
    return PersonRecord(f"contact:{row['id']}", name, "customer", said.get("email") or None)


def _ms(value: object) -> int:
    return round(moment(value).timestamp() * 1000)


def _after(found: Any) -> str | None:
    after = ((found.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def _modified_at(row: _Row) -> datetime:
    return moment(row["properties"]["hs_lastmodifieddate"])
