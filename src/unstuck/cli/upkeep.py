"""`knowledge upkeep` and `knowledge decide`: what the base needs people for, and what they settle."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json
from unstuck.errors import UsageError
from unstuck.i18n import Lang, format_duration, t

if TYPE_CHECKING:
    from knowledge.upkeep import Decisions, Report


class Decision(StrEnum):
    """What can be settled."""

    APPROVE = "approve"
    REJECT = "reject"
    KEEP = "keep"
    REPLACE = "replace"
    BOTH = "both"
    RETIRE = "retire"
    RESTORE = "restore"
    OWNER = "owner"
    REVIEW = "review"


OF_PAIRS = frozenset({Decision.KEEP, Decision.REPLACE, Decision.BOTH})


def register(group: typer.Typer) -> None:
    """Add the commands to the `knowledge` group."""
    group.command()(upkeep)
    group.command()(decide)


def upkeep(home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Look for cards to approve, gaps, contradictions and stale cards."""
    from unstuck import deps, settings
    from unstuck.upkeep import look

    built = deps.build(settings.load(home=home))
    try:
        found = look(built)
    finally:
        built.close()
    if json:
        print_json(as_json(found))
    else:
        print("\n".join(_lines(found, lang_or(chosen_lang(), lang))))


def decide(
    decision: Annotated[Decision, typer.Argument(help="What is settled.")],
    card: Annotated[str, typer.Argument(metavar="CARD", help="The card's id, as `knowledge upkeep` shows it.")],
    other: Annotated[str | None, typer.Argument(metavar="[CARD]", help="The other card of a pair.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="With owner: who looks after the card.")] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="With review: look at it this often.")] = None,
    user: Annotated[str, typer.Option("--as", help="Who decides.")] = "command line",
    home: Home = None,
    json: Json = False,
    lang: LangOption = None,
) -> None:
    """Settle one thing: approve or reject a card; keep (the older), replace (it) or both; retire, restore, owner, review."""
    from knowledge.upkeep import Decisions
    from unstuck import deps, settings

    if (decision in OF_PAIRS) != (other is not None):
        raise UsageError("upkeep_pair" if decision in OF_PAIRS else "upkeep_single", decision=decision.value)
    if decision is Decision.OWNER and not owner:
        raise UsageError("upkeep_owner")
    built = deps.build(settings.load(home=home))
    try:
        decisions = Decisions(built.knowledge, user, built.clock.now())
        done = _settle(decisions, decision, card, other, owner, days)
    finally:
        built.close()
    if not done:
        raise UsageError("upkeep_nothing", decision=decision.value, card=card if other is None else f"{card} {other}")
    if json:
        print_json({"decision": decision.value, "card": card, "other": other})
    else:
        print(t("upkeep.settled", lang_or(chosen_lang(), lang)))


def _settle(
    decisions: Decisions, decision: Decision, card: str, other: str | None, owner: str | None, days: int | None
) -> bool:
    match decision:
        case Decision.APPROVE:
            return decisions.approve(card)
        case Decision.REJECT:
            return decisions.reject(card)
        case Decision.RETIRE:
            return decisions.retire(card)
        case Decision.RESTORE:
            return decisions.restore(card)
        case Decision.OWNER:
            return decisions.own(card, owner)
        case Decision.REVIEW:
            return decisions.review(card, days)
        case Decision.KEEP:
            return decisions.settle(card, other or "", "keep")
        case Decision.REPLACE:
            return decisions.settle(card, other or "", "replace")
        case Decision.BOTH:
            return decisions.settle(card, other or "", "both")


def as_json(found: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "proposals": [{"id": card.id, "title": card.title, "steps": card.steps} for card in found.proposals],
        "gaps": [
            {
                "examples": list(gap.examples),
                "lang": gap.lang,
                "times": gap.times,
                "people": gap.people,
                "last_at": gap.last_at,
                "seconds_each": gap.cost,
            }
            for gap in found.gaps
        ],
        "pairs": [
            {
                "kind": pair.kind,
                "older": {"id": pair.older.id, "title": pair.older.title, "says": pair.older_says},
                "newer": {"id": pair.newer.id, "title": pair.newer.title, "says": pair.newer_says},
            }
            for pair in found.pairs
        ],
        "stale": [
            {
                "id": one.card.id,
                "title": one.card.title,
                "owner": one.card.owner or one.card.team,
                "why": one.why,
                "amount": one.amount,
            }
            for one in found.stale
        ],
        "newest": [{"id": card.id, "title": card.title, "created": card.created} for card in found.newest],
    }


def _lines(found: Report, lang: Lang) -> Iterator[str]:
    if not found.to_decide:
        yield t("upkeep.nothing", lang)
    if found.proposals:
        yield t("upkeep.proposals", lang, n=len(found.proposals))
        yield from (f"  {card.id}  {card.title}" for card in found.proposals)
    if found.gaps:
        yield t("upkeep.gaps", lang, n=len(found.gaps))
        for gap in found.gaps:
            yield f"  {gap_line(gap, lang)}"
    if found.pairs:
        yield t("upkeep.pairs", lang, n=len(found.pairs))
        for pair in found.pairs:
            yield f"  {pair.older.id}  {pair.older.title}: {pair.older_says}"
            yield f"  {pair.newer.id}  {pair.newer.title}: {pair.newer_says}"
            yield f"    unstuck knowledge decide keep|replace|both {pair.older.id} {pair.newer.id}"
    if found.stale:
        yield t("upkeep.stale", lang, n=len(found.stale))
        for one in found.stale:
            why = t(f"upkeep.why_{one.why}", lang, n=one.amount)
            yield f"  {one.card.id}  {one.card.title or one.card.text[:60]}  ({why}; {one.card.owner or one.card.team or '-'})"


def gap_line(gap: Any, lang: Lang) -> str:
    """What is asked in vain, how often, and what it costs."""
    line = t("upkeep.gap", lang, question=gap.examples[0], times=gap.times, people=gap.people)
    if gap.cost is None:
        return line
    return line + t("upkeep.gap_cost", lang, span=format_duration(gap.cost, lang))
