"""A desk's names for questions to refer to; no tickets are needed to read a question."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from unstuck.i18n import language_of
from unstuck.insights.plan import Plan, Reading
from unstuck.insights.question import read
from unstuck.insights.question.lexicon import Lexicon, from_values

NOW = datetime(2016, 5, 20, 12, tzinfo=UTC)
CLASSES = {
    "New": "NEW",
    "Active": "ACTIVE",
    "Awaiting User Info": "WAIT_CUSTOMER",
    "Awaiting Problem": "WAIT_INTERNAL",
    "Awaiting Vendor": "WAIT_VENDOR",
    "Resolved": "SOLVED",
    "Closed": "CLOSED",
}


@cache
def desk() -> Lexicon:
    return from_values(
        {
            "status": CLASSES,
            "stage": CLASSES,
            "team": ["Group 9", "Group 24", "Group 25", "Group 70", "Billing Team", "售后一组"],
            "assignee": ["Resolver 17", "Resolver 20", "Ana Lima"],
            "priority": ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"],
            "category": ["Category 55", "Billing", "Hardware"],
            "channel": ["Phone", "Self service", "Email"],
            "customer": ["Caller 2403"],
            "custom.location": ["Location 204"],
            "custom.made_sla": ["true", "false"],
        },
        classes=CLASSES,
        ticket_ids=["INC#######"],
    )


def ask(
    text: str,
    previous: Plan | None = None,
    *,
    lexicon: Lexicon | None = None,
    now: datetime = NOW,
    business: bool = False,
) -> Reading:
    return read(
        text,
        lexicon=lexicon or desk(),
        now=now,
        timezone="UTC",
        lang=language_of(text),
        previous=previous,
        business=business,
    )
