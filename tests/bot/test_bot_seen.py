"""One event, one worker, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import choices, seen
from bot.choices import Choice
from unstuck.insights.plan import Kind, Option, Plan
from unstuck.testing import NOON


def test_one_of_many_gets_the_event(engine: Engine) -> None:
    sessions = sessionmaker(engine, class_=Session)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: seen.claim(sessions, f"event:{number % 10}", NOON), range(80)))
    assert won.count(True) == 10
    assert seen.is_known(sessions, "event:3")
    assert not seen.is_known(sessions, "event:99")


def test_old_events_are_forgotten_and_young_ones_kept(engine: Engine) -> None:
    sessions = sessionmaker(engine, class_=Session)
    seen.claim(sessions, "old", NOON - timedelta(days=3))
    seen.claim(sessions, "young", NOON - timedelta(hours=1))
    assert seen.forget_old(sessions, NOON) == 1
    assert not seen.claim(sessions, "young", NOON)


def test_a_choice_survives_a_restart_and_nothing_made_up_is_found(engine: Engine) -> None:
    sessions = sessionmaker(engine, class_=Session)
    options = tuple(Option(label=f"<{n}>", plan=Plan(kind=Kind.VALUE, metric="solved", limit=n)) for n in (1, 2))
    kept = Choice(options, "Which?", "U1", "zh", "slack:C1:1.0")
    choice_id = choices.save(sessions, kept, NOON)
    assert choices.find(sessions, f"{choice_id}:1") == (kept, options[1])
    for value in ("", ":", choice_id, f"{choice_id}:2", f"{choice_id}:-1", f"{choice_id}:x", "0:0", f"{choice_id}:²"):
        assert choices.find(sessions, value) is None
