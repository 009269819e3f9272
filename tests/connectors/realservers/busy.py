"""A desk at work: people who change tickets through the server's own interface, until they are told to stop."""

from __future__ import annotations

import random
import threading
from typing import Any

import httpx
from servers import RedmineServer, RequestTrackerServer, Server

AGENTS = [f"agent{n}" for n in range(1, 7)]


class Busy:
    """`with Busy(server, tickets) as desk:` changes something every moment, in a thread of its own."""

    def __init__(self, server: Server, tickets: list[str], seed: int) -> None:
        self._chance = random.Random(seed)
        self._tickets = list(tickets)
        self._work = _RT(server) if isinstance(server, RequestTrackerServer) else _Redmine(server)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done = 0
        self.failed: list[str] = []

    def __enter__(self) -> Busy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(200)
        self._work.close()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            try:
                self._step()
                self.done += 1
            except (httpx.HTTPError, KeyError) as error:
                self.failed.append(repr(error))

    def _step(self) -> None:
        chance, work = self._chance, self._work
        ticket = chance.choice(self._tickets)
        match chance.choices(range(8), [6, 5, 4, 4, 3, 2, 1, 1])[0]:
            case 0:
                work.status(ticket, chance.randrange(5))
            case 1:
                work.assign(ticket, chance.choice(AGENTS))
            case 2:
                work.say(ticket, "Private: the part is on its way. 😀", public=False)
            case 3:
                work.say(ticket, "We are looking into it. 我们在处理。", public=True)
            case 4:
                self._tickets.append(work.create(f"Lamp is dark {self.done}"))
            case 5:
                work.move(ticket, chance.randrange(3))
            case 6:
                work.delete(ticket)
                self._tickets.remove(ticket)
            case 7:
                other = chance.choice([one for one in self._tickets if one != ticket])
                work.merge(ticket, other)
                self._tickets.remove(ticket)


class _Client:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = httpx.Client(base_url=server.url, timeout=60)

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, json: Any = None, who: str = "root") -> Any:
        answer = self._client.request(method, path, json=json, headers=self._server.headers(who))
        answer.raise_for_status()
        return answer.json() if answer.content.strip() else None


class _RT(_Client):
    STATUSES = ("open", "waiting_customer", "waiting_vendor", "resolved", "closed")
    QUEUES = ("support-l1", "support-l2", "billing")

    def status(self, ticket: str, number: int) -> None:
        self._put(ticket, Status=self.STATUSES[number])

    def assign(self, ticket: str, agent: str) -> None:
        self._put(ticket, Owner=agent)

    def move(self, ticket: str, number: int) -> None:
        self._put(ticket, Queue=self.QUEUES[number])

    def merge(self, ticket: str, other: str) -> None:
        self._put(ticket, MergeInto=other)

    def delete(self, ticket: str) -> None:
        self._call("DELETE", f"/REST/2.0/ticket/{ticket}")

    def say(self, ticket: str, text: str, *, public: bool) -> None:
        verb = "correspond" if public else "comment"
        self._call("POST", f"/REST/2.0/ticket/{ticket}/{verb}", {"Content": text, "ContentType": "text/plain"})

    def create(self, title: str) -> str:
        asked = {"Queue": "support-l1", "Subject": title, "Requestor": "cust1@invalid.test", "Content": "It is dark."}
        return str(self._call("POST", "/REST/2.0/ticket", asked)["id"])

    def _put(self, ticket: str, **values: str) -> None:
        self._call("PUT", f"/REST/2.0/ticket/{ticket}", values)


class _Redmine(_Client):
    def __init__(self, server: RedmineServer) -> None:
        super().__init__(server)
        found = self._call("GET", "/issue_statuses.json")["issue_statuses"]
        wanted = ("In Progress", "Waiting customer", "Waiting vendor", "Resolved", "Closed")
        self._statuses = [row["id"] for name in wanted for row in found if row["name"] == name]
        self._agents = {user["login"]: user["id"] for user in self._call("GET", "/users.json?limit=100")["users"]}

    def status(self, ticket: str, number: int) -> None:
        self._put(ticket, status_id=self._statuses[number])

    def assign(self, ticket: str, agent: str) -> None:
        self._put(ticket, assigned_to_id=self._agents[agent], status_id=self._statuses[0])

    def move(self, ticket: str, number: int) -> None:
        self._put(ticket, project_id=number + 1)

    def merge(self, ticket: str, other: str) -> None:
        relation = {"relation": {"issue_to_id": int(other), "relation_type": "duplicates"}}
        self._call("POST", f"/issues/{ticket}/relations.json", relation)
        self._put(ticket, status_id=self._statuses[4])

    def delete(self, ticket: str) -> None:
        self._call("DELETE", f"/issues/{ticket}.json")

    def say(self, ticket: str, text: str, *, public: bool) -> None:
        # A private note with a change of values is split in two by Redmine.
        more = {} if public else {"status_id": self._statuses[self._server.port % 3]}
        self._put(ticket, "agent1", notes=text, private_notes=not public, **more)

    def create(self, title: str) -> str:
        asked = {"project_id": "support-l1", "tracker_id": 3, "subject": title, "description": "It is dark."}
        return str(self._call("POST", "/issues.json", {"issue": asked}, "cust1@invalid.test")["issue"]["id"])

    def _put(self, ticket: str, who: str = "root", **values: object) -> None:
        self._call("PUT", f"/issues/{ticket}.json", {"issue": values}, who)
