"""How fast a base learns and finds, and what it needs, beside two baselines on the same texts and vectors.

    python -P benchmarks/knowledge.py [--cards 10000 100000] [--dimensions 768] [--keep FOLDER] [--texts] [--json]

(`-P`, or this file would be taken for the package it measures.) Each size runs in a process of its own. Its cards
are English-like texts of forty words; their vectors are hashed from the words, as long as the built-in models', so
that the base and its indexes are measured and not the model. **Bare Chroma** is a client of its own that asks the
same collections for the ten nearest vectors, and does nothing else: no words, no second language, no cards.
`--keep` leaves the bases there, and measures one that it finds there without learning it again.

`--texts` measures the built-in models as well, beside **sentence-transformers' default path** (torch) with
all-MiniLM-L6-v2, whose folder `--minilm` names.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path

import knowledge
from knowledge import Card
from knowledge.embed import Embedder, choose
from knowledge.index import name_of
from knowledge.models.pinned import ENGLISH
from knowledge.testing import HashEmbedder

SEARCHES = 200
LEARNED_ALONE = 20
TEXTS = 256

Figures = dict[str, float | str | None]


def cards(n: int) -> Iterator[Card]:
    """`n` cards of about forty words out of five thousand, as rare as words are (Zipf)."""
    dice = random.Random(1)
    vocabulary = [f"word{number}" for number in range(5_000)]
    weights = list(accumulate(1 / (number + 1) for number in range(5_000)))
    for number in range(n):
        text = dice.choices(vocabulary, cum_weights=weights, k=40)
        yield Card(f"c{number}", f"Problem {number}: {' '.join(text[:6])}", " ".join(text[6:]), f"Do step {number}.")


# -- one size --------------------------------------------------------------------------------------


def measure(n: int, dimensions: int, home: Path) -> Figures:
    embedder = HashEmbedder(dimensions=dimensions)
    base = knowledge.open(f"sqlite:///{home}/cards.db", home, embedder=embedder)
    known = base.status()["cards"]
    learned = _seconds(lambda: base.learn(cards(n))) if known < n else None
    base.catch_up()
    asked = [card.title for card in cards(SEARCHES)]
    base.search(asked[0])
    searches = [1_000 * _seconds(lambda q=q: base.search(q)) for q in asked]  # type: ignore[misc]
    alone = [1_000 * _seconds(lambda number=number: base.learn([_one_more(number)])) for number in range(LEARNED_ALONE)]  # type: ignore[misc]
    memory = _resident_mb()
    base.close()
    bare = _bare_chroma(home, embedder, asked)
    return {
        "cards": n,
        "learned_per_s": round(n / learned, 1) if learned else None,
        "search_p50_ms": round(statistics.median(searches), 1),
        "search_p95_ms": _p95(searches),
        "bare_chroma_p50_ms": round(statistics.median(bare), 1),
        "bare_chroma_p95_ms": _p95(bare),
        "learn_one_more_p50_ms": round(statistics.median(alone), 1),
        "learn_one_more_worst_ms": round(max(alone), 1),
        "memory_mb": memory,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
        "disk_mb": sum(file.stat().st_size for file in home.rglob("*") if file.is_file()) // 1_000_000,
    }


def _one_more(number: int) -> Card:
    return Card(f"new{time.time_ns()}", f"One more problem {number}", f"It is new {time.time_ns()}.", "Do it.")


def _bare_chroma(home: Path, embedder: Embedder, asked: Sequence[str]) -> list[float]:
    import chromadb
    from chromadb.config import Settings

    (folder,) = home.glob("chroma-*")
    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    generation = int(folder.name.removeprefix("chroma-"))
    name = name_of(f"{embedder.name}@{embedder.revision}", generation, "en")
    collection = client.get_collection(name, embedding_function=None)
    vectors = embedder.embed_queries(asked)
    collection.query(query_embeddings=[vectors[0]], n_results=10)
    return [1_000 * _seconds(lambda v=v: collection.query(query_embeddings=[v], n_results=10)) for v in vectors]  # type: ignore[misc]


# -- models ----------------------------------------------------------------------------------------


def measure_texts(minilm: Path | None) -> Iterator[Figures]:
    """Texts embedded in a second: tickets and short questions, in both languages."""
    texts = {
        "en_short": [f"The pump of machine {n} leaks water since Monday" for n in range(TEXTS)],
        "en_long": [" ".join([f"Order {n}: the display stays dark after the update and shows E-{n}."] * 12) for n in range(TEXTS // 4)],
        "zh_short": [f"{n} 号机器的水泵从周一开始漏水" for n in range(TEXTS)],
        "zh_long": [f"订单 {n}：更新之后显示屏一直不亮，并且报错 E-{n}。" * 12 for n in range(TEXTS // 4)],
    }  # fmt: skip
    models = {"built-in, both": choose(), f"built-in, {ENGLISH.name}": choose(ENGLISH.name)}
    if minilm is not None:
        models["sentence-transformers, all-MiniLM-L6-v2"] = choose(str(minilm))
    for name, embedder in models.items():
        embedder.embed_queries(["warm up"])
        rates = {kind: round(len(some) / _seconds(lambda e=embedder, s=some: e.embed_documents(s)), 1) for kind, some in texts.items()}  # type: ignore[misc]  # fmt: skip
        query = statistics.median(_seconds(lambda e=embedder, q=q: e.embed_queries([q])) for q in texts["en_short"][:50])  # type: ignore[misc]  # fmt: skip
        yield {"model": name, **{f"{kind}_per_s": rate for kind, rate in rates.items()}, "query_ms": round(1_000 * query, 2)}  # fmt: skip


# -- running ---------------------------------------------------------------------------------------


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _p95(values: Sequence[float]) -> float:
    return round(sorted(values)[int(0.95 * len(values))], 1)


def _resident_mb() -> int:
    """What the process holds now; the peak includes what learning needed."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1_024


def _in_own_process(n: int, dimensions: int, keep: Path | None) -> Figures:
    home = keep / str(n) if keep else Path(tempfile.mkdtemp(prefix="unstuck-bench-"))
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", __file__, "--one", str(n), str(dimensions), str(home)]
    try:
        return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    finally:
        if keep is None:
            shutil.rmtree(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, nargs="*", default=[10_000])
    parser.add_argument("--dimensions", type=int, default=768)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("--minilm", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(int(chosen.one[0]), int(chosen.one[1]), Path(chosen.one[2]))))
        return
    sizes = (_in_own_process(n, chosen.dimensions, chosen.keep) for n in chosen.cards)
    for row in chain(sizes, measure_texts(chosen.minilm) if chosen.texts else []):
        shown = (
            json.dumps(row) if chosen.json else "\n".join(f"{name:26} {value}" for name, value in row.items()) + "\n"
        )
        print(shown, flush=True)


if __name__ == "__main__":
    main()
