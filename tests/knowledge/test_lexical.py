"""The word index by itself."""

from __future__ import annotations

from pathlib import Path

from knowledge.lexical import LexicalIndex


def test_a_card_written_again_replaces_itself_and_the_mark_moves_on(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path)
    for revision in range(1, 6):
        index.write([(1, "pump"), (2, f"valve word{revision}")], [], revision)
        assert index.revision == revision
        assert len(index.best("pump valve", 10)) == 2
        assert index._searcher().num_docs == 3  # two cards and the mark
    index.write([], [1], 6)
    assert index.best("pump", 10) == {}
    assert index.best("word1", 10) == {}
    index.close()
