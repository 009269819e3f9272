"""Where answers go: a thread, or one person alone. Each message arrives once, also over a bad line."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry import RetryHandler
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from bot import errands, refusals
from bot.blocks import Drawn, notice
from unstuck.errors import UserError
from unstuck.i18n import Lang
from unstuck.nudges.recipients import Address

log = logging.getLogger("unstuck.bot")

REPLY = "unstuck_reply"
#: Seconds before the second, third and fourth try.
PAUSES = (0.3, 1.0, 3.0)
#: Seconds that a response URL may take.
RESPOND_WITHIN_S = 30
#: What a broken line raises. `slack_sdk` re-sends nothing by itself here: see `bot/app.py`.
LINE_BROKEN = (OSError, http.client.HTTPException)
#: Letters of a description for those who do not see the picture.
MOST_ALT_TEXT = 1000
#: Slack's clock and ours may differ by this much.
SKEW = timedelta(hours=1)


class Place:
    """Where one person's answer goes, and the short messages that every place needs."""

    __slots__ = ()
    lang: Lang

    def say(self, drawn: Drawn) -> None:
        raise NotImplementedError

    def hear(self, sentence: str) -> None:
        """A sentence of an answer that is still being written; most places wait for the whole."""

    def tell(self, key: str, **values: object) -> None:
        """One sentence from the locales."""
        self.say(notice(key, self.lang, **values))

    def apologise(self, key: str, **values: object) -> None:
        """The same when the errand itself comes to nothing, whatever was said for it before."""
        self.tell(key, **values)

    def busy(self) -> None:
        self._quietly(lambda: self.tell("bot.busy"))

    def too_busy(self) -> None:
        self._quietly(lambda: self.tell("bot.too_busy"))

    def too_late(self) -> None:
        """The bot was away for longer than anybody waits."""
        self._quietly(lambda: self.apologise("bot.too_late"))

    def failed(self, error: Exception) -> None:
        """Tell the person: the remedy where there is one, else the id under which the log has the rest."""
        if isinstance(error, UserError):
            self._quietly(lambda: self.apologise(f"errors.{error.key}", **error.params))
            return
        incident = uuid.uuid4().hex[:8]
        log.error("error %s", incident, exc_info=error)
        self._quietly(lambda: self.apologise("bot.sorry", id=incident))

    def _quietly(self, send: Callable[[], None]) -> None:
        """The last message of a failure may fail itself; then only the log is left."""
        try:
            send()
        except (SlackApiError, *LINE_BROKEN) as error:
            log.error("could not tell the person: %s", error)


@dataclass(frozen=True, slots=True)
class InThread(Place):
    """A thread of a channel or of the direct conversation."""

    client: WebClient
    channel: str
    thread_ts: str | None
    lang: Lang

    def say(self, drawn: Drawn) -> None:
        post_once(self.client, self.channel, drawn, thread_ts=self.thread_ts)

    def apologise(self, key: str, **values: object) -> None:
        drawn = notice(key, self.lang, **values)
        post_once(self.client, self.channel, drawn, thread_ts=self.thread_ts, apology=True)


@dataclass(frozen=True, slots=True)
class Directly(Place):
    """The conversation with one person, opened only when there is something to tell."""

    client: WebClient
    user: str
    lang: Lang

    def say(self, drawn: Drawn) -> None:
        post_once(self.client, self._channel(), drawn)

    def apologise(self, key: str, **values: object) -> None:
        post_once(self.client, self._channel(), notice(key, self.lang, **values), apology=True)

    def _channel(self) -> str:
        return str(self.client.conversations_open(users=self.user)["channel"]["id"])


