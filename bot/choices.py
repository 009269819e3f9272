"""Readings that somebody may choose from. Buttons carry an id; the plans behind it stay in the database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.i18n import Lang, lang_named
from unstuck.insights.plan import Option
from unstuck.tickets.tables import Thread

PREFIX = "choice:"


@dataclass(frozen=True, slots=True)
class Choice:
    """A question back that waits for its button."""

    options: tuple[Option, ...]
    #: What the message says above the buttons.
    prompt: str
    #: Who asked: nobody else chooses for them.
    user: str
    lang: Lang
    #: The conversation that the chosen plan becomes the last plan of.
    thread_key: str


def save(sessions: sessionmaker[Session], choice: Choice, now: datetime) -> str:
    """Keep `choice`; the id for its buttons."""
    choice_id = uuid.uuid4().hex
    kept: dict[str, Any] = {
        "options": [option.model_dump(mode="json") for option in choice.options],
        "prompt": choice.prompt,
        "user": choice.user,
        "lang": choice.lang,
        "thread_key": choice.thread_key,
    }
    with sessions.begin() as session:
        session.add(Thread(key=PREFIX + choice_id, plan=kept, updated_at=now))
    return choice_id


def find(sessions: sessionmaker[Session], value: str) -> tuple[Choice, Option] | None:
    """What a pressed button's value `<id>:<number>` stands for; None when it is unknown or made up."""
    choice_id, _, number = value.partition(":")
    with sessions() as session:
        row = session.get(Thread, PREFIX + choice_id)
        kept = dict(row.plan) if row is not None else None
    if kept is None or not number.isdecimal() or int(number) >= len(kept["options"]):
        return None
    options = tuple(Option.model_validate(option) for option in kept["options"])
    choice = Choice(options, kept["prompt"], kept["user"], lang_named(kept["lang"]), kept["thread_key"])
    return choice, options[int(number)]
