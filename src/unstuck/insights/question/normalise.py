"""The asker's words in one plain form, each character still knowing where it came from."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC  # type: ignore[import-untyped]

#: Longer questions are cut: nobody asks for one number in more words, and every rule is linear in these.
MAX_LENGTH = 2_000

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "—": "-", "–": "-", "−": "-", "〜": "~"})
#: A hyphen between letters joins words that people also write apart: self-service, hand-offs.
_HYPHEN = re.compile(r"(?<=[a-z])[-_](?=[a-z])")


@dataclass(frozen=True, slots=True)
class Text:
    """A question as asked and as matched."""

    raw: str
    #: Half-width, simplified, lower case, single blanks.
    plain: str
    #: For each character of `plain` its index in `raw`.
    origin: tuple[int, ...]

    def words(self, start: int, end: int) -> str:
        """The asker's own words behind `plain[start:end]`."""
        if start >= end:
            return ""
        return self.raw[self.origin[start] : self.origin[end - 1] + 1].strip()


def normalise(raw: str) -> Text:
    """`raw` as a `Text`."""
    raw = raw[:MAX_LENGTH]
    chars: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(raw):
        for part in _plain(char):
            blank = part.isspace()
            if blank and (not chars or chars[-1] == " "):
                continue
            chars.append(" " if blank else part)
            origin.append(index)
    plain = _HYPHEN.sub(" ", "".join(chars))
    return Text(raw, plain, tuple(origin))


def key(value: str) -> str:
    """The form under which a live value or a phrase is looked up."""
    return _HYPHEN.sub(" ", " ".join("".join(map(_plain, value)).split()))


@cache
def _plain(char: str) -> str:
    wide = unicodedata.normalize("NFKC", char).lower().translate(_QUOTES)
    if unicodedata.category(char) in ("Cc", "Cf"):
        return " " if char in "\t\n\r" else ""
    return _converter().convert(wide) if any(is_chinese(part) for part in wide) else wide


@cache
def _converter() -> OpenCC:
    from opencc import OpenCC

    return OpenCC("t2s")


def is_chinese(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"


def is_word(char: str) -> bool:
    """Whether `char` is part of a word written with letters or digits, as opposed to a Chinese character."""
    return char.isalnum() and not is_chinese(char)


def on_boundary(plain: str, start: int, end: int) -> bool:
    """Whether `plain[start:end]` cuts no word or number in two."""
    return not _inside(plain, start) and not _inside(plain, end)


def _inside(plain: str, at: int) -> bool:
    return 0 < at < len(plain) and is_word(plain[at - 1]) and is_word(plain[at])
