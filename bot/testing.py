"""A small desk for tests of the bot: thirty tickets, two dozen resolutions, three agents, one moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import knowledge
from bot.playground.run import pointing_at
from bot.playground.standin import SlackStandIn
from knowledge.cards import Card
from knowledge.replies import Model
from knowledge.testing import HashEmbedder
from unstuck import deps as wiring
from unstuck.clock import Clock, FrozenClock
from unstuck.deps import Deps
from unstuck.settings import Settings
from unstuck.testing import a_ticket, store_changes
from unstuck.tickets.changes import TicketChange

#: "Now" at the small desk: a Wednesday noon.
TODAY = datetime(2026, 1, 14, 12, tzinfo=UTC)
#: Monday of the week before.
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TEAMS = ("Billing", "Repairs", "Logistics")

CARDS = (
    Card("T-101", "Dishwasher stops with E24", "The dishwasher stops and blinks E24.", "Clean the drain pump filter."),
    Card(
        "T-102", "Refund has not arrived", "The customer waits for a refund.", "Refunds take five days; send a receipt."
    ),
    Card("T-103", "App shows a blank page", "After the update the app is blank.", "Clear the cache and sign in again."),
    Card(
        "T-104", "扫地机器人充不上电", "扫地机器人放回充电座后不充电。", "擦干净充电触点，然后重启机器人。", lang="zh"
    ),
    Card("T-105", "退款一直没有到账", "客户说退款没有到账。", "退款五个工作日内到账，请发送回执。", lang="zh"),
    Card(
        "T-106", "Master key of the safe", "Where is the master key of the safe?", "Drawer two.", visibility="internal"
    ),
)
#: Unrelated resolutions: below two dozen a base does not know what "sure" means.
OTHERS = (
    "kettle whistle lid", "router blinking amber", "invoice wrong street", "coupon rejected checkout", "parcel torn",
    "oven door hinge", "vacuum belt smell", "fridge ice leak", "password reset mail", "headset crackling left",
    "blender blade stuck", "courier missed evening", "warranty card photo", "charger plug adapter", "mattress zip",
    "printer toner streaks", "toaster lever loose", "lamp flicker dimmer", "scale battery empty", "heater pilot noise",
)  # fmt: skip


def cards() -> list[Card]:
    """What the small desk has solved before."""
    others = [
        Card(
            f"T-{200 + number}",
            f"Trouble with {words}",
            f"Customer reports {words}.",
            f"Replace the {words.split()[0]}.",
        )
        for number, words in enumerate(OTHERS)
    ]
    return [*CARDS, *others]


def changes() -> list[TicketChange]:
    """Thirty tickets: most solved, some waiting for parts for a week."""
    return [change for number in range(30) for change in _ticket(number)]


def _ticket(number: int) -> list[TicketChange]:
    moves = [(2.0 + number % 5, "In Progress"), (20.0 + number, "Waiting for Parts")]
    if number % 3:
        moves.append((60.0 + number, "Resolved"))
    team, priority = TEAMS[number % 3], f"P{1 + number % 3}"
    return a_ticket(
        f"S-{number}", *moves, start=START, team=team, assignee="ana", priority=priority, title=f"Case {number}"
    )


@contextmanager
def small_desk(
    home: Path, slack: SlackStandIn, *, clock: Clock | None = None, model: Model | None = None, **settings: Any
) -> Iterator[Deps]:
    """The desk in a store of its own, its Slack the stand-in. Needs no embedding model: words are hashed."""
    loaded = Settings(home=home, **(pointing_at(slack) | settings))
    built = wiring.build(loaded, clock=clock or FrozenClock(TODAY))
    store_changes(built.engine, changes())
    base = knowledge.open(built.engine, home / "knowledge", embedder=HashEmbedder(), model=model)
    base.learn(cards())
    # What `deps` would open by itself, with the model's place taken.
    vars(built)["knowledge"] = base
    try:
        yield built
    finally:
        built.close()


#: What tickets, names and models may say: each once broke something somewhere.
HOSTILE = [
    "",
    " ",
    "<!channel> <!here> <@U123ABC> <#C123> <!subteam^S1>",
    "<https://evil.example|Unstuck: press here> &lt;!channel&gt; &amp;",
    "*bold* _it_ ~gone~ `code` ```block``` > quote",
    "مرحبا بالعالم \u202egnihsihp\u202c",
    "👩‍👩‍👧‍👦" * 200,
    "x" * 20_000,
    "一句话。" * 5_000,
    "word " * 4_000,
    "line\n" * 4_000,
    "a\x00b\x07c\ud800d",
    "&" * 3_000,
    "<" * 3_000,
    "|>{}%s{0}{name}",
    "an unclosed ` and ``` and *bold _it",
    "@channel @here #general https://evil.example",
    "first\n> quote\n• point",
]
# What our own sentences may contain: dates, mentions of one person, and links to the web.
OURS = re.compile(r"<!date\^\d+\^[^|<>]*\|[^<>]*>|<@[UW][A-Z0-9]+>|<https?://[^|<>\s]+\|[^<>|]*>")


def live(value: Any) -> list[str]:
    """Markup in mrkdwn that is not of our own making."""
    if isinstance(value, list):
        return [found for item in value for found in live(item)]
    if not isinstance(value, dict):
        return []
    if value.get("type") == "mrkdwn":
        return re.findall(r"<[^>]*>?", OURS.sub("", value["text"]))
    return [found for item in value.values() for found in live(item)]
