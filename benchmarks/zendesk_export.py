"""A loopback stand-in of Zendesk's incremental exports with as many tickets as wanted, made up when they are asked for.

    python benchmarks/zendesk_export.py --tickets 100000        prints its port, serves until it is killed

Paging is as documented: at most a thousand events from a whole second on, `end_time` of the last one, `end_of_stream`
on the last page; tickets by cursor; at most a hundred users at once. Only the ten requests a minute are not kept to.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from unstuck.clock import SystemClock

PER_TICKET, PAGE = 10, 1000
#: Tickets that are worked on at the same time, and seconds between two changes.
ALIVE, STEP_S = 500, 30
TOKEN = "bench"
_STATUSES = ("open", "pending", "solved", "open")


class Export:
    """The account: any of its events can be told from its number alone."""

    def __init__(self, tickets: int) -> None:
        self.tickets, self.total = tickets, tickets * PER_TICKET
        # The last thing happened an hour ago.
        self.start = int(SystemClock().now().timestamp()) - 3600 - self.total * STEP_S

    def event(self, number: int) -> dict[str, Any]:
        generation, within = divmod(number, ALIVE * PER_TICKET)
        step, place = divmod(within, ALIVE)
        ticket, at = generation * ALIVE + place + 1, self.start + number * STEP_S
        who = 10_000 + ticket % 20_000 if step in (0, 3, 7) else 1 + place % 60
        if step == 0:
            children = [
                {"event_type": "Create", name: value}
                for name, value in (
                    ("subject", f"Case {ticket}"), ("status", "new"), ("requester_id", who), ("group_id", place % 7),
                    ("priority", "normal"), ("type", "problem"),
                )
            ]  # fmt: skip
            children.append(_comment("It hums. " * 20, public=True))
        elif step % 2:
            children = [_comment("We are looking into it. " * 8, public=step % 4 == 1)]
        else:
            status = _STATUSES[step // 2 - 1] if step < 8 else "solved"
            children = [{"event_type": "Change", "status": status, "previous_value": "new"}]
            if step == 2:
                children.append({"event_type": "Change", "assignee_id": 1 + place % 60, "previous_value": None})
        for child in children:
            child |= {"id": number * 10, "via": "Web form", "via_reference_id": None}
        return {
            "id": number + 1, "ticket_id": ticket, "timestamp": at, "created_at": _iso(at), "updater_id": who,
            "via": "Web form", "event_type": "Audit", "system": {}, "metadata": {}, "child_events": children,
        }  # fmt: skip

    def events(self, start_time: str, **_: str) -> Any:
        first = max(0, -(-(int(start_time) - self.start) // STEP_S))
        last = min(self.total, first + PAGE)
        end = self.start + (last - 1) * STEP_S if last > first else int(start_time)
        rows = [self.event(number) for number in range(first, last)]
        return {"ticket_events": rows, "count": len(rows), "end_time": end, "end_of_stream": last >= self.total}

    def listed(self, cursor: str = "0", **_: str) -> Any:
        first = int(cursor)
        last = min(self.tickets, first + PAGE)
        rows = [
            {"id": number, "status": "solved", "created_at": _iso(self.start), "updated_at": _iso(self.start)}
            for number in range(first + 1, last + 1)
        ]
        return {"tickets": rows, "after_cursor": str(last), "end_of_stream": last >= self.tickets}

    @staticmethod
    def users(ids: str, **_: str) -> Any:
        wanted = ids.split(",")
        assert len(wanted) <= 100
        return {"users": [_user(int(number)) for number in wanted]}

    def answer(self, path: str, given: dict[str, str]) -> Any:
        groups = [{"id": number, "name": f"Team {number}"} for number in range(7)]
        one_page = {"meta": {"has_more": False}}
        return {
            "/api/v2/incremental/ticket_events.json": self.events,
            "/api/v2/incremental/tickets/cursor.json": self.listed,
            "/api/v2/users/show_many.json": self.users,
            "/api/v2/users/me.json": lambda **_: {"user": _user(1)},
            "/api/v2/tickets/count.json": lambda **_: {"count": {"value": self.tickets}},
            "/api/v2/custom_statuses.json": lambda **_: {"custom_statuses": []},
            "/api/v2/ticket_fields.json": lambda **_: {"ticket_fields": [], **one_page},
            "/api/v2/satisfaction_ratings.json": lambda **_: {"satisfaction_ratings": [], **one_page},
            "/api/v2/groups.json": lambda **_: {"groups": groups, **one_page},
        }[path](**given)


def _comment(body: str, *, public: bool) -> dict[str, Any]:
    return {"event_type": "Comment", "type": "Comment", "body": body, "public": public}


def _user(number: int) -> dict[str, Any]:
    role = "agent" if number < 10_000 else "end-user"
    return {"id": number, "name": f"Person {number}", "role": role, "email": f"p{number}@x.example", "active": True}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, default=100_000)
    account = Export(parser.parse_args().tickets)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One write for head and body, or the second one waits for the first one's receipt.
        wbufsize = -1

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            given = {name.replace("[", "_").strip("]"): values[0] for name, values in parse_qs(url.query).items()}
            body = json.dumps(account.answer(url.path, given) if known else {"error": "no"}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
