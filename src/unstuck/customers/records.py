"""What a CRM or a file says: customers with their tiers, and scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from unstuck.tickets.changes import Feedback

#: Ticket fields that a customer's record fills in. What else it says is kept under its own name.
FIELDS = ("tier", "region", "language")


@dataclass(frozen=True, slots=True)
class Keys:
    """By what a record names its tickets."""

    #: The customer, as the ticket system numbers them.
    customer: str | None = None
    email: str | None = None
    order: str | None = None
    #: The ticket itself.
    ticket: str | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.customer or self.email or self.order or self.ticket)


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer as they are now."""

    keys: Keys
    #: Ticket field to value: `tier`, `region`, …
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """What a customer thought of a ticket."""

    keys: Keys
    at: datetime
    feedback: Feedback


Record = CustomerRecord | ScoreRecord


@dataclass(frozen=True, slots=True)
class Said:
    """A record with where it stands; or why it cannot be taken."""

    row: int
    record: Record | None = None
    #: A key of the locales' `[customers]`, and what it mentions.
    problem: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
