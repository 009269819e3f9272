"""Whose turn it is, as a support lead would say it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from unstuck.stalls.turn import Party, PartyKind, Turn, whose_turn
from unstuck.testing import NOON, a_change, a_ticket
from unstuck.tickets.changes import ChangeKind, Message, StageClass, TicketChange
from unstuck.tickets.timeline import ordered, timeline

STAGES = {stage.value.title(): (stage.value.title(), stage) for stage in StageClass}
NEW, ACTIVE, SOLVED = "New", "Active", "Solved"
CUSTOMER, INTERNAL, VENDOR = "Wait_Customer", "Wait_Internal", "Wait_Vendor"


def said(hours: float, who: str, body: str, *, public: bool = True) -> TicketChange:
    return a_change(
        at=hours, kind=ChangeKind.MESSAGE, actor=who, message=Message(body, who, public), change_id=f"m{hours}{who}"
    )


def turn_of(changes: list[TicketChange], bots: frozenset[str] = frozenset()) -> Turn | None:
    return whose_turn(timeline(1, ordered(changes), STAGES), bots)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def taken(*moves: tuple[float, str]) -> list[TicketChange]:
    return a_ticket("T-1", *moves, team="t1", assignee="ana")


@pytest.mark.parametrize(
    ("stage", "party"),
    [
        (NEW, Party(PartyKind.AGENT, "ana")),
        (ACTIVE, Party(PartyKind.AGENT, "ana")),
        (CUSTOMER, Party(PartyKind.CUSTOMER)),
        (INTERNAL, Party(PartyKind.INTERNAL, "t1")),
        (VENDOR, Party(PartyKind.VENDOR)),
    ],
)
def test_the_stage_says_who(stage: str, party: Party) -> None:
    turn = turn_of(taken((1, stage)))
    assert turn is not None
    assert turn.party == party


@pytest.mark.parametrize("stage", [SOLVED, "Closed", "Dropped"])
def test_nobody_has_to_move_once_it_is_over(stage: str) -> None:
    assert turn_of(taken((1, stage))) is None


def test_without_owner_it_is_the_teams_and_without_team_nobodys() -> None:
    team, nobody = turn_of(a_ticket("T-1", team="t1")), turn_of(a_ticket("T-1"))
    assert team is not None
    assert team.party == Party(PartyKind.TEAM, "t1")
    assert nobody is not None
    assert nobody.party == Party(PartyKind.NOBODY)


def test_an_unknown_team_between_two_known_ones_is_no_hand_off() -> None:
    turn = turn_of([*taken((1, ACTIVE)), a_change(at=5, team=None), a_change(at=6, team="t1")])
    assert turn is not None
    assert (turn.team, turn.since, turn.still_since) == ("t1", at(1), at(6))


def test_a_hand_off_starts_the_clock_anew() -> None:
    turn = turn_of([*taken((1, ACTIVE)), a_change(at=5, team="t2", assignee=None)])
    assert turn is not None
    assert (turn.party, turn.since) == (Party(PartyKind.TEAM, "t2"), at(5))


def test_an_update_that_changes_nothing_is_a_sign_of_life() -> None:
    turn = turn_of([*taken((1, ACTIVE)), a_change(at=8, actor="ana")])
    assert turn is not None
    assert (turn.since, turn.still_since) == (at(1), at(8))


def test_what_a_bot_writes_is_none() -> None:
    bot = [a_change(at=8, actor="robot"), said(9, "bot", "SLA warning")]
    turn = turn_of([*taken((1, ACTIVE)), *bot], frozenset({"robot"}))
    assert turn is not None
    assert turn.still_since == at(1)


@pytest.mark.parametrize("body", ["Thanks!", "好的，谢谢", "Automatic reply: out of office", "退信：投递失败"])
def test_courtesies_and_machines_answer_nothing(body: str) -> None:
    turn = turn_of([*taken((1, CUSTOMER)), said(3, "customer", body)])
    assert turn is not None
    assert turn.party.kind is PartyKind.CUSTOMER
    assert turn.still_since == at(1)
    assert [fact.kind for fact in turn.evidence] == ["stay", "skipped"]


def test_a_customers_answer_makes_it_ours_from_their_first_word_on() -> None:
    turn = turn_of([*taken((1, CUSTOMER)), said(3, "customer", "serial 4711"), said(9, "customer", "any news?")])
    assert turn is not None
    assert turn.answered
    assert (turn.party, turn.since, turn.still_since) == (Party(PartyKind.AGENT, "ana"), at(3), at(3))


def test_once_we_replied_it_is_the_customers_again() -> None:
    turn = turn_of(
        [*taken((1, CUSTOMER)), said(3, "customer", "serial 4711"), said(4, "agent", "Thanks, and the date?")]
    )
    assert turn is not None
    assert turn.party.kind is PartyKind.CUSTOMER
    assert not turn.answered


def test_a_question_to_the_customer_leaves_the_move_to_them() -> None:
    asked = [*taken((1, ACTIVE)), said(3, "agent", "请提供订单号")]
    turn, told = turn_of(asked), turn_of([*taken((1, ACTIVE)), said(3, "agent", "We ship it tomorrow.")])
    assert turn is not None
    assert (turn.party.kind, turn.since) == (PartyKind.CUSTOMER, at(3))
    assert told is not None
    assert (told.party.kind, told.since, told.still_since) == (PartyKind.AGENT, at(1), at(3))


def test_a_customer_who_asks_again_has_moved_nothing() -> None:
    turn = turn_of([*taken((1, ACTIVE)), said(30, "customer", "any news?")])
    assert turn is not None
    assert (turn.party.kind, turn.still_since) == (PartyKind.AGENT, at(1))


def test_an_internal_note_is_a_sign_of_life_but_no_answer_to_the_customer() -> None:
    turn = turn_of(
        [*taken((1, CUSTOMER)), said(3, "customer", "serial 4711"), said(5, "agent", "checking stock", public=False)]
    )
    assert turn is not None
    assert turn.answered
    assert turn.still_since == at(5)
