"""Text to the words that the lexical index counts.

English words are stemmed and stop words dropped; Chinese gives its characters and its pairs of
neighbours, which together do as well as a word splitter and know every product name. What looks like
a code (`0x80070643`, `E-104`, `SEC_ERROR_EXPIRED`) is kept whole as well as in parts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:[-_./:'][^\W_{_HAN}]+)*")
_INSIDE = re.compile(r"[-_./:']")
_RUN = re.compile(r"\d+|[^\W\d_]+")
_STOP = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "please",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
        "hi",
        "hello",
        "thanks",
        "thank",
    ]
)
#: What "don't", "she's" and "we've" leave when they are taken apart.
_STOP_IN_PARTS = _STOP | frozenset("s t re ve ll d m don doesn didn isn wasn aren won couldn wouldn hasn haven".split())  # noqa: SIM905
#: A pasted log can hold megabytes; its first words say what it is.
_LONGEST = 20_000


def words(text: str) -> list[str]:
    """The words of `text` in order, with repetitions."""
    return list(_split(text))


# The same card's words are asked for by folding, indexing and answering within moments.
@lru_cache(maxsize=2_048)
def _split(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for match in _PIECE.finditer(unicodedata.normalize("NFKC", text[:_LONGEST]).lower()):
        piece = match.group()
        found += _han(piece) if _is_han(piece[0]) else _latin(piece)
    return tuple(found)


def _han(run: str) -> list[str]:
    return [*run, *(run[at : at + 2] for at in range(len(run) - 1))]


def _latin(piece: str) -> list[str]:
    parts = _INSIDE.split(piece)
    dropped = _STOP_IN_PARTS if len(parts) > 1 else _STOP
    kept = [_one_spelling(part) if _is_code(part) else stem(part) for part in parts if part not in dropped]
    return [_one_spelling(piece), *kept] if len(parts) > 1 and _is_code(piece) else kept


def _one_spelling(code: str) -> str:
    """The same for E104, E-104 and E_104."""
    return "-".join(_RUN.findall(code))


def _is_code(piece: str) -> bool:
    return "_" in piece or any(char.isdigit() for char in piece)


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The English stem; words of other alphabets and numbers stay as they are."""
    return str(_stemmer().stemWord(word)) if word.isascii() and word.isalpha() else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer  # type: ignore[import-untyped]

    return snowballstemmer.stemmer("english")


def is_rather_chinese(text: str) -> bool:
    """Whether more than one letter in twenty is Chinese: a question full of product names, not a name in a text."""
    letters = [char for char in text[:_LONGEST] if char.isalpha()]
    return 20 * sum(map(_is_han, letters)) > len(letters)


def is_chinese(text: str) -> bool:
    """Whether a reader would answer this in Chinese: it holds Chinese characters."""
    return any(_is_han(char) for char in text)


def language_of(text: str) -> str:
    """The language a question is asked in: `zh` or `en`."""
    return "zh" if is_chinese(text) else "en"


_FIRST_SENTENCE = re.compile(r".*?(?:[。！？!?\n]|\.\s|\Z)", re.DOTALL)


def first_sentence(text: str) -> str:
    """The first sentence or line of `text`."""
    found = _FIRST_SENTENCE.match(text.strip())
    return found.group().strip() if found else ""
