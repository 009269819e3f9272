"""Learning that is killed at any moment and run again ends in the same base as one clean run."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import knowledge
from knowledge.testing import HashEmbedder, run_killed

KILLS = 3
LEARN = """
import sys
from pathlib import Path
import knowledge
from knowledge import base, embedding
from knowledge.testing import HashEmbedder, a_card

base.CARDS_AT_ONCE, embedding._TEXTS_AT_ONCE, embedding._CARDS_AT_ONCE = 20, 10, 30
home = Path(sys.argv[1])
cards = [
    a_card(f"c{n}", f"Machine {n} stops with E-{n}", text=f"Line {n % 17}", steps=f"Exchange part {n % 50}",
           lang="zh" if n % 3 else "en")
    for n in range(200)
]
print("ready", flush=True)
opened = knowledge.open(f"sqlite:///{home}/cards.db", home, embedder=HashEmbedder())
opened.learn(cards)
opened.close()
"""


@pytest.mark.timeout(280)
def test_killed_at_random_moments_the_base_is_the_same(tmp_path: Path) -> None:
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    clean.mkdir()
    killed.mkdir()
    started = time.monotonic()
    run_killed(LEARN, str(clean))
    whole_run = time.monotonic() - started
    dice = random.Random(7)
    for _ in range(KILLS):
        run_killed(LEARN, str(killed), after_s=dice.uniform(0, whole_run))
    run_killed(LEARN, str(killed))
    assert _contents(killed) == _contents(clean)


def _contents(home: Path) -> dict[str, Any]:
    engine = create_engine(f"sqlite:///{home}/cards.db")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, title, tickets, withdrawn FROM knowledge_card ORDER BY id")).all()
        vectors = connection.execute(text("SELECT count(*) FROM knowledge_vector")).scalar()
    engine.dispose()
    base = knowledge.open(f"sqlite:///{home}/cards.db", home, embedder=HashEmbedder())
    # Scores may differ in the third digit: a word index counts rows that were written twice until it merges them.
    found = {n: base.search(f"machine stops with E-{n}", 1)[0].id for n in range(0, 200, 17)}
    every = sorted(hit.id for hit in base.search("machine stops", 500))
    embedded = base.status()["embedded"]
    base.close()
    return {"rows": rows, "vectors": vectors, "found": found, "every": every, "embedded": embedded}
