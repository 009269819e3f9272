"""Words that nobody knows: the nearest that somebody does. Suggests, never applies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from unstuck.insights.question.lattice import Tiling
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import Role
from unstuck.insights.question.normalise import Text, is_chinese
from unstuck.insights.question.vocabulary import vocabulary

#: A suggestion needs at least this likeness, of 100.
LIKE = 75
#: More slips than this in one question are no slips.
MOST_SLIPS = 4

Spans = tuple[tuple[int, int], ...]


def corrected(text: Text, tilings: list[Tiling], left: Spans, lexicon: Lexicon) -> Iterator[str]:
    """The question with every unknown word replaced by one known word, likeliest first."""
    if not left or len(left) > MOST_SLIPS:
        return
    nearest = [_nearest_word(text.plain[start:end]) for start, end in left]
    if all(nearest):
        yield _replaced(text, left, [str(word) for word in nearest])
    if len(left) == 1:
        start, end = _name(text, tilings, left[0])
        for value in _nearest_values(text.plain[start:end], lexicon):
            yield _replaced(text, ((start, end),), [value])


def only_words(text: Text, left: Spans) -> bool:
    """Whether ordinary words are misspelt, rather than names nobody has heard of."""
    return all(_nearest_word(text.plain[start:end]) is not None for start, end in left)


def whole_names(text: Text, tilings: list[Tiling], left: Spans) -> tuple[str, ...]:
    """The unknown words as the asker meant them: "Group 999" and not just "999"."""
    named: list[str] = []
    for span in left:
        start, end = _name(text, tilings, span)
        said = text.words(start, end)
        named += _chinese(said) if is_chinese(text.plain[start]) and len(said) > 2 else [said]
    return tuple(dict.fromkeys(named))


def _chinese(run: str) -> list[str]:
    """A run of unknown characters as words."""
    import rjieba

    return [word for word in rjieba.cut(run) if word.strip()]


def _name(text: Text, tilings: list[Tiling], span: tuple[int, int]) -> tuple[int, int]:
    """An unknown number together with the dimension's name in front of it."""
    start, end = span
    for item in (item for tiling in tilings for item in tiling.items):
        dimension = any(meaning.role is Role.DIMENSION for meaning in item.meanings)
        if (
            dimension
            and item.end <= start
            and not text.plain[item.end : start].strip()
            and text.plain[start:end].isdigit()
        ):
            return item.start, end
    return span


def _replaced(text: Text, spans: tuple[tuple[int, int], ...], words: list[str]) -> str:
    plain = text.plain
    for (start, end), word in sorted(zip(spans, words, strict=True), reverse=True):
        plain = plain[:start] + word + plain[end:]
    return plain


@cache
def _single_words() -> tuple[str, ...]:
    return tuple(
        sorted(
            {word for phrase in vocabulary() for word in phrase.split() if word.isascii() and len(word) > 3}
            | _TIME_WORDS
        )
    )


_TIME_WORDS = set(
    "yesterday today week month quarter year last this january february march april june july august september "
    "october november december monday tuesday wednesday thursday friday saturday sunday since between days hours".split()
)


@cache
def _nearest_word(word: str) -> str | None:
    """The one vocabulary word that `word` is a slip of."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return None
    most = 1 if len(word) < 6 else 2
    found = process.extract(word, _single_words(), scorer=OSA.distance, score_cutoff=most, limit=2)
    return str(found[0][0]) if found else None


def _nearest_values(name: str, lexicon: Lexicon) -> list[str]:
    from rapidfuzz import fuzz, process

    if len(name) < 3:
        return []
    found = process.extract(name, list(lexicon.names), scorer=fuzz.ratio, score_cutoff=LIKE, limit=3)
    return [str(match[0]) for match in found]
