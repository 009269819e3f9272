from __future__ import annotations

import pytest

from knowledge.words import is_chinese, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The printers are printing", {"printer", "print"}),
        ("don't worry", {"worri"}),
        ("退款", {"退", "款", "退款"}),
        ("", set()),
    ],
)
def test_words_of_both_languages(text: str, expected: set[str]) -> None:
    assert set(words(text)) == expected


def test_a_code_is_kept_whole_and_in_parts() -> None:
    assert {"e-104", "e", "104"} <= set(words("Error E-104 on start"))
    assert "sec-error-expired" in words("SEC_ERROR_EXPIRED")
    assert "0-x-80070643" in words("0x80070643")


def test_full_width_letters_are_the_same_word() -> None:
    assert words("Ｅ－１０４") == words("E-104")


def test_a_mixed_sentence_gives_both() -> None:
    found = words("打印机 X200 无法连接")
    assert {"x-200", "打印", "连接"} <= set(found)
    assert is_chinese("X200 连接")
    assert not is_chinese("X200 connect")
