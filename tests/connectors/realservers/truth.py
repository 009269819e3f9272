"""What a real server's own database says, read with SQL and by none of Unstuck's code: tickets and their changes."""

from __future__ import annotations

import base64
import quopri
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from servers import RedmineServer, RequestTrackerServer

#: ticket, moment, kind, values, actor, text, whether the customer can see it, score, merged into
Told = tuple[
    str, str, str, tuple[tuple[str, str | None], ...], str | None, str | None, bool | None, float | None, str | None
]


@dataclass
class Truth:
    """All that is to be compared."""

    #: Ticket to its fields; what was deleted without a trace is absent.
    tickets: dict[str, dict[str, str | None]] = field(default_factory=dict)
    changes: list[Told] = field(default_factory=list)
    #: Rows that say nothing and that the server's own interface shows to nobody.
    unseen: int = 0


def _utc(text: str) -> str:
    at = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def told(ticket: object, at: str, kind: str, values: dict[str, str | None], actor: str | None, **more: Any) -> Told:
    return (
        str(ticket), at, kind, tuple(sorted(values.items())), actor, more.get("text"), more.get("public"),
        more.get("score"), more.get("into"),
    )  # fmt: skip


def of_rt(server: RequestTrackerServer) -> Truth:
    users = {str(row["id"]): row["Name"] for row in server.rows("SELECT id, Name FROM Users")}
    scores = {str(row["id"]) for row in server.rows("SELECT id FROM CustomFields WHERE Name = 'CSAT'")}
    # Values of custom fields stand in a table of their own; transactions only refer to them.
    kept = {row["id"]: row["Content"] for row in server.rows("SELECT id, Content FROM ObjectCustomFieldValues")}
    texts: dict[int, str] = {}
    for row in server.rows("SELECT TransactionId, Content, ContentEncoding FROM Attachments ORDER BY id DESC"):
        texts[row["TransactionId"]] = _decoded(row["Content"], row["ContentEncoding"])
    truth = Truth()
    for row in server.rows("SELECT * FROM Tickets WHERE Type = 'ticket'"):
        truth.tickets[str(row["id"])] = {
            "status": row["Status"], "team": str(row["Queue"]), "assignee": _owner(users, row["Owner"]),
            "title": row["Subject"], "priority": None if row["EffectiveId"] != row["id"] else str(row["Priority"]),
        }  # fmt: skip
    query = "SELECT * FROM Transactions WHERE ObjectType = 'RT::Ticket' ORDER BY id"
    for row in server.rows(query):
        if row["Type"] in ("SetWatcher", "EmailRecord", "CommentEmailRecord"):
            continue
        actor, at, ticket = users[str(row["Creator"])], _utc(row["Created"]), row["ObjectId"]
        kind, text = row["Type"], texts.get(row["id"])
        new = row["NewValue"] or kept.get(row["NewReference"])
        if kind == "Create":
            truth.changes.append(told(ticket, at, "created", {}, actor, text=text))
        elif kind in ("Correspond", "Comment"):
            truth.changes.append(told(ticket, at, "message", {}, actor, text=text, public=kind == "Correspond"))
        elif kind == "Status":
            ends = {"deleted": "deleted"}.get(new) or ("restored" if row["OldValue"] == "deleted" else "updated")
            truth.changes.append(told(ticket, at, ends, {"status": new}, actor))
        elif row["Field"] == "Owner":
            truth.changes.append(told(ticket, at, "updated", {"assignee": _owner(users, new)}, actor))
        elif kind == "CustomField" and row["Field"] in scores and new:
            truth.changes.append(told(ticket, at, "feedback", {}, actor, score=float(new)))
        elif kind == "AddLink" and row["Field"] == "MergedInto" and not new.endswith(f"/{ticket}"):
            truth.changes.append(told(ticket, at, "merged", {}, actor, into=new.rpartition("/")[2]))
        else:
            name = {"Queue": "team", "Subject": "title", "Priority": "priority"}.get(row["Field"] or "")
            values = {name: new} if kind == "Set" and name else {}
            truth.changes.append(told(ticket, at, "updated", values, actor))
    return truth