@dataclass(frozen=True, slots=True)
class Privately(Place):
    """One person alone, through the response URL of a command or button."""

    response_url: str
    lang: Lang
    proxy: str | None = None
    #: Where to tell it when the URL is used up or too old.
    otherwise: Directly | None = None

    def say(self, drawn: Drawn) -> None:
        self._send(drawn, response_type="ephemeral", replace_original=False)

    def replace(self, drawn: Drawn) -> None:
        """Put `drawn` in the place of the message whose button was pressed."""
        self._send(drawn, replace_original=True)

    def _send(self, drawn: Drawn, **how: Any) -> None:
        try:
            _respond(self.response_url, self.proxy, text=drawn.text, blocks=drawn.blocks, unfurl_links=False, **how)
        except refusals.ResponseUrlError as error:
            if self.otherwise is None or refusals.is_passing(error):
                raise
            log.info("told in the direct conversation instead: %s", error)
            replace(self.otherwise, lang=self.lang).say(drawn)


def _respond(url: str, proxy: str | None, **message: Any) -> None:
    """Send a message to a response URL. Raises `ResponseUrlError` when Slack does not take it."""
    # A lost reply must not become a second message: only rate limits are sent again.
    retries: list[RetryHandler] = [RateLimitErrorRetryHandler(max_retry_count=3)]
    answer = WebhookClient(url, timeout=RESPOND_WITHIN_S, proxy=proxy, retry_handlers=retries).send_dict(message)
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = {}
    # Slack says 200 to some of what it refuses.
    refused = isinstance(told, dict) and told.get("ok") is False
    if answer.status_code != http.client.OK or refused:
        word = told.get("error") if isinstance(told, dict) else None
        raise refusals.ResponseUrlError(answer.status_code, str(word or "response_url_refused"))


def metadata_of(key: str) -> dict[str, Any]:
    """What a message carries by which it is found again."""
    return {"event_type": REPLY, "event_payload": {"key": key}}


def next_key(
    client: WebClient, channel: str, thread_ts: str | None, *, apology: bool = False
) -> tuple[str, str | None]:
    """The key of the next message, and the message's `ts` if an earlier try of the same errand has said it.

    `apology`: it has a key of its own, or the first message of an answer that broke off would pass for it.
    Raises what the client raises, and `LostError` when somebody else does the errand now.
    """
    held = errands.current()
    if held is None:
        return uuid.uuid4().hex, None
    key = held.next_key("sorry" if apology else None)
    return key, _find(client, channel, thread_ts, _is_under(key)) if held.is_again else None


@dataclass(frozen=True, slots=True)
class Whispered(Place):
    """One person alone, in a channel's thread: nobody else sees it, and it is gone when they reload."""

    client: WebClient
    channel: str
    thread_ts: str | None
    user: str
    lang: Lang

    def say(self, drawn: Drawn) -> None:
        self.client.chat_postEphemeral(
            channel=self.channel, user=self.user, thread_ts=self.thread_ts, text=drawn.text, blocks=drawn.blocks
        )


def post_once(
    client: WebClient, channel: str, drawn: Drawn, *, thread_ts: str | None = None, apology: bool = False
) -> str:
    """Post a message and return its `ts`. After an unclear failure it is looked for before it is sent again.

    Raises `SlackApiError` when Slack refuses it, or the last failure when the line stays broken.
    """
    key, said = next_key(client, channel, thread_ts, apology=apology)
    return said or post_under(key, client, channel, drawn, thread_ts=thread_ts)


def post_under(key: str, client: WebClient, channel: str, drawn: Drawn, *, thread_ts: str | None = None) -> str:
    """As `post_once`, under a key that was given out before."""
    metadata = metadata_of(key)
    for pause in (*PAUSES, None):
        try:
            posted = client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
                text=drawn.text,
                blocks=drawn.blocks,
            )
            return str(posted["ts"])
        except (SlackApiError, *LINE_BROKEN) as error:
            if not is_unclear(error) or pause is None:
                raise
            log.warning("posting to %s is unclear, looking for it: %s", channel, error)
            time.sleep(pause)
        found = _find(client, channel, thread_ts, _is_under(key))
        if found is not None:
            return found
    raise AssertionError("the last attempt returns or raises")


