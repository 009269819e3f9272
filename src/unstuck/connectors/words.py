"""Texts that connectors take in, and what they send out, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from html.parser import HTMLParser
from typing import Any

from unstuck.connectors import Action, Written
from unstuck.errors import Refused, Unavailable, UsageError
from unstuck.tickets.changes import Feedback

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


def html_of(text: str) -> str:
    """A text for a system that takes HTML."""
    return "<br>".join(escape(line) for line in text.splitlines())


def marker(action: Action) -> str:
    """Names an action in the text that it writes, so that a second attempt finds the first."""
    return f"[unstuck:{action.key}]"


def marked(action: Action) -> str:
    """The text of a note or reply. A note says whose it is; a reply is the customer's to read and stays as it is."""
    by = f"\n\n{action.by}, Unstuck" if action.kind == "note" else "\n\n"
    return f"{action.value}{by} {marker(action)}"


def number_of(value: str) -> int:
    """The number of a person or the like. Raises `Refused` when somebody typed something else."""
    if not value.isdecimal():
        raise Refused(f"{value} is no number of anybody there")
    return int(value)


def best_score(options: Mapping[str, Any], usual: int = 5) -> int:
    """What a customer's best score is: the option `feedback_best`. Raises `UsageError` when it is no number from 1 up."""
    told = str(options.get("feedback_best", usual)).removesuffix(".0")
    if not told.isdecimal() or int(told) < 1:
        raise UsageError("connector_bad_option", option="feedback_best", known="1, 2, 3, …")
    return int(told)


def score_of(text: str, best: int) -> Feedback:
    """What a customer entered into a field for scores: a number, or words."""
    try:
        return Feedback(float(text), scale_max=best)
    except ValueError:
        return Feedback(None, text, scale_max=best)


def say_once(action: Action, is_said: Callable[[str], bool], send: Callable[[str], object]) -> Written:
    """Send the text of a note or reply unless its marker is found, and look for it afterwards."""
    if is_said(marker(action)):
        return Written("already")
    send(marked(action))
    if not is_said(marker(action)):
        raise Unavailable("the text is not there yet")
    return Written("done")


def set_once(wanted: str, now: Callable[[], str], put: Callable[[], object]) -> Written:
    """Set a value unless it is so already, and read it back: some systems answer "done" to what they pass over."""
    if now() == wanted:
        return Written("already")
    put()
    if now() != wanted:
        raise Refused("it was not changed: the workflow or the role does not allow it")
    return Written("done")
