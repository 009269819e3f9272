"""Words that nobody knows: the nearest that somebody does. Suggests, never applies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice, product

from unstuck.insights.question.lattice import Tiling
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import Role
from unstuck.insights.question.normalise import Text, is_chinese
from unstuck.insights.question.times_en import MONTH_NAMES, WEEKDAY_NAMES
from unstuck.insights.question.vocabulary import vocabulary

#: A suggestion needs at least this likeness, of 100.
LIKE = 75
#: So many ways to correct a question are tried.
MOST_CORRECTIONS = 8
#: More slips than this in one question are no slips.
MOST_SLIPS = 4

Spans = tuple[tuple[int, int], ...]


def corrected(text: Text, tilings: list[Tiling], left: Spans, lexicon: Lexicon) -> Iterator[str]:
    """The question with every unknown word replaced by one known word, likeliest first."""
    if not left or len(left) > MOST_SLIPS:
        return
    nearest = [_nearest_words(text.plain[start:end]) for start, end in left]
    for words in islice(product(*nearest), MOST_CORRECTIONS):
        yield _replaced(text, left, list(words))
    if len(left) <= 2:
        start, end = _name(text, tilings, left)
        for value in _nearest_values(text.plain[start:end], lexicon):
            yield _replaced(text, ((start, end),), [value])


def only_words(text: Text, left: Spans) -> bool:
    """Whether ordinary words are misspelt, rather than names nobody has heard of."""
    return all(_nearest_words(text.plain[start:end]) for start, end in left)


def whole_names(text: Text, left: Spans) -> tuple[str, ...]:
    """The unknown words as the asker meant them: "Group 999" in one piece."""
    joined: list[tuple[int, int]] = []
    for start, end in left:
        if joined and text.plain[start:end].isdigit() and not text.plain[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    named: list[str] = []
    for start, end in joined:
        said = text.words(start, end)
        named += _chinese(said) if is_chinese(text.plain[start]) and len(said) > 2 else [said]
    return tuple(dict.fromkeys(named))


def _chinese(run: str) -> list[str]:
    """A run of unknown characters as words."""
    import rjieba

    return [word for word in rjieba.cut(run) if word.strip()]


def _name(text: Text, tilings: list[Tiling], left: Spans) -> tuple[int, int]:
    """What is left over as one name, with the dimension's name in front of an unknown number."""
    start, end = left[0][0], left[-1][1]
    for item in (item for tiling in tilings for item in tiling.items):
        dimension = any(meaning.role is Role.DIMENSION for meaning in item.meanings)
        if dimension and item.end <= start and not text.plain[item.end : start].strip():
            return item.start, end
    return start, end


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


_TIME_WORDS = {
    *("yesterday", "today", "week", "month", "quarter", "year", "last", "this", "since", "between", "days", "hours"),
    *(word for names in (*MONTH_NAMES, *WEEKDAY_NAMES) for word in names.split("|") if len(word) > 3),
}


@cache
def _nearest_words(word: str) -> tuple[str, ...]:
    """The vocabulary words that `word` is a slip of, nearest first."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return ()
    most = 1 if len(word) < 6 else 2
    found = process.extract(word, _single_words(), scorer=OSA.distance, score_cutoff=most, limit=3)
    # Of equally near words the longer is likelier: letters are dropped more often than added.
    return tuple(str(name) for name, _, _ in sorted(found, key=lambda hit: (hit[1], -len(hit[0]))))


def _nearest_values(name: str, lexicon: Lexicon) -> list[str]:
    from rapidfuzz import fuzz, process

    if len(name) < 3:
        return []
    found = process.extract(name, list(lexicon.names), scorer=fuzz.ratio, score_cutoff=LIKE, limit=3)
    return [str(match[0]) for match in found]
