"""Upkeep that is killed at any moment and run again ends in the same base as one clean run."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from knowledge.testing import run_killed

KILLS = 4
UPKEEP = """
import sys
from datetime import datetime, UTC
from pathlib import Path
import knowledge
from knowledge.testing import HashEmbedder, a_card
from knowledge.upkeep import Decisions, Upkeep

home = Path(sys.argv[1])
now = datetime(2026, 3, 1, tzinfo=UTC)
print("ready", flush=True)
base = knowledge.open(f"sqlite:///{home}/cards.db", home, embedder=HashEmbedder(), now=lambda: now)
for n in range(6):
    for age, seconds in (("a-old", 5), ("b-new", 30)):
        created = now.replace(year=2024 if age == "a-old" else 2025)
        base.learn([a_card(f"{n}-{age}", f"Part{n} E-{n} hums", text=f"Part{n}", steps=f"Hold button{n} for {seconds} s.", created=created)])
    base.propose([a_card(f"p{n}", f"Lamp{n} is dim", steps=f"Swap lamp{n}.", created=now)])
upkeep, lead = Upkeep(base, now), Decisions(base, "lead", now)
upkeep.look()
for pair in list(upkeep.pairs()):
    lead.settle(pair.older.id, pair.newer.id, "replace")
for card in base.ledger.proposed():
    lead.approve(card.id)
base.close()
"""


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_killed_at_random_moments_everything_is_settled_once(tmp_path: Path) -> None:
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    clean.mkdir()
    killed.mkdir()
    started = time.monotonic()
    run_killed(UPKEEP, str(clean))
    whole_run = time.monotonic() - started
    dice = random.Random(11)
    for _ in range(KILLS):
        run_killed(UPKEEP, str(killed), after_s=dice.uniform(0.3, 1.0) * whole_run)
    run_killed(UPKEEP, str(killed))
    run_killed(UPKEEP, str(clean))
    assert _contents(killed) == _contents(clean)


def _contents(home: Path) -> dict[str, Any]:
    engine = create_engine(f"sqlite:///{home}/cards.db")
    queries = {
        "cards": "SELECT id, withdrawn FROM knowledge_card ORDER BY id",
        "outcomes": "SELECT card, outcome, by, about FROM knowledge_outcome ORDER BY card",
        "proposals": "SELECT card, decision FROM knowledge_proposal ORDER BY card",
        "retired": "SELECT card, retired FROM knowledge_care ORDER BY card",
    }
    with engine.connect() as connection:
        found = {name: connection.execute(text(query)).all() for name, query in queries.items()}
    engine.dispose()
    assert sum(withdrawn for _, withdrawn in found["cards"]) == 6
    return found
