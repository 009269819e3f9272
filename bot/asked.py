"""What was asked and told in a thread last, so that the next message can go on from it, also after a restart."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot import errands
from knowledge.cards import Question
from knowledge.filters import products_named
from knowledge.followup import read
from unstuck.tickets.tables import Thread

_PREFIX, _STOOD = "asked:", "stood:"


@dataclass(frozen=True, slots=True)
class Asked:
    """The last question of a thread."""

    #: Redacted, and made whole where it went on from another.
    text: str
    #: Ids of the cards that answered it and those before it.
    told: tuple[str, ...] = ()
    #: What the person was asked to choose from: `product`s or `cause`s.
    choices: tuple[str, ...] = ()
    of: str = ""


def find(sessions: sessionmaker[Session], thread_key: str) -> Asked | None:
    with sessions() as session:
        row = session.get(Thread, _PREFIX + thread_key)
        if row is None:
            return None
        kept = dict(row.plan)
    return Asked(kept["text"], tuple(kept["told"]), tuple(kept["choices"]), kept["of"])


def keep(sessions: sessionmaker[Session], thread_key: str, asked: Asked, now: datetime) -> None:
    kept = {"text": asked.text, "told": list(asked.told), "choices": list(asked.choices), "of": asked.of}
    with sessions.begin() as session:
        session.merge(Thread(key=_PREFIX + thread_key, plan=kept, updated_at=now))


def as_it_stood(sessions: sessionmaker[Session], thread_key: str, now: datetime) -> None:
    """An errand that is done again finds its conversation as it did at first, not as it left it.

    Else a question would go on from itself, and a choice that was made would be nothing to choose from any more.
    """
    held = errands.current()
    if held is None:
        return
    keys, name = (thread_key, _PREFIX + thread_key), _STOOD + held.arrived.name("thread")
    with sessions.begin() as session:
        rows = {key: row for key in keys if (row := session.get(Thread, key)) is not None}
        kept = session.get(Thread, name)
        if kept is not None:
            for key in keys:
                if key in kept.plan:
                    session.merge(Thread(key=key, plan=kept.plan[key], updated_at=now))
                elif key in rows:
                    session.delete(rows[key])
        elif held.is_again:
            for row in rows.values():
                if row.updated_at >= held.at:
                    session.delete(row)
        elif rows:
            session.add(Thread(key=name, plan={key: row.plan for key, row in rows.items()}, updated_at=now))


def forget_old(sessions: sessionmaker[Session], now: datetime) -> None:
    """Drop what errands found that nobody does any more."""
    with sessions.begin() as session:
        old = col(Thread.key).startswith(_STOOD), col(Thread.updated_at) < now - errands.REMEMBERED_FOR
        session.execute(delete(Thread).where(*old))


def go_on(question: Question, before: Asked | None) -> tuple[Question, Asked | None]:
    """The question as it is meant, and what of `before` still belongs to it: nothing when it stands alone."""
    if before is None:
        return question, None
    choice = _choice(question.text, before.choices)
    if choice is not None:
        only = replace(question.only, product=choice) if before.of == "product" else question.only
        return replace(question, text=f"{before.text}\n{choice}", only=only), before
    followup = read(question.text, before.text)
    if followup is None:
        return question, None
    tried = frozenset(before.told) if followup.wants_other else frozenset[str]()
    return replace(question, text=followup.text, tried=tried), before


def _choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The choice that was made by its number or its name."""
    number = unicodedata.normalize("NFKC", text).strip(" .。、")
    if number.isdecimal() and 1 <= int(number) <= len(choices):
        return choices[int(number) - 1]
    return next(iter(products_named(text, choices)), None)
