"""What counts as somebody having moved, in both languages."""

from __future__ import annotations

import pytest

from unstuck.stalls.words import Weight, weigh

SAID = {
    Weight.COURTESY: [
        "Thanks!", "Thank you very much, Ana.", "ok great", "Got it, thanks.\n\nBest regards,\nTom", "谢谢",
        "好的，谢谢您", "收到，辛苦了", "嗯嗯", "Thank you for your quick reply!", "多谢！\n发自我的 iPhone",
    ],
    Weight.AUTO_REPLY: [
        "Automatic reply: I am out of the office until Monday", "I'm currently away and will read this on Monday.",
        "自动回复：我正在休假，周一回来", "本邮件由系统自动发出，请勿回复",
    ],
    Weight.BOUNCE: [
        "Undeliverable: your ticket", "Delivery Status Notification (Failure)", "退信：投递失败",
        "您的邮件无法送达对方",
    ],
    Weight.ASKS: [
        "Could you send us the serial number?", "Please send a photo of the label.", "We still need your invoice.",
        "请提供订单号", "麻烦您拍一下铭牌", "能否再看一下", "还在漏水，怎么办？",
    ],
    Weight.SAYS: [
        "We shipped the part. Let us know if you need anything else.", "已为您安排换货。如有疑问请随时联系我们。",
        "Thanks, but it still leaks", "谢谢，但是还是漏水", "好的，我明天寄回", "",
        "It works now.\n\nOn Monday Ana wrote:\n> Could you try again?",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("weight", "body"), [(weight, body) for weight, bodies in SAID.items() for body in bodies])
def test_messages_weigh_what_a_reader_would_say(weight: Weight, body: str) -> None:
    assert weigh(body) is weight


def test_a_huge_message_is_read_in_no_time() -> None:
    for body in ("if you need anything " * 100_000, "a" * 3_000_000, "let us know " * 100_000):
        assert weigh(body) is not Weight.COURTESY
