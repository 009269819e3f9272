"""Outbox to Slack: every nudge once, whatever the line, Slack or our own process does.

Three things make it so. The channel is written down before the post, and the key travels in the message's
metadata; so after an unclear failure somebody can look whether the message is there. Slack's client re-sends
nothing by itself. And a worker that lost its lease can no longer mark anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import blocks, refusals
from bot.hints import Hint, no_hint
from bot.people import People
from bot.posting import LINE_BROKEN, find_posted, open_address
from unstuck import discussions, preferences, troubles
from unstuck.i18n import Lang, lang_named
from unstuck.nudges import message, outbox
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.outbox import Claim
from unstuck.nudges.recipients import Address
from unstuck.tickets.database import reading

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

EVENT = "unstuck_nudge"
#: Seconds that one call may take. Several of them must fit into a lease (`outbox.LEASE`).
TIMEOUT_S = 10
#: No post is begun with less of the lease left than this.
MARGIN = timedelta(seconds=2 * TIMEOUT_S)
#: After a refused token nothing else will do better.
PAUSE = timedelta(minutes=5)


class Fate(Enum):
    """What became of one claim."""

    SENT = "sent"
    #: It was in Slack already.
    FOUND = "found"
    WITHDRAWN = "withdrawn"
    LATER = "later"
    FAILED = "failed"
    #: Somebody else holds it now.
    LOST = "lost"


@dataclass(slots=True)
class Delivered:
    """What one round of delivery did."""

    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    redrawn: int = 0
    #: Slack's word for why the round ended early: a rate limit or a refused token.
    stopped: str | None = None

    @property
    def sent(self) -> int:
        return self.fates[Fate.SENT] + self.fates[Fate.FOUND]


class _StopError(Exception):
    """End the round: Slack wants us to wait, or refuses the token."""

    def __init__(self, error: str, wait: timedelta) -> None:
        super().__init__(error)
        self.error, self.wait = error, wait


def never_again(client: WebClient) -> WebClient:
    """A client that re-sends nothing: Slack's own would post twice after a lost reply, or sleep through our lease."""
    plain = WebClient(client.token, base_url=client.base_url, timeout=TIMEOUT_S, ssl=client.ssl, retry_handlers=[])
    plain.proxy = client.proxy
    return plain


def deliver_due(
    deps: Deps,
    client: WebClient,
    *,
    people: People | None = None,
    lease: timedelta = outbox.LEASE,
    at_most: int = 500,
    hint: Hint = no_hint,
) -> Delivered:
    """Send what is due and still holds, and redraw messages that no longer show what holds.

    `client` lends its token and address; `hint` finds what solved such a ticket before. Any number of processes may run this at once on PostgreSQL.
    Trouble is logged and kept with the nudge (`outbox.troubles`); nothing is raised for it.
    """
    client = never_again(client)
    with reading(deps.engine) as connection:
        desk = read_desk(connection, deps.settings, {})
    round_ = _Round(
        deps,
        client,
        desk,
        people or People(client, deps.clock, "", partial(preferences.lang_of, deps.sessions)),
        lease,
        hint,
    )
    delivered = Delivered()
    try:
        while sum(delivered.fates.values()) < at_most and (fate := round_.next()) is not None:
            delivered.fates[fate] += 1
        delivered.redrawn = round_.redraw()
    except _StopError as stop:
        delivered.stopped = stop.error
        level = logging.INFO if stop.error in refusals.LIMITED else logging.ERROR
        log.log(level, "delivery stops for now: %s", stop.error)
    return delivered


