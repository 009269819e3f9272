"""How good the planner is on questions whose outcome is known: right, asked, refused or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

from unstuck.insights.plan import Plan

#: Of a 95 % interval.
Z = 1.96


class Verdict(StrEnum):
    RIGHT = "right"
    ASKED = "asked"
    REFUSED = "refused"
    #: An answer to a different question: the only harm.
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Judged:
    """One question and what became of it."""

    id: str
    text: str
    lang: str
    #: The kind of question that was expected, or of the refusal.
    kind: str
    verdict: Verdict


def judge(expected: Mapping[str, Any], status: str, plan: Plan | None) -> Verdict:
    """`expected`: `expect` (answer, ask, refuse), `accept` (further statuses) and `plan` (slots that must hold)."""
    accepted = {expected.get("expect", "answer"), *expected.get("accept", ())}
    if status == "answer":
        right = "answer" in accepted and plan is not None and holds(expected.get("plan", {}), plan)
        return Verdict.RIGHT if right else Verdict.WRONG
    if status in accepted:
        return Verdict.RIGHT
    return Verdict.ASKED if status == "ask" else Verdict.REFUSED


def holds(slots: Mapping[str, Any], plan: Plan) -> bool:
    """Whether the plan has these slots; a slot that is itself a mapping needs to hold what is named."""
    found = plan.model_dump(mode="json")
    return all(_within(found.get(name), value) for name, value in slots.items())


def _within(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_within(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_within, found, wanted))
    return bool(found == wanted)


def report(judged: Iterable[Judged]) -> dict[str, Any]:
    """Shares with 95 % bounds: of all, by language, by kind."""
    every = list(judged)
    groups: dict[str, list[Judged]] = {"all": every}
    for one in every:
        groups.setdefault(f"lang:{one.lang}", []).append(one)
        groups.setdefault(f"kind:{one.kind}", []).append(one)
    return {name: _counts(members) for name, members in groups.items()}


def _counts(members: list[Judged]) -> dict[str, Any]:
    counted = Counter(one.verdict for one in members)
    line: dict[str, Any] = {"n": len(members)} | {verdict.value: counted[verdict] for verdict in Verdict}
    line["right_bounds"] = bounds(counted[Verdict.RIGHT], len(members))
    line["wrong_bounds"] = bounds(counted[Verdict.WRONG], len(members))
    return line


def bounds(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * sqrt(share * (1 - share) / n + spread / (4 * n))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)
