"""`/unstuck`, typed by people of every kind."""

import pytest

from bot.playground.run import Running
from bot.playground.workspace import Message


def reply(bot: Running, user: str) -> Message:
    """The one private answer to `user`."""
    return bot.slack.wait_for(lambda: [m for m in bot.slack.messages() if m.ephemeral_to == user])[-1]


@pytest.mark.parametrize(
    ("locale", "text", "expected"),
    [
        ("en-US", "", "/unstuck ask"),
        ("en-US", "help", "keep tickets moving"),
        ("zh-CN", "", "把工单往前推"),
        ("en-US", "帮助", "把工单往前推"),
        ("en-US", "answer", "Usage: /unstuck answer"),
        ("en-US", "frobnicate", "frobnicate"),
        ("en-US", "answer dishwasher blinks E24", "drain pump"),
        ("en-US", "answer 扫地机器人不充电", "充电触点"),
        ("en-US", "answer where is the master key", "In the safe"),
        ("en-US", "nudges", "Nothing waits for you"),
    ],
)
def test_a_member_gets_a_private_reply(bot: Running, locale: str, text: str, expected: str) -> None:
    ana = bot.slack.add_user("ana", locale=locale)
    ack = bot.slack.command(ana, "/unstuck", text)
    assert ack.ok
    assert ack.seconds < 1
    assert expected in reply(bot, ana).all_text()
