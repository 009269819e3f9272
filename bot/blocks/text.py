"""The one place where words become Slack text. Nothing else in `bot` may build a text object.

Two ways to show words that somebody else wrote (tickets, names, a model): as `rich` text, which Slack
never parses, or as a value filled into a template of ours by `say`, which escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from unstuck.i18n import Lang, format_instant, t

Block = dict[str, Any]

MAX_SECTION = 3000
#: Longest foreign value inside a sentence of ours.
MAX_VALUE = 300
#: Slack cuts no message text below this length; longer fallbacks help nobody.
MAX_FALLBACK = 1500
MAX_URL = 3000
ELLIPSIS = "…"
# Control characters, lone surrogates and the overrides that make text run the other way than it reads.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: Where a text may be cut, best first: paragraph, line, sentence, clause, word.
_SEAMS = ("\n\n", "\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", ", ", " ")


class Markup(str):
    """mrkdwn in which every foreign word has been escaped. Only this module makes it."""

    __slots__ = ()


def clean(text: str) -> str:
    """`text` without characters that a reader cannot see but Slack or the eye would stumble over."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n"))


def clip(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters with an ellipsis when it is longer."""
    text = clean(text).strip()
    if len(text) <= limit:
        return text
    return text[: _seam(text, limit - 1, floor=limit // 2)].rstrip() + ELLIPSIS


def split(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` characters, cut between paragraphs, lines, sentences or words."""
    rest, pieces = clean(text).strip(), []
    while len(rest) > limit:
        cut = _seam(rest, limit, floor=limit // 3)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [piece for piece in (*pieces, rest) if piece]


def _seam(text: str, limit: int, floor: int) -> int:
    """Where to cut: after the best seam between `floor` and `limit`, else at `limit`."""
    for seam in _SEAMS:
        at = text.rfind(seam, floor, limit)
        if at >= 0:
            return at + len(seam)
    return max(_whole_character(text, limit), 1)


def _whole_character(text: str, at: int) -> int:
    """A position at or before `at` that does not part an emoji or an accent from its base."""
    while at > 1 and (text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d" or "\u0300" <= text[at] <= "\u036f"):
        at -= 1
    return at


def escape(text: str) -> Markup:
    """Foreign words as mrkdwn that pings nobody, links nowhere and formats nothing."""
    return Markup(_entities(_MARKERS.sub(lambda found: found[0].translate(_LOOKALIKES), clean(text))))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# Slack has no escape for these: where they would act, at the edge of a word, others of the same look stand in.
_MARKERS = re.compile(r"`+|(?<![^\W_])[*_~]+|[*_~]+(?![^\W_])")
_LOOKALIKES = str.maketrans("*_~`", "\u2217\u02cd\u223c\u02cb")


_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def markdown(text: str) -> str:
    """Foreign words as Markdown that formats nothing, pings nobody and links nowhere under another name."""
    return _MARKDOWN.sub(r"\\\1", _entities(clean(text)))


def unescape(text: str) -> str:
    """What a person typed, from the form in which Slack's events carry it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def say(key: str, lang: Lang, **values: object) -> Markup:
    """A sentence of ours from the locales, its values escaped unless they are `Markup` made here."""
    return Markup(t(key, lang, **{name: _filled(value) for name, value in values.items()}))


def _filled(value: object) -> str:
    return value if isinstance(value, Markup) else escape(_one_line(str(value)))


def _one_line(text: str) -> str:
    """A value as it may stand within a sentence: a line of its own could begin a quote, and ends a link's label."""
    return clip(" ".join(clean(text).split()), MAX_VALUE)


def link(url: str | None, words: str) -> Markup:
    """A link that shows `words`; the bare words when the address is not a plain web address."""
    label = escape(_one_line(words)).replace("|", "¦")
    safe = web_address(url)
    return Markup(f"<{safe.replace('&', '&amp;')}|{label}>") if safe and label else Markup(label)


def web_address(url: str | None) -> str | None:
    """`url` when it is an http(s) address without anything that could end the link early."""
    if not url or len(url) > MAX_URL - 500 or re.search(r"[\s<>|\"\x00-\x1f]", url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def person(user_id: str) -> Markup:
    """A mention of a Slack user; anything else than a user id is shown as plain words."""
    return Markup(f"<@{user_id}>") if re.fullmatch(r"[UW][A-Z0-9]{2,}", user_id) else escape(user_id)


def moment(at: datetime, lang: Lang) -> Markup:
    """An instant on each reader's own clock; readers without Slack's dates see it in UTC."""
    shape = "{date_short_pretty} {time}"
    return Markup(f"<!date^{int(at.timestamp())}^{shape}|{escape(format_instant(at, 'UTC', lang))}>")


def plain(text: str, limit: int) -> Block:
    """A text object that Slack shows as it is."""
    return {"type": "plain_text", "text": clip(text, limit) or ELLIPSIS, "emoji": False}


def mrkdwn(markup: Markup, limit: int = MAX_SECTION) -> Block:
    """A text object of our own words."""
    # Verbatim: or Slack makes links of addresses, and mentions of "@here", in words that nobody wrote as such.
    return {"type": "mrkdwn", "text": _cut(markup, limit) or ELLIPSIS, "verbatim": True}


def _cut(markup: str, limit: int) -> str:
    """Markup cut without leaving half a link or half an escape at the end."""
    if len(markup) <= limit:
        return markup
    cut = markup[: limit - 1]
    opened = max(cut.rfind("<"), cut.rfind("&") if ";" not in cut[cut.rfind("&") :] else -1)
    return (cut[:opened] if opened > cut.rfind(">") and opened >= 0 else cut) + ELLIPSIS


def fallback(*parts: str) -> str:
    """The message's `text`: what notifications and screen readers say. Parts are foreign or ours, unescaped."""
    words = clip(" · ".join(part for part in (clean(p).strip() for p in parts) if part), MAX_FALLBACK)
    return _entities(words) or ELLIPSIS


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def passage(text: str, *, quoted: bool = False) -> Iterator[Block]:
    """Foreign words as rich text blocks, as they are, in pieces that Slack takes."""
    kind = "rich_text_quote" if quoted else "rich_text_section"
    for piece in split(text, MAX_SECTION - 100):
        yield rich({"type": kind, "elements": [words(piece)]})


def words(text: str, **style: bool) -> Block:
    """One run of foreign words inside rich text; `bold=True`, `italic=True`, `strike=True`."""
    run: Block = {"type": "text", "text": clean(text) or ELLIPSIS}
    return run | {"style": style} if style else run


def rich_link(url: str | None, label: str) -> Block:
    """A link inside rich text, or the bare label when the address is not a plain web address."""
    safe = web_address(url)
    return {"type": "link", "url": safe, "text": clean(label) or safe} if safe else words(label)
