"""Words of the workspace's own: exact once a manager has said so, told in the answer, never at a known word's cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from question_desk import NOW, ask, desk
from sqlmodel import Session, SQLModel, create_engine

from unstuck.errors import UserError
from unstuck.insights import aliases
from unstuck.insights.plan import Answer, Filter, OwnWord, Plan, Refuse
from unstuck.insights.question.lexicon import Lexicon, from_values

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
VALUES = {"team": ["Group 9", "Billing"], "category": ["Billing", "Returns"], "priority": ["1 - Critical", "2 - High"]}


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def taught(session: Session, said: str, meant: str, field: str | None = None) -> Lexicon:
    """The desk's lexicon with one more word."""
    plain = from_values(VALUES)
    aliases.add(session, said, aliases.target_of(meant, plain, field), plain, by="Ana", now=AT)
    return from_values(VALUES, own_words=aliases.approved(session))


def plan_of(text: str, lexicon: Lexicon, previous: Plan | None = None) -> Plan:
    reading = ask(text, previous, lexicon=lexicon)
    assert isinstance(reading, Answer), reading
    return reading.plan


@pytest.mark.parametrize(
    ("said", "meant", "question", "found"),
    [
        (
            "RMA",
            "Returns",
            "how many RMA tickets were opened last month",
            Filter(field="category", values=("Returns",)),
        ),
        ("red", "P1", "backlog of red tickets by team", Filter(field="priority", values=("1 - Critical",))),
        ("红单", "P1", "现在红单积压多少", Filter(field="priority", values=("1 - Critical",))),
        ("紅單", "P1", "现在红单积压多少", Filter(field="priority", values=("1 - Critical",))),
    ],
)
def test_a_taught_value_filters_and_is_told(
    session: Session, said: str, meant: str, question: str, found: Filter
) -> None:
    assert isinstance(ask(question, lexicon=from_values(VALUES)), Refuse)
    reading = ask(question, lexicon=taught(session, said, meant))
    assert isinstance(reading, Answer)
    assert reading.plan.filters == (found,)
    assert [word.said for word in reading.plan.own_words] == [said]
    assert f"“{said}”" in reading.restatement
    assert "Ana" in reading.restatement
    assert "2026-11-03" in reading.restatement


def test_a_metric_and_a_split_can_be_taught_too(session: Session) -> None:
    assert plan_of("how high is the mountain", taught(session, "mountain", "backlog")).metric == "backlog"
    assert plan_of("backlog by crew", taught(session, "crew", "team")).by == ("team",)


def test_a_follow_up_tells_a_word_as_long_as_it_counts(session: Session) -> None:
    lexicon = taught(session, "RMA", "Returns")
    first = plan_of("how many RMA tickets were opened last month", lexicon)
    narrowed = plan_of("only Group 9", lexicon, first)
    assert [word.said for word in narrowed.own_words] == ["RMA"]


def test_a_proposal_counts_only_when_a_manager_approves_it(session: Session) -> None:
    plain = from_values(VALUES)
    target = aliases.target_of("Returns", plain)
    assert aliases.propose(session, "RMA", target, plain, by=aliases.MODEL, now=AT)
    assert not aliases.propose(session, "RMA", target, plain, by=aliases.SPELLING, now=AT)
    assert aliases.approved(session) == ()
    aliases.approve(session, "rma", by="Ana", now=AT)
    assert [(word.said, word.approved_by) for word in aliases.approved(session)] == [("RMA", "Ana")]
    aliases.remove(session, "RMA", by="Ana", now=AT)
    assert aliases.approved(session) == ()


@pytest.mark.parametrize(
    ("said", "meant", "field", "error"),
    [
        ("closed", "Returns", None, "alias_taken"),
        ("Group 9", "Returns", None, "alias_taken"),
        ("7", "Returns", None, "alias_word"),
        ("RMA", "Nothing", None, "alias_unknown"),
        ("RMA", "Billing", None, "alias_several"),
    ],
)
def test_what_cannot_be_taught(session: Session, said: str, meant: str, field: str | None, error: str) -> None:
    with pytest.raises(UserError) as refused:
        taught(session, said, meant, field)
    assert refused.value.key == error


def test_a_field_chooses_among_values_of_the_same_name(session: Session) -> None:
    plan = plan_of("backlog of gelb tickets", taught(session, "gelb", "Billing", "category"))
    assert plan.filters == (Filter(field="category", values=("Billing",)),)


def test_a_word_that_is_misspelt_comes_with_what_it_was_taken_for() -> None:
    reading = ask("backlog of Hardwear tickets")
    assert not isinstance(reading, Answer)
    assert [option.guess for option in reading.options][:1] == [("Hardwear", "hardware")]


def test_own_words_are_part_of_the_desk_alone() -> None:
    word = OwnWord(said="RMA", role="value", field="category", value="Returns", approved_by="Ana", approved_at=NOW)
    assert isinstance(ask("backlog of RMA tickets", lexicon=desk()), Refuse)
    assert plan_of("backlog of RMA tickets", from_values(VALUES, own_words=[word])).own_words == (word,)
