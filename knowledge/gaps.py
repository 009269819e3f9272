"""What people ask and nobody has written down: unanswered questions, gathered by what they mean. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.ledger import Asked

#: Least likeness of a question to the first of its kind.
SAME_GAP = 0.5
MOST_EXAMPLES = 3

#: How alike two questions are, by their numbers.
Likeness = Callable[[int, int], float]
#: What one such ticket costs, in whatever unit; `None` when it is not known.
Cost = Callable[[str], float | None]


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is asked for in vain."""

    #: The newest few wordings.
    examples: tuple[str, ...]
    lang: str
    times: int
    people: int
    last_at: datetime
    #: What one ticket of the kind costs; `None` when nothing like it is known.
    cost: float | None = None


def gather(asked: Sequence[Asked], likeness: Likeness) -> list[Gap]:
    """Questions of one meaning together, most people first."""
    groups: list[list[int]] = []
    for number in range(len(asked)):
        near = [(likeness(group[0], number), place) for place, group in enumerate(groups)]
        best = max(near, default=(0.0, 0))
        if best[0] >= SAME_GAP:
            groups[best[1]].append(number)
        else:
            groups.append([number])
    gaps = [_gap([asked[number] for number in group]) for group in groups]
    return sorted(gaps, key=lambda gap: (-gap.people, -gap.times, -gap.last_at.timestamp()))


def ranked(gaps: Sequence[Gap]) -> list[Gap]:
    """By how often times how costly; what costs nobody knows how much counts as the average."""
    known = [gap.cost for gap in gaps if gap.cost is not None]
    usual = sum(known) / len(known) if known else 1.0
    return sorted(gaps, key=lambda gap: -_weight(gap) * (gap.cost if gap.cost is not None else usual))


def _weight(gap: Gap) -> float:
    # One person who asks ten times has one problem; ten people have ten.
    return gap.people + 0.1 * (gap.times - gap.people)


def _gap(asked: Sequence[Asked]) -> Gap:
    newest = sorted(asked, key=lambda one: one.at, reverse=True)
    examples = tuple(dict.fromkeys(one.text for one in newest))[:MOST_EXAMPLES]
    people = len({one.asked_by or one.text for one in asked})
    return Gap(examples, newest[0].lang, len(asked), people, newest[0].at)
