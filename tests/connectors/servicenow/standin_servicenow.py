"""ServiceNow's Table API, as its reference documents it: encoded queries, rows that the user may not see missing from
their page, times in UTC without saying so, and the history in tables of its own.
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

PEOPLE = {"1": "Ana", "2": "Bo", "9": "Cy"}


class ServiceNowStandIn(StandIn):
    system: ClassVar[str] = "servicenow"
    page: ClassVar[int] = 1000
    user: ClassVar[str | None] = "unstuck"
    words: ClassVar[Mapping[str, str]] = {
        "new": "New", "open": "In Progress", "resolved": "Resolved", "ana": "u1", "bo": "u2",
    }  # fmt: skip

    def __post_init__(self) -> None:
        self.states = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
        self.tables: dict[str, list[dict[str, Any]]] = {
            "incident": [], "sys_audit": [], "sys_journal_field": [], "sys_audit_delete": [],
            "sys_user_group": [{"sys_id": "g3", "name": "Repairs", "active": "true"}],
            "sys_user_grmember": [{"sys_id": f"m{n}", "user": f"u{n}", "group": "g3"} for n in ("1", "2")],
            "sys_user": [
                {"sys_id": f"u{n}", "user_name": name.lower(), "name": name, "email": f"{name.lower()}@desk.example", "active": "true"}
                for n, name in PEOPLE.items()
            ],
        }  # fmt: skip
        #: Records that access rules hide.
        self.hidden: set[str] = set()
        self._last = 0

    def is_known(self) -> bool:
        given = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {given}"

    def take(self, happening: Happening) -> None:
        ticket, value, does, at = happening.ticket, happening.value, happening.does, stamp(happening.at)
        if does == "create":
            self.tables["incident"].append({
                "sys_id": ticket, "number": f"INC{int(ticket):07}", "short_description": value, "state": "1",
                "description": "It does not work.", "hold_reason": "", "assignment_group": "g3", "assigned_to": "",
                "priority": "3", "category": "hardware", "subcategory": "", "caller_id": "u9", "contact_type": "email",
                "close_code": "", "parent_incident": "", "sys_created_on": at, "sys_updated_on": at, "sys_created_by": "cy",
            })  # fmt: skip
            return
        row = self._incident(ticket)
        row["sys_updated_on"] = max(row["sys_updated_on"], at)
        if does == "delete":
            self.tables["incident"].remove(row)
            self._add("sys_audit_delete", at, tablename="incident", documentkey=ticket)
        elif does == "status":
            state, _, reason = value.partition(": ")
            number = next(number for number, name in self.states.items() if name == state)
            self._save(happening, state=number, hold_reason="1" if reason else "")
        elif does == "assign":
            self._save(happening, assigned_to=f"u{value}" if value else "")
        elif does == "merge":
            self._save(happening, close_code="Duplicate", parent_incident=value)
        else:
            element = "comments" if does == "reply" else "work_notes"
            by = PEOPLE[happening.who].lower()
            self._add(
                "sys_journal_field",
                at,
                name="incident",
                element=element,
                element_id=ticket,
                value=value,
                sys_created_by=by,
            )

    def _incident(self, ticket: str) -> dict[str, Any]:
        return next(row for row in self.tables["incident"] if row["sys_id"] == ticket)

    def _save(self, happening: Happening, **values: str) -> None:
        row = self._incident(happening.ticket)
        self._last += 1
        checkpoint = str(self._last)
        for column, value in values.items():
            if row[column] != value:
                self._add(
                    "sys_audit", stamp(happening.at), tablename="incident", documentkey=happening.ticket, fieldname=column,
                    oldvalue=row[column], newvalue=value, user=PEOPLE[happening.who].lower(), record_checkpoint=checkpoint,
                )  # fmt: skip
        row.update(values)

    def _add(self, table: str, at: str, **values: str) -> None:
        self._last += 1
        self.tables[table].append({"sys_id": f"r{self._last:08}", "sys_created_on": at, **values})

    def happen_late(self, ticket: str, at: datetime) -> None:
        self.happen(ticket, at, "status", "In Progress")

    def rename_status(self, old: str, new: str) -> None:
        number = next(number for number, name in self.states.items() if name == old)
        self.states[number] = new

    def said(self, ticket: str) -> list[tuple[str, bool]]:
        rows = [row for row in self.tables["sys_journal_field"] if row["element_id"] == ticket]
        return [(row["value"], row["element"] == "comments") for row in rows]

    def signed(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """As the business rule in docs/connectors.md does."""
        moment = str(int(at.timestamp()))
        digest = hmac.digest(secret.encode(), f"{moment}.".encode() + body, "sha256")
        return {"X-Unstuck-Timestamp": moment, "X-Unstuck-Signature": base64.b64encode(digest).decode()}

    # --- what is asked

    def routes(self, app: Flask) -> None:
        app.add_url_rule("/api/now/table/<table>", "rows", self._rows)
        app.add_url_rule("/api/now/table/incident/<number>", "row", self._row, methods=["GET", "PATCH"])
        app.add_url_rule("/api/now/stats/incident", "stats", lambda: answer(
            {"result": {"stats": {"count": str(len(self.tables["incident"]))}}}
        ))  # fmt: skip

    def _choices(self) -> list[dict[str, Any]]:
        states = [("state", value, label) for value, label in self.states.items()]
        reasons = [
            ("hold_reason", value, label) for value, label in (("1", "Awaiting Caller"), ("4", "Awaiting Vendor"))
        ]
        return [
            {"sys_id": f"c{i:03}", "name": "incident", "element": element, "value": value, "label": label, "inactive": "false", "language": "en"}
            for i, (element, value, label) in enumerate([*states, *reasons])
        ]  # fmt: skip

    def _rows(self, table: str) -> Response:
        given = request.args
        assert (given["sysparm_display_value"], given["sysparm_exclude_reference_link"]) == ("false", "true")
        rows = self._choices() if table == "sys_choice" else self.tables[table]
        rows = queried(rows, given["sysparm_query"])
        first, size = int(given.get("sysparm_offset", 0)), min(self.page, int(given["sysparm_limit"]))
        columns = given["sysparm_fields"].split(",")
        # What the user may not see is taken out of the page, which is then shorter.
        shown = [row for row in rows[first : first + size] if row["sys_id"] not in self.hidden]
        return answer({"result": [{name: row.get(name, "") for name in columns} | self.extra for row in shown]})

    def _row(self, number: str) -> Response:
        if request.method == "PATCH":
            change, at = request.get_json(), max((one.at for one in self.happened), default=NOON) + timedelta(seconds=1)
            for column, does in (("work_notes", "note"), ("comments", "reply"), ("assigned_to", "assign")):
                # A reference to nobody is passed over.
                if column in change and (does != "assign" or change[column] in ("", "u1", "u2", "u9")):
                    self.happen(
                        number, at, does, change[column].removeprefix("u") if does == "assign" else change[column]
                    )
            if "state" in change:
                self.happen(
                    number, at, "status", self.states[change["state"]] + (": x" if change["hold_reason"] else "")
                )
        return answer({"result": self._incident(number) | self.extra})


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


_TERM = re.compile(r"(\w+?)(>=|IN|=|>)(.*)")


def queried(rows: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    """Rows as an encoded query asks for them: terms that all hold, `^OR` within one, and orders."""
    orders = re.findall(r"ORDERBY(\w+)", query)
    terms = [term for term in query.replace("^OR", "|OR").split("^") if term and not term.startswith("ORDERBY")]
    terms = [term.partition("|ORDERBY")[0] for term in terms if "javascript:" not in term]
    found = [row for row in rows if all(any(_holds(row, one) for one in term.split("|OR")) for term in terms)]
    return sorted(found, key=lambda row: [row[column] for column in orders])


def _holds(row: dict[str, Any], term: str) -> bool:
    column, operator, value = _TERM.fullmatch(term).groups()  # type: ignore[union-attr]
    has = str(row.get(column, ""))
    return {"=": has == value, ">": has > value, ">=": has >= value, "IN": has in value.split(",")}[operator]
