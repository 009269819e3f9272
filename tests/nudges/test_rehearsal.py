"""A rehearsal leaps from event to event; sweeping every ticket at every step must find the same."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

from unstuck.nudges.desk import Desk
from unstuck.nudges.recipients import Directory, Group
from unstuck.nudges.rehearsal import Rehearsal, as_json, rehearse
from unstuck.nudges.replay import Folded, Replay, Sent
from unstuck.nudges.rules import load
from unstuck.stalls.histories import History, Known
from unstuck.stalls.thresholds import Group as Comparables
from unstuck.stalls.thresholds import Threshold
from unstuck.testing import NOON, Databases, a_change, a_ticket
from unstuck.testing_nudges import small_desk, tell
from unstuck.tickets.changes import StageClass, TicketChange
from unstuck.tickets.timeline import ordered

STATUSES = ["New", "Active", "Wait_Customer", "Wait_Vendor", "Solved"]
STAGES = {stage.value.title(): (stage.value.title(), stage) for stage in StageClass}
DAYS = 4


def a_life(name: str, dice: random.Random) -> list[TicketChange]:
    """A ticket with a few moves at random, mostly within the rehearsal."""
    start = NOON - timedelta(hours=dice.uniform(0, 24 * (DAYS + 4)))
    changes = a_ticket(name, start=start, team=dice.choice(["t1", "t2"]), assignee=dice.choice(["ana", "ben"]))
    at = 0.0
    for _ in range(dice.randrange(6)):
        at += dice.expovariate(1 / 30)
        changes.append(a_change(name, start + timedelta(hours=at), status=dice.choice(STATUSES), actor="ana"))
    return changes


def learned(at: datetime) -> dict[Comparables, Threshold]:
    """What late means, different from day to day."""
    hours = 3 + 5 * (at.day % 3)
    return {("New",): Threshold(hours * 3600, 0.9, 50, 0, "stage"), ("Active",): Threshold(14400, 0.9, 50, 0, "stage")}


def replayed(tickets: list[list[TicketChange]], *, thorough: bool) -> list[Sent]:
    desk = Desk(
        load(Path("/nowhere")), "Europe/Berlin", directories={1: Directory(teams={"t1": Group("One", lead="lee")})}
    )
    pasts = [
        Folded(History(Known(number, 1, changes[0].ticket), ordered(changes), STAGES))
        for number, changes in enumerate(tickets)
    ]
    replay = Replay(pasts, desk, learned, NOON - timedelta(days=DAYS), NOON, thorough=thorough)
    replay.run(lambda _: None)
    return replay.sent


def test_it_equals_a_sweep_of_everything() -> None:
    for seed in range(3):
        dice = random.Random(seed)
        tickets = [a_life(f"T-{number}", dice) for number in range(25)]
        found = replayed(tickets, thorough=False)
        assert len(found) > 20
        assert found == replayed(tickets, thorough=True)
        assert not any(one.too_late for one in found)
        assert any(one.digest for one in found)


def test_hours_are_those_after_the_first_nudge_of_each_occasion() -> None:
    def sent(hours: float, moved: float | None, step: int = 0, ticket: str = "T-1") -> Sent:
        at, moved_at = NOON + timedelta(hours=hours), None if moved is None else NOON + timedelta(hours=moved)
        return Sent(ticket, "overdue", "2026-01-01T00:00:00Z", step, "Ana", at, False, moved_at)

    found = Rehearsal(NOON, NOON + timedelta(hours=50), [sent(0, 30), sent(24, 30, 1), sent(40, 41, ticket="T-2")], 0)
    told = {"messages": 3, "digests": 0, "lines": 0, "sent": 3, "tickets": 2, "recipients": 1}
    assert found.counts() == {**told, "after": 0, "soon": 1, "hours": 31}


def test_a_digest_is_one_message() -> None:
    def sent(recipient: str, hours: int, digest: str | None) -> Sent:
        at = NOON + timedelta(hours=hours)
        return Sent("T-1", "overdue", "2026-01-01T00:00:00Z", 0, recipient, at, False, None, digest)

    morning = [sent("Ana", 21, "a")] * 3 + [sent("Ben", 21, "b")]
    found = Rehearsal(NOON, NOON + timedelta(hours=50), [sent("Ben", 0, None), *morning, sent("Ben", 23, None)], 0, 2)
    told = as_json(found)
    assert (told["messages"], told["digests"], told["lines"], told["sent"], told["moved_before"]) == (4, 2, 4, 6, 2)
    assert {one["recipient"]: (one["n"], one["messages"]) for one in told["recipients"]} == {
        "Ana": (3, 1),
        "Ben": (3, 3),
    }
    assert found.busiest() == ("Ben", 3, 2)


def test_on_a_store(tmp_path: Path, databases: Databases) -> None:
    with small_desk(databases.sqlite(), tmp_path / "home") as desk:
        tell(desk, a_ticket("T-1", (60, "Active"), start=NOON - timedelta(days=5), assignee="ana"))
        tell(desk, a_ticket("T-2", (1, "Closed"), start=NOON - timedelta(days=5), assignee="ana"))
        found = rehearse(desk.engine, desk.facts, desk.settings, NOON, 10)
    assert {one.ticket for one in found.sent} == {"T-1"}
    # Created on a Friday noon, late after an hour, found by the next sweep; moved at Sunday's midnight.
    created = NOON - timedelta(days=5)
    first = found.sent[0]
    assert (first.at, first.moved_at) == (created + timedelta(minutes=70), created + timedelta(hours=60))