def _owner(users: dict[str, str], number: object) -> str | None:
    name = users[str(number)]
    return None if name == "Nobody" else name


def _decoded(content: Any, encoding: str | None) -> str:
    raw = content.encode() if isinstance(content, str) else bytes(content or b"")
    if encoding == "base64":
        raw = base64.b64decode(raw)
    elif encoding == "quoted-printable":
        raw = quopri.decodestring(raw)
    return raw.decode()


def of_redmine(server: RedmineServer) -> Truth:
    def names(table: str) -> dict[str, str]:
        return {str(row["id"]): row["name"] for row in server.rows(f"SELECT id, name FROM {table}")}

    named = {
        "status_id": names("issue_statuses"),
        "priority_id": names("enumerations"),
        "tracker_id": names("trackers"),
    }
    ours = {
        "status_id": "status", "priority_id": "priority", "tracker_id": "type", "assigned_to_id": "assignee",
        "project_id": "team", "subject": "title",
    }  # fmt: skip
    truth = Truth()
    for row in server.rows("SELECT * FROM issues"):
        ticket, at = str(row["id"]), _utc(row["created_on"])
        truth.tickets[ticket] = {
            our: named.get(its, {}).get(str(row[its]), None if row[its] is None else str(row[its]))
            for its, our in ours.items()
        }
        truth.changes.append(told(ticket, at, "created", {}, str(row["author_id"]), text=row["description"] or None))
    details = defaultdict(list)
    for row in server.rows("SELECT * FROM journal_details ORDER BY id"):
        details[row["journal_id"]].append(row)
    journals = server.rows("SELECT * FROM journals WHERE journalized_type = 'Issue'")
    empty = {str(row["journalized_id"]) for row in journals if not row["notes"] and not details[row["id"]]}
    shown = _shown_journals(server, sorted(empty & truth.tickets.keys()))
    for row in journals:
        if row["notes"] or details[row["id"]]:
            _journal(truth, row, details[row["id"]], named, ours)
        elif row["id"] in shown:
            at, actor = _utc(row["created_on"]), str(row["user_id"])
            truth.changes.append(told(row["journalized_id"], at, "updated", {}, actor))
        else:
            truth.unseen += 1
    return truth


def _shown_journals(server: RedmineServer, tickets: list[str]) -> set[int]:
    """Numbers of the journals that Redmine itself shows to whom our key belongs: whether it shows empty ones is its
    own to say, not ours to assume.
    """
    shown: set[int] = set()
    for ticket in tickets:
        asked = httpx.get(
            f"{server.url}/issues/{ticket}.json", params={"include": "journals"}, headers=server.headers("sync"),
            timeout=60,
        )  # fmt: skip
        shown |= {one["id"] for one in asked.raise_for_status().json()["issue"]["journals"]}
    return shown


def _journal(truth: Truth, row: Any, details: list[Any], named: Any, ours: dict[str, str]) -> None:
    ticket, at, actor = str(row["journalized_id"]), _utc(row["created_on"]), str(row["user_id"])
    values = {
        ours[one["prop_key"]]: named.get(one["prop_key"], {}).get(one["value"], one["value"] or None)
        for one in details
        if one["property"] == "attr" and one["prop_key"] in ours
    }
    # Relations stand on both issues; told is only that one repeats the other, on the one that does.
    special = [one for one in details if one["property"] in ("cf", "relation")]
    if row["notes"]:
        public = not row["private_notes"]
        truth.changes.append(told(ticket, at, "message", values, actor, text=row["notes"], public=public))
    elif values or len(special) < len(details):
        truth.changes.append(told(ticket, at, "updated", values, actor))
    for one in special:
        if one["property"] == "cf":
            truth.changes.append(told(ticket, at, "feedback", {}, actor, score=float(one["value"])))
        elif one["prop_key"] == "duplicates":
            truth.changes.append(told(ticket, at, "merged", {}, actor, into=one["value"]))
