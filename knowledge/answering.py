"""From what was found to an answer, or to an honest "I don't know"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge import clarify, compose
from knowledge.cards import Answer, Hit, Question
from knowledge.compose import Told
from knowledge.grounding import Yardstick
from knowledge.replies import Model
from knowledge.search import Found
from knowledge.view import View
from knowledge.words import language_of, words

#: Nearest cards that are shown with an "I don't know".
NEAREST = 5
#: An answer is clear where, of answers with as much evidence, this share of the accepted ones was wrong in trials.
CLEAR = 0.15


@dataclass(frozen=True, slots=True)
class Answering:
    """How a base answers."""

    model: Model | None
    #: Largest share of the answers that may be wrong.
    wrong_target: float

    def answer(self, question: Question, found: Found, view: View, told: Told) -> Answer:
        lang = question.lang or language_of(question.text)
        if not words(question.text):
            return Answer(False, 0.0, "", lang=lang, reason="no_words")
        if not found.hits:
            return Answer(False, 0.0, "", lang=lang, reason="nothing_known")
        trials, best = view.measures.trials_in(language_of(question.text)), found.hits[0]
        least = trials.threshold(self.wrong_target)
        sure = 0.0 if best.contradicts else trials.confidence(found.evidence, self.wrong_target, least)
        if found.evidence < least or best.doubted or best.contradicts:
            return _dont_know(found, sure, least, lang)
        # The first one is neither, so something is left.
        usable = [hit for hit in found.hits if not (hit.doubted or hit.contradicts)]
        if (which := clarify.which(question, usable)) is not None:
            return Answer(
                False, sure, "", lang=lang, reason=f"which_{which.of}", choices=which.choices, nearest=found.hits
            )
        written = self._write(question, lang, usable, view, told)
        return Answer(
            answered=True,
            confidence=sure,
            text=written.text,
            citations=written.citations,
            lang=lang,
            reason=written.reason,
            nearest=found.hits,
            people=_people(found.hits),
            wrong_target=self.wrong_target,
            is_clear=found.evidence >= trials.threshold(CLEAR * self.wrong_target),
        )

    def _write(self, question: Question, lang: str, hits: Sequence[Hit], view: View, told: Told) -> compose.Written:
        if self.model is None:
            return compose.extract(question.text, hits[0])
        yardstick = Yardstick(view.indexes.lexical.rarity, view.likeness)
        return compose.with_model(question.text, lang, hits, self.model, yardstick, told)


def _dont_know(found: Found, sure: float, least: float, lang: str) -> Answer:
    reason, nearest = "not_sure", found.hits
    if found.overruled is not None and found.overruled_evidence >= least and not found.hits[0].contradicts:
        # That it was tried and failed is worth knowing.
        reason, nearest = "doubted", _first(found.overruled, found.hits)
    return Answer(False, sure, "", lang=lang, reason=reason, nearest=nearest, people=_people(nearest))


def _first(hit: Hit, others: Sequence[Hit]) -> tuple[Hit, ...]:
    """`hit` before the others, as many as there were."""
    rest = [other for other in others if other.id != hit.id][: NEAREST - 1]
    return tuple(replace(one, rank=place) for place, one in enumerate([hit, *rest], 1))


def _people(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Who solved the most similar ones: owners, or teams where no owner is known; each once."""
    return tuple(dict.fromkeys(who for hit in hits if (who := hit.card.owner or hit.card.team)))
