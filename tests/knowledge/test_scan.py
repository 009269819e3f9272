"""The comparison with every vector of the catalogue, for processes that may not open the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from knowledge import scan
from knowledge.catalogue import Catalogue
from knowledge.folding import digest
from knowledge.scan import Scan
from knowledge.testing import a_card

DIMENSIONS = 96
CARDS = 3_000
dice = np.random.default_rng(3)
# As embedding models make them: all far to one side, problems in clusters.
TOPICS = dice.standard_normal((60, DIMENSIONS)) + 2
VECTORS = (TOPICS[np.arange(CARDS) % 60] + 0.7 * dice.standard_normal((CARDS, DIMENSIONS))).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


@pytest.fixture
def catalogue(engine: Engine) -> Catalogue:
    made = Catalogue(engine)
    made.create_tables()
    cards = [
        a_card(f"c{n}", f"Problem {n}", steps=f"Do {n}.", lang="zh" if n % 10 == 0 else "en") for n in range(CARDS)
    ]
    made.put(cards)
    put_vectors(made, range(CARDS), VECTORS)
    return made


def put_vectors(catalogue: Catalogue, which: range, vectors: np.ndarray) -> None:
    stored = catalogue.by_id([f"c{n}" for n in which])
    rows = [
        (stored[f"c{n}"].number, digest(stored[f"c{n}"].card.symptom), v) for n, v in zip(which, vectors, strict=True)
    ]
    catalogue.put_vectors("space", rows)


def exact(n: int, question: np.ndarray) -> set[int]:
    english = np.array([number for number in range(CARDS) if number % 10])
    return {int(number) + 1 for number in english[np.argsort(-(VECTORS[english] @ question))[:n]]}


def test_it_finds_what_an_exact_comparison_finds(catalogue: Catalogue, tmp_path: Path) -> None:
    one = Scan(catalogue, tmp_path, "space")
    shares = []
    for row in range(1, CARDS, 100):
        question = VECTORS[row] + 0.05 * dice.standard_normal(DIMENSIONS).astype(np.float32)
        found = one.nearest(question, 20, "en")
        assert len(found) == 20
        shares.append(len(exact(20, question) & set(found)) / 20)
    assert np.mean(shares) > 0.97


def test_it_keeps_up_and_languages_are_apart(catalogue: Catalogue, tmp_path: Path) -> None:
    one = Scan(catalogue, tmp_path, "space")
    assert one.nearest(VECTORS[7], 1, "en") == [8]
    assert one.nearest(VECTORS[7], 1, "other") == []
    put_vectors(catalogue, range(7, 8), -VECTORS[7:8])
    assert one.nearest(VECTORS[7], 1, "en") != [8]
    assert one.nearest(-VECTORS[7], 1, "en") == [8]


def test_the_next_process_starts_from_what_the_first_has_read(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_WORTH_A_FILE", 1_000)
    Scan(catalogue, tmp_path, "space").nearest(VECTORS[7], 1, "en")
    asked_since = []
    vectors_since = catalogue.vectors_since
    monkeypatch.setattr(catalogue, "vectors_since", lambda *a: asked_since.append(a[1]) or vectors_since(*a))
    second = Scan(catalogue, tmp_path, "space")
    assert second.nearest(VECTORS[7], 1, "en") == [8]
    assert asked_since == [catalogue.revision()]
    second.file.write_bytes(b"half a file")
    assert Scan(catalogue, tmp_path, "space").nearest(VECTORS[7], 1, "en") == [8]
