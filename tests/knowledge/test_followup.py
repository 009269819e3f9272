from __future__ import annotations

import pytest

from knowledge.followup import Followup, read

BEFORE = "the label printer is offline"


@pytest.mark.parametrize(
    "message",
    [
        "that didn't help",
        "That did not work.",
        "still the same, anything else?",
        "no luck",
        "Is there another way?",
        "tried that already",
        "it doesn’t work for me",
        "还是不行",
        "没用",
        "试过了，还有别的办法吗？",
        "不管用，换个方法",
        "没解决",
    ],
)
def test_what_did_not_help_wants_another_answer_to_the_same_question(message: str) -> None:
    assert read(message, BEFORE) == Followup(BEFORE, wants_other=True)


@pytest.mark.parametrize(
    "message",
    [
        "and on a Mac?",
        "what about the X200?",
        "But only over Wi-Fi",
        "how do I do that?",
        "那 X200 呢？",
        "如果是 Mac 呢",
        "这个在哪里设置？",
        "要是没有管理员权限",
    ],
)
def test_what_goes_on_is_read_with_the_question_before(message: str) -> None:
    assert read(message, BEFORE) == Followup(f"{BEFORE}\n{message}")


@pytest.mark.parametrize(
    "message",
    [
        "the refund has not arrived after ten days, what can I tell the customer?",
        "the new firmware update did not work on the dishwasher of a customer in Lyon, it blinks E24",
        "why does the dishwasher blink E24?",
        "客户说退款十个工作日还没有到账，怎么回复",
        "扫地机器人放回充电座以后一直不充电怎么处理",
        "how do I reset the admin password?",
        "thanks!",
    ],
)
def test_what_says_enough_stands_alone(message: str) -> None:
    assert read(message, BEFORE) is None
