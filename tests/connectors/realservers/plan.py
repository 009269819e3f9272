"""Lives of made-up tickets, the same for the same seed: replayed inside a real server, and compared with it later.

An event is a dict with `ticket` (its place in the plan), `at` (seconds since 1970), `who` and `does`. Some events share
a second, some tickets are merged, deleted or reopened, some customers score days after the end.
"""

from __future__ import annotations

import random
from typing import Any

TEAMS = {"support-l1": ["agent1", "agent2", "agent3"], "support-l2": ["agent4", "agent5"], "billing": ["agent6"]}
AGENTS = [agent for agents in TEAMS.values() for agent in agents]
CUSTOMERS = [f"cust{n}@invalid.test" for n in range(1, 21)]
TITLES = [
    "Pump is loud", "Invoice shows the wrong VAT", "无法登录后台", "Refund has not arrived", "App crashes on start 📱",
    "Door does not close", "更换收货地址", "Error E-17 after the update",
]  # fmt: skip
DAY = 86_400
Event = dict[str, Any]


def lives(tickets: int, seed: int, end: int) -> list[Event]:
    """All events of all tickets, in order of time."""
    chance = random.Random(seed)
    events = [event for number in range(tickets) for event in _life(number, tickets, chance, end)]
    return sorted(events, key=lambda event: event["at"])


def _life(number: int, tickets: int, chance: random.Random, end: int) -> list[Event]:
    events: list[Event] = []
    clock = end - 60 * DAY + number * 50 * DAY // tickets + chance.randrange(1800)
    team = chance.choice(list(TEAMS))
    customer = chance.choice(CUSTOMERS)
    owner = chance.choice(TEAMS[team])

    def add(who: str, does: str, wait: int | None = None, **more: Any) -> None:
        nonlocal clock
        clock += chance.randrange(60, 20_000) if wait is None else wait
        events.append({"ticket": number, "at": clock, "who": who, "does": does, **more})

    title = f"{chance.choice(TITLES)} #{number}"
    priority = chance.choice(["low", "normal", "high"])
    add(customer, "create", 0, team=team, title=title, text=f"Please help with case {number}.", priority=priority)
    if chance.random() < 0.05:
        return events
    add(owner, "assign", to=owner)
    add(owner, "status", 0, to="open")
    for _ in range(chance.randrange(3)):
        match chance.randrange(4):
            case 0:
                add(owner, "reply", text="Which serial number does it have?")
                add(owner, "status", 0, to="waiting_customer")
                add(customer, "reply", text="It is 42-7. 谢谢")
                add(owner, "status", chance.choice([0, 1, 90]), to="open")
            case 1:
                add(owner, "note", text="Looked at the log: nothing unusual.")
                add(owner, "status", to="waiting_vendor")
                add(owner, "status", to="open")
            case 2:
                team = chance.choice([other for other in TEAMS if other != team])
                add(owner, "team", to=team)
                add(owner, "assign", 0, to=None)
                owner = chance.choice(TEAMS[team])
                add(owner, "assign", to=owner)
            case _:
                add(owner, "title", to=f"{title}, again")
    return events + _ending(number, owner, customer, clock, chance)


def _ending(number: int, owner: str, customer: str, clock: int, chance: random.Random) -> list[Event]:
    def told(*steps: tuple[int, str, str, dict[str, Any]]) -> list[Event]:
        at, events = clock, []
        for wait, who, does, more in steps:
            at += wait
            events.append({"ticket": number, "at": at, "who": who, "does": does, **more})
        return events

    solved = [(3600, owner, "reply", {"text": "Let the air out."}), (0, owner, "status", {"to": "resolved"})]
    way = chance.random()
    if way < 0.15:
        return []
    if way < 0.22 and number > 5:
        # Its predecessors of the same kind are far enough away not to be merged themselves.
        return told((900, owner, "merge", {"into": number - 1 - number % 5})) if number % 5 else []
    if way < 0.27:
        return told((600, "root", "delete", {}))
    if way < 0.40:
        return told(*solved, (7200, customer, "reply", {"text": "It is back!"}), (5, owner, "status", {"to": "open"}))
    if way < 0.70:
        return told(*solved, (DAY, customer, "score", {"to": chance.randrange(1, 6)}))
    return told(*solved, (2 * DAY, owner, "status", {"to": "closed"}))
