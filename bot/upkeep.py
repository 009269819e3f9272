"""`/unstuck knowledge`: what the knowledge base needs people for, and the buttons that settle it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot.blocks import upkeep as drawing
from bot.blocks.text import Markup, person
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import Place
from bot.pressing import Pressed
from knowledge.cards import PUBLIC, Card
from knowledge.upkeep import Decisions, Report
from unstuck import upkeep

#: What full members may read when nobody reads along.
VISIBLE = frozenset({PUBLIC, "internal"})


def register(app: App) -> None:
    app.action(re.compile(rf"^{drawing.PREFIX}\w+$"))(on_decided)


def show(desk: Desk, member: Member, place: Place) -> None:
    """Tell what is open to somebody who may settle it."""
    if desk.roles.scope(member) is None or desk.teams is not None:
        place.tell("upkeep.managers_only")
    else:
        place.say(drawing.upkeep(_readable(upkeep.report(desk.deps)), place.lang))


def on_decided(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    decision = action["action_id"].removeprefix(drawing.PREFIX)
    desk.work.take(Job(lambda: _settle(pressed, decision, action["value"], desk), pressed.whisper))


def _settle(pressed: Pressed, decision: str, value: str, desk: Desk) -> None:
    """Who may is asked on every press; what is settled already is said to be."""
    member = desk.people.get(pressed.user)
    lang = desk.lang(member)
    if not desk.admits(member, pressed.whisper):
        return
    if desk.roles.scope(member) is None or desk.teams is not None:
        pressed.whisper.tell("upkeep.managers_only")
        return
    first, _, second = value.partition("\n")
    known = desk.deps.knowledge
    card = known.cards([first]).get(first) or known.ledger.waiting(first)
    # Ids come back from the client: one that its sender may not read is nobody's.
    if card is None or card.visibility not in VISIBLE or not _decide(decision, first, second, member, desk):
        pressed.whisper.tell("upkeep.gone")
        return
    done = drawing.settled(decision, card, Markup(person(member.id)), lang)
    pressed.replace(drawing.upkeep(_readable(upkeep.report(desk.deps)), lang, done=done))


def _decide(decision: str, first: str, second: str, member: Member, desk: Desk) -> bool:
    decisions = Decisions(desk.deps.knowledge, member.id, desk.deps.clock.now())
    match decision:
        case "approve":
            return decisions.approve(first)
        case "reject":
            return decisions.reject(first)
        case "keep" | "replace" | "both":
            return decisions.settle(first, second, decision)
        case "review":
            return decisions.review(first)
        case "retire":
            return decisions.retire(first)
        case _:
            return False


def _readable(found: Report) -> Report:
    """The report without cards of single teams: the reader may belong to another."""
    return replace(
        found,
        proposals=tuple(card for card in found.proposals if _is_open(card)),
        pairs=tuple(pair for pair in found.pairs if _is_open(pair.older) and _is_open(pair.newer)),
        stale=tuple(one for one in found.stale if _is_open(one.card)),
    )


def _is_open(card: Card) -> bool:
    return card.visibility in VISIBLE
