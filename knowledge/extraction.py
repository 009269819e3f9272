"""Cards with the help of a language model: it chooses which sentences matter, and may not write any.

It is shown what customer and agents said to each other, masked, without internal notes. What it gives
back counts only when it stands in the message it names; then the whole sentence is taken from there, so
that no "not" is cut off. Whatever goes wrong, the card is the one that the rules make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from knowledge import prompts, redact
from knowledge.cards import Card
from knowledge.noise import is_automatic, own_sentences, without_noise
from knowledge.replies import Line, Model, Reply
from knowledge.resolutions import card_of, says_something
from knowledge.solved import Solved

#: Characters of a message and messages of a ticket that a model is shown.
_LONGEST_MESSAGE = 2_000
_MOST_MESSAGES = 12
#: After so many failures in a row the model is left alone: it is down, and each try costs its time limit.
_MOST_FAILURES = 3
_GOES_ON = re.compile(r"[a-z\u4e00-\u9fff]")
_ENDED = re.compile(r"[.!?:;。！？：；][\"'”’)）]*$")
#: Who may say what.
_SPEAKERS = {
    "step": ("agent",),
    "cause": ("agent",),
    "environment": ("agent", "customer"),
    "outcome": ("customer",),
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A message as the model sees it."""

    #: Of the message; empty for the ticket's own fields.
    id: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class _Traced:
    """What the model chose, as it stands in the message."""

    field: str
    text: str
    #: Number of the message and place in it, by which steps keep their order.
    place: tuple[int, int]


@dataclass(slots=True)
class Extraction:
    """Makes cards; asks the model about so many tickets and no more."""

    model: Model | None = None
    left: int = 0
    _failures: int = 0

    def card_of(self, ticket: Solved) -> Card | None:
        """The ticket's card, or `None` when nobody wrote down what helped."""
        card = card_of(ticket)
        if card is None or self.model is None or self.left <= 0 or self._failures >= _MOST_FAILURES:
            return card
        self.left -= 1
        return self._chosen(self.model, ticket, card) or card

    def _chosen(self, model: Model, ticket: Solved, card: Card) -> Card | None:
        shown = _shown(ticket)
        reply = Reply(model)
        lines = list(
            reply.lines(prompts.extraction_instructions(), prompts.extraction_prompt([(s.who, s.text) for s in shown]))
        )
        self._failures = self._failures + 1 if reply.failure else 0
        if reply.failure:
            return None
        return _with(card, [traced for line in lines for traced in _trace(line, shown)], shown)


def _shown(ticket: Solved) -> list[_Shown]:
    fields = [_Shown("", "customer", f"{ticket.title}\n{ticket.description}"), _Shown("", "agent", ticket.resolution)]
    told = [
        _Shown(said.id, said.author_kind, said.body)
        for said in sorted(ticket.messages, key=lambda said: said.at)
        if said.public and said.author_kind in ("customer", "agent") and not is_automatic(said.body)
    ]
    masked = [
        replace(one, text=prompts.as_data(redact.text(without_noise(one.text)))[:_LONGEST_MESSAGE])
        for one in [*fields, *told[-_MOST_MESSAGES:]]
    ]
    return [one for one in masked if one.text]


def _trace(line: Line, shown: Sequence[_Shown]) -> Iterable[_Traced]:
    """The sentences of a message that a line copies; none when it copies nothing that was said."""
    field, text, number = line.get("field"), line.get("text"), line.get("message")
    if not isinstance(text, str) or type(number) is not int or not 1 <= number <= len(shown):
        return []
    if not isinstance(field, str) or shown[number - 1].who not in _SPEAKERS.get(field, ()):
        return []
    sentences = _unwrapped(own_sentences(shown[number - 1].text))
    chosen = _overlapped(_squeezed(text), [_squeezed(one) for one in sentences])
    if field == "environment":
        return [_Traced(field, text.strip(), (number, place)) for place in chosen[:1]]
    return [_Traced(field, sentences[place], (number, place)) for place in chosen]


def _unwrapped(parts: Sequence[str]) -> list[str]:
    """Sentences of which a mail program has put parts on lines of their own, whole again."""
    whole: list[str] = []
    for part in parts:
        if whole and _GOES_ON.match(part) and not _ENDED.search(whole[-1]):
            whole[-1] += f"\n{part}"
        else:
            whole.append(part)
    return whole


def _overlapped(copied: str, sentences: Sequence[str]) -> list[int]:
    """Places of the sentences in which a copied text stands; they are compared without any space."""
    at = "".join(sentences).find(copied) if copied else -1
    if at < 0:
        return []
    chosen, start = [], 0
    for place, sentence in enumerate(sentences):
        if start < at + len(copied) and at < start + len(sentence):
            chosen.append(place)
        start += len(sentence)
    return chosen


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _with(card: Card, traced: Sequence[_Traced], shown: Sequence[_Shown]) -> Card | None:
    """The card with what was traced in the place of what the rules found; `None` without a step."""
    steps = dict(sorted((one.place, one.text) for one in traced if one.field == "step"))
    told = "\n".join(steps.values())
    if not says_something(told):
        return None
    first = {one.field: one.text for one in reversed(traced)}
    ids = (shown[number - 1].id for number, _ in steps)
    return replace(
        card,
        steps=told,
        environment=first.get("environment", card.environment),
        cause=first.get("cause", card.cause),
        outcome=card.outcome or first.get("outcome", ""),
        comments=tuple(dict.fromkeys(name for name in ids if name)),
    )
