"""What a message amounts to: a request, an answer, or nothing that moves a ticket. Rules are in `phrases.toml`."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

#: Longer messages are cut: what decides stands at their beginning or, for requests, near their end.
MAX_READ = 4000


class Weight(StrEnum):
    """How much a message counts. The first three are no activity."""

    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    COURTESY = "courtesy"
    #: The writer needs something from the reader.
    ASKS = "asks"
    #: The writer will do something next; until then nobody else has to.
    PROMISES = "promises"
    #: The writer waits for somebody's approval, for somebody outside, or for colleagues who have it now.
    APPROVAL = "approval"
    VENDOR = "vendor"
    INTERNAL = "internal"
    SAYS = "says"

    @property
    def counts(self) -> bool:
        """Whether somebody who waits for a reply has got one."""
        return self not in (Weight.AUTO_REPLY, Weight.BOUNCE, Weight.COURTESY)


#: What a message amounts to besides asking, the surest first.
_ELSE = (Weight.APPROVAL, Weight.VENDOR, Weight.INTERNAL, Weight.PROMISES)


@lru_cache(maxsize=4096)
def weigh(body: str) -> Weight:
    """What a message amounts to, by its words; an empty one (an attachment, say) counts."""
    text = _own_words(body)
    for machine in (Weight.AUTO_REPLY, Weight.BOUNCE):
        if _found(machine.value, text):
            return machine
    if text and _only_courtesy(text):
        return Weight.COURTESY
    text = _without("offer", text)
    if _found("asks", text):
        return Weight.ASKS
    return next((weight for weight in _ELSE if _found(weight.value, text)), Weight.SAYS)


def _own_words(body: str) -> str:
    """The message without quotes of earlier ones and without signature."""
    clipped = body if len(body) <= MAX_READ else f"{body[: MAX_READ // 2]}\n{body[-MAX_READ // 2 :]}"
    return _without("quoted", clipped).strip()


def _only_courtesy(text: str) -> bool:
    if re.search(r"[?？\d]|[一二两三四五六七八九十半][点号日天月个件台楼次]", text):
        return False
    rest = _without("courtesy", text)
    if rest == text:
        return False
    # What may be left is whom one thanks, and who does: "Thanks Ana! Best, Tom".
    left = re.findall(r"[^\W_]+", rest)
    return len(left) <= 3 and all(word.istitle() or (len(word) <= 2 and not word.isascii()) for word in left)


def _found(kind: str, text: str) -> bool:
    return any(pattern.search(text) for pattern in _patterns()[kind])


def _without(kind: str, text: str) -> str:
    for pattern in _patterns()[kind]:
        text = pattern.sub(" ", text)
    return text


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], ...]]:
    rules = tomllib.loads((files("unstuck.stalls") / "phrases.toml").read_text(encoding="utf-8"))
    flags = re.IGNORECASE | re.MULTILINE
    return {kind: tuple(re.compile(rule, flags) for rule in found) for kind, found in rules.items()}
