"""Whether a base of two languages answers each as well as a base of its own.

    python -P benchmarks/mixed_base.py [--data ../shared/data/qa] [--cache DIR] [--json]

English: sumo_firefox, each question among its 100 candidates. Chinese: zh_techfaq_dev, among everything.
Each set is asked in its own base and in the mixed one; vectors are made once and shared. Exits 1 when a
language is more than one point worse in the mixed base, 0 with a word on it when the data is not there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import knowledge
from knowledge import Card, KnowledgeBase
from knowledge.corpus import Rejected, read_cards, read_objects
from knowledge.embed import choose
from knowledge.evaluate import Asked, read_qrels, score
from knowledge.remembered import RememberingEmbedder

SETS = {"en": "sumo_firefox", "zh": "zh_techfaq_dev"}
FIGURES = ("hit_1", "ndcg_10", "mrr_10", "recall_10")
MOST_WORSE = 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "qa")
    parser.add_argument("--cache", type=Path, help="Keep the vectors here for the next run.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"skipped: no data in {given.data}")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        kept = given.cache or Path(directory)
        kept.mkdir(parents=True, exist_ok=True)
        embedder = RememberingEmbedder(choose(), kept / "vectors.db")
        found = {"own": {}, "mixed": {}}
        for lang, name in SETS.items():
            with learned(embedder, given.data, [name]) as base:
                found["own"][lang] = measure(base, given.data / name)
        with learned(embedder, given.data, list(SETS.values())) as base:
            for lang, name in SETS.items():
                found["mixed"][lang] = measure(base, given.data / name)
        embedder.close()
    show(found, as_json=given.json)
    worse = [lang for lang in SETS if found["mixed"][lang]["hit_1"] < found["own"][lang]["hit_1"] - MOST_WORSE]
    worse += [lang for lang in SETS if found["mixed"][lang]["ndcg_10"] < found["own"][lang]["ndcg_10"] - MOST_WORSE]
    return 1 if worse else 0


@contextmanager
def learned(embedder: RememberingEmbedder, data: Path, names: Sequence[str]) -> Iterator[KnowledgeBase]:
    with tempfile.TemporaryDirectory() as directory:
        base = knowledge.open(f"sqlite:///{directory}/cards.db", Path(directory), embedder=embedder)
        with closing(base):
            base.learn(cards(data, names), progress)
            yield base


def cards(data: Path, names: Sequence[str]) -> Iterator[Card]:
    for name in names:
        for card in read_cards(one(data / name, "corpus.jsonl")):
            assert not isinstance(card, Rejected), card
            yield card


def measure(base: KnowledgeBase, folder: Path) -> dict[str, float]:
    asked = list(read_objects(one(folder, "queries.jsonl")))
    closed = folder / "candidates_1of100.jsonl.gz"
    among = {line["query-id"]: line["candidates"] for line in read_objects(closed)} if closed.exists() else {}
    texts = [query["text"] for query in asked]
    rankings = base.search_many(texts, 10, [among.get(query["id"]) for query in asked])
    results = [Asked(q["id"], [hit.id for hit in hits], False, 0.0) for q, hits in zip(asked, rankings, strict=True)]
    report = score(results, read_qrels(one(folder, "qrels.tsv"))).to_json()
    return {name: report[name] for name in FIGURES}


def one(folder: Path, name: str) -> Path:
    return next(path for path in (folder / name, folder / f"{name}.gz") if path.exists())


def progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} embedded", end="", file=sys.stderr)


def show(found: dict[str, dict[str, dict[str, float]]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    print(f"{'':16}" + "".join(f"{name:>12}" for name in FIGURES))
    for lang, name in SETS.items():
        for base in ("own", "mixed"):
            print(f"{name[:10]:10} {base:5}" + "".join(f"{found[base][lang][figure]:12.4f}" for figure in FIGURES))


if __name__ == "__main__":
    sys.exit(main())