def upload_once(place: InThread, content: bytes, stem: str, suffix: str, *, title: str, alt: str | None = None) -> None:
    """Put a file into the thread. After an unclear failure it is looked for before it is sent again.

    It is called `stem`, then letters by which it is found again, then `suffix`.
    Raises `SlackApiError` or `SlackRequestError` when Slack refuses it, or the last failure of the line.
    """
    held = errands.current()
    key = held.next_key() if held is not None else uuid.uuid4().hex
    name = f"{stem}-{hashlib.sha256(key.encode()).hexdigest()[:8]}{suffix}"
    is_there = partial(_find, place.client, place.channel, place.thread_ts, lambda message: name in _files_of(message))
    if held is not None and held.is_again and is_there() is not None:
        return
    for pause in (*PAUSES, None):
        try:
            place.client.files_upload_v2(
                channel=place.channel,
                thread_ts=place.thread_ts,
                content=content,
                filename=name,
                title=title,
                alt_txt=alt[:MOST_ALT_TEXT] if alt else None,
            )
            return
        except (SlackApiError, SlackRequestError, *LINE_BROKEN) as error:
            if not is_unclear(error) or pause is None:
                raise
            log.warning("uploading to %s is unclear, looking for it: %s", place.channel, error)
            time.sleep(pause)
        if is_there() is not None:
            return


def open_address(client: WebClient, address: Address) -> tuple[str | None, str]:
    """The person, if it is one, and the channel to post to. Raises what Slack's client raises."""
    if address.channel is not None:
        return None, address.channel
    user = address.user or str(client.users_lookupByEmail(email=str(address.email))["user"]["id"])
    return user, str(client.conversations_open(users=user)["channel"]["id"])


def find_posted(client: WebClient, event: str, key: str, channel: str, since: datetime) -> str | None:
    """The `ts` of the message with this metadata, if a try since then got through and its channel is still there.

    Raises what the client raises.
    """
    oldest = f"{(since - SKEW).timestamp():.6f}"
    try:
        pages = client.conversations_history(channel=channel, oldest=oldest, include_all_metadata=True, limit=200)
        messages = (message for page in pages for message in page["messages"])
        found = (str(one["ts"]) for one in messages if _event_of(one) == event and key_of(one) == key)
        return next(found, None)
    except SlackApiError as error:
        if refusals.word(error) != "channel_not_found":
            raise
        return None


def _event_of(message: dict[str, Any]) -> str | None:
    return (message.get("metadata") or {}).get("event_type")


def key_of(message: dict[str, Any]) -> str | None:
    """The key under which we said it."""
    key = (message.get("metadata") or {}).get("event_payload", {}).get("key")
    return str(key) if key is not None else None


def is_unclear(error: Exception) -> bool:
    """Whether the message may be there although the call failed."""
    return not refusals.is_certain(error)


def _is_under(key: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: key_of(message) == key


def _files_of(message: dict[str, Any]) -> list[str]:
    return [str(file.get("name")) for file in message.get("files") or ()]


def _find(
    client: WebClient, channel: str, thread_ts: str | None, is_it: Callable[[dict[str, Any]], bool]
) -> str | None:
    """The `ts` of the message that is it, asked for until Slack answers. Raises when it never does."""
    for pause in (*PAUSES, None):
        try:
            return _search(client, channel, thread_ts, is_it)
        except (SlackApiError, *LINE_BROKEN) as error:
            if not is_unclear(error) or pause is None:
                raise
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _search(
    client: WebClient, channel: str, thread_ts: str | None, is_it: Callable[[dict[str, Any]], bool]
) -> str | None:
    if thread_ts is not None:
        pages = client.conversations_replies(channel=channel, ts=thread_ts, include_all_metadata=True, limit=200)
    else:
        pages = client.conversations_history(channel=channel, include_all_metadata=True, limit=50)
    for page in pages:
        for message in page["messages"]:
            if is_it(message):
                return str(message["ts"])
        if thread_ts is None:
            break
    return None
