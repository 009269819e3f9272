"""What a metric is. The metrics themselves stand in `metrics.py`, one `Metric(...)` each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from unstuck.insights.plan import Aggregate


class Anchor(StrEnum):
    """How a metric meets a window (METRICS.md, section 1)."""

    EVENT = "E"
    OCCUPANCY = "O"
    SPELL = "S"
    AS_OF = "A"


class Unit(StrEnum):
    COUNT = "count"
    DURATION = "seconds"
    HOURS = "hours"
    SHARE = "share"
    RATIO = "ratio"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Example:
    """A question in a manager's words and what it must become: test, documentation, vocabulary."""

    text: str
    lang: str
    #: Slots of the plan that must hold, e.g. `{"metric": "backlog", "by": ("team",)}`.
    plan: dict[str, object]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number and its one meaning."""

    id: str
    #: The definition in one sentence a reader can check, per language.
    says: dict[str, str]
    #: Words that name it, per language; the first is what restatements say.
    words: dict[str, tuple[str, ...]]
    anchor: Anchor
    unit: Unit
    aggregates: tuple[Aggregate, ...]
    #: Variant id to the words that choose it, per language.
    variants: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    #: Dimensions that this metric can be split or filtered by, beyond those of every ticket.
    dimensions: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
