"""Agents' questions: what solved such a problem before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot import asked, blocks
from bot.blocks import feedback
from bot.posting import InThread, Place
from knowledge import redact
from knowledge.cards import PUBLIC, Answer, Question
from unstuck.tickets.tables import KnowledgeUse

if TYPE_CHECKING:
    from unstuck.deps import Deps

#: What full members may read when nobody reads along.
INTERNAL = frozenset({PUBLIC, "internal"})
#: What may stand in a channel.
OPEN = frozenset({PUBLIC})


def find(deps: Deps, text: str, place: Place, thread_key: str, *, alone: bool) -> Answer:
    """The knowledge base's answer to what `text` asks in its thread. `alone`: only the asker reads it.

    `place` hears what a model writes.
    """
    typed = Question(text, lang=place.lang, visible=INTERNAL if alone else OPEN)
    question, before = asked.go_on(typed, asked.find(deps.sessions, thread_key))
    found = deps.knowledge.ask(question, place.hear)
    told = (*(before.told if before else ()), *(citation.id for citation in found.citations))
    of = (found.reason or "").removeprefix("which_") if found.choices else ""
    kept = asked.Asked(redact.text(question.text), told, found.choices, of)
    asked.keep(deps.sessions, thread_key, kept, deps.clock.now())
    return found


def show(deps: Deps, found: Answer, text: str, user: str, place: Place, *, alone: bool) -> None:
    """Tell the answer with buttons to say whether it helped, or that there is none; keep what was used or missed."""
    if found.choices:
        place.say(blocks.which(found, place.lang))
        return
    if not found.answered:
        place.say(blocks.dont_know(found, place.lang))
        deps.knowledge.unanswered(Question(text), user, alone=alone)
        return
    *first, last = blocks.answer(found, place.lang, deps.clock.now())
    buttons = feedback.feedback(_remember(deps, found, text, user, deps.clock.now()), place.lang)
    for drawn in first:
        place.say(drawn)
    if isinstance(place, InThread):
        place.say(replace(last, blocks=feedback.with_block(last.blocks, buttons)))
    else:
        # A message that only one person sees cannot be read back, so what changes stands by itself.
        place.say(last)
        place.say(feedback.alone(buttons, place.lang))


def _remember(deps: Deps, found: Answer, text: str, user: str, now: datetime) -> str:
    """Keep which cards were used; the name of the answer on its buttons."""
    kept = redact.text(text)
    uses = [KnowledgeUse(card_id=one.id, asked_by=user, question=kept, at=now) for one in found.citations]
    with deps.sessions.begin() as session:
        session.add_all(uses)
        session.flush()
        return ",".join(str(use.id) for use in uses)
