"""From a solved ticket's messages to a card: what the customer saw, and what the agent did about it.

By rules, so that it works without a language model and each sentence is the agent's own. Internal
notes are never read. What is no part of a solution goes: greetings, thanks, signatures, quoted mail,
auto-replies, requests for more information.
"""

from __future__ import annotations

import re

from knowledge.cards import Card
from knowledge.circumstances import circumstances
from knowledge.noise import is_automatic, sentences, without_noise
from knowledge.solved import Solved
from knowledge.words import language_of, words

#: Fewer words than this hold no step that could be followed.
_LEAST_WORDS = 2
_STATUS_ONLY = re.compile(
    r"(?i)\W*(?:the )?(?:issue|problem|ticket|case)?\W*(?:is|was|has been|now)?\W*"
    r"(?:resolved|fixed|solved|closed|done|completed?|duplicate|spam|已?(?:解决|处理|完成|关闭|修复)了?|重复工单)\W*"
)
#: Words from which on the last message stands alone; a shorter one is read with the one before it.
_ENOUGH_WORDS = 15
#: An answer that holds this share of the resolution field's words repeats it.
_SAME_WORDS = 0.75


def card_of(ticket: Solved) -> Card | None:
    """The ticket's card, or `None` when nobody wrote down what helped."""
    steps, sources = _steps(ticket)
    symptom = _symptom(ticket)
    if not steps or not (ticket.title.strip() or symptom):
        return None
    return Card(
        id=ticket.id,
        title=ticket.title.strip(),
        text=symptom,
        steps=steps,
        lang=language_of(ticket.title + symptom + steps),
        url=ticket.url,
        created=ticket.solved_at,
        owner=ticket.owner,
        team=ticket.team,
        product=ticket.product,
        visibility=ticket.visibility,
        source=ticket.id,
        comments=tuple(sources),
        **circumstances(ticket, steps),
    )


def _symptom(ticket: Solved) -> str:
    """The description; without one, the customer's first words."""
    if ticket.description.strip():
        return without_noise(ticket.description)
    customer = (said for said in ticket.messages if said.public and said.author_kind == "customer")
    return next((body for said in customer if (body := without_noise(said.body))), "")


def _steps(ticket: Solved) -> tuple[str, list[str]]:
    """What helped, and the ids of the messages that say it.

    The resolution field comes first: whoever closed the ticket wrote it knowing the outcome. It often is
    one line, so the last answer follows when it says more.
    """
    written = without_noise(ticket.resolution)
    answers = _answers(ticket)
    if not says_something(written):
        # Earlier answers are attempts and news on the way.
        last = answers[-1:] if answers and len(words(answers[-1][1])) >= _ENOUGH_WORDS else answers[-2:]
        return "\n\n".join(body for _, body in last), [name for name, _ in last]
    if answers and _says_more(answers[-1][1], written):
        name, body = answers[-1]
        return f"{written}\n\n{body}", [name]
    return written, []


def _says_more(body: str, written: str) -> bool:
    """Whether an answer adds to the resolution field: it is longer, and not the same in other words."""
    said, known = set(words(body)), set(words(written))
    return len(body) > len(written) and len(said & known) < _SAME_WORDS * len(known)


def _answers(ticket: Solved) -> list[tuple[str, str]]:
    """(id, text) of what agents told the customer, oldest first."""
    told = [said for said in ticket.messages if said.public and said.author_kind == "agent"]
    bodies = [(s.id, without_noise(s.body)) for s in sorted(told, key=lambda s: s.at) if not is_automatic(s.body)]
    return [(name, body) for name, body in bodies if says_something(body) and not _only_asks(body)]


def says_something(body: str) -> bool:
    """Whether a text holds a step that could be followed, and not only that it is done."""
    return len(words(body)) >= _LEAST_WORDS and not _STATUS_ONLY.fullmatch(body)


def _only_asks(body: str) -> bool:
    """Whether every sentence is a question: the agent is still finding out."""
    parts = [part for part in sentences(body.strip()) if part.strip()]
    return bool(parts) and all(part.rstrip().endswith(("?", "？")) for part in parts)
