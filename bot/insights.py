"""Managers' questions: read, counted, told with table and chart; a question back has a button a reading."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt import Ack, App

from bot import aliases, blocks, choices, findings, seen
from bot.blocks.insights import CHOOSE
from bot.choices import Choice
from bot.desk import Desk
from bot.intake import Job
from bot.posting import Place
from bot.pressing import Pressed
from bot.work import thinking
from unstuck.i18n import Lang
from unstuck.insights import ask
from unstuck.insights.plan import Answer, Ask, Option, Plan, Reading, Refuse, Scope

log = logging.getLogger("unstuck.bot")

#: A question of which the planner misses more than this share of letters is about something else.
MOST_STRANGE = 0.3


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what the planner made of it."""

    text: str
    reading: Reading
    user: str
    thread_key: str
    #: What the asker may see; None: no numbers at all.
    scope: Scope | None

    @property
    def understood(self) -> bool:
        """Whether it is a manager's question, asked by somebody who may."""
        return self.scope is not None and isinstance(self.reading, Answer | Ask)

    @property
    def is_about_numbers(self) -> bool:
        """Whether it is a manager's question after all, although it cannot be answered as it stands."""
        if not isinstance(self.reading, Refuse):
            return True
        strange = sum(len(word) for word in self.reading.unexplained)
        return strange <= MOST_STRANGE * len("".join(self.text.split()))


def register(app: App) -> None:
    app.action(re.compile(rf"^{CHOOSE}_\d+$"))(on_choose)


def read(desk: Desk, text: str, user: str, thread_key: str, lang: Lang) -> Asked:
    """What the planner makes of `text`, following up on what was asked under `thread_key` before."""
    member = desk.people.get(user)
    with thinking:
        reading = ask.read(desk.deps, text, lang=lang, thread=thread_key)
    return Asked(text, reading, user, thread_key, desk.roles.scope(member))


def show(desk: Desk, asked: Asked, place: Place) -> None:
    """Tell the number, the question back, or why there is neither."""
    if asked.scope is None:
        place.tell("bot.managers_only")
    elif isinstance(asked.reading, Answer):
        _count(desk, asked.reading.plan, asked.thread_key, asked.user, asked.scope, place)
    else:
        _offer(desk, asked, asked.reading, place)


def on_choose(ack: Ack, body: dict[str, Any], action: dict[str, Any], desk: Desk) -> None:
    ack()
    pressed = Pressed(body, desk)
    desk.work.take(Job(lambda: _choose(pressed, action["value"], desk), pressed.place))


def _offer(desk: Desk, asked: Asked, reading: Ask | Refuse, place: Place) -> None:
    prompt = reading.prompt if isinstance(reading, Ask) else reading.reason
    choice = Choice(reading.options, prompt, asked.user, place.lang, asked.thread_key)
    choice_id = choices.save(desk.deps.sessions, choice, desk.deps.clock.now())
    labels = [option.label for option in reading.options]
    if isinstance(reading, Ask):
        place.say(blocks.ask(prompt, labels, choice_id, place.lang))
    else:
        refusal = blocks.refuse(prompt, reading.unexplained, labels, choice_id, place.lang)
        place.say(aliases.with_offer(refusal, reading, place.lang))


def _count(desk: Desk, plan: Plan, thread_key: str, user: str, scope: Scope, place: Place) -> None:
    with thinking:
        told = ask.tell(desk.deps, plan, scope=scope, lang=place.lang, thread=thread_key, asker=user)
    findings.tell(desk, plan, told, place)


def _choose(pressed: Pressed, value: str, desk: Desk) -> None:
    found = choices.find(desk.deps.sessions, value)
    if found is None:
        pressed.whisper.tell("bot.expired")
        return
    choice, option = found
    if pressed.user != choice.user:
        pressed.whisper.tell("bot.not_yours")
        return
    scope = desk.roles.scope(desk.people.get(pressed.user))
    if scope is None:
        pressed.whisper.tell("bot.managers_only")
    else:
        with seen.once(desk.deps.sessions, f"choice:{value.partition(':')[0]}", desk.deps.clock.now()) as is_first:
            if is_first:
                _take_choice(pressed, choice, option, scope, desk)


def _take_choice(pressed: Pressed, choice: Choice, option: Option, scope: Scope, desk: Desk) -> None:
    if option.guess is not None:
        ask.take_guess(desk.deps, option.guess)
    pressed.replace(blocks.chosen(choice.prompt, option.label, choice.lang))
    _count(desk, option.plan, choice.thread_key, choice.user, scope, replace(pressed.place, lang=choice.lang))
