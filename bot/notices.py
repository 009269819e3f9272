"""The outbox of notices to Slack: each once, to the first address that takes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import blocks, digest, refusals
from bot.delivery import PAUSE, never_again
from bot.people import People
from bot.posting import LINE_BROKEN, find_posted, open_address
from unstuck import notices, preferences
from unstuck.i18n import Lang
from unstuck.notices import Held
from unstuck.nudges import days_off
from unstuck.nudges import digest as morning
from unstuck.nudges.desk import read_desk
from unstuck.nudges.recipients import Address, Directory, directory_of
from unstuck.tickets.database import reading

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

EVENT = "unstuck_notice"
AT_MOST = 200
#: The kind that tells a person's nudges.
MORNING = "morning"


def deliver_notices(deps: Deps, client: WebClient) -> int:
    """Send what is due; returns how many arrived. Any number of processes may run this at once on PostgreSQL."""
    client = never_again(client)
    round_ = _Round(deps, client, People(client, deps.clock, "", partial(preferences.lang_of, deps.sessions)))
    arrived = 0
    for _ in range(AT_MOST):
        with deps.sessions.begin() as session:
            held = notices.claim(session, deps.clock.now())
        if held is None:
            break
        try:
            arrived += round_.deliver(held)
        except _StopError:
            break
    return arrived


class _StopError(Exception):
    """Slack wants us to wait, or refuses the token: nothing else will do better."""


@dataclass(frozen=True, slots=True)
class _Round:
    deps: Deps
    client: WebClient
    people: People

    def deliver(self, held: Held) -> bool:
        if held.tried_at is not None and held.channel is not None:
            try:
                found = find_posted(self.client, EVENT, held.told.key, held.channel, held.tried_at)
            except (SlackApiError, *LINE_BROKEN) as error:
                return self._later(held, error, unsure=True)
            if found is not None:
                return self._sent(held, held.channel, found)
        if held.told.kind == MORNING:
            gathered = self._gather(held)
            if gathered is None:
                return False
            held = gathered
        if held.told.kind == days_off.KIND and self._is_settled(held):
            return False
        refused = "no address"
        for address in self._addresses(held):
            try:
                user, channel = open_address(self.client, address)
            except (SlackApiError, *LINE_BROKEN) as error:
                if refusals.word(error) not in refusals.UNREACHABLE:
                    return self._later(held, error, unsure=False)
                refused = refusals.word(error)
                continue
            outcome = self._post(held, user, channel)
            if isinstance(outcome, bool):
                return outcome
            refused = outcome
        log.error("notice %s reaches nobody: %s", held.told.key, refused)
        with self.deps.sessions.begin() as session:
            notices.fail(session, held, refused)
        return False

    def _gather(self, held: Held) -> Held | None:
        """The same with what a morning's digest tells; None when nothing is left, or it is no hour for it."""
        with self.deps.sessions.begin() as session:
            desk, now = read_desk(session.connection(), self.deps.settings, {}), self.deps.clock.now()
            found = morning.gather(session, held.told.key, desk, now)
            if not found.nudges:
                notices.withdraw(session, held)
            elif found.decent_at > now:
                notices.wait(session, held, found.decent_at)
            else:
                told = replace(held.told, payload={"shown": list(found.nudges)})
                return replace(held, told=told)
        return None

    def _is_settled(self, held: Held) -> bool:
        """Whether the calendar has answered meanwhile; then nobody is asked."""
        with self.deps.sessions.begin() as session:
            settled = not days_off.is_open(session.connection(), held.told.payload)
            if settled:
                notices.withdraw(session, held)
        return settled

    def _addresses(self, held: Held) -> Iterator[Address]:
        told = held.told
        with reading(self.deps.engine) as connection:
            directory: Directory = directory_of(connection, self.deps.settings, told.source_id)
        for address in directory.addresses(told.recipient, told.team):
            # What a team reads in its channel, or one person alone, is not for anybody else's eyes.
            if not address.instead or not (told.kind in ("digest", MORNING) or told.recipient.startswith("manager:")):
                yield address

    def _post(self, held: Held, user: str | None, channel: str) -> bool | str:
        """Post once; Slack's word when this address does not take it."""
        lang = self.people.lang(user, self.deps.settings.lang)
        if held.told.kind == MORNING:
            held = replace(held, told=replace(held.told, payload={**held.told.payload, "lang": lang}))
        drawn = self._draw(held, lang, alone=user is not None)
        with self.deps.sessions.begin() as session:
            if not notices.aim(session, held, channel, self.deps.clock.now()):
                return False
        try:
            posted = self.client.chat_postMessage(
                channel=channel,
                metadata={"event_type": EVENT, "event_payload": {"key": held.told.key}},
                unfurl_links=False,
                unfurl_media=False,
                text=drawn.text,
                blocks=drawn.blocks,
            )
        except (SlackApiError, *LINE_BROKEN) as error:
            if refusals.word(error) in refusals.UNREACHABLE:
                return refusals.word(error)
            return self._later(held, error, unsure=not refusals.is_certain(error))
        return self._sent(held, str(posted["channel"]), str(posted["ts"]))

    def _draw(self, held: Held, lang: Lang, *, alone: bool) -> blocks.Drawn:
        if held.told.kind == MORNING:
            return digest.draw(self.deps, held.told.payload["shown"], lang)
        return blocks.notice_of(held.told.kind, held.told.payload, lang, alone=alone)

    def _sent(self, held: Held, channel: str, ts: str) -> bool:
        with self.deps.sessions.begin() as session:
            now = self.deps.clock.now()
            ours = notices.sent(session, held, channel, ts, now)
            if ours and held.told.kind == MORNING:
                morning.sent(session, held.told.payload["shown"], channel, ts, now)
            return ours

    def _later(self, held: Held, error: Exception, *, unsure: bool) -> bool:
        word = refusals.word(error)
        log.warning("notice %s is put off: %s", held.told.key, word)
        # Slack wants us to wait, or refuses the app: that is nothing against this notice.
        wait = refusals.wait_of(error) or (PAUSE if word in refusals.REFUSED else None)
        with self.deps.sessions.begin() as session:
            notices.later(session, held, self.deps.clock.now(), word, unsure=unsure, wait=wait)
        if wait is not None:
            raise _StopError
        return False
