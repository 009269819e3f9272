"""Generated histories: reopenings, merges, restores, same-second events, open spells, unknown teams, idle updates.

A desk grows from one seed, so that each is as busy as a real one; hypothesis picks the seeds.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from unstuck.tickets.changes import ChangeKind, Message, TicketChange

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = 24 * 60
CLASSES = {
    "New": "NEW", "Active": "ACTIVE", "Repair": "ACTIVE", "Asked": "WAIT_CUSTOMER", "Parts": "WAIT_VENDOR",
    "Held": "WAIT_INTERNAL", "Solved": "SOLVED", "Closed": "CLOSED", "Spam": "DROPPED",
}  # fmt: skip
STATUSES = (
    "New",
    "Active",
    "Active",
    "Repair",
    "Asked",
    "Parts",
    "Held",
    "Solved",
    "Solved",
    "Solved",
    "Closed",
    "Spam",
)
TEAMS = ("Alpha", "Beta", "Gamma")
PEOPLE = ("Ana", "Bo", "陈")
KINDS = [ChangeKind.UPDATED] * 24 + [ChangeKind.MERGED, ChangeKind.DELETED, ChangeKind.RESTORED, ChangeKind.RESTORED]


def desk_of(seed: int, tickets: int = 30) -> list[TicketChange]:
    """A desk's changes, in an order of no meaning: late events come last."""
    dice = random.Random(seed)
    changes = [change for number in range(dice.randint(1, tickets)) for change in _ticket(dice, f"T-{number}")]
    return changes[::2] + changes[1::2]


def _ticket(dice: random.Random, name: str) -> list[TicketChange]:
    at = START + timedelta(minutes=dice.randint(0, 40 * DAY))
    first = {
        "status": dice.choice(("New", "New", "New", "New", "Active", "Solved", "Spam")),
        "team": dice.choice((*TEAMS, None)),
        "priority": dice.choice(("P1", "P2", None)),
    }
    actor = dice.choice(("agent:1", "customer:1", None))
    changes = [TicketChange(name, f"{name}-0", at, ChangeKind.CREATED, actor=actor, values=first)]
    for order in range(1, dice.randint(1, 10)):
        at += timedelta(minutes=_gap(dice))
        kind, said, message = dice.choice(KINDS), _said(dice), _message(dice)
        changes.append(TicketChange(name, f"{name}-{order}", at, kind, values=said, order=order, message=message))
    return changes


def _message(dice: random.Random) -> Message | None:
    if dice.random() < 0.7:
        return None
    return Message("…", dice.choice(("agent", "agent", "customer", "bot")), dice.random() < 0.8)


def _gap(dice: random.Random) -> int:
    """Minutes to the next change: often none at all, sometimes weeks."""
    return dice.choice(
        (0, dice.randint(0, 90), dice.randint(0, 90), dice.randint(0, 2 * DAY), dice.randint(0, 14 * DAY))
    )


def _said(dice: random.Random) -> dict[str, str | None]:
    """What a change says; a field that is absent has not changed."""
    said: dict[str, str | None] = {}
    if dice.random() < 0.6:
        said["status"] = dice.choice(STATUSES)
    if dice.random() < 0.4:
        said["team"] = dice.choice((*TEAMS, None))
    if dice.random() < 0.4:
        said["assignee"] = dice.choice((*PEOPLE, None))
    if dice.random() < 0.2:
        said["priority"] = dice.choice(("P1", "P2", None))
    return said


def history() -> st.SearchStrategy[list[TicketChange]]:
    return st.integers(0, 2**32).map(desk_of)


@st.composite
def windows(draw: st.DrawFn) -> tuple[datetime, datetime, datetime]:
    """Start, end, and now; now may lie before the end."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    start = START + timedelta(hours=dice.randint(0, 24 * 30))
    end = start + timedelta(hours=dice.choice((dice.randint(1, 48), dice.randint(1, 24 * 30))))
    now = end + timedelta(hours=dice.randint(-24 * 10, 24 * 40))
    return start, end, max(now, start + timedelta(minutes=1))
