"""The same answer, given in this channel before: two threads about one problem should know of each other."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError
from sqlmodel import col, select

from bot.posting import LINE_BROKEN, InThread, Place
from knowledge.cards import Answer
from unstuck.tickets.tables import KnowledgeUse

if TYPE_CHECKING:
    from unstuck.deps import Deps

log = logging.getLogger("unstuck.bot")

#: A thread that is older is about other circumstances, and nobody scrolls that far.
REMEMBERED_FOR = timedelta(days=90)


def find_thread(deps: Deps, found: Answer, place: Place) -> str | None:
    """A link to the latest thread of this channel that was answered from the same card and not called wrong.

    `None` where there is none, or where it is gone from Slack.
    """
    if not isinstance(place, InThread) or not found.citations:
        return None
    wanted = (
        select(KnowledgeUse.thread_ts)
        .where(KnowledgeUse.card_id == found.citations[0].id, KnowledgeUse.channel == place.channel)
        .where(col(KnowledgeUse.thread_ts) != place.thread_ts, col(KnowledgeUse.verdict).is_distinct_from("bad"))
        .where(col(KnowledgeUse.at) >= deps.clock.now() - REMEMBERED_FOR)
        .order_by(col(KnowledgeUse.id).desc())
        .limit(1)
    )
    with deps.sessions() as session:
        thread = session.exec(wanted).first()
    return None if thread is None else _link(place, thread)


def _link(place: InThread, thread: str) -> str | None:
    try:
        return str(place.client.chat_getPermalink(channel=place.channel, message_ts=thread)["permalink"])
    except (SlackApiError, *LINE_BROKEN) as error:
        log.info("no link to the thread %s of %s: %s", thread, place.channel, error)
        return None
