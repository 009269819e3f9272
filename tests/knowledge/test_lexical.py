"""The word index by itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_what_a_killed_commit_has_left_does_not_fail_the_next_one(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path / "a")
    index.write([(number, f"pump {number} stops") for number in range(1, 9)], [], 1)
    index.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    # What the other one writes is there already, as after a kill between a commit's files and its last step.
    ahead = LexicalIndex(tmp_path / "b")
    ahead.write([(3, "fan 3 rattles")], [5], 2)
    ahead.close()
    left = {file.name for file in tmp_path.glob("b/*/*.del")} - {file.name for file in tmp_path.glob("a/*/*.del")}
    assert left
    for file in tmp_path.glob("b/*/*.del"):
        shutil.copy(file, tmp_path / "a" / file.parent.name)
    index = LexicalIndex(tmp_path / "a")
    index.write([(3, "fan 3 rattles")], [5], 2)
    index.write([(4, "fan 4 rattles")], [6], 3)
    assert (index.revision, set(index.best("fan", 9)), set(index.best("pump", 9))) == (3, {3, 4}, {1, 2, 7, 8})


def test_a_write_that_failed_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path)
    index.write([(1, "pump")], [], 1)

    def texts() -> Iterator[tuple[int, str]]:
        yield 2, "fan"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        index.write(texts(), [1], 2)
    index.write([(3, "valve")], [], 3)
    assert (index.revision, set(index.best("pump fan valve", 9))) == (3, {1, 3})
