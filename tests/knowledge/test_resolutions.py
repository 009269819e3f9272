from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knowledge.noise import is_automatic, without_noise
from knowledge.resolutions import card_of
from knowledge.solved import Said, Solved

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def said(body: str, *, hour: int = 1, by: str = "agent", public: bool = True) -> Said:
    return Said(f"m{hour}", NOON + timedelta(hours=hour), by, public, body)


def solved(*messages: Said, **values: Any) -> Solved:
    given = {
        "id": "desk/T-1",
        "title": "Pump is loud",
        "description": "It hums all night.",
        "solved_at": NOON,
        **values,
    }
    return Solved(messages=messages, **given)


def test_the_agents_steps_become_the_card() -> None:
    card = card_of(solved(said("Hi Tom,\nOpen the valve and let the air out.\nKind regards,\nAna"), owner="Ana"))
    assert card is not None
    assert card.steps == "Open the valve and let the air out."
    assert (card.title, card.text, card.owner, card.lang) == ("Pump is loud", "It hums all night.", "Ana", "en")
    assert card.comments == ("m1",)


def test_chinese_messages_lose_their_courtesies() -> None:
    card = card_of(
        solved(
            said("您好，\n请先打开排气阀，再重新启动水泵。\n如有其他问题，欢迎随时联系我们。\n祝好"),
            title="水泵噪音大",
            description="整晚嗡嗡响",
        )
    )
    assert card is not None
    assert card.steps == "请先打开排气阀，再重新启动水泵。"
    assert card.lang == "zh"


def test_internal_notes_customers_and_machines_are_never_a_source() -> None:
    card = card_of(
        solved(
            said("Margin on this customer is low, give them nothing.", public=False),
            said("I tried opening the valve and nothing happened.", by="customer", hour=2),
            said("Your request has been received and will be reviewed.", hour=3),
            said("Rebooting the router fixed the line for good.", by="bot", hour=4),
        )
    )
    assert card is None


def test_questions_to_the_customer_are_no_solution() -> None:
    card = card_of(solved(said("Replace the filter behind the lid."), said("Which model do you have?", hour=2)))
    assert card is not None
    assert card.steps == "Replace the filter behind the lid."


def test_the_resolution_field_leads_and_a_longer_answer_follows() -> None:
    long = "Open the valve, wait for a minute until no air comes out, then close it again."
    card = card_of(solved(said(long), resolution="Let the air out of the pump."))
    assert card is not None
    assert card.steps == f"Let the air out of the pump.\n\n{long}"


def test_an_answer_that_repeats_the_resolution_field_is_not_told_twice() -> None:
    written = "The drain hole is clogged. Let the ice melt, then push the cleaning stick in and rinse."
    told = "To sum up:\nThe drain hole is clogged.\n- Let the ice melt.\n- Push the cleaning stick in and rinse."
    card = card_of(solved(said(told), resolution=written))
    assert card is not None
    assert card.steps == written


@pytest.mark.parametrize(
    "bye", ["不客气，给您标记已解决。", "好的，那这边先给您结单了。", "收到，感谢反馈，工单关闭。"]
)
def test_a_goodbye_is_no_solution(bye: str) -> None:
    card = card_of(
        solved(
            said("排水泵过滤器堵了，拧下来清理干净再装回去。"),
            said("现在正常了", by="customer", hour=2),
            said(bye, hour=3),
        )
    )
    assert card is not None
    assert card.steps == "排水泵过滤器堵了，拧下来清理干净再装回去。"


def test_without_anything_that_helped_there_is_no_card() -> None:
    assert card_of(solved(said("Thanks for your patience!"))) is None


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("Restart it.\n\nOn Mon, Jan 5, 2026 Tom wrote:\n> it is broken", "Restart it."),
        ("> it is broken\nRestart it.", "Restart it."),
        ("请重启。\n发件人：小王\n旧内容", "请重启。"),
        ("Restart it.\n-- \nAna, Support", "Restart it."),
        ("Thank you for contacting us. Restart it. Let me know if it helps.", "Restart it."),
        ("Restart it now.\n\nMilan Novak\nTidewell Customer Care", "Restart it now."),
        ("陈立新您好！\n请重启路由器。\n\n泰维客服 许静", "请重启路由器。"),
        ("您好！断电一分钟。再重新插上。谢谢！", "断电一分钟。再重新插上。"),
        ("Restart it now.\n\nTomasz | Tidewell Front Desk", "Restart it now."),
        ("请重启路由器。\n\n许静 · 泰维客服", "请重启路由器。"),
        ("I am closing the case with this summary:\nA fuse blew. Replace fuse F3.", "A fuse blew. Replace fuse F3."),
        ("Replace fuse F3.\nHave a nice day!", "Replace fuse F3."),
        ("Replace fuse F3. If it returns, answer this mail and the case opens again.", "Replace fuse F3."),
        ("Close the lid and set the case fan to high.", "Close the lid and set the case fan to high."),
        ("We replaced it. We set it to 16 A.", "We replaced it. We set it to 16 A."),
        ("Great, I am closing this then.", ""),
        ("Happy to help! I'll mark it as solved.", ""),
        ("I am setting this to solved; just reply if it comes back.", ""),
        ("Restart it now.\n\nThen wait a minute.", "Restart it now.\n\nThen wait a minute."),
        ("1. Unplug it.\n2. Wait.\n3. Plug it in.", "1. Unplug it.\n2. Wait.\n3. Plug it in."),
    ],
)
def test_noise_goes_and_steps_stay(body: str, left: str) -> None:
    assert without_noise(body) == left


def test_automatic_replies_are_recognised() -> None:
    assert is_automatic("I am out of the office until Monday.")
    assert is_automatic("【自动回复】您的工单已收到")
    assert not is_automatic("Set the office mode to auto and restart.")
