"""Agents' questions: what solved such a problem before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot import blocks
from bot.posting import Place
from knowledge import redact
from knowledge.cards import PUBLIC, Answer, Question
from unstuck.tickets.tables import KnowledgeUse

if TYPE_CHECKING:
    from unstuck.deps import Deps

#: What full members may read when nobody reads along.
INTERNAL = frozenset({PUBLIC, "internal"})
#: What may stand in a channel.
OPEN = frozenset({PUBLIC})


def find(deps: Deps, text: str, place: Place, *, alone: bool) -> Answer:
    """The knowledge base's answer, of which `place` hears what a model writes. `alone`: only the asker reads it."""
    visible = INTERNAL if alone else OPEN
    return deps.knowledge.ask(Question(text, lang=place.lang, visible=visible), place.hear)


def show(deps: Deps, found: Answer, text: str, user: str, place: Place) -> None:
    """Tell the answer, or that there is none, and keep which resolutions were used."""
    if not found.answered:
        place.say(blocks.dont_know(found, place.lang))
        return
    for drawn in blocks.answer(found, place.lang, deps.clock.now()):
        place.say(drawn)
    _remember(deps, found, text, user, deps.clock.now())


def _remember(deps: Deps, found: Answer, text: str, user: str, now: datetime) -> None:
    kept = redact.text(text)
    with deps.sessions.begin() as session:
        for citation in found.citations:
            session.add(KnowledgeUse(card_id=citation.id, asked_by=user, question=kept, at=now))
