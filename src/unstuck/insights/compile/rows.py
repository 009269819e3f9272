"""What a metric counts, before it is split, filtered and summed up."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Shape(StrEnum):
    """How rows become a number."""

    #: One SQL aggregate, `Rows.value`.
    PLAIN = "plain"
    #: Spells with `seconds` and `ending`: quantiles by Kaplan-Meier.
    SPELLS = "spells"
    #: Time inside a window, `seconds` per ticket: totals and means.
    TIME = "time"


class Ending(StrEnum):
    """How a spell stands at "now"."""

    FINISHED = "finished"
    OPEN = "open"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Rows:
    """One SELECT: `part`, `ticket`, the columns of `dimensions`, and what `shape` needs.

    A column `aside` marks rows that are left out and counted in the note `aside_note`.
    """

    select: str
    #: Dimension id to SQL over the rows, called `r`.
    dimensions: dict[str, str]
    shape: Shape = Shape.PLAIN
    value: str = "count(*)"
    #: Further columns beside the value: name to SQL aggregate.
    beside: dict[str, str] = field(default_factory=dict)
    aside_note: str | None = None
    #: Whether no row means 0 (a count) or unknown (a mean).
    zero: bool = True
    #: Whether a ticket stands in at most one row of a part, so that rows need not be told apart by ticket.
    once: bool = False
