"""The words of an answer: cut out of the best card, or written by a model and checked against the sources.

What a model writes counts for nothing until it is checked, sentence by sentence, before anybody sees it.
What does not follow from its source is left out, and when too little remains the answer is the card's own
words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from knowledge import prompts
from knowledge.cards import Citation, Hit
from knowledge.grounding import Grounds, Yardstick
from knowledge.replies import Model, Reply, Sentence
from knowledge.words import words

#: Characters of a card that are shown; a longer one is cut to the part that fits the question.
LONGEST_EXTRACT = 900
#: Cards that a model is given, and characters of each.
_SOURCES = 3
_LONGEST_SOURCE = 2_000
#: Share of the card's words, weighted by rarity, that an answer holds which broke off and still will do.
_MOST_OF_A_CARD = 0.5

#: Told each sentence of a model's answer once it has been checked.
Told = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Written:
    """The text of an answer and where it comes from."""

    text: str
    citations: tuple[Citation, ...]
    #: Why the model's words were not used, or not all of them.
    reason: str | None = None


def extract(question: str, hit: Hit) -> Written:
    """The part of the card that answers best, copied."""
    quote = _best_part(_told(hit), question)
    return Written(quote, (_cite(hit, quote),))


def with_model(
    question: str,
    lang: str,
    hits: Sequence[Hit],
    model: Model,
    yardstick: Yardstick,
    told: Told = lambda _: None,
) -> Written:
    """An answer in `lang` written by the model from the best cards; the extract when it fails.

    `told` hears each sentence as soon as it has been checked. When the answer that is returned does not
    begin with what it heard, that has been withdrawn.
    """
    sources = hits[:_SOURCES]
    shown = [prompts.as_data(_body(hit)[:_LONGEST_SOURCE]) for hit in sources]
    grounds, reply, answer = Grounds(question, lang, shown, yardstick), Reply(model), _Answer(sources)
    for line in reply.lines(prompts.answer_instructions(lang), prompts.answer_prompt(question, shown)):
        said = Sentence.of(line)
        if (kept := answer.take(said.text, grounds.supporting(said.text, said.sources))) is not None:
            told(kept)
        if grounds.is_disordered:
            break
    extracted = extract(question, hits[0])
    if reply.failure is not None and answer.heard:
        if not grounds.is_disordered and answer.holds_most_of(extracted.text, yardstick):
            return answer.written("model_cut_off")
    elif answer.is_enough and not grounds.is_disordered:
        return answer.written()
    reason = reply.failure or ("model_unsupported" if answer.heard else "model_failed")
    return Written(extracted.text, extracted.citations, reason)


@dataclass(slots=True)
class _Answer:
    """A model's answer while it grows."""

    sources: Sequence[Hit]
    #: Everything it said, once, with the sources it follows from; none means that it is not told.
    heard: dict[str, tuple[int, ...]] = field(default_factory=dict)
    #: Numbers of sources in the order in which they are first cited.
    used: list[int] = field(default_factory=list)

    @property
    def kept(self) -> dict[str, tuple[int, ...]]:
        return {text: cited for text, cited in self.heard.items() if cited}

    @property
    def is_enough(self) -> bool:
        """Whether at least half of what the model said may be told."""
        return bool(self.kept) and 2 * len(self.kept) >= len(self.heard)

    def take(self, text: str, cited: tuple[int, ...]) -> str | None:
        """The sentence with its marks when it is new and may be told."""
        if text in self.heard:
            return None
        self.heard[text] = cited
        self.used += [number for number in cited if number not in self.used]
        return self._marked(text, cited) if cited else None

    def holds_most_of(self, text: str, yardstick: Yardstick) -> bool:
        weights = yardstick.rarity(text)
        held = {word for sentence in self.kept for word in words(sentence)}
        share = sum(weight for word, weight in weights.items() if word in held)
        return self.is_enough and share >= _MOST_OF_A_CARD * sum(weights.values())

    def written(self, reason: str | None = None) -> Written:
        kept = self.kept
        text = " ".join(self._marked(text, cited) for text, cited in kept.items())
        return Written(text, tuple(self._citation(number) for number in self.used), reason)

    def _marked(self, text: str, cited: tuple[int, ...]) -> str:
        return f"{text} {''.join(f'[{self.used.index(number) + 1}]' for number in cited)}"

    def _citation(self, number: int) -> Citation:
        said = " ".join(text for text, cited in self.kept.items() if number in cited)
        return _cite(self.sources[number - 1], _best_part(_told(self.sources[number - 1]), said))


def _told(hit: Hit) -> str:
    """What a quote is taken from: the solution, or the text of a document that has none."""
    return hit.card.steps or hit.card.text or hit.card.title


def _body(hit: Hit) -> str:
    return "\n".join(part for part in (hit.card.title, hit.card.text, hit.card.steps) if part)


def _cite(hit: Hit, quote: str) -> Citation:
    card = hit.card
    tickets = hit.tickets if card.steps else 0
    title = hit.title or quote.split("\n", 1)[0][:80]
    return Citation(card.id, title, card.url, quote, card.created, card.owner, card.team, tickets)


_PART_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+|\n+")


def _best_part(text: str, question: str) -> str:
    """A run of whole sentences, copied as it stands, that shares most with the question. Short texts stay whole."""
    text = text.strip()
    if len(text) <= LONGEST_EXTRACT:
        return text
    spans = _spans(text)
    asked = set(words(question))
    gains = [len(asked & set(words(text[start:end]))) for start, end in spans]
    best, best_gain = (0, min(LONGEST_EXTRACT, len(text))), -1
    for first, (start, _) in enumerate(spans):
        last = first
        while last + 1 < len(spans) and spans[last + 1][1] - start <= LONGEST_EXTRACT:
            last += 1
        gain = sum(gains[first : last + 1])
        if gain > best_gain:
            best, best_gain = (start, min(spans[last][1], start + LONGEST_EXTRACT)), gain
    return text[best[0] : best[1]].strip()


def _spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence starts and ends."""
    spans, start = [], 0
    for match in _PART_END.finditer(text):
        if match.start() > start:
            spans.append((start, match.start()))
        start = match.end()
    return [*spans, (start, len(text))] if start < len(text) else spans
