"""Two processes that ask, learn and rebuild all the time, killed at random moments: no question goes unanswered."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import knowledge
from knowledge.testing import HashEmbedder, a_card, chroma_server

CARDS = 120
WORKER = """
import sys, threading
from pathlib import Path
import knowledge
from knowledge import embedding, index
from knowledge.testing import HashEmbedder, a_card

url, home, chroma_url, me = sys.argv[1:5]
embedding._CARDS_AT_ONCE, embedding._TEXTS_AT_ONCE, index._AT_ONCE = 20, 10, 20
base = knowledge.open(url, Path(home) / "knowledge", chroma_url=chroma_url or None,
                      embedder=HashEmbedder("new", 32), reopen=HashEmbedder)
asked = 0

def ask():
    global asked
    while True:
        number = 7 * asked % 120
        try:
            found = [hit.id for hit in base.search(f"machine stops with E-{number}", 3)]
            said = "" if f"c{number}" in found else f"{number}: {found}"
        except BaseException as error:
            said = f"{number}: {type(error).__name__}: {error}"
        if said:
            with open(Path(home) / "wrong.txt", "a") as file:
                print(said, file=file)
        asked += 1

base.search("machine", 1)
threading.Thread(target=ask, daemon=True).start()
print("ready", flush=True)
round = 0
while True:
    base.learn([a_card(f"{me}-{round}", f"Antenna {me}{round} rattles", steps=f"Tighten {round}.")])
    base.rebuild()
    round += 1
    print(asked, flush=True)
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("database", "served", "kills"), [
    pytest.param("sqlite", False, 3, id="sqlite-embedded"),
    pytest.param("sqlite", False, 20, id="sqlite-embedded-20", marks=pytest.mark.slow),
    pytest.param("postgresql", True, 20, id="postgresql-served-20", marks=pytest.mark.slow),
])  # fmt: skip
def test_no_question_goes_unanswered_while_models_and_indexes_change(
    bare_database_url: str, served: bool, kills: int, tmp_path: Path
) -> None:
    dice = random.Random(11)
    with _chroma(served) as chroma_url:
        base = knowledge.open(
            bare_database_url, tmp_path / "knowledge", chroma_url=chroma_url, embedder=HashEmbedder("old")
        )
        base.learn(
            a_card(f"c{n}", f"Machine {n} stops with E-{n}", text=f"Line {n % 17}", steps=f"Exchange part {n}.")
            for n in range(CARDS)
        )
        base.close()
        workers = [_start(bare_database_url, tmp_path, chroma_url, name) for name in "ab"]
        for number in range(kills):
            time.sleep(dice.uniform(0.2, 2))
            victim = dice.randrange(2)
            _kill(workers[victim])
            workers[victim] = _start(bare_database_url, tmp_path, chroma_url, f"{'ab'[victim]}{number}")
        _wait_for_rounds(workers)
        for worker in workers:
            _kill(worker)
        assert not (tmp_path / "wrong.txt").exists(), (tmp_path / "wrong.txt").read_text()
        _check_what_is_left(bare_database_url, tmp_path, chroma_url)


def _check_what_is_left(url: str, home: Path, chroma_url: str | None) -> None:
    base = knowledge.open(url, home / "knowledge", chroma_url=chroma_url, embedder=HashEmbedder("new", 32))
    base.catch_up()
    base.catch_up()
    status = base.status()
    assert (status["embedder"], status["preparing"]) == ("new", None)
    assert status["embedded"] == status["cards"] > CARDS
    assert [base.search(f"machine stops with E-{n}", 1)[0].id for n in range(0, CARDS, 17)] == [
        f"c{n}" for n in range(0, CARDS, 17)
    ]
    assert len(list(home.glob("knowledge/chroma-*"))) == (0 if chroma_url else 1)
    base.close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT DISTINCT space FROM knowledge_vector")).all() == ["new@1"]
    engine.dispose()


@contextmanager
def _chroma(served: bool) -> Iterator[str | None]:
    if not served:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="unstuck-chroma-") as directory, chroma_server(Path(directory)) as url:
        yield url


def _start(url: str, home: Path, chroma_url: str | None, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, url, str(home), chroma_url or "", name]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def _wait_for_rounds(workers: list[subprocess.Popen[str]]) -> None:
    """Until each has learned and rebuilt after the last kill, and asked meanwhile."""
    for worker in workers:
        assert worker.stdout is not None
        while int(worker.stdout.readline()) < 3:
            pass


def _kill(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait()
    assert worker.stdout is not None
    worker.stdout.close()
