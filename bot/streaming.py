"""A message that grows while a language model writes, and ends as the whole answer or is taken back.

Slack's streams are a preview here: every sentence in one has been checked, but the answer has the last
word. It takes the place of what was streamed, so no two texts are ever left standing, and it is posted
plainly when streaming fails at any point.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import errands, posting, refusals
from bot.blocks import Drawn
from bot.blocks.text import markdown
from bot.posting import LINE_BROKEN, InThread, Place, is_unclear

log = logging.getLogger("unstuck.bot")

#: Seconds that one step of a stream may take: a slow preview is worth less than the answer.
_STEP_S = 5
#: What a message may consist of.
_PARTS = ("text", "blocks", "files", "attachments")


@contextmanager
def growing(place: Place, user: str, team: str) -> Iterator[Place]:
    """A place that also shows an answer for `user` while it is being written, where Slack can do that."""
    if not isinstance(place, InThread) or place.thread_ts is None:
        yield place
        return
    stream = _Stream(place, user, team)
    try:
        yield _Growing(place.client, place.channel, place.thread_ts, place.lang, stream)
    finally:
        stream.take_back()


@dataclass(frozen=True, slots=True)
class _Growing(InThread):
    """A thread whose next message may have been begun already."""

    stream: _Stream

    def hear(self, sentence: str) -> None:
        self.stream.add(sentence)

    def say(self, drawn: Drawn) -> None:
        key, said = posting.next_key(self.client, self.channel, self.thread_ts)
        if said is not None:
            self.stream.take_back()
        elif not self.stream.become(drawn, key):
            posting.post_under(key, self.client, self.channel, drawn, thread_ts=self.thread_ts)


class _Stream:
    """One streamed message. It is begun with the first sentence, and once a step fails it grows no more."""

    def __init__(self, place: InThread, user: str, team: str) -> None:
        self._place = place
        self._client = _impatient(place.client)
        self._user, self._team = user, team
        self._ts: str | None = None
        #: A start whose reply was lost: an empty message may be there whose name we do not know.
        self._may_be_there = False
        self._failed = False

    def add(self, sentence: str) -> None:
        """Show a sentence more. A failure shows nothing more until the whole answer comes."""
        if self._failed:
            return
        try:
            if self._ts is None:
                self._ts = self._start()
                # Should we end here, whoever goes on finds what has to be taken back.
                if (held := errands.current()) is not None:
                    held.note_growing(self._ts)
            self._client.chat_appendStream(
                channel=self._place.channel, ts=self._ts, markdown_text=f"{markdown(sentence)} "
            )
        except (SlackApiError, *LINE_BROKEN) as error:
            self._failed = True
            self._may_be_there = self._ts is None and is_unclear(error)
            log.info("streaming to %s ended: %s", self._place.channel, error)

    def become(self, drawn: Drawn, key: str) -> bool:
        """Put the whole answer in the place of what was streamed; False when it has to be posted anew."""
        if self._ts is None:
            self.take_back()
            return False
        place, ts = self._place, self._ts
        metadata = posting.metadata_of(key)
        problem = self._stop_and(
            lambda: place.client.chat_update(
                channel=place.channel, ts=ts, text=drawn.text, blocks=drawn.blocks, metadata=metadata
            )
        )
        if problem is not None:
            self.take_back()
        self._ts = None
        return problem is None

    def take_back(self) -> None:
        """Delete what was streamed and did not become the answer."""
        place = self._place
        left = [self._ts] if self._ts is not None else []
        try:
            if self._may_be_there:
                left += self._find_empty()
            for ts in left:
                delete = partial(place.client.chat_delete, channel=place.channel, ts=ts)
                if (problem := self._stop_and(delete)) is not None:
                    self._left_over(problem)
        except (SlackApiError, *LINE_BROKEN) as error:
            self._left_over(error)
        self._ts, self._may_be_there = None, False

    def _left_over(self, problem: Exception) -> None:
        """A piece of an answer may be left standing; an admin sees that it is."""
        if refusals.word(problem) == "message_not_found":
            return
        log.error("a streamed message may be left in %s: %s", self._place.channel, problem)
        if (held := errands.current()) is not None:
            held.errands.trouble("stream", refusals.word(problem), self._place.channel)

    def _start(self) -> str:
        # Without a word: should the reply be lost, nothing that is said stands twice.
        place = self._place
        begun = self._client.chat_startStream(
            channel=place.channel,
            thread_ts=str(place.thread_ts),
            recipient_user_id=self._user,
            recipient_team_id=self._team,
        )
        return str(begun["ts"])

    def _stop_and(self, change: Callable[[], object]) -> Exception | None:
        """End the stream and change the message; again after an unclear failure, since both may be done twice.

        What kept it from being changed, if anything did.
        """
        for pause in (*posting.PAUSES, None):
            try:
                self._stop()
                change()
                return None
            except (SlackApiError, *LINE_BROKEN) as error:
                if pause is None or not (is_unclear(error) or _still_streams(error)):
                    log.warning("a streamed message in %s stays as it is: %s", self._place.channel, error)
                    return error
            time.sleep(pause)
        raise AssertionError("the last attempt returns")

    def _stop(self) -> None:
        if self._ts is None:
            return
        try:
            self._place.client.chat_stopStream(channel=self._place.channel, ts=self._ts)
        except SlackApiError as error:
            # Slack ends a stream by itself after some minutes, and the one before may have come through.
            if is_unclear(error):
                raise

    def _find_empty(self) -> list[str]:
        return [str(message["ts"]) for message in _said_in(self._place) if _is_empty(message)]


def take_back_earlier(place: InThread) -> None:
    """Delete what an earlier try of this errand was streaming when its process ended, unless it had become the answer.

    Raises what the client raises.
    """
    held = errands.current()
    if held is None or not held.is_again or place.thread_ts is None:
        return
    for message in _said_in(place):
        ts, is_begun = str(message["ts"]), message["ts"] == held.growing and posting.key_of(message) is None
        if not is_begun and not _is_empty(message):
            continue
        with suppress(SlackApiError):
            place.client.chat_stopStream(channel=place.channel, ts=ts)
        place.client.chat_delete(channel=place.channel, ts=ts)


def _said_in(place: InThread) -> list[dict[str, Any]]:
    ts = str(place.thread_ts)
    found = place.client.conversations_replies(channel=place.channel, ts=ts, include_all_metadata=True, limit=200)
    return list(found["messages"])


def _is_empty(message: dict[str, Any]) -> bool:
    """Whether it is ours and says nothing: a stream whose beginning is all there is of it."""
    return bool(message.get("bot_id")) and not any(message.get(part) for part in _PARTS)


def _still_streams(error: Exception) -> bool:
    return isinstance(error, SlackApiError) and error.response.get("error") == "streaming_state_conflict"


def _impatient(client: WebClient) -> WebClient:
    """A client that does not wait for a rate limit to pass: twenty streams a minute are all that Slack begins."""
    quick = WebClient(
        client.token,
        base_url=client.base_url,
        timeout=_STEP_S,
        retry_handlers=[],
        logger=logging.getLogger("unstuck.slack"),
    )
    quick.proxy = client.proxy
    return quick
