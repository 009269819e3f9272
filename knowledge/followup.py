"""A message that goes on from the question before it: told apart from a new question, and made whole.

By rules in both languages. "That did not help" wants another answer to the same question; "and on a Mac?" is
the question before with something added. Whatever says enough to stand alone is a new question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledge.words import is_chinese, words

#: Words that a message may hold beside "that did not help" and still be about the question before.
_FEW_WORDS = 3
#: Words up to which a message that begins like a continuation is one; a longer one says what it is about.
_SHORT = 8

_DID_NOT_HELP = re.compile(
    r"\b(?:(?:that|this|it)\s+)?(?:did(?:n['’]?t| not)|does(?:n['’]?t| not)|has(?:n['’]?t| not))\s+"
    r"(?:help|work|fix|solve|change)(?:ed)?(?:\s+(?:it|that|anything|for (?:me|us|them|him|her)))?\b"
    r"|\bstill (?:no luck|the same|not working|not fixed|happening|broken|fails?|there|no good)\b"
    r"|\bno luck\b|\b(?:any|some)?(?:thing|one|other|way|idea)?\s*else\b"
    r"|\b(?:another|next|other|different) (?:way|idea|fix|answer|option|solution|suggestion)s?\b"
    r"|\b(?:already )?tried (?:that|this|it)(?: already)?\b"
    r"|还是(?:不行|没用|不好使?|一样|老样子|没解决)|没(?:有)?(?:用|效果?|解决|好)(?!户)|(?:不管用|不起作用|不行)"
    r"|(?:都|已经)?试过了|(?:还有|有没有|有)(?:什么)?(?:别的|其他|其它|另外的?)(?:办法|方法|方案|思路|答案)?|换(?:一)?个(?:办法|方法|方案|思路)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"^\W*(?:and|but|or|also|then|so|what about|how about|what if|in that case|only|just)\b"
    r"|^\W*(?:那么?|如果|要是|还有|另外|然后|而且|但是?|可是|或者)",
    re.IGNORECASE,
)
_ENDS_LIKE_ONE = re.compile(r"呢\W*$")
_POINTS_BACK = re.compile(
    r"^\W*(?:(?:where|how|when|why|which one|what)\b.{0,30}\b(?:it|that|this|them|those)\b)|(?:这个|那个|它)", re.I
)


@dataclass(frozen=True, slots=True)
class Followup:
    """What is really asked."""

    #: The question made whole.
    text: str
    #: What was told before did not help: something else is wanted.
    wants_other: bool = False


def read(message: str, before: str) -> Followup | None:
    """What `message` asks after the question `before`; `None` when it stands alone."""
    rest, refused = _DID_NOT_HELP.subn(" ", message)
    if refused and _length(rest) <= _FEW_WORDS:
        return Followup(before, wants_other=True)
    short = _length(message) <= _SHORT
    if short and any(pattern.search(message) for pattern in (_GOES_ON, _ENDS_LIKE_ONE, _POINTS_BACK)):
        return Followup(f"{before}\n{message}")
    return None


def _length(text: str) -> float:
    """How many words of content a text has; two Chinese characters make one."""
    found = set(words(text))
    characters = sum(len(word) == 1 and is_chinese(word) for word in found)
    return sum(not is_chinese(word) for word in found) + characters / 2
