"""HubSpot's CRM interface, as https://developers.hubspot.com/docs/api-reference/crm-tickets-v3 documents it: searches
give their first 10,000 results, at most 200 at once; fifty records are read at once with history; archived ones never.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import Flask, Response, request
from standin import Happening, StandIn, answer

OWNERS = {"1": ("Ana", "Agent"), "2": ("Bo", "Agent")}


class HubSpotStandIn(StandIn):
    system: ClassVar[str] = "hubspot"
    page: ClassVar[int] = 200
    words: ClassVar[Mapping[str, str]] = {
        "new": "New", "open": "Working on it", "resolved": "Closed", "ana": "1", "bo": "2",
    }  # fmt: skip

    #: Where its webhooks go.
    hook: ClassVar[str] = "https://unstuck.example.com/hooks/desk"

    def __post_init__(self) -> None:
        self.stages = {"11": "New", "12": "Working on it", "14": "Closed"}
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            "tickets": {}, "notes": {}, "emails": {}, "feedback_submissions": {},
            "contacts": {"9": {"email": "cy@customer.example", "firstname": "Cy", "lastname": None}},
        }  # fmt: skip
        self.history: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.links: dict[str, dict[str, list[str]]] = {kind: {} for kind in self.records}
        self._last = 500

    def is_known(self) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def is_write(self) -> bool:
        return request.method == "PATCH" or request.path == "/crm/v3/objects/notes"

    # --- what happens

    def take(self, happening: Happening) -> None:
        at, number = happening.at, happening.ticket
        tickets = self.records["tickets"]
        if happening.does == "create":
            tickets[number] = {"content": "It does not work.", "createdate": iso_ms(at), "hs_merged_object_ids": None}
            self.history[number] = {}
            first = {
                "subject": happening.value,
                "hs_pipeline": "0",
                "hs_pipeline_stage": "11",
                "hs_ticket_priority": "LOW",
            }
            for name, value in first.items():
                self._set(number, name, value, at, "9")
            self.links["contacts"][number] = ["9"]
        elif happening.does == "delete":
            del tickets[number]
        elif happening.does == "merge":
            del tickets[number]
            self._set(happening.value, "hs_merged_object_ids", number, at, happening.who)
        elif happening.does == "status":
            self._set(number, "hs_pipeline_stage", self._stage(happening.value), at, happening.who)
        elif happening.does == "assign":
            self._set(number, "hubspot_owner_id", happening.value, at, happening.who)
        else:
            self._say(number, happening)

    def _set(self, ticket: str, name: str, value: str, at: datetime, who: str) -> None:
        row = self.records["tickets"][ticket]
        # No two changes of a ticket have the same millisecond.
        at = (
            at
            if not self.history[ticket].get(name) and who == "9"
            else max(at, moment(row["createdate"]) + MILLISECOND)
        )
        row[name] = value
        version = {
            "value": value, "timestamp": iso_ms(at), "sourceType": "CRM_UI", "sourceId": f"userId:{who}",
            "updatedByUserId": int(f"70{who}"),
        }  # fmt: skip
        self.history[ticket].setdefault(name, []).insert(0, version)
        row["hs_lastmodifieddate"] = max(row.get("hs_lastmodifieddate", ""), iso_ms(at))

    def _say(self, ticket: str, happening: Happening) -> None:
        self._last += 1
        at = iso_ms(happening.at)
        said: dict[str, Any] = {"hs_timestamp": at, "hubspot_owner_id": happening.who}
        if happening.does == "note":
            kind, said = "notes", {**said, "hs_note_body": f"<p>{happening.value}</p>"}
        else:
            direction = "INCOMING_EMAIL" if happening.who == "9" else "EMAIL"
            kind, said = "emails", {**said, "hs_email_text": happening.value, "hs_email_direction": direction}
        self.records[kind][str(self._last)] = said
        self.links[kind].setdefault(ticket, []).append(str(self._last))
        row = self.records["tickets"][ticket]
        row["hs_lastmodifieddate"] = max(row["hs_lastmodifieddate"], at)

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "Working on it")
        self.records["tickets"][ticket]["hs_lastmodifieddate"] = iso_ms(at)

    def rename_status(self, old: str, new: str) -> None:
        self.stages[self._stage(old)] = new

    def _stage(self, name: str) -> str:
        return next(number for number, label in self.stages.items() if label == name)

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        moment = str(int(at.timestamp() * 1000))
        signed = b"POST" + self.hook.encode() + body + moment.encode()
        digest = base64.b64encode(hmac.new(secret.encode(), signed, "sha256").digest()).decode()
        return {"X-HubSpot-Signature-v3": digest, "X-HubSpot-Request-Timestamp": moment}

    # --- what is answered

    def routes(self, app: Flask) -> None:
        owners = [
            {"id": n, "userId": int(f"70{n}"), "firstName": first, "lastName": last, "email": f"{first.lower()}@acme.example",
             "archived": False}
            for n, (first, last) in OWNERS.items()
        ]  # fmt: skip
        app.add_url_rule("/account-info/v3/details", "account", lambda: answer({"portalId": 62515}))
        app.add_url_rule(
            "/crm/v3/owners",
            "owners",
            lambda: answer({"results": owners if request.args["archived"] == "false" else []}),
        )
        app.add_url_rule("/crm/v3/pipelines/tickets", "pipelines", self._pipelines)
        app.add_url_rule("/crm/v3/objects/tickets/search", "search", self._search, methods=["POST"])
        app.add_url_rule("/crm/v3/objects/<kind>/batch/read", "read", self._batch, methods=["POST"])
        app.add_url_rule("/crm/v4/associations/tickets/<kind>/batch/read", "links", self._linked, methods=["POST"])
        app.add_url_rule("/crm/v3/objects/tickets/<number>", "patch", self._patch, methods=["PATCH"])
        app.add_url_rule("/crm/v3/objects/notes", "note", self._note, methods=["POST"])

    def _pipelines(self) -> Response:
        stages = [
            {"id": number, "label": label, "metadata": {"ticketState": "CLOSED" if number == "14" else "OPEN"}}
            for number, label in self.stages.items()
        ]
        return answer({"results": [{"id": "0", "label": "Repairs", "stages": stages}]})

    def _search(self) -> Response:
        asked = request.get_json()
        since = max([int(one["filters"][0]["value"]) for one in asked.get("filterGroups", [])], default=0)
        rows = [
            (row["hs_lastmodifieddate"], number) for number, row in self.records["tickets"].items()
            if moment(row["hs_lastmodifieddate"]).timestamp() * 1000 >= since
        ]  # fmt: skip
        rows.sort(key=lambda row: (row[0], int(row[1])))
        first, size = int(asked.get("after", 0)), min(self.page, asked["limit"])
        assert first + size <= 10_000
        shown = [
            {"id": number, "properties": {"hs_lastmodifieddate": at}, **self.extra}
            for at, number in rows[first : first + size]
        ]
        return answer({"total": len(rows), "results": shown})

    def _batch(self, kind: str) -> Response:
        asked = request.get_json()
        assert len(asked["inputs"]) <= (50 if "propertiesWithHistory" in asked else 100)
        found = []
        for one in asked["inputs"]:
            if (row := self.records[kind].get(one["id"])) is None:
                continue
            shown = {name: row.get(name) for name in asked["properties"]}
            told = {"id": one["id"], "properties": shown, "archived": False, **self.extra}
            if wanted := asked.get("propertiesWithHistory"):
                had = self.history[one["id"]]
                told["propertiesWithHistory"] = {name: had.get(name, []) for name in wanted}
            found.append(told)
        return answer({"status": "COMPLETE", "results": found})

    def _linked(self, kind: str) -> Response:
        asked = [one["id"] for one in request.get_json()["inputs"]]
        rows = [
            {
                "from": {"id": one},
                "to": [{"toObjectId": int(to), "associationTypes": []} for to in self.links[kind][one]],
            }
            for one in asked
            if one in self.links[kind]
        ]
        return answer({"status": "COMPLETE", "results": rows})

    def _patch(self, number: str) -> Response:
        for name, value in request.get_json()["properties"].items():
            self._set(number, name, value, self.happened[-1].at + timedelta(seconds=1), "1")
        return answer({"id": number})

    def _note(self) -> Response:
        given = request.get_json()
        assert given["associations"][0]["types"][0]["associationTypeId"] == 228
        ticket = given["associations"][0]["to"]["id"]
        self._last += 1
        self.records["notes"][str(self._last)] = {**given["properties"], "hubspot_owner_id": None}
        self.links["notes"].setdefault(ticket, []).append(str(self._last))
        return Response('{"id": "1"}', 201, content_type="application/json")


MILLISECOND = timedelta(milliseconds=1)


def iso_ms(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
