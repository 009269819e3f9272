"""Words that nobody knows: the nearest that somebody does.

Names (live values) are only ever suggested. Of ordinary words, plain slips of the pen are read as what they are
slips of, and the restatement says so: two letters swapped, one left out, one typed twice, in a word that English
does not have and that can be meant for one word only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import TYPE_CHECKING

from unstuck.insights.question.lattice import Tiling
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import Role
from unstuck.insights.question.normalise import Text, is_chinese
from unstuck.insights.question.times_en import MONTH_NAMES, WEEKDAY_NAMES
from unstuck.insights.question.vocabulary import vocabulary

if TYPE_CHECKING:
    from spellchecker import SpellChecker

#: A suggestion needs at least this likeness, of 100.
LIKE = 75
#: So many ways to correct a question are tried.
MOST_CORRECTIONS = 8
#: More slips than this in one question are no slips.
MOST_SLIPS = 4

Spans = tuple[tuple[int, int], ...]


#: Shorter words are too often somebody's abbreviation.
SHORTEST_SLIP = 4


@dataclass(frozen=True, slots=True)
class Slip:
    """A misspelt word of the question."""

    start: int
    end: int
    said: str
    meant: str


def slips(text: Text, left: Spans, lexicon: Lexicon) -> tuple[Slip, ...]:
    """Every unknown word as a slip of exactly one known word; nothing if that is not so of all of them."""
    if len(left) > MOST_SLIPS:
        return ()
    found: list[Slip] = []
    for start, end in left:
        word = text.plain[start:end]
        if word in _single_words():
            continue  # known: it waits for its neighbour, as "last" does in "last mnoth"
        meant = () if _is_a_name(text, start, end) else _meant(word)
        if len(meant) != 1 or set(_nearest_values(word, lexicon)) - {meant[0]}:
            return ()  # it may as well be meant for a name
        found.append(Slip(start, end, text.words(start, end), meant[0]))
    return tuple(found)


def mended(text: Text, found: Iterable[Slip]) -> str:
    """The question without its slips."""
    listed = list(found)
    return _replaced(text, tuple((slip.start, slip.end) for slip in listed), [slip.meant for slip in listed])


def _is_a_name(text: Text, start: int, end: int) -> bool:
    """A capital within the sentence: somebody's or something's name."""
    said = text.words(start, end)
    return said[1:] != said[1:].lower() or (start > 0 and said[:1] != said[:1].lower())


@cache
def _meant(word: str) -> tuple[str, ...]:
    """The ordinary words that `word` is a plain slip of; none if English has it."""
    if len(word) < SHORTEST_SLIP or not word.isascii() or not word.isalpha() or _is_english(word):
        return ()
    return tuple(known for known in _single_words() if known[0] == word[0] and _is_slip(word, known))


def _is_slip(word: str, known: str) -> bool:
    if len(word) == len(known):
        apart = [place for place in range(len(word)) if word[place] != known[place]]
        return len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(word) == sorted(known)
    if len(word) + 1 == len(known):
        return any(known[:place] + known[place + 1 :] == word for place in range(1, len(known)))
    doubled = (place for place in range(1, len(word)) if word[place] == word[place - 1])
    return len(word) == len(known) + 1 and any(word[:place] + word[place + 1 :] == known for place in doubled)


@cache
def _dictionary() -> SpellChecker:
    from spellchecker import SpellChecker

    return SpellChecker(language="en")


def _is_english(word: str) -> bool:
    return word in _dictionary()


def corrected(
    text: Text, tilings: list[Tiling], left: Spans, lexicon: Lexicon
) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """The question with every unknown word replaced by one known word, likeliest first.

    Beside it, where that is one word, the word and what it was taken for.
    """
    if not left or len(left) > MOST_SLIPS:
        return
    nearest = [_nearest_words(text.plain[start:end]) for start, end in left]
    for words in islice(product(*nearest), MOST_CORRECTIONS):
        guess = (text.words(*left[0]), words[0]) if len(left) == 1 else None
        yield _replaced(text, left, list(words)), guess
    if len(left) <= 2:
        start, end = _name(text, tilings, left)
        for value in _nearest_values(text.plain[start:end], lexicon):
            yield _replaced(text, ((start, end),), [value]), (text.words(start, end), value)


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

    if len(word) < 4 or not word.isascii() or not word.isalpha() or _is_english(word):
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
