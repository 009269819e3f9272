"""What a search is narrowed to: one product, what is not too old, or some sources."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knowledge.cards import Card


@dataclass(frozen=True, slots=True)
class Filter:
    """Narrows a search; as it is made, it lets everything through."""

    #: Only cards of this product, however its name's case, width and spaces are written.
    product: str | None = None
    #: Only cards that were written or solved then or later; one whose age nobody knows may be too old.
    since: datetime | None = None
    #: No cards that were learned from tickets of these sources.
    without: frozenset[str] = frozenset()

    def admits(self, card: Card) -> bool:
        if self.product is not None and _plain(card.product or "") != _plain(self.product):
            return False
        if self.without and (card.source or card.id).partition("/")[0] in self.without:
            return False
        return self.since is None or (card.created is not None and card.created >= self.since)


EVERYTHING = Filter()


def products_named(text: str, products: Iterable[str]) -> tuple[str, ...]:
    """Those of `products` whose whole name stands in `text`, the longest first.

    A name within a longer one that stands there too does not count: "X200 Pro" is not about the X200.
    """
    said = _plain(text)
    named: list[str] = []
    for product in sorted(products, key=lambda name: (-len(name), name)):
        without, found = re.subn(_whole(_plain(product)), " ", said) if _plain(product) else (said, 0)
        if found:
            said = without
            named.append(product)
    return tuple(named)


def _whole(name: str) -> str:
    # Chinese is written without spaces: only a letter or digit of a Latin name may not go on.
    before = r"(?<![a-z0-9])" if name[0].isascii() else ""
    after = r"(?![a-z0-9])" if name[-1].isascii() else ""
    return before + re.escape(name) + after


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
