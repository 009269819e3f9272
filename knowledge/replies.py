"""A model's reply as it streams in, line by line, within time and length.

Asked for are JSON lines such as `{"text": ..., "sources": [1]}`. Read is every object, wherever it stands:
in one long line, in a fence, inside `{"sentences": [...]}`, spread over lines. The rest is passed over.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

log = logging.getLogger(__name__)

#: Characters of a reply that are read; a model that does not end is cut off here.
LONGEST_REPLY = 8_000
#: Lines that are heard, wanted or not.
MOST_LINES = 24


class Model(Protocol):
    """A language model: instructions and a text in, a text out."""

    #: Seconds after which nobody waits any more: for the first word and for the last.
    timeout_s: float

    def complete(self, system: str, user: str) -> str: ...

    def stream(self, system: str, user: str) -> Iterator[str]: ...


#: One object of a reply, as the model wrote it.
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sentence:
    """What the model says, before anybody has checked it."""

    text: str
    #: Numbers of sources as the model names them; only whole numbers are kept.
    sources: tuple[int, ...]

    @classmethod
    def of(cls, line: Line) -> Sentence:
        text, sources = line.get("text"), line.get("sources")
        numbers = [number for number in sources if type(number) is int] if isinstance(sources, list) else []
        return cls(text.strip() if isinstance(text, str) else "", tuple(dict.fromkeys(numbers)))


@dataclass(frozen=True, slots=True)
class _End:
    """The last that the model's thread sends, and why if it was no proper end."""

    failure: str | None


@dataclass(slots=True)
class Reply:
    """One reply. Iterate over `lines` once, then see `failure`."""

    model: Model
    #: `None`, `model_failed` or `model_timeout`, once the lines are through.
    failure: str | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _pieces: queue.SimpleQueue[str | _End] = field(default_factory=queue.SimpleQueue)

    def lines(self, system: str, user: str) -> Iterator[Line]:
        """Each line as soon as it is whole. A model that hangs keeps its thread, not the asker."""
        deadline = time.monotonic() + self.model.timeout_s
        threading.Thread(target=self._listen, args=(system, user), daemon=True, name="language-model").start()
        heard, reader = 0, Reader()
        try:
            while not isinstance(piece := self._next(deadline), _End):
                for line in reader.read(piece):
                    yield line
                    heard += 1
                if heard >= MOST_LINES:
                    self.failure = "model_failed"
                    return
            self.failure = piece.failure or ("model_failed" if reader.is_in_the_middle else None)
        finally:
            self._stopped.set()

    def _next(self, deadline: float) -> str | _End:
        try:
            return self._pieces.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            return _End("model_timeout")

    def _listen(self, system: str, user: str) -> None:
        end, left = _End("model_failed"), LONGEST_REPLY
        try:
            for piece in self.model.stream(system, user):
                self._pieces.put(piece[:left])
                left -= max(len(piece), 1)  # an endless stream of nothing ends too
                if left <= 0 or self._stopped.is_set():
                    return
            end = _End(None)
        except (Exception, SystemExit):
            # A provider may raise anything, or try to leave; each of it means that the card speaks for itself.
            log.warning("the language model failed", exc_info=True)
        finally:
            self._pieces.put(end)


_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_DECODER = json.JSONDecoder()


class Reader:
    """Takes the objects out of a text that comes in pieces."""

    def __init__(self) -> None:
        self._text = ""

    def read(self, piece: str) -> Iterator[Line]:
        self._text += piece
        # Only a closing brace can have completed anything.
        return self._completed() if "}" in piece else iter(())

    @property
    def is_in_the_middle(self) -> bool:
        """Whether a line was begun and not ended."""
        return re.search(r'\{\s*"', self._text) is not None

    def _completed(self) -> Iterator[Line]:
        self._text = _without_thoughts(self._text)
        at = self._text.find("{")
        while at >= 0:
            try:
                value, end = _DECODER.raw_decode(self._text, at)
            except (ValueError, RecursionError):
                # Not whole yet, or nothing of ours; what stands inside may be whole.
                at = self._text.find("{", at + 1)
                continue
            self._text = self._text[end:]
            yield from _lines(value)
            at = self._text.find("{")


def _without_thoughts(text: str) -> str:
    """Without what a model thinks aloud. An open thought stays as its mark alone, until it is closed."""
    return _THOUGHT.sub(
        lambda thought: "" if thought.group().endswith(">") and "</" in thought.group() else "<think>", text
    )


def _lines(value: Line) -> Iterator[Line]:
    listed = value.get("sentences")
    if isinstance(listed, list):
        yield from (item for item in listed if isinstance(item, dict))
    elif value:
        yield value
