"""Agents' questions: what solved such a problem before."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import asked, blocks, earlier
from bot.blocks import answers as drawing
from bot.blocks import feedback
from bot.blocks.text import Block
from bot.posting import InThread, Place
from bot.work import thinking
from knowledge import redact
from knowledge.cards import PUBLIC, Answer, Question
from knowledge.filters import EVERYTHING, Filter
from unstuck import discussions
from unstuck.tickets.named import ticket_named
from unstuck.tickets.tables import KnowledgeUse

if TYPE_CHECKING:
    from unstuck.deps import Deps

#: What full members may read when nobody reads along.
INTERNAL = frozenset({PUBLIC, "internal"})
#: What may stand in a channel.
OPEN = frozenset({PUBLIC})


def find(deps: Deps, text: str, place: Place, thread_key: str, *, alone: bool, only: Filter = EVERYTHING) -> Answer:
    """The knowledge base's answer to what `text` asks in its thread. `alone`: only the asker reads it.

    `place` hears what a model writes; `only`: what a channel's answers may be taken from.
    """
    typed = Question(text, lang=place.lang, visible=INTERNAL if alone else OPEN, only=only)
    question, before = asked.go_on(typed, asked.find(deps.sessions, thread_key))
    # A model is mostly waited for.
    with thinking if deps.model is None else nullcontext():
        found = deps.knowledge.ask(question, place.hear)
    told = (*(before.told if before else ()), *(citation.id for citation in found.citations))
    of = (found.reason or "").removeprefix("which_") if found.choices else ""
    kept = asked.Asked(redact.text(question.text), told, found.choices, of)
    asked.keep(deps.sessions, thread_key, kept, deps.clock.now())
    return found


def show(
    deps: Deps,
    found: Answer,
    text: str,
    user: str,
    place: Place,
    *,
    alone: bool,
    offer: Block | None = None,
    shared_by: str | None = None,
) -> None:
    """Tell the answer with buttons to say whether it helped, or that there is none; keep what was used or missed.

    `offer`: what else can be done with an answer. `shared_by`: who had it told to the others, too.
    """
    if found.choices:
        place.say(blocks.which(found, place.lang))
        return
    if not found.answered:
        place.say(blocks.dont_know(found, place.lang))
        deps.knowledge.unanswered(Question(text), user, alone=alone)
        return
    *first, last = blocks.answer(found, place.lang, deps.clock.now(), earlier.find_thread(deps, found, place))
    last = replace(last, blocks=[*last.blocks, *([offer] if offer else []), *drawing.shared(shared_by, place.lang)])
    buttons = feedback.feedback(_remember(deps, found, text, user, place), place.lang)
    for drawn in first:
        place.say(drawn)
    if isinstance(place, InThread):
        place.say(replace(last, blocks=feedback.with_block(last.blocks, buttons)))
    else:
        # A message that only one person sees cannot be read back, so what changes stands by itself.
        place.say(last)
        place.say(feedback.alone(buttons, place.lang))


def _remember(deps: Deps, found: Answer, text: str, user: str, place: Place) -> str:
    """Keep which cards were used, where and for which ticket; the name of the answer on its buttons."""
    channel, thread = (place.channel, place.thread_ts) if isinstance(place, InThread) else (None, None)
    kept, now = redact.text(text), deps.clock.now()
    with deps.sessions.begin() as session:
        tied = discussions.ticket_of(session, channel, thread) if channel and thread else None
        about = tied or ticket_named(session, text)
        uses = [
            KnowledgeUse(
                card_id=one.id,
                ticket_id=about,
                asked_by=user,
                question=kept,
                channel=channel,
                thread_ts=thread,
                at=now,
            )
            for one in found.citations
        ]
        session.add_all(uses)
        session.flush()
        return ",".join(str(use.id) for use in uses)
