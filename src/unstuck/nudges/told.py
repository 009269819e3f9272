"""Nudges that have been, as far as the ladder must know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Told:
    """An earlier nudge about the ticket."""

    occasion: str
    step: int
    recipient: str
    #: `due`, `sending`, `sent`, `withdrawn`, `failed` or `held`.
    state: str
    due_at: datetime
    sent_at: datetime | None = None
    outcome: str | None = None
    outcome_at: datetime | None = None
    snoozed_until: datetime | None = None


def base(occasion: str) -> str:
    """The stretch of standing still that an occasion is about."""
    return occasion.partition("+")[0]


def round_of(occasion: str) -> int:
    """How often the ladder has begun anew about it: `+1`, `+2`, …"""
    return int(occasion.partition("+")[2] or 0)
