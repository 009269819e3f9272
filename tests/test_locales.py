"""English and Chinese are equals: the same messages with the same placeholders."""

from __future__ import annotations

import string

import pytest

from unstuck.i18n import LANGS, language_of, messages


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_language_has_the_same_messages() -> None:
    keys = {lang: set(messages(lang)) for lang in LANGS}
    missing = {lang: sorted(set().union(*keys.values()) - keys[lang]) for lang in LANGS}
    assert missing == {lang: [] for lang in LANGS}


@pytest.mark.parametrize("key", sorted(messages("en")))
def test_messages_take_the_same_values(key: str) -> None:
    taken = {lang: placeholders(messages(lang)[key]) for lang in LANGS}
    # A Chinese trend says "period" where English names the grain: a week, a month.
    assert taken["zh"] | {"grain"} == taken["en"] | {"grain"} or key.startswith("duration."), taken


def test_chinese_messages_are_chinese() -> None:
    english = [key for key, text in messages("zh").items() if len(text) > 24 and language_of(text) != "zh"]
    assert english == []
