"""Mentions, direct messages and threads: who is answered, where, how often."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from bot.playground.run import Running
from bot.playground.standin import SlackStandIn
from bot.playground.workspace import Message
from bot.testing import small_desk
from unstuck.i18n import LANGS, Lang, language_of, t
from unstuck.insights import ask
from unstuck.insights.plan import Answer

KNOWN = "Why does the dishwasher stop and blink E24?"


def replies(bot: Running, channel: str) -> list[Message]:
    bot.settle()
    return bot.slack.messages(channel, by_bot=True)


@pytest.fixture
def ana(bot: Running) -> str:
    return bot.slack.add_user("ana")


@pytest.fixture
def support(bot: Running, ana: str) -> str:
    return bot.slack.add_channel("support", [ana])


@pytest.mark.parametrize("mention_first", [True, False])
@pytest.mark.parametrize("duplicates", [0, 2])
def test_a_mention_is_answered_once_in_its_thread(
    bot: Running, ana: str, support: str, mention_first: bool, duplicates: int
) -> None:
    bot.slack.mention_first, bot.slack.duplicates = mention_first, duplicates
    asked = bot.slack.mention(support, ana, KNOWN)
    [answer] = replies(bot, support)
    assert answer.thread_ts == asked.ts
    assert "drain pump" in answer.all_text()
    assert "Dishwasher stops with E24" in answer.all_text()


def test_a_direct_message_needs_no_mention(bot: Running, ana: str) -> None:
    asked = bot.slack.direct_message(ana, KNOWN)
    [answer] = replies(bot, asked.channel)
    assert answer.thread_ts == asked.ts
    assert asked.ts in [status["thread_ts"] for status in bot.slack.workspace.statuses]


def test_talk_between_people_is_left_alone(bot: Running, ana: str, support: str) -> None:
    bo = bot.slack.add_user("bo")
    first = bot.slack.say(support, ana, "morning everybody")
    bot.slack.mention(support, ana, KNOWN, thread_ts=first.ts)
    bot.settle()
    bot.slack.say(support, bo, "I had that one too", thread_ts=first.ts)
    bot.slack.say(support, ana, f"<@{bo}> what did you do?", thread_ts=first.ts)
    bot.slack.say(support, ana, "App shows a blank page", thread_ts=None)
    assert len(replies(bot, support)) == 1


def test_who_asked_goes_on_without_a_mention(bot: Running, ana: str, support: str) -> None:
    asked = bot.slack.mention(support, ana, "What is our backlog by team?")
    bot.settle()
    bot.slack.say(support, ana, "only Billing", thread_ts=asked.ts)
    answers = [m for m in replies(bot, support) if m.blocks]
    assert len(answers) == 2
    assert {m.thread_ts for m in answers} == {asked.ts}
    assert "Billing" in answers[1].all_text()


def test_a_number_comes_with_slacks_own_table_and_chart(bot: Running, ana: str, support: str) -> None:
    bot.slack.mention(support, ana, "How many tickets were opened by team?")
    [answer] = replies(bot, support)
    kinds = [block["type"] for block in answer.blocks]
    assert kinds.count("data_table") == kinds.count("data_visualization") == 1
    assert "Repairs" in answer.all_text()
    [chart] = [block["chart"] for block in answer.blocks if block["type"] == "data_visualization"]
    assert chart["type"] == "bar"
    assert set(chart["axis_config"]["categories"]) == {"Billing", "Logistics", "Repairs"}
    [table] = [block for block in answer.blocks if block["type"] == "data_table"]
    assert {cell["type"] for cell in table["rows"][1]} == {"raw_text", "raw_number"}


def test_what_a_plain_chart_cannot_say_is_left_to_the_picture(bot: Running, ana: str, support: str) -> None:
    # No ticket of Billing is solved yet: of its time only is known that it is longer.
    bot.slack.mention(support, ana, "resolution time by team")
    answer, picture = replies(bot, support)
    assert "data_visualization" not in [block["type"] for block in answer.blocks]
    assert picture.files


def test_where_slack_refuses_them_a_plain_table_and_a_picture_come(bot: Running, ana: str, support: str) -> None:
    bot.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    bot.slack.mention(support, ana, "resolution time by team")
    bot.settle()
    answer, chart = replies(bot, support)
    assert [b["type"] for b in answer.blocks].count("table") == 1
    assert "Repairs" in answer.all_text()
    content = bot.slack.workspace.files[chart.files[0]["id"]]["content"]
    assert content.startswith(b"\x89PNG")
    assert chart.thread_ts == answer.thread_ts


def test_without_any_chart_the_answer_still_stands(bot: Running, ana: str, support: str) -> None:
    bot.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    bot.slack.faults.refuse("files.getUploadURLExternal", "missing_scope")
    bot.slack.mention(support, ana, "resolution time by team")
    [answer] = replies(bot, support)
    assert "Repairs" in answer.all_text()


def test_another_refusal_is_told_and_not_tried_around(bot: Running, ana: str, support: str) -> None:
    bot.slack.faults.refuse("chat.postMessage", "restricted_action")
    bot.slack.mention(support, ana, "resolution time by team")
    [answer] = replies(bot, support)
    assert "error" in answer.text


def test_in_private_the_table_is_plain(bot: Running, ana: str) -> None:
    bot.slack.command(ana, "/unstuck", "ask resolution time by team")
    bot.settle()
    [answer] = bot.slack.messages(bot.slack.direct(ana), by_bot=True)
    assert [b["type"] for b in answer.blocks].count("table") == 1


def test_a_reading_is_chosen_by_who_asked_and_once(bot: Running, ana: str, support: str) -> None:
    bo = bot.slack.add_user("bo")
    bot.slack.mention(support, ana, "how many done last week")
    [question] = replies(bot, support)
    first = next(iter(question.buttons()))
    bot.slack.press(bo, question, first)
    bot.settle()
    assert "Only the person who asked" in bot.slack.messages(support)[-1].text
    bot.slack.press(ana, question, first)
    bot.slack.press(ana, question, first)
    bot.settle()
    chosen, answer = [m for m in bot.slack.messages(support, by_bot=True) if m.ephemeral_to is None]
    assert not chosen.buttons()
    assert "Solved" in answer.all_text()
    assert answer.thread_ts == question.thread_ts


def test_a_made_up_choice_is_refused(bot: Running, ana: str, support: str) -> None:
    bot.slack.mention(support, ana, "how many done last week")
    [question] = replies(bot, support)
    next(iter(question.buttons().values()))["value"] = "0" * 32 + ":0"
    bot.slack.press(ana, question, next(iter(question.buttons())))
    bot.settle()
    assert "no longer open" in bot.slack.messages(support)[-1].text


def test_strangers_and_guests_get_nothing_internal(bot: Running, support: str) -> None:
    stranger, guest = bot.slack.add_user("stranger", stranger=True), bot.slack.add_user("guest", guest=True)
    for who, words in ((stranger, "members of this workspace"), (guest, "Guests cannot see")):
        bot.slack.mention(support, who, KNOWN)
        answer = replies(bot, support)[-1]
        assert words in answer.text
        assert "drain pump" not in answer.all_text()


def test_channels_see_only_what_everybody_may(bot: Running, ana: str, support: str) -> None:
    bot.slack.mention(support, ana, "Master key of the safe")
    [answer] = replies(bot, support)
    assert "Drawer two" not in answer.all_text()
    assert "Master key" not in answer.all_text()


def test_what_nobody_knows_is_said(bot: Running, ana: str) -> None:
    asked = bot.slack.direct_message(ana, "our flux capacitor hums at midnight")
    [answer] = replies(bot, asked.channel)
    assert "I don't know" in answer.text


def test_numbers_that_are_not_understood_name_the_word(bot: Running, ana: str) -> None:
    asked = bot.slack.direct_message(ana, "how many tickets were solved by wizards last week?")
    [answer] = replies(bot, asked.channel)
    assert "wizards" in answer.all_text()
    assert answer.buttons()


@pytest.mark.parametrize(("text", "lang"), [("help", "en"), ("帮助", "zh"), ("", "en"), ("Help!", "en")])
def test_help_and_silence(bot: Running, ana: str, support: str, text: str, lang: Lang) -> None:
    bot.slack.mention(support, ana, text)
    [answer] = replies(bot, support)
    assert t("help.intro" if text else "bot.empty", lang)[:20] in answer.all_text()


def test_edits_bots_and_joins_are_nobodys_question(bot: Running, ana: str, support: str) -> None:
    base = {"type": "message", "channel": support, "channel_type": "channel", "ts": "1.0"}
    said = f"<@{bot.app.client.auth_test()['user_id']}> {KNOWN}"
    for more in (
        {"subtype": "message_changed", "message": {"text": said}, "hidden": True},
        {"subtype": "channel_join", "user": ana, "text": said},
        {"subtype": "bot_message", "bot_id": "B1", "text": said},
        {"user": ana, "bot_id": "B1", "text": said},
    ):
        assert bot.slack.send_event(base | more).status == 200
    assert replies(bot, support) == []


def test_a_shared_channel_is_answered_in_private(bot: Running, ana: str, support: str) -> None:
    body = {"type": "app_mention", "user": ana, "channel": support, "ts": "1.0", "text": f"<@U0UNSTUCK> {KNOWN}"}
    bot.slack.workspace.shared.add(support)
    bot.slack.send_event(body)
    assert replies(bot, support) == []
    [answer] = replies(bot, bot.slack.direct(ana))
    assert "drain pump" in answer.all_text()


def test_an_error_is_an_id_and_not_silence(bot: Running, ana: str, support: str) -> None:
    bot.slack.faults.refuse("users.info", "missing_scope")
    bot.slack.mention(support, ana, KNOWN)
    [answer] = replies(bot, support)
    assert re.search(r"error [0-9a-f]{8}", answer.text)


def test_managers_only_once_managers_are_named(slack: SlackStandIn, tmp_path_factory: pytest.TempPathFactory) -> None:
    from bot.playground.run import running

    boss, ana = slack.add_user("boss", email="boss@desk.example"), slack.add_user("ana")
    with (
        small_desk(tmp_path_factory.mktemp("home"), slack, managers="boss@desk.example") as deps,
        running(deps, slack) as bot,
    ):
        mine, theirs = (bot.slack.direct_message(user, "What is our backlog by team?") for user in (boss, ana))
        assert "Billing" in replies(bot, mine.channel)[0].all_text()
        assert "UNSTUCK_MANAGERS" in replies(bot, theirs.channel)[0].all_text()


@pytest.mark.parametrize("lang", LANGS)
def test_every_question_we_suggest_has_an_answer(bot: Running, lang: Lang) -> None:
    manifest = json.loads((files("bot") / "manifest.json").read_text(encoding="utf-8"))
    suggested = [prompt["message"] for prompt in manifest["features"]["agent_view"]["suggested_prompts"]]
    suggested += [t(f"bot.prompt_{name}_text", lang) for name in ("stuck", "open")]
    suggested += re.findall(r"_([^_]+)_", t("help.insights", lang))[:3]
    for question in suggested:
        if question != "help" and language_of(question) == lang:
            assert isinstance(ask.read(bot.deps, question, lang=lang), Answer), question
