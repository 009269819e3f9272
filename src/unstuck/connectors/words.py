"""Texts that connectors take in and send out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from unstuck.connectors import Action

_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "pre"})
_UNREAD = frozenset({"script", "style", "head"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._unread += tag in _UNREAD
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in _UNREAD and self._unread > 0

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.said.append(data)


def plain_text(markup: str) -> str:
    """What a reader sees of a piece of HTML."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in "".join(reader.said).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def marker(action: Action) -> str:
    """Names an action in the text that it writes, so that a second attempt finds the first."""
    return f"[unstuck:{action.key}]"


def marked(action: Action) -> str:
    """The text of a note or reply. A note says whose it is; a reply is the customer's to read and stays as it is."""
    by = f"\n\n{action.by}, Unstuck" if action.kind == "note" else "\n\n"
    return f"{action.value}{by} {marker(action)}"
