"""Solved tickets of a real store become cards, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import knowledge
from knowledge import KnowledgeBase
from knowledge.testing import HashEmbedder, ScriptedModel
from unstuck import sync
from unstuck.testing import a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, Message, TicketChange


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Iterator[tuple[Engine, sessionmaker[Any], KnowledgeBase]]:
    base = knowledge.open(engine, tmp_path / "knowledge", embedder=HashEmbedder())
    yield engine, sessionmaker(engine, class_=Session), base
    base.close()


def says(ticket: str, hour: float, body: str, *, public: bool = True) -> TicketChange:
    return a_change(
        ticket, hour, kind=ChangeKind.MESSAGE, message=Message(body, "agent", public), change_id=f"{ticket}m{hour}"
    )


def solved(ticket: str, title: str, steps: str) -> list[TicketChange]:
    return [*a_ticket(ticket, (3, "Solved"), title=title, description=f"{title} all night"), says(ticket, 2, steps)]


def found(base: KnowledgeBase, q: str) -> list[str]:
    return [hit.id for hit in base.search(q)]


def test_only_solved_tickets_are_learned_and_only_once(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, [*solved("T-1", "Pump is loud", "Let the air out."), *a_ticket("T-2", title="Pump is dry")])
    assert sync.learn_solved(sessions, base).learned == 1
    assert found(base, "loud pump") == ["test/T-1"]
    assert sync.learn_solved(sessions, base) == knowledge.Learned()


def test_a_reopened_ticket_loses_its_card_until_it_is_solved_again(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, solved("T-1", "Pump is loud", "Let the air out."))
    sync.learn_solved(sessions, base)
    store_changes(engine, [a_change("T-1", 5, status="Open")])
    sync.learn_solved(sessions, base)
    assert found(base, "loud pump") == []
    store_changes(engine, [a_change("T-1", 9, status="Solved"), says("T-1", 8, "Exchange the bearing of the pump.")])
    sync.learn_solved(sessions, base)
    (hit,) = base.search("loud pump")
    assert "Exchange the bearing" in hit.card.steps


def test_internal_notes_never_become_knowledge(desk: Any) -> None:
    engine, sessions, base = desk
    note = says("T-1", 2.5, "The customer is a pain, stall them for weeks.", public=False)
    store_changes(engine, [*solved("T-1", "Pump is loud", "Let the air out."), note])
    sync.learn_solved(sessions, base)
    (hit,) = base.search("customer pain stall")
    assert "pain" not in f"{hit.card.text} {hit.card.steps}"


def test_a_ticket_without_a_solution_is_skipped_and_says_why(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(engine, a_ticket("T-1", (3, "Solved"), title="Pump is loud"))
    assert sync.learn_solved(sessions, base).skipped == (("test/T-1", "no_resolution"),)


def test_a_merged_and_a_deleted_ticket_lose_their_cards(desk: Any) -> None:
    engine, sessions, base = desk
    store_changes(
        engine,
        [*solved("T-1", "Pump is loud", "Let the air out."), *solved("T-2", "Fuse is black", "Exchange it now.")],
    )
    sync.learn_solved(sessions, base)
    assert len(found(base, "pump fuse")) == 2
    store_changes(
        engine,
        [a_change("T-1", 5, kind=ChangeKind.MERGED, merged_into="T-9"), a_change("T-2", 5, kind=ChangeKind.DELETED)],
    )
    sync.learn_solved(sessions, base)
    assert found(base, "pump fuse") == []


def test_more_tickets_than_fit_in_one_group(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, sessions, base = desk
    monkeypatch.setattr(sync, "BATCH", 3)
    for first in (0, 5):
        store_changes(
            engine,
            [
                c
                for n in range(first, first + 5)
                for c in solved(f"T-{n}", f"Part E-{n} is loud", f"Exchange part E-{n} at noon.")
            ],
        )
    assert sync.learn_solved(sessions, base).learned == 10
    assert sync.learn_solved(sessions, base).learned == 0


def test_a_model_chooses_the_sentences_of_a_card(desk: Any) -> None:
    engine, sessions, base = desk
    told = "The pump was full of air. Let it out at the valve on top."
    store_changes(engine, [*solved("T-1", "Pump is loud", told), says("T-1", 1, "Fleece him.", public=False)])
    model = ScriptedModel(json.dumps({"field": "step", "text": "Let it out at the valve on top.", "message": 2}))
    sync.learn_solved(sessions, base, model=model)
    (hit,) = base.search("loud pump")
    assert hit.card.steps == "Let it out at the valve on top."
    assert "Fleece" not in model.calls[0][1]


def test_a_model_is_asked_about_a_bounded_number_of_tickets(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, sessions, base = desk
    monkeypatch.setattr(sync, "MOST_BY_MODEL", 2)
    store_changes(
        engine, [c for n in range(5) for c in solved(f"T-{n}", f"Part E-{n} hums", f"Exchange part E-{n} now.")]
    )
    model = ScriptedModel(*["{}"] * 5)
    assert sync.learn_solved(sessions, base, model=model).learned == 5
    assert len(model.calls) == 2