@dataclass(frozen=True, slots=True)
class _Round:
    deps: Deps
    client: WebClient
    desk: Desk
    people: People
    lease: timedelta
    hint: Hint

    def next(self) -> Fate | None:
        """Claim one nudge and see it through; None when nothing is due."""
        with self.deps.sessions.begin() as session:
            held = outbox.claim(session, self.desk, self._now(), lease=self.lease)
        if held is None:
            return None
        try:
            return self._find(held) or self._send(held)
        except _StopError as stop:
            self._put_off(held, stop.wait, stop.error, counts=False)
            raise

    def _now(self) -> datetime:
        return self.deps.clock.now()

    # -- was it sent already?

    def _find(self, held: Claim) -> Fate | None:
        """See whether an earlier try got through; None when it is certain that none did."""
        ts = None
        if held.tried_at is not None and held.slack_channel is not None:
            try:
                ts = find_posted(self.client, EVENT, held.key, held.slack_channel, held.tried_at)
            except (SlackApiError, *LINE_BROKEN) as error:
                self._wait(error, held)
                return self._unsure(held, error)
        if ts is not None and held.slack_channel is not None:
            return self._mark_sent(held, held.slack_channel, ts, None, Fate.FOUND)
        if held.moved:
            with self.deps.sessions.begin() as session:
                return Fate.WITHDRAWN if outbox.withdraw(session, held, self._now()) else Fate.LOST
        return None

    # -- sending

    def _send(self, held: Claim) -> Fate:
        """Post to the first address that takes it."""
        refused = ["no address: set nudge_channel, or e-mails and channels of people and teams"]
        for address in self._addresses(held):
            try:
                user, channel = open_address(self.client, address)
            except (SlackApiError, *LINE_BROKEN) as error:
                if refusals.word(error) in refusals.UNREACHABLE:
                    refused.append(refusals.word(error))
                    continue
                # Nothing has been posted yet, so trying again is safe.
                return self._put_off(held, self._wait(error, held), refusals.word(error))
            fate = self._post(held, user, channel, instead=address.instead)
            if isinstance(fate, Fate):
                return fate
            refused.append(fate)
        return self._fail(held, refused[-1])

    def _addresses(self, held: Claim) -> Iterator[Address]:
        directory = self.desk.directory(held.ticket.source_id)
        return directory.addresses(held.recipient, held.payload.get("team"))

    def _post(self, held: Claim, user: str | None, channel: str, *, instead: bool) -> Fate | str:
        """Post once; Slack's word when this address does not take it."""
        lang = self.people.lang(user, self.deps.settings.lang)
        held = replace(held, payload=held.payload | {"hint": self._hint(held, alone=user is not None)})
        drawn = self._draw(held, lang, instead=instead)
        with self.deps.sessions.begin() as session:
            enough_time = self._now() + self._margin() < held.lease_until
            if not enough_time or not outbox.aim(session, held, channel):
                return Fate.LOST
        try:
            posted = self.client.chat_postMessage(
                channel=channel,
                metadata={"event_type": EVENT, "event_payload": {"key": held.key}},
                unfurl_links=False,
                unfurl_media=False,
                **drawn,
            )
        except (SlackApiError, *LINE_BROKEN) as error:
            return self._not_posted(held, error)
        return self._mark_sent(held, str(posted["channel"]), str(posted["ts"]), lang, Fate.SENT)

    def _not_posted(self, held: Claim, error: Exception) -> Fate | str:
        """What a failed post leads to; Slack's word when it is the address that is refused."""
        word = refusals.word(error)
        if word in refusals.UNREACHABLE:
            return word
        if not refusals.is_certain(error):
            return self._unsure(held, error)
        self._wait(error, held)
        # Neither the address nor the app: the message itself, so it is ours to mend.
        log.error("Slack refuses nudge %s: %s", held.key, word)
        return self._fail(held, word)

    def _margin(self) -> timedelta:
        """What must be left of the lease: less for leases that are short on purpose."""
        return min(MARGIN, self.lease / 4)

    def _draw(self, held: Claim, lang: Lang, *, instead: bool) -> dict[str, Any]:
        directory = self.desk.directory(held.ticket.source_id)
        note = message.unreached(directory, held.recipient, lang) if instead else None
        with reading(self.deps.engine) as connection:
            view = message.view(
                connection, held.nudge_id, self.desk, lang, now=self._now(), waited=held.waited, note=note
            )
            discussed = discussions.links_of_nudge(connection, held.nudge_id)
        hint = held.payload["hint"] or {}
        view = replace(view, hint_title=hint.get("title"), hint_url=hint.get("url"))
        return _arguments(blocks.nudge(view, lang, discussed))

    def _hint(self, held: Claim, *, alone: bool) -> dict[str, Any] | None:
        """What solved such a ticket before, as far as the reader, or the channel, may see it."""
        with reading(self.deps.engine) as connection:
            asked = message.question(connection, held.nudge_id)
        found = self.hint(asked, alone) if asked else None
        return {"title": found.title, "url": found.url} if found else None

    # -- marking

    def _mark_sent(self, held: Claim, channel: str, ts: str, lang: Lang | None, fate: Fate) -> Fate:
        with self.deps.sessions.begin() as session:
            return fate if outbox.sent(session, held, channel, ts, self._now(), lang=lang) else Fate.LOST

    def _unsure(self, held: Claim, error: Exception) -> Fate:
        word = refusals.word(error)
        log.warning("nobody knows whether nudge %s is in Slack: %s", held.key, word)
        at = self._now() + self._wait(error, held, stop=False)
        with self.deps.sessions.begin() as session:
            return Fate.LATER if outbox.leave_unsure(session, held, at, word) else Fate.LOST

    def _put_off(self, held: Claim, wait: timedelta, error: str, *, counts: bool = True) -> Fate:
        """Try again later; a nudge that may be in Slack already stays unsure."""
        at = self._now() + wait
        with self.deps.sessions.begin() as session:
            if held.tried_at is not None and held.slack_channel is not None:
                kept = outbox.leave_unsure(session, held, at, error)
            else:
                kept = outbox.give_back(session, held, at, error, counts=counts)
        return Fate.LATER if kept else Fate.LOST

    def _fail(self, held: Claim, error: str) -> Fate:
        log.error("nudge %s reaches nobody: %s", held.key, error)
        with self.deps.sessions.begin() as session:
            return Fate.FAILED if outbox.fail(session, held, self._now(), error) else Fate.LOST

    def _wait(self, error: Exception, held: Claim, *, stop: bool = True) -> timedelta:
        """How long to wait after a failure. Raises `_StopError` when the whole round must."""
        word = refusals.word(error)
        wait = outbox.wait_before(held.attempts)
        if word in refusals.LIMITED:
            wait = refusals.retry_after(error)
        if stop and (word in refusals.LIMITED or word in refusals.REFUSED):
            raise _StopError(word, wait if word in refusals.LIMITED else PAUSE)
        return wait

    # -- redrawing

    def redraw(self) -> int:
        """Bring messages up to date whose ticket has moved or whose button was pressed. Twice does no harm."""
        with reading(self.deps.engine) as connection:
            stale = list(outbox.stale(connection))
        return sum(self._redraw(one) for one in stale)

    def _redraw(self, one: outbox.Stale) -> bool:
        lang = lang_named(one.lang, self.deps.settings.lang)
        with reading(self.deps.engine) as connection:
            view = message.view(connection, one.nudge_id, self.desk, lang, now=self._now())
            discussed = discussions.links_of_nudge(connection, one.nudge_id)
        try:
            drawn = _arguments(blocks.nudge(view, lang, discussed))
            self.client.chat_update(channel=one.channel, ts=one.ts, **drawn)
        except (SlackApiError, *LINE_BROKEN) as error:
            word = refusals.word(error)
            log.warning("message of nudge %s cannot be redrawn: %s", one.nudge_id, word)
            if refusals.may_succeed_later(error):
                with self.deps.sessions.begin() as session:
                    troubles.note(session, "redraw", word, self._now(), one.channel)
            if word in refusals.LIMITED | refusals.REFUSED:
                raise _StopError(word, PAUSE) from None
            if not refusals.is_certain(error):
                return False
        with self.deps.sessions.begin() as session:
            outbox.redrawn(session, one)
        return True


def _arguments(drawn: blocks.Drawn) -> dict[str, Any]:
    return {"text": drawn.text, "blocks": drawn.blocks}
