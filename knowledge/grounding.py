"""Whether a sentence follows from a source. By rules and likeness; nothing that a model says is taken on trust.

A sentence has to pass all of these against one source alone:

- it is in the asker's language, and plain text: no markup, no orders to a model, no request for secrets;
- its numbers with their units, codes, links, addresses and names are the source's own (`exact`);
- it says the same: most of its words, weighted by rarity, stand in the sentences of the source it comes
  closest to; where the languages differ, its meaning is near to one of them;
- it turns nothing around: no "not" more or less, no opposite, no other order of the steps (`turned`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from knowledge import exact, turned
from knowledge.prompts import gives_orders
from knowledge.turned import Rarity
from knowledge.words import is_rather_chinese, language_of, words

LONGEST_SENTENCE = 500
#: Share of a sentence's words, weighted by rarity, that must stand in its source. Chinese pairs of
#: characters change with each particle, English stems do not.
SAME_WORDS = {"en": 0.6, "zh": 0.5}
#: A clause with so many words is to be supported for itself: "…, and the pump will be replaced free of charge".
_LONG_CLAUSE, _SAME_WORDS_OF_A_CLAUSE = {"en": 4, "zh": 14}, 0.4
#: Likeness of a sentence and the nearest of its source's, plus half its lead over the next one, where the
#: languages differ. Of 508 steps written in both languages (the demo desk) two in three reach it with their own
#: card, one in 60 with another problem of the same product.
SAME_MEANING = 0.06
#: Words below which nothing is said.
_LEAST_WORDS = 2

#: Cosine of a text with each of others, above that of unrelated ones; `None` without an embedding model.
Likeness = Callable[[str, Sequence[str]], list[float] | None]

_MARKUP = re.compile(r"<[!@#/A-Za-z]|\]\(|```|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ASKS_FOR_SECRETS = re.compile(
    r"\b(?:send|tell|give|share|post|reply|provide|forward|e?mail|disclose|reveal|say)\b[^.!?]{0,40}"
    r"\b(?:passwords?|passcodes?|pin|cvv|tokens?|api keys?|secrets?|(?:security|verification) codes?|credentials)\b"
    r"|(?:发|告诉|提供|回复|分享|说出|报)[^。！？]{0,12}(?:密码|口令|验证码|密钥|安全码)"
    r"|(?:密码|口令|验证码|密钥|安全码)[^。！？]{0,8}(?:发|告诉|提供|回复|报)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[。！？；\n])|(?<=[.!?;])\s+")


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How a base measures words and meanings."""

    rarity: Rarity
    likeness: Likeness


@dataclass(slots=True)
class Grounds:
    """What the sentences of one answer are held against, one after the other."""

    question: str
    #: Language of the answer.
    lang: str
    #: What each source says, as the model was shown it; numbered from 1.
    sources: Sequence[str]
    yardstick: Yardstick
    #: Whether steps were told in another order than the source's: then no part of the answer can stay.
    is_disordered: bool = False
    _places: dict[int, int] = field(default_factory=dict)

    def supporting(self, text: str, cited: Sequence[int]) -> tuple[int, ...]:
        """Those of the cited sources from which the sentence follows."""
        if not self._is_plain(text) or any(not 1 <= number <= len(self.sources) for number in cited):
            return ()
        found = tuple(number for number in cited if self._follows(text, self.sources[number - 1]))
        return found if found and self._is_in_order(text, found[0]) else ()

    def _is_plain(self, text: str) -> bool:
        """Whether it is a sentence for the asker, in their language, that does nothing but say something."""
        return (
            0 < len(text) <= LONGEST_SENTENCE
            and len(words(text)) >= _LEAST_WORDS
            and not (_MARKUP.search(text) or _ASKS_FOR_SECRETS.search(text) or gives_orders(text))
            and (self.lang not in ("en", "zh") or is_rather_chinese(text) == (self.lang == "zh"))
        )

    def _follows(self, text: str, source: str) -> bool:
        if not exact.is_kept(text, source, self.question):
            return False
        if language_of(text) == language_of(source):
            return (
                self._says_the_same(text, source)
                and not exact.names_new_things(text, f"{source}\n{self.question}")
                and not turned.is_turned(text, source, self.yardstick.rarity)
            )
        return self._means_the_same(text, source)

    def _says_the_same(self, text: str, source: str) -> bool:
        weights = self.yardstick.rarity(text)
        sentences = [frozenset(words(part)) for part in _sentences(source)]
        held = total = 0.0
        for clause in turned.fine(text):
            weight = sum(weights.get(word, 0.0) for word in clause.words)
            shared = max((sum(weights.get(w, 0.0) for w in clause.words & said) for said in sentences), default=0.0)
            if len(clause.words) >= _LONG_CLAUSE[language_of(text)] and shared < _SAME_WORDS_OF_A_CLAUSE * weight:
                return False
            held, total = held + shared, total + weight
        return total > 0 and held >= SAME_WORDS[language_of(text)] * total

    def _means_the_same(self, text: str, source: str) -> bool:
        """Against the nearest sentence of the source; one whose "not" or opposite differs is not the same."""
        sentences = _sentences(source)
        alike = self.yardstick.likeness(text, sentences)
        if not alike:
            return False
        (likeness, nearest), *others = sorted(zip(alike, sentences, strict=True), reverse=True)
        lead = likeness - others[0][0] if others else 0.0
        return (
            likeness + 0.5 * lead >= SAME_MEANING
            and turned.is_negated(text) == turned.is_negated(nearest)
            and not turned.has_opposite(text, nearest)
        )

    def _is_in_order(self, text: str, number: int) -> bool:
        source = self.sources[number - 1]
        if language_of(text) != language_of(source):
            return True
        place = turned.place_in(text, source, self.yardstick.rarity, self._places.get(number, 0))
        if place is None:
            self.is_disordered = True
            return False
        self._places[number] = place
        return True


def _sentences(text: str) -> list[str]:
    return [part for part in (part.strip() for part in _SENTENCE_END.split(text)) if part]
