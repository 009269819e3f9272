"""`/unstuck`, typed by people of every kind."""

import pytest

from bot.playground.run import Running


def told(bot: Running, user: str) -> str:
    """Everything that `user` alone was told."""
    bot.settle()
    return "\n".join(m.all_text() for m in bot.slack.messages() if m.ephemeral_to == user)


@pytest.mark.parametrize(
    ("locale", "text", "expected"),
    [
        ("en-US", "", "/unstuck ask"),
        ("en-US", "help", "keep tickets moving"),
        ("zh-CN", "", "把工单往前推"),
        ("en-US", "帮助", "把工单往前推"),
        ("en-US", "answer", "Usage: /unstuck answer"),
        ("en-US", "ask", "Usage: /unstuck ask"),
        ("en-US", "frobnicate", "frobnicate"),
        ("en-US", "frobnicate", "keep tickets moving"),
        ("en-US", "answer why does the dishwasher blink E24", "drain pump"),
        ("en-US", "answer 扫地机器人充不上电", "充电触点"),
        ("en-US", "answer master key of the safe", "Drawer two"),
        ("en-US", "stuck", "Stuck most in Waiting for Parts"),
        ("zh-CN", "stuck", "卡得最严重的是 Waiting for Parts"),
        ("en-US", "ask what is our backlog by team?", "Billing"),
        ("en-US", "what is our backlog by team?", "Billing"),
        ("en-US", "why does the dishwasher blink E24", "drain pump"),
        ("en-US", "ask why does the dishwasher blink E24", "cannot prove causes"),
        ("en-US", "nudges", "Nothing waits for you"),
        ("fr-FR", "nudges", "Nothing waits for you"),
        ("zh-CN", "nudges", "没有等你处理的工单"),
    ],
)
def test_a_member_gets_a_private_reply(bot: Running, locale: str, text: str, expected: str) -> None:
    ana = bot.slack.add_user("ana", locale=locale)
    channel = bot.slack.add_channel("desk", [ana])
    ack = bot.slack.command(ana, "/unstuck", text, channel=channel)
    assert ack.ok
    assert ack.body == {}
    assert expected in told(bot, ana)
    assert [m for m in bot.slack.messages(channel) if m.ephemeral_to is None] == []


def test_a_choice_offered_in_private_is_redrawn_in_private(bot: Running) -> None:
    ana = bot.slack.add_user("ana")
    bot.slack.command(ana, "/unstuck", "ask how many done last week")
    bot.settle()
    [question] = [m for m in bot.slack.messages() if m.ephemeral_to == ana]
    bot.slack.press(ana, question, "insight_choose_0")
    bot.settle()
    redrawn, answer = [m for m in bot.slack.messages() if m.ephemeral_to == ana]
    assert not redrawn.buttons()
    assert "Solved" in answer.all_text()


def test_guests_are_told_why_not(bot: Running) -> None:
    guest = bot.slack.add_user("guest", guest=True, locale="zh-CN")
    bot.slack.command(guest, "/unstuck", "stuck")
    assert "访客账号看不到" in told(bot, guest)
