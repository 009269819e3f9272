"""The word index: which cards share words with a question, by BM25.

On tantivy, chosen over SQLite FTS5 (scans every row that holds any word of a long ticket, and would
tie the index to one kind of database) and bm25s (has to be rebuilt for each new card): it adds a card
in milliseconds, skips rows that cannot win, scores a given set of candidates only, and many processes
can read while one writes. Its BM25 has k1 = 1.2 and b = 0.75.

The index is a cache. Each commit carries the catalogue revision it reaches, so a kill between
commits is repaired by catching up from there.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import tantivy

from knowledge.words import words

#: Raised when the words of a card are made differently: an index of another layout is rebuilt.
LAYOUT = 2
#: Row number of the row that holds the mark; cards count from 1.
_MARK_ROW = 0
_WRITER_BYTES = 50_000_000
#: A ticket of a thousand words is asked with its rarest and first ones; more adds time, not findings.
_MOST_WORDS = 256
_LONGEST_MEASURED = 1_000


class LexicalIndex:
    """Words to card numbers. One process writes, any number read."""

    def __init__(self, directory: Path) -> None:
        self._schema = _schema()
        self._directory = directory / f"words-{LAYOUT}"
        self._index = _open(self._directory, self._schema)
        #: Kept open: its threads merge small segments in the background while others are written.
        self._writer: Any = None
        self._index.register_tokenizer("ours", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())

    @property
    def revision(self) -> int:
        """How far the index has caught up with the catalogue."""
        found = self._searcher().search(tantivy.Query.term_query(self._schema, "card", _MARK_ROW), 1).hits
        return int(self._searcher().doc(found[0][1])["mark"][0]) if found else 0

    def write(self, texts: Iterable[tuple[int, str]], gone: Iterable[int], revision: int) -> None:
        """Put cards in or replace them, take `gone` out, and mark the index as being at `revision`: all or nothing."""
        if self._writer is None:
            self._writer = self._index.writer(_WRITER_BYTES, 1)
            self._clear_away()
        try:
            self._write(self._writer, texts, gone, revision)
        except BaseException:
            # It may hold half of this; the next one begins with what was committed.
            self._writer = None
            raise

    def _write(self, writer: Any, texts: Iterable[tuple[int, str]], gone: Iterable[int], revision: int) -> None:
        for card in gone:
            self._delete(card)
        for card, text in texts:
            self._delete(card)
            writer.add_document(_row(card, text=" ".join(words(text))))
        self._delete(_MARK_ROW)
        writer.add_document(_row(_MARK_ROW, mark=revision))
        writer.commit()

    def _clear_away(self) -> None:
        """Delete what a killed commit has left, which the next one would fail on for ever: it names files alike.

        Lists of deleted rows are named by segment and number of the operation; those of later operations than
        the last commit's belong to none. Nobody else writes while we hold a writer.
        """
        done = json.loads((self._directory / "meta.json").read_text(encoding="utf-8"))["opstamp"]
        for file in self._directory.glob("*.*.del"):
            if int(file.name.split(".")[1]) > done:
                file.unlink(missing_ok=True)

    def _delete(self, card: int) -> None:
        # By a query: `delete_documents_by_term` makes a signed term of a plain integer, which matches no row.
        self._writer.delete_documents_by_query(tantivy.Query.term_query(self._schema, "card", card))

    def close(self) -> None:
        """Let another process write."""
        if self._writer is not None:
            # Without the wait the writer's lock could outlive this call and fail the next one.
            self._writer.wait_merging_threads()
            self._writer = None

    def best(self, text: str, n: int) -> dict[int, float]:
        """The `n` cards that match best, with their BM25 scores."""
        query = self._query(words(text))
        return self._run(query, n) if query is not None else {}

    def scores(self, text: str, among: Collection[int]) -> dict[int, float]:
        """BM25 scores of those of `among` that share any word with `text`."""
        query = self._query(words(text))
        if query is None or not among:
            return {}
        members = tantivy.Query.term_set_query(self._schema, "card", list(among))
        only = tantivy.Query.boost_query(tantivy.Query.const_score_query(members, 0.0), 0.0)
        must = tantivy.Occur.Must
        return self._run(tantivy.Query.boolean_query([(must, query), (must, only)]), len(among))

    def rarity(self, text: str) -> dict[str, float]:
        """Each word of `text` with its weight: the fewer cards hold it, the more (as in BM25)."""
        searcher = self._searcher()
        total = searcher.num_docs
        held = {word: searcher.doc_freq("words", word) for word in set(words(text)[:_LONGEST_MEASURED])}
        return {word: math.log(1 + (max(total - n, 0) + 0.5) / (n + 0.5)) for word, n in held.items()}

    def _query(self, found: Sequence[str]) -> Any:
        counts = Counter(found).most_common(_MOST_WORDS)
        parts = []
        for word, count in counts:
            term = tantivy.Query.term_query(self._schema, "words", word, "freq")
            parts.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, float(count)) if count > 1 else term))
        return tantivy.Query.boolean_query(parts) if parts else None

    def _run(self, query: Any, n: int) -> dict[int, float]:
        searcher = self._searcher()
        hits = searcher.search(query, max(n, 1), count=False).hits
        addresses = [address for _, address in hits]
        cards = searcher.fast_field_values("card", addresses) if addresses else []
        return {int(card): float(score) for card, (score, _) in zip(cards, hits, strict=True)}

    def _searcher(self) -> Any:
        self._index.reload()
        return self._index.searcher()


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("card", stored=True, indexed=True, fast=True)
    builder.add_unsigned_field("mark", stored=True)
    builder.add_text_field("words", stored=False, tokenizer_name="ours", index_option="freq")
    return builder.build()


def _row(card: int, *, text: str = "", mark: int = 0) -> Any:
    # Built field by field: from a plain integer tantivy would make a signed one, and its writer would die of it.
    row = tantivy.Document()
    row.add_unsigned("card", card)
    row.add_unsigned("mark", mark)
    row.add_text("words", text)
    return row


def _open(directory: Path, schema: Any) -> Any:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return tantivy.Index(schema, path=str(directory))
    except ValueError:
        # Damaged or of another schema; it is a cache, so it starts anew.
        shutil.rmtree(directory)
        directory.mkdir(parents=True)
        return tantivy.Index(schema, path=str(directory))
