"""What becomes of tickets becomes the fate of the cards they taught or were answered with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, select

import knowledge
from knowledge import KnowledgeBase
from knowledge.fate import Outcome
from knowledge.testing import HashEmbedder
from unstuck import sync, uses
from unstuck.testing import NOON, a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, Message, TicketChange
from unstuck.tickets.tables import KnowledgeUse, Ticket

STEPS = "Let the air out of the pump."
WEEK = timedelta(days=7)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Iterator[tuple[Engine, sessionmaker[Any], KnowledgeBase]]:
    base = knowledge.open(engine, tmp_path / "knowledge", embedder=HashEmbedder())
    yield engine, sessionmaker(engine, class_=Session), base
    base.close()


def says(ticket: str, hour: float, body: str) -> TicketChange:
    message = Message(body, "agent", public=True)
    return a_change(ticket, hour, kind=ChangeKind.MESSAGE, message=message, change_id=f"{ticket}m{hour}")


def solved(ticket: str, steps: str = STEPS) -> list[TicketChange]:
    title = "Pump is loud all night"
    return [*a_ticket(ticket, (3, "Solved"), title=title, description=title), says(ticket, 2, steps)]


def counts(base: KnowledgeBase, *names: str) -> list[dict[Outcome, int]]:
    fates = base.fates(names)
    return [dict(fates[name].counts) if name in fates else {} for name in names]


def test_a_reopened_ticket_counts_against_the_cards_that_say_the_same(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, [change for n in range(4) for change in solved(f"T-{n}")])
    sync.learn_solved(sessions, base)
    assert counts(base, "test/T-0") == [{}]
    for hour, n in ((5, 1), (6, 2), (7, 3)):
        store_changes(engine, [a_change(f"T-{n}", hour, status="Open")])
        sync.learn_solved(sessions, base)
        sync.learn_solved(sessions, base)
    assert counts(base, "test/T-0") == [{Outcome.REOPENED: 3}]
    assert base.fates(["test/T-0"])["test/T-0"].doubted


def test_the_head_itself_comes_back(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, [*solved("T-1"), *solved("T-2")])
    sync.learn_solved(sessions, base)
    store_changes(engine, [a_change("T-1", 5, status="Open")])
    sync.learn_solved(sessions, base)
    assert counts(base, "test/T-2") == [{Outcome.REOPENED: 1}]
    store_changes(engine, [a_change("T-1", 6, status="Solved")])
    sync.learn_solved(sessions, base)
    # Folded again with the same words: still one occasion.
    assert counts(base, "test/T-1", "test/T-2") == [{Outcome.REOPENED: 1}] * 2


def test_opened_and_solved_again_between_two_looks(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, solved("T-1"))
    sync.learn_solved(sessions, base)
    store_changes(engine, [a_change("T-1", 5, status="Open"), a_change("T-1", 8, status="Solved")])
    sync.learn_solved(sessions, base)
    assert counts(base, "test/T-1") == [{Outcome.REOPENED: 1}]


@pytest.mark.parametrize("last", [{"status": "Closed"}, {"kind": ChangeKind.DELETED}, {"merged_into": "T-9"}])
def test_closing_deleting_and_merging_is_no_comeback(desk: Any, last: dict[str, Any]) -> None:
    engine, sessions, base = desk
    if "merged_into" in last:
        last = {**last, "kind": ChangeKind.MERGED}
    store_changes(engine, [*solved("T-1"), *solved("T-2")])
    sync.learn_solved(sessions, base)
    store_changes(engine, [a_change("T-1", 5, **last)])
    sync.learn_solved(sessions, base)
    assert counts(base, "test/T-1", "test/T-2") == [{}, {}]


def cite(engine: Engine, card: str, ticket: str) -> None:
    with Session(engine) as session, session.begin():
        number = session.exec(select(Ticket.id).where(Ticket.ext_id == ticket)).one()
        session.add(KnowledgeUse(card_id=card, ticket_id=number, question="?", at=NOON + timedelta(hours=1)))


def test_a_cited_card_is_reused_once_its_ticket_stays_solved(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, [*solved("T-1"), *a_ticket("T-2", title="Loud pump"), *a_ticket("T-3", title="Pump")])
    sync.learn_solved(sessions, base)
    for ticket in ("T-2", "T-3"):
        cite(engine, "test/T-1", ticket)
    store_changes(engine, [a_change("T-2", 4, status="Solved"), a_change("T-3", 4, status="Solved")])
    assert uses.follow_uses(sessions, base, NOON + timedelta(days=2), WEEK) == 0
    store_changes(engine, [a_change("T-3", 9, status="Open")])
    assert uses.follow_uses(sessions, base, NOON + timedelta(days=8), WEEK) == 2
    assert uses.follow_uses(sessions, base, NOON + timedelta(days=9), WEEK) == 0
    assert counts(base, "test/T-1") == [{Outcome.REUSED: 1, Outcome.REOPENED: 1}]


def test_what_lasted_a_week_and_then_came_back_did_not_last(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, [*solved("T-1"), *a_ticket("T-2", (4, "Solved"), title="Loud pump")])
    sync.learn_solved(sessions, base)
    cite(engine, "test/T-1", "T-2")
    uses.follow_uses(sessions, base, NOON + timedelta(days=8), WEEK)
    assert counts(base, "test/T-1") == [{Outcome.REUSED: 1}]
    store_changes(engine, [a_change("T-2", 24 * 9, status="Open")])
    uses.follow_uses(sessions, base, NOON + timedelta(days=10), WEEK)
    assert counts(base, "test/T-1") == [{Outcome.REOPENED: 1}]
