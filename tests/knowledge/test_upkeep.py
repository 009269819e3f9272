"""What upkeep finds, remembers and lets people settle, on both databases where SQL does the work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import knowledge
from knowledge import Card, KnowledgeBase, Question
from knowledge.testing import HashEmbedder, ScriptedModel, a_card
from knowledge.upkeep import Decisions, Upkeep

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OLD = a_card(
    "old", "The pump hums", text="It hums.", steps="Hold the button for 5 seconds.", created=NOW - timedelta(90)
)
NEW = a_card("new", "The pump hums", text="It hums now.", steps="Hold the button for 30 seconds.", created=NOW)


def others() -> list[Card]:
    parts, faults = ("valve", "fuse", "belt", "motor", "hinge"), ("is loud", "leaks", "stays cold", "blinks", "smells")
    return [
        a_card(f"{p}{n}", f"The {p} {f}", text=f"It shows E-{p}{n}", steps=f"Exchange the {p} {f}.", created=NOW)
        for p in parts
        for n, f in enumerate(faults)
    ]


def opened(engine: Engine | str, home: Path, **options: Any) -> KnowledgeBase:
    return knowledge.open(engine, home / "knowledge", embedder=HashEmbedder(), now=lambda: NOW, **options)


@pytest.fixture
def base(engine: Engine, tmp_path: Path) -> Iterator[KnowledgeBase]:
    base = opened(engine, tmp_path)
    base.learn([*others(), OLD, NEW])
    yield base
    base.close()


def pairs(base: KnowledgeBase) -> list[tuple[str, str]]:
    upkeep = Upkeep(base, NOW)
    upkeep.find_pairs()
    return [(pair.older.id, pair.newer.id) for pair in upkeep.pairs()]


def settle(base: KnowledgeBase, decision: Any) -> bool:
    return Decisions(base, "lead", NOW).settle("old", "new", decision)


def test_a_decision_is_remembered_until_a_card_says_something_else(base: KnowledgeBase) -> None:
    assert pairs(base) == [("old", "new")]
    assert settle(base, "both")
    assert not settle(base, "both")
    assert pairs(base) == []
    base.learn(
        [a_card("new", "The pump hums", text="It hums now.", steps="Hold the button for 60 seconds.", created=NOW)]
    )
    assert pairs(base) == [("old", "new")]


@pytest.mark.parametrize(("decision", "stays", "goes"), [("replace", "new", "old"), ("keep", "old", "new")])
def test_what_is_replaced_is_out_of_use_and_stays_out(
    base: KnowledgeBase, decision: str, stays: str, goes: str
) -> None:
    base.learn([a_card("same", OLD.title, text=OLD.text, steps=OLD.steps)])
    pairs(base)
    assert settle(base, decision)
    found = [hit.id for hit in base.search("the pump hums", 99)]
    assert stays in found
    assert goes not in found
    assert decision == "keep" or "same" not in found
    assert base.fates([goes])[goes].counts == {"outdated": 1}
    again = OLD if goes == "old" else NEW
    assert base.learn([again]).skipped == ((goes, "retired"),)
    assert goes not in [hit.id for hit in base.search("the pump hums", 99)]
    assert Decisions(base, "lead", NOW).restore(goes)
    assert goes in [hit.id for hit in base.search("the pump hums", 99)]


def test_a_changed_card_that_no_longer_clashes_is_no_pair(base: KnowledgeBase) -> None:
    assert pairs(base)
    base.learn([a_card("new", "The pump hums", text="It hums now.", steps="Bleed it.", created=NOW)])
    assert pairs(base) == []
    base.learn([NEW])
    assert pairs(base)
    base.forget(["old"])
    assert pairs(base) == []


@pytest.mark.parametrize("apart", [{"product": "A"}, {"visibility": "internal"}, {"visibility": "team:x"}], ids=str)
def test_other_products_and_other_readers_do_not_clash(engine: Engine, tmp_path: Path, apart: dict[str, str]) -> None:
    base = opened(engine, tmp_path)
    fields = {"text": OLD.text, "steps": OLD.steps, "product": "B"}
    base.learn(
        [
            *others(),
            a_card("old", OLD.title, **(fields | apart)),
            a_card("new", NEW.title, **(fields | {"steps": NEW.steps})),
        ]
    )
    assert pairs(base) == []
    base.close()


@pytest.mark.parametrize(
    ("reply", "stands"),
    [
        ('{"contradict": false}', False),
        ('{"contradict": true}', True),
        ("maybe?", True),
        ("[1]", True),
        (RuntimeError("down"), True),
    ],
)
def test_a_model_can_refuse_a_pair_and_do_nothing_else(tmp_path: Path, reply: Any, stands: bool) -> None:
    model = ScriptedModel(reply)
    base = opened(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, model=model)
    base.learn([*others(), OLD, NEW])
    assert bool(pairs(base)) is stands
    assert bool(pairs(base)) is stands
    assert len(model.calls) == 1
    base.close()


def test_proposed_cards_are_kept_and_never_found(base: KnowledgeBase) -> None:
    card = a_card("fresh", "The lid sticks", text="It sticks.", steps="Oil the lid. Mail me at x@example.com")
    assert base.propose([card]).learned == 0
    assert "fresh" not in [hit.id for hit in base.search("the lid sticks", 99)]
    assert not base.ask(Question("the lid sticks")).answered
    [waiting] = Upkeep(base, NOW).report().proposals
    assert "x@example.com" not in waiting.steps
    decisions = Decisions(base, "lead", NOW)
    assert decisions.approve("fresh")
    assert not decisions.approve("fresh")
    assert "fresh" in [hit.id for hit in base.search("the lid sticks", 99)]
    base.propose([card])
    assert Upkeep(base, NOW).report().proposals == ()


def test_a_rejected_card_is_not_proposed_again_until_it_changes(base: KnowledgeBase) -> None:
    card = a_card("fresh", "The lid sticks", steps="Oil the lid.")
    base.propose([card])
    assert Decisions(base, "lead", NOW).reject("fresh")
    base.propose([card])
    assert base.ledger.proposed() == []
    base.propose([a_card("fresh", "The lid sticks", steps="Grease the lid.")])
    assert [one.id for one in base.ledger.proposed()] == ["fresh"]
    base.forget(["fresh"])
    assert base.ledger.proposed() == []


def test_what_repeats_a_known_card_needs_no_yes(base: KnowledgeBase) -> None:
    assert base.propose([a_card("again", OLD.title, text=OLD.text, steps=OLD.steps)]).folded == 1
    assert base.ledger.proposed() == []


def test_gaps_are_gathered_by_meaning_and_ranked_by_cost(base: KnowledgeBase) -> None:
    for who in ("U1", "U2"):
        base.unanswered(Question(f"how do I feed the dragon {who}?"), who, alone=False)
    for who in ("U1", "U2", "U3"):
        base.unanswered(Question("invoice in yen please"), who, alone=True)
    base.unanswered(Question("???"), "U1", alone=True)
    base.unanswered(Question("The pump hums, it hums"), "U9", alone=True)
    cost = {"dragon": 9_000.0, "invoice": 60.0}
    gaps = Upkeep(base, NOW, cost=lambda q: next((c for w, c in cost.items() if w in q), None)).gaps()
    assert [(gap.people, gap.cost) for gap in gaps] == [(2, 9_000.0), (3, 60.0)]
    assert "dragon" in gaps[0].examples[0]
    assert base.ledger.forget_questions(asked_by="U1") == 2
    assert [gap.people for gap in Upkeep(base, NOW).gaps()] == [2, 1]
    assert Upkeep(base, NOW + timedelta(days=200)).look().gaps == ()


def test_questions_are_redacted_before_they_are_kept(base: KnowledgeBase) -> None:
    base.unanswered(Question("write to jane.doe@example.com about the flux"), "U1", alone=True)
    [asked] = base.ledger.questions(NOW - timedelta(days=1))
    assert "jane.doe" not in asked.text
    assert asked.visibility == "internal"


def stale(base: KnowledgeBase, now: datetime = NOW, days: int = 365) -> dict[str, tuple[str, int]]:
    return {one.card.id: (one.why, one.amount) for one in Upkeep(base, now, review_days=days).report().stale}


def test_stale_by_age_failures_expiry_and_version(base: KnowledgeBase) -> None:
    base.learn(
        [
            a_card("v3", "Menu is gone", steps="In version 3.1 open File.", product="P", created=NOW - timedelta(50)),
            a_card("v5", "Colour is wrong", steps="In version 5.0 open View.", product="P", created=NOW),
            a_card("exp", "Cable hot", steps="Swap cable.", created=NOW, valid_until=NOW - timedelta(days=3)),
        ]
    )
    for ticket in ("T-1", "T-2"):
        base.record("valve1", "reopened", about=ticket, at=NOW)
    assert stale(base, days=60) == {
        "valve1": ("failing", 2),
        "exp": ("expired", 3),
        "v3": ("version", 2),
        "old": ("age", 90),
    }
    decisions = Decisions(base, "lead", NOW)
    assert decisions.review("old")
    assert decisions.review("valve1", every_days=10)
    assert decisions.review("v3")
    assert not decisions.review("nobody's")
    assert stale(base, days=60).keys() == {"exp"}
    assert stale(base, NOW + timedelta(days=11), days=60)["valve1"] == ("age", 11)
    # Care stays when the card is learned again.
    base.learn([OLD])
    assert "old" not in stale(base, days=60)


def test_an_owner_that_somebody_named_outlives_learning(base: KnowledgeBase) -> None:
    assert Decisions(base, "lead", NOW).own("old", "Olga")
    base.learn([a_card("old", OLD.title, text=OLD.text, steps="Hold it.", owner="Somebody who left", created=NOW)])
    assert base.cards(["old"])["old"].owner == "Olga"
    assert next(hit for hit in base.search(OLD.title, 9) if hit.id == "old").card.owner == "Olga"


def test_the_newest_are_recent_and_proven(base: KnowledgeBase) -> None:
    base.learn([a_card("sure", "Lamp is dim", steps="Swap it.", created=NOW, verified_by="customer")])
    base.record("belt1", "helped", by="U1", at=NOW)
    base.record("old", "helped", by="U1", at=NOW)
    assert [card.id for card in Upkeep(base, NOW).report().newest] == ["sure", "belt1"]
