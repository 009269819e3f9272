"""Did it help? Who may say so, what comes of it, and who hears why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from bot.blocks.feedback import COMMENT, HELPED, NO, REASON
from bot.clients import web_client
from bot.notices import EVENT, deliver_notices
from bot.playground.run import Running, running
from bot.playground.standin import SlackStandIn
from bot.playground.validator import problems
from bot.playground.workspace import Message
from bot.testing import TODAY, small_desk
from knowledge.fate import Outcome
from knowledge.testing import a_card
from unstuck.clock import FrozenClock
from unstuck.feedback import COMMENT_WITHIN
from unstuck.tickets.changes import PersonRecord, TeamRecord
from unstuck.tickets.store import get_source, put_people, put_teams
from unstuck.tickets.tables import KnowledgeUse, Notice, Ticket

QUESTION = "Why does the dishwasher stop and blink E24? Mail me at ana.private@example.com"
OUTDATED = f"{REASON}_{Outcome.OUTDATED}"


@dataclass
class Place:
    """A desk whose dishwasher card belongs to Olga."""

    bot: Running
    ana: str
    olga: str
    support: str
    repairs: str
    clock: FrozenClock

    def ask(self) -> Message:
        """Ana asks in the channel."""
        asked = self.bot.slack.mention(self.support, self.ana, QUESTION)
        self.bot.settle()
        return self.bot.slack.messages(self.support, thread=asked.ts, by_bot=True)[-1]

    def press(self, message: Message, action: str, user: str | None = None) -> Message:
        assert self.bot.slack.press(user or self.ana, message, action).ok
        self.bot.settle()
        if action.startswith(REASON):
            self.wait()
        return next(m for m in self.bot.slack.messages(message.channel) if m.ts == message.ts)

    def wait(self) -> None:
        """Until nobody waits for a comment any more."""
        self.clock.tick(COMMENT_WITHIN)
        deliver_notices(self.bot.deps, web_client(self.bot.deps.settings))

    def uses(self) -> list[tuple[str | None, str | None]]:
        with self.bot.deps.sessions() as session:
            return [(use.verdict, use.reason) for use in session.exec(select(KnowledgeUse)).all()]

    def counts(self) -> dict[Outcome, int]:
        fates = self.bot.deps.knowledge.fates(["T-101"])
        return dict(fates["T-101"].counts) if fates else {}

    def heard(self, channel: str) -> list[Message]:
        told = self.bot.slack.messages(channel, by_bot=True)
        return [m for m in told if m.metadata and m.metadata["event_type"] == EVENT]

    def whispers(self, user: str) -> str:
        return "\n".join(m.all_text() for m in self.bot.slack.messages() if m.ephemeral_to == user)


@pytest.fixture
def place(slack: SlackStandIn, tmp_path: Path) -> Iterator[Place]:
    ana, olga = slack.add_user("ana"), slack.add_user("olga", email="olga@desk.example")
    support, repairs = slack.add_channel("support", [ana]), slack.add_channel("repairs", [ana, olga])
    clock = FrozenClock(TODAY)
    with small_desk(tmp_path, slack, clock=clock) as deps, running(deps, slack) as bot:
        own(bot, repairs)
        yield Place(bot, ana, olga, support, repairs, clock)


def own(bot: Running, channel: str, **values: object) -> None:
    """Olga of Repairs owns the card."""
    given: dict[str, object] = {"owner": "Olga", "team": "Repairs", **values}
    steps = "Clean the drain pump filter."
    bot.deps.knowledge.learn(
        [a_card("T-101", "Dishwasher stops with E24", text="It stops and blinks E24.", steps=steps, **given)]
    )
    with bot.deps.sessions.begin() as session:
        source = get_source(session, "test", "test")
        put_people(session, source, [PersonRecord("o1", "Olga", "agent", email="olga@desk.example", team="Repairs")])
        put_teams(session, source, [TeamRecord("Repairs", "Repairs", slack_channel=channel)])


def test_helped_is_counted_once(place: Place) -> None:
    answer = place.ask()
    after = place.press(answer, HELPED)
    assert "drain pump" in after.all_text()
    assert not after.buttons()
    assert problems(after.blocks) == []
    for action in (HELPED, NO):
        place.press(answer, action)
    assert place.uses() == [("good", None)]
    assert place.counts() == {Outcome.HELPED: 1}
    assert place.heard(place.bot.slack.direct(place.olga)) == []


def test_no_asks_why_and_the_owner_hears_it_once(place: Place) -> None:
    answer = place.ask()
    asked = place.press(answer, NO)
    assert len([name for name in asked.buttons() if name.startswith(REASON)]) == 4
    assert place.uses() == [(None, None)]
    done = place.press(asked, OUTDATED)
    place.press(asked, f"{REASON}_{Outcome.WRONG}")
    assert place.uses() == [("bad", "outdated")]
    assert place.counts() == {Outcome.OUTDATED: 1}
    assert done.buttons().keys() == {COMMENT}
    [letter] = place.heard(place.bot.slack.direct(place.olga))
    assert "Outdated" in letter.all_text()
    assert "dishwasher" in letter.all_text()
    assert "ana.private" not in letter.all_text()
    assert problems(letter.blocks) == []
    # The next day, the same person, the same card.
    place.press(place.press(place.ask(), NO), f"{REASON}_{Outcome.WRONG}")
    assert len(place.heard(place.bot.slack.direct(place.olga))) == 1


def test_nobody_speaks_for_somebody_else(place: Place) -> None:
    answer = place.ask()
    for user in (place.olga, place.bot.slack.add_user("guest", guest=True)):
        place.press(answer, HELPED, user)
        place.press(answer, NO, user)
    assert place.uses() == [(None, None)]
    assert "Only the person who asked" in place.whispers(place.olga)
    assert answer.buttons().keys() == {HELPED, NO}


@pytest.mark.parametrize("value", ["", "x", "999999", "-1", "1;DROP TABLE", "²", "9" * 30, ","])
def test_a_made_up_answer_is_nobodys(place: Place, value: str) -> None:
    answer = place.ask()
    answer.buttons()[HELPED]["value"] = value
    place.press(answer, HELPED)
    assert place.uses() == [(None, None)]
    assert place.counts() == {}


def test_the_team_hears_when_the_owner_is_not_in_slack_but_not_what_was_asked(place: Place) -> None:
    with place.bot.deps.sessions.begin() as session:
        people = [PersonRecord("o1", "Olga", "agent", email="gone@desk.example", team="Repairs")]
        put_people(session, get_source(session, "test", "test"), people)
    place.press(place.press(place.ask(), NO), OUTDATED)
    [letter] = place.heard(place.repairs)
    assert "Dishwasher stops with E24" in letter.all_text()
    assert "Why does the dishwasher" not in letter.all_text()
    assert place.heard(place.bot.slack.direct(place.olga)) == []


def test_an_internal_card_is_not_named_in_a_channel(place: Place) -> None:
    own(place.bot, place.repairs, visibility="internal", owner="Nobody we know")
    asked = place.bot.slack.direct_message(place.ana, QUESTION)
    place.bot.settle()
    answer = place.bot.slack.messages(asked.channel, by_bot=True)[-1]
    place.press(place.press(answer, NO), OUTDATED)
    [letter] = place.heard(place.repairs)
    assert "Dishwasher" not in letter.all_text()
    assert "T-101" in letter.all_text()


def test_a_private_answer_is_rated_in_private(place: Place) -> None:
    place.bot.slack.command(place.ana, "/unstuck", f"answer {QUESTION}")
    place.bot.settle()
    [buttons] = [m for m in place.bot.slack.messages() if m.ephemeral_to == place.ana and m.buttons()]
    asked = place.press(buttons, NO)
    done = place.press(asked, OUTDATED)
    assert done.buttons().keys() == {COMMENT}
    assert place.uses() == [("bad", "outdated")]
    assert "drain pump" in place.whispers(place.ana)


def test_a_chinese_agent_reads_chinese(place: Place) -> None:
    li = place.bot.slack.add_user("li", locale="zh-CN")
    asked = place.bot.slack.direct_message(li, "扫地机器人充不上电")
    place.bot.settle()
    answer = place.bot.slack.messages(asked.channel, by_bot=True)[-1]
    assert "有帮助" in answer.all_text()
    assert "过时了" in place.press(answer, NO, li).all_text()


@pytest.mark.parametrize("trouble", ["drop_after", "drop_before", "rate_limit"])
def test_a_letter_arrives_once_over_a_bad_line(place: Place, trouble: str) -> None:
    asked = place.press(place.ask(), NO)
    getattr(place.bot.slack.faults, trouble)("chat.postMessage")
    place.press(asked, OUTDATED)
    with place.bot.deps.sessions.begin() as session:
        [notice] = session.exec(select(Notice)).all()
        assert notice.state == "due"
        # As if the wait, and the lease of a worker that was killed, were over.
        notice.due_at, notice.lease_until = notice.due_at.replace(year=2020), None
        session.add(notice)
    for _ in range(2):
        deliver_notices(place.bot.deps, web_client(place.bot.deps.settings))
    assert len(place.heard(place.bot.slack.direct(place.olga))) == 1
    with place.bot.deps.sessions() as session:
        assert [notice.state for notice in session.exec(select(Notice)).all()] == ["sent"]


@pytest.mark.parametrize(("locale", "says"), [("en-US", "has failed too often"), ("zh-CN", "多次没能解决")])
def test_a_doubted_card_is_shown_as_such_and_not_as_an_answer(place: Place, locale: str, says: str) -> None:
    for ticket in range(3):
        place.bot.deps.knowledge.record("T-101", "reopened", about=f"S-{ticket}")
    user = place.bot.slack.add_user("kim", locale=locale)
    question = (
        "Dishwasher stops with E24 怎么办" if locale == "zh-CN" else "Why does the dishwasher stop and blink E24?"
    )
    asked = place.bot.slack.direct_message(user, question)
    place.bot.settle()
    answer = place.bot.slack.messages(asked.channel, by_bot=True)[-1]
    assert says in answer.all_text()
    assert "Dishwasher stops with E24" in answer.all_text()
    assert "drain pump" not in answer.all_text()
    assert problems(answer.blocks) == []
    assert not answer.buttons()


def test_the_channel_s_earlier_thread_with_the_same_answer_is_linked(place: Place) -> None:
    first, again = place.ask(), place.ask()
    assert first.thread_ts is not None
    assert "same answer before" not in first.all_text()
    assert f"p{first.thread_ts.replace('.', '')}" in again.all_text()
    assert problems(again.blocks) == []
    elsewhere = place.bot.slack.mention(place.repairs, place.ana, QUESTION)
    place.bot.settle()
    [other] = place.bot.slack.messages(place.repairs, thread=elsewhere.ts, by_bot=True)
    assert "same answer before" not in other.all_text()
    for answer in (first, again):
        place.press(place.press(answer, NO), OUTDATED)
    assert "same answer before" not in place.ask().all_text()


def test_a_use_knows_the_ticket_that_the_question_names(place: Place) -> None:
    with place.bot.deps.sessions() as session:
        known = session.exec(select(Ticket)).first()
    assert known is not None
    place.bot.slack.mention(place.support, place.ana, f"{QUESTION.split('?')[0]} in {known.ext_id}?")
    place.bot.settle()
    with place.bot.deps.sessions() as session:
        assert [use.ticket_id for use in session.exec(select(KnowledgeUse))] == [known.id]


def comment(place: Place, done: Message, words: str, user: str | None = None) -> str:
    """What the form says in the end."""
    who = user or place.ana
    assert place.bot.slack.press(who, done, COMMENT).ok
    place.bot.settle()
    view = place.bot.slack.modal(who)
    assert view
    if "submit" in view.content:
        place.bot.slack.submit(who, {"words": words})
        place.bot.settle()
        view = place.bot.slack.modal(who)
    said = str(view.content) if view else ""
    place.bot.slack.close(who)
    return said


def test_a_comment_goes_with_the_reason_in_one_letter(place: Place) -> None:
    asked = place.press(place.ask(), NO)
    assert place.bot.slack.press(place.ana, asked, OUTDATED).ok
    place.bot.settle()
    [done] = [m for m in place.bot.slack.messages(place.support) if m.ts == asked.ts]
    assert place.heard(place.bot.slack.direct(place.olga)) == []
    assert "goes to whoever owns" in comment(place, done, "The pump moved in 2025, ask kim@mail.example.")
    [letter] = place.heard(place.bot.slack.direct(place.olga))
    assert "Outdated" in letter.all_text()
    assert "The pump moved in 2025" in letter.all_text()
    assert "kim@mail.example" not in letter.all_text()
    assert problems(letter.blocks) == []
    assert "commented already" in comment(place, done, "again")
    place.wait()
    assert len(place.heard(place.bot.slack.direct(place.olga))) == 1


def test_a_comment_that_comes_late_is_a_letter_of_its_own(place: Place) -> None:
    done = place.press(place.press(place.ask(), NO), OUTDATED)
    comment(place, done, "The pump moved.")
    first, second = place.heard(place.bot.slack.direct(place.olga))
    assert "The pump moved." not in first.all_text()
    assert "The pump moved." in second.all_text()


def test_nobody_comments_for_somebody_else(place: Place) -> None:
    done = place.press(place.press(place.ask(), NO), OUTDATED)
    assert "no longer open" in comment(place, done, "mine now", place.olga)
    assert len(place.heard(place.bot.slack.direct(place.olga))) == 1
