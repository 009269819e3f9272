"""How fast a base learns and finds, and what it needs.

    python -P benchmarks/knowledge.py [--cards 10000] [--model] [--json]

(`-P`, or this file would be taken for the package it measures.) Without `--model` texts get hashed
vectors, so that the indexes are measured and not the model; with it, the model's own speed is measured
on the first texts as well.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import knowledge
from knowledge import Card
from knowledge.embed import choose
from knowledge.testing import HashEmbedder

SEARCHES = 200
MODEL_TEXTS = 500


def cards(n: int) -> Iterator[Card]:
    """`n` cards of about forty words out of five thousand, as rare as words are (Zipf)."""
    dice = random.Random(1)
    vocabulary = [f"word{number}" for number in range(5_000)]
    weights = [1 / (number + 1) for number in range(5_000)]
    for number in range(n):
        text = dice.choices(vocabulary, weights, k=40)
        yield Card(f"c{number}", f"Problem {number}: {' '.join(text[:6])}", " ".join(text[6:]), f"Do step {number}.")


def measure(n: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        base = knowledge.open(f"sqlite:///{home}/cards.db", home, embedder=HashEmbedder(dimensions=384))
        started = time.perf_counter()
        base.learn(cards(n))
        learned = time.perf_counter() - started
        asked = [card.title for card in cards(SEARCHES)]
        base.search(asked[0])
        times = [_seconds(lambda q=q: base.search(q)) for q in asked]
        one_more = _seconds(lambda: base.learn([Card("new", "One more problem", "It is new.", "Do it.")]))
        base.close()
    return {
        "cards": n,
        "learned_per_s": round(n / learned, 1),
        "search_p50_ms": round(1_000 * statistics.median(times), 2),
        "search_p95_ms": round(1_000 * sorted(times)[int(0.95 * len(times))], 2),
        "learn_one_more_ms": round(1_000 * one_more, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
    }


def measure_model() -> dict[str, float]:
    embedder = choose()
    embedder.embed_queries(["warm up"])
    texts = [card.symptom for card in cards(MODEL_TEXTS)]
    documents = _seconds(lambda: embedder.embed_documents(texts))
    query = statistics.median(_seconds(lambda q=q: embedder.embed_queries([q])) for q in texts[:50])
    return {"texts_per_s": round(MODEL_TEXTS / documents, 1), "query_ms": round(1_000 * query, 2)}


def _seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure(chosen.cards) | (measure_model() if chosen.model else {})
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value:>12}")


if __name__ == "__main__":
    main()
