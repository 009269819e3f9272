"""What becomes of a card changes where it stands: slowly, and never by one voice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

import knowledge
from knowledge import KnowledgeBase, Question
from knowledge.catalogue import Catalogue
from knowledge.embed import find_embedder
from knowledge.fate import RAISE, Event, Fate, Outcome, fate, reorder
from knowledge.rank import Candidate, Ranked
from knowledge.schema import SCHEMA, cards_table, metadata, state_table, vectors_table
from knowledge.testing import HashEmbedder, ScriptedModel, a_card

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def said(outcome: Outcome, *voices: str, day: int = 0) -> list[Event]:
    return [Event("c", outcome, AT + timedelta(days=day), by=voice, about=f"q-{voice}") for voice in voices]


def happened(outcome: Outcome, *occasions: str) -> list[Event]:
    return [Event("c", outcome, AT, about=occasion) for occasion in occasions]


# -- what voices come to ---------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.HELPED, Outcome.REUSED)])
def test_one_voice_against_changes_nothing_however_often_it_is_raised(outcome: Outcome) -> None:
    assert fate([]).weight == 1
    assert fate(said(outcome, "ana")).weight == 1
    many = [event for day in range(9) for event in said(outcome, "ana", day=day)]
    praised = said(Outcome.HELPED, "bo", "cy", "di")
    if outcome in (Outcome.WRONG, Outcome.OUTDATED, Outcome.INCOMPLETE, Outcome.NOT_MY_PRODUCT):
        assert fate(many).weight == 1
        assert fate([*praised, *many]).weight == fate(praised).weight > 1


def test_three_failures_are_doubted_and_two_are_not() -> None:
    assert not fate(happened(Outcome.REOPENED, "T-1", "T-2")).doubted
    three = fate(happened(Outcome.REOPENED, "T-1", "T-2", "T-3"))
    assert three.doubted
    assert three.weight < 0.5
    assert fate(happened(Outcome.CONTRADICTED, "T-1", "T-2", "T-3", "T-4")).weight < three.weight
    assert fate([*happened(Outcome.REOPENED, "T-1"), *said(Outcome.WRONG, "ana", "bo")]).doubted


def test_the_last_word_of_a_person_counts() -> None:
    against = said(Outcome.WRONG, "ana", "bo", "cy")
    assert fate([*against, *said(Outcome.HELPED, "ana", day=2)]).bad == 2
    assert fate([*said(Outcome.HELPED, "ana", day=2), *against]).good == 1


def test_a_card_that_mostly_helps_bears_some_failures() -> None:
    good = happened(Outcome.REUSED, *(f"T-{n}" for n in range(20)))
    assert not fate([*good, *happened(Outcome.REOPENED, "X-1", "X-2", "X-3")]).doubted


def test_the_wrong_product_says_nothing_about_the_card() -> None:
    assert fate(said(Outcome.NOT_MY_PRODUCT, "ana", "bo", "cy", "di")).weight == 1


def test_success_raises_a_little_and_never_past_a_clearly_better_match() -> None:
    loved = fate(happened(Outcome.REUSED, *(f"T-{n}" for n in range(500))))
    assert 1 < loved.weight <= 1 + RAISE
    rows = [Ranked(Candidate(1, "en", None, 1.0), 1.0), Ranked(Candidate(2, "en", None, 0.9), 0.9)]
    assert [row.candidate.number for row in reorder(rows, {2: loved})] == [1, 2]
    close = [rows[0], Ranked(rows[1].candidate, 0.97)]
    raised = reorder(close, {2: loved})
    assert [row.candidate.number for row in raised] == [2, 1]
    assert raised[0].score == 1.0


def test_without_fates_nothing_moves() -> None:
    rows = [Ranked(Candidate(1, "en", None, 1.0), 1.0), Ranked(Candidate(2, "en", None, 0.9), 0.9)]
    assert reorder(rows, {}) == rows
    assert reorder(rows, {9: Fate(bad=9)}) == rows


# -- in a base -------------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    opened = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path, embedder=HashEmbedder(), now=lambda: AT)
    yield opened
    opened.close()


def fill(base: KnowledgeBase, *more: knowledge.Card) -> None:
    parts, faults = ("valve", "fuse", "belt", "motor", "hinge"), ("is loud", "leaks", "stays cold", "blinks", "smells")
    others = [
        a_card(f"{p}{n}", f"The {p} {f}", text=f"It shows E-{p}{n}", steps=f"Exchange spare {p} {n}.")
        for p in parts
        for n, f in enumerate(faults)
    ]
    base.learn([*others, *more])


OLD = a_card("old", "The pump hums at night", text="It hums.", steps="Wrap the pump in foam.", owner="Ana")
NEW = a_card("new", "The pump hums", text="A hum.", steps="Bleed the pump and lower it to stage 2.", owner="Bo")


def test_the_same_person_on_the_same_occasion_is_one(base: KnowledgeBase) -> None:
    fill(base, OLD)
    assert base.record("old", "wrong", by="U1", about="q1")
    assert not base.record("old", "wrong", by="U1", about="q1")
    assert base.record("old", "wrong", by="U2", about="q1")
    assert not base.record("nobody's card", "wrong", by="U1")
    assert base.fates(["old"])["old"].counts == {Outcome.WRONG: 2}
    with pytest.raises(ValueError, match="angry"):
        base.record("old", "angry", by="U1")


def test_a_doubted_card_with_nothing_better_is_no_answer(base: KnowledgeBase) -> None:
    fill(base, OLD)
    question = Question("The pump hums at night, it hums")
    assert base.ask(question).answered
    base.record("old", "wrong", by="U1")
    assert base.ask(question).answered
    for n in range(3):
        base.record("old", "reopened", about=f"T-{n}")
    doubted = base.ask(question)
    assert (doubted.answered, doubted.text, doubted.reason) == (False, "", "doubted")
    assert (doubted.nearest[0].id, doubted.nearest[0].doubted, doubted.people[0]) == ("old", True, "Ana")


def test_the_right_card_answers_once_the_wrong_one_has_failed(base: KnowledgeBase) -> None:
    fill(base, OLD, NEW)
    question = Question("The pump hums at night")
    assert "foam" in base.ask(question).text
    for n in range(3):
        base.record("old", "contradicted", about=f"T-{n}")
    assert "Bleed" in base.ask(question).text


def test_a_model_is_given_no_doubted_source(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _, user: user)
    base = knowledge.open(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, embedder=HashEmbedder(), model=model)
    fill(base, OLD, NEW)
    for n in range(3):
        base.record("old", "reopened", about=f"T-{n}")
    base.ask(Question("The pump hums at night"))
    assert "Bleed" in model.calls[0][1]
    assert "foam" not in model.calls[0][1]
    base.close()


def test_a_card_that_is_written_anew_starts_anew(base: KnowledgeBase) -> None:
    fill(base, OLD)
    for n in range(3):
        base.record("old", "reopened", about=f"T-{n}")
    assert base.fates(["old"])["old"].doubted
    base.learn([a_card("old", OLD.title, text=OLD.text, steps="Exchange the impeller.")])
    assert base.fates(["old"]) == {}


def test_what_happens_to_a_follower_counts_for_its_head(base: KnowledgeBase) -> None:
    followers = [a_card(f"f{n}", OLD.title, text=OLD.text, steps=OLD.steps) for n in range(3)]
    fill(base, OLD, *followers)
    for n in range(3):
        base.record(f"f{n}", "reopened", about=f"T-{n}")
    assert base.fates(["old"])["old"].doubted
    assert base.fates(["f0"])["f0"].doubted
    assert base.twin("f1") == "old"
    assert base.twin("old") == "f0"
    assert base.twin("valve0") is None


def test_an_expired_card_counts_as_outdated(base: KnowledgeBase) -> None:
    until = a_card("u", OLD.title, text=OLD.text, steps=OLD.steps, valid_until=AT + timedelta(days=1))
    fill(base, until)
    assert base.search(OLD.title)[0].doubted is False
    base.learn([a_card("u", OLD.title, text=OLD.text, steps=OLD.steps, valid_until=AT - timedelta(days=1))])
    assert next(hit for hit in base.search(OLD.title, 99) if hit.id == "u").doubted
    assert not base.ask(Question(f"{OLD.title}, it hums")).answered


# -- planted: fifty outdated fixes -----------------------------------------------------------------

#: Fixes that were right once, each with the newer one.
FIXES = [
    json.loads(line)
    for line in (Path(__file__).parent / "outdated_fixes.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_fifty_outdated_fixes_go_below_the_right_ones_after_three_failures(tmp_path: Path) -> None:
    embedder = find_embedder()
    if embedder is None:
        pytest.skip("the built-in models are not here: unstuck model fetch")
    base = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path, embedder=embedder)
    base.learn(
        a_card(f"{fix['id']}-{age}", fix[f"{age}_title"], text="", steps=fix[f"{age}_steps"], lang=fix["lang"])
        for fix in FIXES
        for age in ("old", "new")
    )
    questions = [fix["question"] for fix in FIXES]

    def places() -> list[tuple[int, int]]:
        found = [[hit.id for hit in hits] for hits in base.search_many(questions, 100)]
        return [
            (ids.index(f"{fix['id']}-old"), ids.index(f"{fix['id']}-new"))
            for fix, ids in zip(FIXES, found, strict=True)
        ]

    untouched = places()
    assert len(FIXES) == 50
    assert all(old < new for old, new in untouched)
    for fix in FIXES:
        base.record(f"{fix['id']}-old", "wrong", by="U-angry", about="a bad day")
    assert places() == untouched
    for number, fix in enumerate(FIXES):
        outcome = "reopened" if number % 2 else "contradicted"
        for ticket in range(3):
            base.record(f"{fix['id']}-old", outcome, about=f"T-{number}-{ticket}")
    assert [fix["id"] for fix, (old, new) in zip(FIXES, places(), strict=True) if old < new] == []
    base.close()


# -- older bases -----------------------------------------------------------------------------------


def test_a_base_of_version_1_is_upgraded_in_place(bare_database_url: str, tmp_path: Path) -> None:
    engine = create_engine(bare_database_url)
    Catalogue(engine).create_tables()
    with engine.begin() as connection:
        for table in set(metadata.sorted_tables) - {cards_table, vectors_table, state_table}:
            table.drop(connection)
        connection.execute(text("UPDATE knowledge_state SET number = 1 WHERE key = 'schema'"))
    base = knowledge.open(engine, tmp_path, embedder=HashEmbedder())
    fill(base, OLD)
    assert base.record("old", "helped", by="U1")
    with engine.connect() as connection:
        assert inspect(connection).has_table("knowledge_outcome")
        assert connection.scalar(text("SELECT number FROM knowledge_state WHERE key = 'schema'")) == SCHEMA
    base.close()
    engine.dispose()
