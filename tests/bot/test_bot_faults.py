"""Slack is away for long, or refuses for good: what is said in the end, and what an admin sees.

Every single fault in every call: `test_bot_fault_matrix.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.testing import TODAY, small_desk
from unstuck.clock import FrozenClock
from unstuck.troubles import Seen, recent

QUESTION, NUMBER = "Why does the dishwasher stop and blink E24?", "resolution time by team"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        SlackStandIn() as slack,
        small_desk(tmp_path_factory.mktemp("desk"), slack, clock=FrozenClock(TODAY)) as deps,
        running(deps, slack) as bot,
    ):
        yield bot


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.posting.PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def ana(desk: Running) -> str:
    return desk.slack.add_user("ana")


@pytest.fixture
def support(desk: Running, ana: str) -> str:
    return desk.slack.add_channel("support", [ana])


def said(desk: Running, channel: str, *, rounds: int = 2) -> list[Message]:
    """What stands there once everything was tried, also what was put off."""
    for _ in range(rounds):
        desk.settle()
        assert isinstance(desk.deps.clock, FrozenClock)
        desk.deps.clock.tick(timedelta(seconds=30))
        desk.look_after()
    desk.settle()
    return desk.slack.messages(channel, by_bot=True)


def troubles(desk: Running, place: str) -> list[Seen]:
    with desk.deps.sessions() as session:
        return [one for one in recent(session, desk.deps.clock.now()) if one.place == place]


def test_when_slack_is_away_for_long_the_answer_comes_when_it_is_back(desk: Running, ana: str, support: str) -> None:
    desk.slack.faults.status("chat.postMessage", 503, times=9)
    desk.slack.mention(support, ana, QUESTION)
    assert said(desk, support, rounds=1) == []
    [answer] = said(desk, support, rounds=4)
    assert "drain pump" in answer.all_text()
    assert {one.word for one in troubles(desk, support)} == {"internal_error"}


def test_when_it_is_away_for_too_long_the_person_is_told(desk: Running, ana: str, support: str) -> None:
    desk.slack.faults.status("users.info", 503)
    desk.slack.mention(support, ana, QUESTION)
    desk.settle()
    assert isinstance(desk.deps.clock, FrozenClock)
    desk.deps.clock.tick(timedelta(minutes=11))
    [apology] = said(desk, support)
    assert "I was away" in apology.text


def test_when_somebody_else_answered_meanwhile_nothing_is_said(desk: Running, ana: str, support: str) -> None:
    bo = desk.slack.add_user("bo")
    desk.slack.faults.status("users.info", 503)
    asked = desk.slack.mention(support, ana, QUESTION)
    desk.settle()
    desk.slack.say(support, bo, "clean the filter", thread_ts=asked.ts)
    assert isinstance(desk.deps.clock, FrozenClock)
    desk.deps.clock.tick(timedelta(minutes=11))
    assert said(desk, support) == []


@pytest.mark.parametrize("change", ["archived", "gone"])
def test_a_channel_that_is_gone_is_seen_by_an_admin(desk: Running, ana: str, support: str, change: str) -> None:
    channel = desk.slack.workspace.channels[support]
    desk.slack.faults.delay("users.info", 0.3)
    desk.slack.mention(support, ana, QUESTION)
    with desk.slack.workspace.changing():
        if change == "archived":
            channel.archived = True
        else:
            del desk.slack.workspace.channels[support]
    said(desk, support)
    wanted = {"archived": "is_archived", "gone": "channel_not_found"}[change]
    assert [(one.kind, one.word) for one in troubles(desk, support)] == [("app_mention", wanted)]


def test_a_revoked_token_is_seen_by_an_admin_whatever_was_asked(desk: Running, ana: str, support: str) -> None:
    answered = desk.slack.mention(support, ana, QUESTION)
    desk.settle()
    desk.slack.revoked = True
    try:
        desk.slack.mention(support, ana, QUESTION)
        desk.slack.open_home(ana)
        desk.slack.direct_message(ana, NUMBER)
        assert len(said(desk, support)) == 1
    finally:
        desk.slack.revoked = False
    assert answered.ts
    with desk.deps.sessions() as session:
        seen = {(one.kind, one.word) for one in recent(session, desk.deps.clock.now())}
    assert {(kind, "token_revoked") for kind in ("app_mention", "app_home_opened", "message")} <= seen


def test_a_refused_chart_leaves_the_table_and_is_seen(desk: Running, ana: str, support: str) -> None:
    desk.slack.faults.refuse("files.completeUploadExternal", "posting_to_general_channel_denied")
    desk.slack.mention(support, ana, NUMBER)
    [table] = said(desk, support)
    assert table.blocks
    assert [(one.kind, one.word) for one in troubles(desk, support)] == [("chart", "posting_to_general_channel_denied")]


def test_a_question_that_is_done_again_does_not_go_on_from_itself(desk: Running, ana: str, support: str) -> None:
    desk.slack.faults.status("chat.postMessage", 503, times=5)
    desk.slack.mention(support, ana, "resolution time of Repairs and Billing by team")
    table = said(desk, support, rounds=3)[0]
    assert "Repairs" in table.text
    assert "On top of" not in table.all_text()
