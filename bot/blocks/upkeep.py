"""What the knowledge base needs people for: a few of each kind, with buttons to settle them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from bot.blocks.shapes import Drawn, actions, button, context, divider, fitting, header, section
from bot.blocks.text import Block, Markup, clean, clip, fallback, link, rich, rich_link, say, words
from knowledge.cards import Card
from knowledge.gaps import Gap
from knowledge.stale import Stale
from knowledge.upkeep import Clashing, Report
from unstuck.i18n import Lang, format_duration, t

T = TypeVar("T")

PREFIX = "upkeep_"
#: Shown of each kind: a message holds 50 blocks, and nobody decides more at a time.
SHOWN = 3
MAX_TITLE, MAX_SAID, MAX_VALUE, MAX_LENGTH = 140, 300, 1900, 6_500


def upkeep(found: Report, lang: Lang, *, done: Markup | None = None) -> Drawn:
    """The report; `done`: what was just settled."""
    blocks = [header(t("upkeep.title", lang))]
    if done is not None:
        blocks.append(section(done))
    if not found.to_decide:
        blocks.append(section(say("upkeep.nothing", lang)))
    parts = chain(
        _part(found.proposals, "bot.upkeep_proposals", _proposal, lang),
        _part(found.pairs, "bot.upkeep_pairs", _pair, lang),
        _part(found.stale, "bot.upkeep_stale", _stale, lang),
        _part(found.gaps, "bot.upkeep_gaps", _gap, lang),
    )
    blocks += chain(*fitting(parts, MAX_LENGTH))
    return Drawn(fallback(t("upkeep.title", lang)), blocks)


def _part(
    items: Sequence[T], key: str, draw: Callable[[T, Lang], Iterator[Block]], lang: Lang
) -> Iterator[list[Block]]:
    if not items:
        return
    yield [divider(), section(say(key, lang, n=len(items)))]
    for item in items[:SHOWN]:
        yield list(draw(item, lang))
    if len(items) > SHOWN:
        yield [context(say("upkeep.more", lang, n=len(items) - SHOWN))]


def _proposal(card: Card, lang: Lang) -> Iterator[Block]:
    yield _quoted(card, card.steps)
    yield from _buttons(("approve", "reject"), lang, card.id)


def _pair(pair: Clashing, lang: Lang) -> Iterator[Block]:
    yield context(say(f"upkeep.kind_{pair.kind}", lang))
    for age, card, said in (("older", pair.older, pair.older_says), ("newer", pair.newer, pair.newer_says)):
        yield _quoted(card, said, f"{t(f'upkeep.{age}', lang)}: ")
    yield from _buttons(("keep", "replace", "both"), lang, pair.older.id, pair.newer.id)


def _stale(one: Stale, lang: Lang) -> Iterator[Block]:
    why = t(f"upkeep.why_{one.why}", lang, n=one.amount)
    who = one.card.owner or one.card.team
    yield _quoted(one.card, f"{why} · {who}" if who else why)
    yield from _buttons(("review", "retire"), lang, one.card.id)


def _gap(gap: Gap, lang: Lang) -> Iterator[Block]:
    line = t("upkeep.gap", lang, question=clip(gap.examples[0], MAX_SAID), times=gap.times, people=gap.people)
    if gap.cost is not None:
        line += t("upkeep.gap_cost", lang, span=format_duration(gap.cost, lang))
    yield rich({"type": "rich_text_section", "elements": [words(line)]})


def _quoted(card: Card, said: str, before: str = "") -> Block:
    title = rich_link(card.url, clip(card.title, MAX_TITLE) or clip(card.id, MAX_TITLE) or "?")
    head = [words(before), title] if before else [title]
    quote = {"type": "rich_text_quote", "elements": [words(clip(said, MAX_SAID))]}
    return rich({"type": "rich_text_section", "elements": head}, quote)


def _buttons(decisions: Sequence[str], lang: Lang, *cards: str) -> Iterator[Block]:
    value = "\n".join(cards)
    # An id that does not fit, or would not come back as it is, is settled on the command line.
    if len(value) <= MAX_VALUE and value == clean(value):
        yield actions(button(t(f"upkeep.{name}", lang), f"{PREFIX}{name}", value) for name in decisions)


def settled(decision: str, card: Card, by: Markup, lang: Lang) -> Markup:
    """What was decided about which card, by whom."""
    past = {
        "approve": "approved",
        "reject": "rejected",
        "keep": "kept",
        "replace": "replaced",
        "both": "both_kept",
        "review": "reviewed",
        "retire": "retired",
    }[decision]
    title = link(card.url, clip(card.title or card.id, MAX_TITLE))
    return Markup(f"{title}: {say(f'upkeep.{past}', lang, by=by)}")
