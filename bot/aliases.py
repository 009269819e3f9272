"""Words of the workspace's own: a button on "I don't know this word", and `/unstuck alias`."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

from slack_bolt import Ack, App

from bot.blocks import Drawn
from bot.blocks import aliases as drawing
from bot.blocks.aliases import TEACH
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import Place
from bot.pressing import Pressed
from unstuck.errors import UserError
from unstuck.i18n import Lang, t
from unstuck.insights import aliases, ask
from unstuck.insights.plan import Refuse
from unstuck.insights.restate import own_word_name

#: `RMA = Returns`; people also write the arrows and signs of their keyboards.
_TAUGHT = re.compile(r"(?P<word>.+?)\s*(?:=|＝|→|->|是指)\s*(?P<meant>.+)")
_REMOVE = re.compile(r"(?:remove|删除)\s+(?P<word>.+)", re.IGNORECASE)
_APPROVE = re.compile(r"(?:approve|同意)\s+(?P<word>.+)", re.IGNORECASE)


def register(app: App) -> None:
    app.action(TEACH)(on_teach)


def with_offer(refusal: Drawn, reading: Refuse, lang: Lang) -> Drawn:
    """The refusal, with a button to teach its word if it is for one unknown word."""
    if len(reading.unexplained) != 1 or len(reading.unexplained[0]) > aliases.LONGEST:
        return refusal
    return Drawn(refusal.text, [*refusal.blocks, drawing.teach(reading.unexplained[0], lang)])


def on_teach(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _hint(pressed, action["value"], desk), pressed.whisper))


def _hint(pressed: Pressed, word: str, desk: Desk) -> None:
    """How to teach it. The word comes back from the client and is only shown; the command says it again."""
    member = desk.people.get(pressed.user)
    may = desk.roles.scope(member) is not None
    pressed.whisper.tell("bot.alias_hint" if may else "bot.managers_only", word=word[: aliases.LONGEST])


def typed(text: str, member: Member, lang: Lang, place: Place, desk: Desk) -> None:
    """`/unstuck alias …`: teach, approve or forget a word; without more, list them. For managers."""
    if desk.roles.scope(member) is None:
        place.tell("bot.managers_only")
        return
    try:
        place.say(drawing.told(_done(text.strip(), _name(member), lang, desk), lang))
    except UserError as error:
        place.say(drawing.told([t(f"errors.{error.key}", lang, **error.params)], lang))


def _done(text: str, by: str, lang: Lang, desk: Desk) -> list[str]:
    deps = desk.deps
    now = deps.clock.now()
    if found := _REMOVE.fullmatch(text):
        with deps.sessions.begin() as session:
            aliases.remove(session, found["word"], by=by, now=now)
        return [t("alias.removed", lang, word=found["word"])]
    if found := _APPROVE.fullmatch(text):
        with deps.sessions.begin() as session:
            word = aliases.approve(session, found["word"], by=by, now=now)
        return [t("alias.taught", lang, word=word.said, meant=own_word_name(word, lang))]
    if found := _TAUGHT.fullmatch(text):
        with closing(deps.facts.connect()) as con:
            lexicon = ask.lexicon(deps, con)
        target = aliases.target_of(found["meant"], lexicon)
        with deps.sessions.begin() as session:
            word = aliases.add(session, found["word"], target, lexicon, by=by, now=now)
        return [t("alias.taught", lang, word=word.said, meant=own_word_name(word, lang))]
    with deps.sessions() as session:
        lines = [aliases.told(row, lang) for row in aliases.listed(session)]
    return [*lines, t("bot.alias_usage", lang)] if lines else [t("alias.none", lang), t("bot.alias_usage", lang)]


def _name(member: Member) -> str:
    """Who it was, as the restatement says."""
    return (member.email or "").partition("@")[0] or member.id
