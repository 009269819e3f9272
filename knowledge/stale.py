"""Which cards somebody should look at again: old, about an old version, or failing. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from knowledge.cards import Card
from knowledge.fate import Fate
from knowledge.ledger import Care

Why = Literal["failing", "expired", "version", "age"]

#: Two failures are worth a look, long before the ranking changes.
_FAILING = 2
_VERSION = re.compile(
    r"(?:\b(?:firmware|version|release|app|build)|固件|版本|升级到)[^\d\n]{0,8}v?(\d+)(?:\.\d+)+|\bv(\d+)(?:\.\d+)*\b"
    r"|(\d+)(?:\.\d+)+ ?版",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Stale:
    """A card to look at again, and why."""

    card: Card
    why: Why
    #: Days since it was last looked at, failures, or major versions behind.
    amount: int


def find_stale(
    cards: Iterable[Card],
    fates: Mapping[str, Fate],
    cares: Mapping[str, Care],
    now: datetime,
    review_days: int,
    newest: Mapping[str, int],
) -> Iterator[Stale]:
    """Cards that need somebody, each for its most pressing reason. `newest`: the latest major version by product."""
    for card in cards:
        fate, care = fates.get(card.id, Fate()), cares.get(card.id, Care())
        behind = versions_behind(card, newest)
        seen = max((at for at in (card.created, care.reviewed_at) if at is not None), default=None)
        unseen = (now - seen) if seen is not None else timedelta(0)
        failures = int(fate.bad)
        if failures >= _FAILING and not _was_reviewed(care, fate):
            yield Stale(card, "failing", failures)
        elif card.valid_until is not None and card.valid_until < now:
            yield Stale(card, "expired", (now - card.valid_until).days)
        elif behind > 0 and care.reviewed_at is None:
            yield Stale(card, "version", behind)
        elif unseen > timedelta(days=care.review_days or review_days):
            yield Stale(card, "age", unseen.days)


def majors(cards: Iterable[Card]) -> dict[str, int]:
    """The latest major version that is named for each product."""
    latest: dict[str, int] = defaultdict(int)
    for card in cards:
        if card.product and (version := major(card)) is not None:
            latest[card.product] = max(latest[card.product], version)
    return dict(latest)


def versions_behind(card: Card, newest: Mapping[str, int]) -> int:
    """How many major versions of its product have come since."""
    own = major(card)
    return newest.get(card.product or "", own) - own if own is not None else 0


def major(card: Card) -> int | None:
    """The highest major version that the card names, if it names one."""
    said = "\n".join((card.environment, card.title, card.text, card.steps))
    found = [int(next(group for group in match.groups() if group)) for match in _VERSION.finditer(said)]
    return max((version for version in found if version < 1_000), default=None)


def _was_reviewed(care: Care, fate: Fate) -> bool:
    """Whether somebody looked at the card after its last failure."""
    return care.reviewed_at is not None and fate.last_bad is not None and care.reviewed_at >= fate.last_bad
