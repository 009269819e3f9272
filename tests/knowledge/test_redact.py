from __future__ import annotations

import pytest

from knowledge import redact


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ana.b+x@mail.example.com now", "write to [email] now"),
        ("邮箱zhang@example.cn，谢谢", "邮箱[email]，谢谢"),
        ("call +1 650 253 0000 today", "call [phone] today"),
        ("手机13812345678，急", "手机[phone]，急"),
        ("card 4111 1111 1111 1111 was charged", "card [card] was charged"),
        ("IBAN GB29 NWBK 6016 1331 9268 19.", "IBAN [iban]."),
        ("身份证11010519491231002X", "身份证[id]"),
        ("password: hunter22", "password: [secret]"),
        ("密码是abc12345，登录不了", "密码是[secret]，登录不了"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [secret]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert redact.text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "order 20240117000123 is late",
        "error 0x80070643 after update 68.0.2",
        "version 115.0.5790.171 of 2024-01-17",
        "at 2016-05-20 12:00:00 the pump model HX-2000-1 stopped",
        "订单号 202401170001 一直没发货",
        "IP 192.168.100.200",
        "I forgot my password and cannot log in",
    ],
)
def test_numbers_by_which_cards_are_found_stay(text: str) -> None:
    assert redact.text(text) == text


def test_masking_twice_is_masking_once() -> None:
    once = redact.text("password: hunter22, mail a@b.example, +86 138 1234 5678")
    assert redact.text(once) == once
