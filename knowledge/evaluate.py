"""How good a base is, on questions whose right cards are known.

Files as BEIR has them: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv` (question, card, relevance), and
`unanswerable.jsonl` for questions that no card answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knowledge.corpus import numbered_lines
from knowledge.errors import BadRecord

Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came out for one question."""

    query: str
    #: Ids found, best first.
    ranking: Sequence[str]
    answered: bool
    confidence: float
    #: What the figures are told by.
    lang: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Shares are 0 to 1; `None` where nothing was asked that would tell."""

    queries: int
    unanswerable: int
    ndcg_10: float
    mrr_10: float
    recall_1: float
    recall_10: float
    hit_1: float
    #: Of the answerable questions: answered at all, and answered rightly.
    coverage: float
    right: float
    #: Of the answers given: wrong ones (those to unanswerable questions included).
    wrong: float
    #: Of the unanswerable questions: answered all the same.
    false_answers: float | None
    #: Chance that an answerable question gets more confidence than an unanswerable one.
    auroc: float | None
    #: Largest share answered rightly with at most 5% wrong among the answers, had the threshold been known.
    coverage_at_5_wrong: float

    def to_json(self) -> dict[str, Any]:
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Question to its cards and their relevance. Raises `BadRecord` with the line on anything else."""
    qrels: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(path):
        fields = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
        if fields[0] in ("query-id", "qid"):
            continue
        if len(fields) == 4:  # as TREC writes it, with an unused second column
            del fields[1]
        try:
            query, card, relevance = fields
            qrels.setdefault(query, {})[card] = int(float(relevance))
        except ValueError:
            raise BadRecord("bad_qrels", f"line {number}") from None
    return qrels


def score(asked: Iterable[Asked], qrels: Qrels) -> Report:
    """The figures. A question without a relevant card in `qrels` counts as unanswerable."""
    every = list(asked)
    able = [one for one in every if _relevant(one, qrels)]
    unable = [one for one in every if not _relevant(one, qrels)]
    given = [one for one in every if one.answered]
    right = [one for one in given if _is_right(one, qrels)]
    return Report(
        queries=len(able),
        unanswerable=len(unable),
        ndcg_10=_mean(_ndcg(one, qrels) for one in able),
        mrr_10=_mean(_reciprocal_rank(one, qrels) for one in able),
        recall_1=_mean(_recall(one, qrels, 1) for one in able),
        recall_10=_mean(_recall(one, qrels, 10) for one in able),
        hit_1=_mean(float(_is_right(one, qrels)) for one in able),
        coverage=_mean(float(one.answered) for one in able),
        right=len(right) / len(able) if able else 0.0,
        wrong=1 - len(right) / len(given) if given else 0.0,
        false_answers=_mean(float(one.answered) for one in unable) if unable else None,
        auroc=auroc([one.confidence for one in able], [one.confidence for one in unable]),
        coverage_at_5_wrong=_coverage_at(every, qrels, len(able), 0.05),
    )


def score_by(field: str, asked: Iterable[Asked], qrels: Qrels) -> dict[str, Report]:
    """As `score`, for each `lang` or `product` by itself, the most asked first; `""` where nobody said."""
    groups: dict[str, list[Asked]] = {}
    for one in asked:
        groups.setdefault(getattr(one, field), []).append(one)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return {name: score(group, qrels) for name, group in ordered}


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Chance that a positive is above a negative, ties counting half; `None` when either is missing."""
    if not positives or not negatives:
        return None
    ranked = sorted([(value, True) for value in positives] + [(value, False) for value in negatives])
    below, wins, at = 0.0, 0.0, 0
    while at < len(ranked):
        until = at
        while until < len(ranked) and ranked[until][0] == ranked[at][0]:
            until += 1
        tied = ranked[at:until]
        tied_positives = sum(positive for _, positive in tied)
        tied_negatives = len(tied) - tied_positives
        wins += tied_positives * (below + tied_negatives / 2)
        below += tied_negatives
        at = until
    return wins / (len(positives) * len(negatives))


def _relevant(one: Asked, qrels: Qrels) -> dict[str, int]:
    return {card: grade for card, grade in qrels.get(one.query, {}).items() if grade > 0}


def _is_right(one: Asked, qrels: Qrels) -> bool:
    return bool(one.ranking) and one.ranking[0] in _relevant(one, qrels)


def _ndcg(one: Asked, qrels: Qrels) -> float:
    grades = _relevant(one, qrels)
    gained = sum(grades.get(card, 0) / math.log2(place + 1) for place, card in enumerate(one.ranking[:10], 1))
    ideal = sorted(grades.values(), reverse=True)[:10]
    return gained / sum(grade / math.log2(place + 1) for place, grade in enumerate(ideal, 1))


def _reciprocal_rank(one: Asked, qrels: Qrels) -> float:
    grades = _relevant(one, qrels)
    return next((1 / place for place, card in enumerate(one.ranking[:10], 1) if card in grades), 0.0)


def _recall(one: Asked, qrels: Qrels, k: int) -> float:
    grades = _relevant(one, qrels)
    return len(set(one.ranking[:k]) & set(grades)) / len(grades)


def _coverage_at(asked: Sequence[Asked], qrels: Qrels, answerable: int, wrong: float) -> float:
    """Thresholds between two different confidences only: equal ones cannot be told apart."""
    ordered = sorted(asked, key=lambda one: -one.confidence)
    best = right = 0
    for given, one in enumerate(ordered, start=1):
        right += _is_right(one, qrels)
        last_of_tie = given == len(ordered) or ordered[given].confidence != one.confidence
        if last_of_tie and given - right <= wrong * given:
            best = max(best, right)
    return best / answerable if answerable else 0.0


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
