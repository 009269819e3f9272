"""Whether to ask back: two products, or two causes of one problem, fit a question about equally well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.cards import Hit, Question
from knowledge.filters import products_named
from knowledge.words import words

#: Share of the best card's score from which on another one fits about as well.
AS_WELL = 0.9
#: Choices that one question back offers.
_MOST = 4
#: Share of their words that two causes may have in common and still be two.
_SAME_CAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Which:
    """A question back."""

    #: `product` or `cause`.
    of: str
    #: The likeliest first.
    choices: tuple[str, ...]


def which(question: Question, hits: Sequence[Hit]) -> Which | None:
    """What to ask before answering from the first of `hits`; `None` when there is no doubt."""
    # The best card of another language may have been raised among the first, and its score with it.
    own = [hit for hit in hits if hit.card.lang == hits[0].card.lang]
    close = [hit for hit in own if hit.score >= AS_WELL * own[0].score]
    # Where they say the same, it does not matter which one is meant.
    differing = [hit for hit in close[1:] if not _says_the_same(hit, close[0])]
    if not differing:
        return None
    return _which_product(question, [close[0], *differing]) or _which_cause(question, [close[0], *differing])


def _which_product(question: Question, hits: Sequence[Hit]) -> Which | None:
    products = tuple(dict.fromkeys(hit.card.product for hit in hits if hit.card.product))[:_MOST]
    if question.only.product is not None or hits[0].card.product is None or len(products) < 2:
        return None
    return None if products_named(question.text, products) else Which("product", products)


def _which_cause(question: Question, hits: Sequence[Hit]) -> Which | None:
    """Causes of one product's problem. What the question says of a cause decides by itself."""
    if not hits[0].card.cause:
        return None
    causes: list[str] = []
    for hit in hits:
        alike = any(_shared(hit.card.cause, known) > _SAME_CAUSE for known in causes)
        if hit.card.cause and hit.card.product == hits[0].card.product and not alike:
            causes.append(hit.card.cause)
    named = any(_shared(cause, question.text) > _SAME_CAUSE for cause in causes)
    return None if named or len(causes) < 2 else Which("cause", tuple(causes[:_MOST]))


def _says_the_same(one: Hit, other: Hit) -> bool:
    return words(one.card.steps or one.card.text) == words(other.card.steps or other.card.text)


def _shared(one: str, other: str) -> float:
    """Share of the words of `one` that `other` holds."""
    said = set(words(one))
    return len(said & set(words(other))) / len(said) if said else 0.0
