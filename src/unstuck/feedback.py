"""What somebody says about an answer: kept with the use, counted for its cards, told to their owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlmodel import Session

from knowledge import redact
from knowledge.cards import PUBLIC, Card
from knowledge.fate import Event, Outcome
from unstuck import notices
from unstuck.card_owners import find_owner
from unstuck.notices import Told
from unstuck.tickets.database import reading
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import KnowledgeUse

if TYPE_CHECKING:
    from unstuck.deps import Deps

USE = table_of(KnowledgeUse)
#: No answer cites more.
MOST = 20
#: A complaint waits so long for a comment, so that its reader gets one message.
COMMENT_WITHIN = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Use:
    """A card that was cited in an answer."""

    id: int
    card_id: str
    #: Slack user id.
    asked_by: str | None
    question: str
    #: `good` or `bad` once somebody has said so, and why.
    verdict: str | None
    reason: str | None
    #: What the person wrote beside the reason.
    comment: str | None = None


def read_ids(value: str) -> list[int]:
    """The uses that a button names; whatever else came back from a client is nobody's."""
    parts = value.split(",")[:MOST]
    return [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 19]


def find(deps: Deps, ids: Sequence[int]) -> list[Use]:
    wanted = select(USE.c.id, USE.c.card_id, USE.c.asked_by, USE.c.question, USE.c.verdict, USE.c.reason, USE.c.comment)
    with reading(deps.engine) as connection:
        return [Use(*row) for row in connection.execute(wanted.where(USE.c.id.in_(ids)).order_by(USE.c.id))]


def say(deps: Deps, uses: Sequence[Use], outcome: Outcome | None) -> Outcome:
    """Take note of `outcome` and return what stands: what was said first. `outcome` `None`: only look it up.

    All of it may be repeated: each part happens once.
    """
    now = deps.clock.now()
    stands = _stands(uses[0]) or outcome
    assert stands is not None, "whoever asks without an outcome knows that there is one"
    with deps.sessions.begin() as session:
        _keep(session, uses, stands)
    deps.knowledge.record_all(Event(use.card_id, stands, now, use.asked_by, f"question {uses[0].id}") for use in uses)
    if stands is not Outcome.HELPED:
        cards = deps.knowledge.cards([use.card_id for use in uses])
        with deps.sessions.begin() as session:
            for use in uses:
                if use.card_id in cards:
                    _complain(session, use, cards[use.card_id], stands, now)
    return stands


def comment(deps: Deps, uses: Sequence[Use], words: str) -> bool:
    """Add what somebody wrote beside their reason, for the same reader. `False` when there is nothing to add to."""
    if not words or not uses or uses[0].verdict != "bad" or uses[0].comment is not None:
        return False
    kept, now = redact.text(words), deps.clock.now()
    cards = deps.knowledge.cards([use.card_id for use in uses])
    with deps.sessions.begin() as session:
        unsaid = USE.c.id.in_([use.id for use in uses]), USE.c.comment.is_(None)
        if not session.execute(update(USE).where(*unsaid).values(comment=kept)).rowcount:  # type: ignore[attr-defined]
            return False
        for use in uses:
            if use.card_id in cards and not notices.amend(session, _key(use), {"comment": kept}, now):
                _complain(session, replace(use, comment=kept), cards[use.card_id], Outcome(str(use.reason)), now)
    return True


def _key(use: Use) -> str:
    """One complaint a card and person; a comment that came too late for it is another."""
    return f"{'comment' if use.comment else 'feedback'}:{use.card_id}:{use.asked_by}"


def _stands(use: Use) -> Outcome | None:
    if use.verdict is None:
        return None
    return Outcome.HELPED if use.verdict == "good" else Outcome(use.reason or Outcome.WRONG)


def _keep(session: Session, uses: Sequence[Use], outcome: Outcome) -> None:
    good = outcome is Outcome.HELPED
    values = {"verdict": "good" if good else "bad", "reason": None if good else outcome.value}
    unsaid = USE.c.id.in_([use.id for use in uses]), USE.c.verdict.is_(None)
    session.execute(update(USE).where(*unsaid).values(**values))


def _complain(session: Session, use: Use, card: Card, outcome: Outcome, now: datetime) -> None:
    """Tell the card's owner, once a card and person."""
    owner = find_owner(session.connection(), card)
    payload = {
        "card": card.id,
        "title": card.title or card.id,
        "url": card.url,
        "public": card.visibility == PUBLIC,
        "reason": outcome.value,
        "by": use.asked_by,
        "question": use.question,
        "comment": use.comment,
    }
    told = Told(_key(use), "feedback", payload, owner.recipient, owner.source_id, owner.team)
    notices.put(session, told, now + (timedelta(0) if use.comment else COMMENT_WITHIN))
