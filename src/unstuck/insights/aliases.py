"""Words of the workspace's own: taught by managers, proposed by models and by slips of the pen.

An alias counts as vocabulary, exact, only once a manager has approved it; the restatement says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from sqlmodel import Session, col, select

from unstuck.errors import UserError
from unstuck.i18n import Lang, messages, t
from unstuck.insights.metrics import METRICS
from unstuck.insights.plan import OwnWord
from unstuck.insights.question.meaning import Meaning, Role
from unstuck.insights.question.normalise import key
from unstuck.tickets.tables import Alias, Audit

if TYPE_CHECKING:
    from unstuck.insights.question.lexicon import Lexicon

#: Who proposes besides people.
MODEL, SPELLING = "model", "spelling"
LONGEST = 60
_ROLES = {Role.VALUE: "value", Role.METRIC: "metric", Role.DIMENSION: "dimension"}


@dataclass(frozen=True, slots=True)
class Target:
    """What an alias stands for."""

    role: str
    field: str
    value: str


def target_of(text: str, lexicon: Lexicon, field: str | None = None) -> Target:
    """What `text` names on this desk. Raises `UserError` when that is nothing, or several things."""
    found = _targets(lexicon.meanings(text), field)
    if not found:
        raise UserError("alias_unknown", text=text)
    if len(found) > 1:
        raise UserError("alias_several", text=text, fields=", ".join(one.field for one in found))
    return found[0]


def _targets(meanings: Iterable[Meaning], field: str | None = None) -> list[Target]:
    # A variant of a metric ("tickets that were reopened") is no name of it.
    named = (
        Target(_ROLES[one.role], one.id, one.value)
        for one in meanings
        if one.role in _ROLES and not (one.value and one.role is not Role.VALUE)
    )
    return list(dict.fromkeys(one for one in named if field is None or one.field == field))


def add(session: Session, said: str, target: Target, lexicon: Lexicon, *, by: str, now: datetime) -> OwnWord:
    """Teach a word, as a manager. Raises `UserError` for a word that means something already."""
    word = _checked(said, lexicon)
    row = session.merge(_row(word, said, target, by, now))
    return _approve(session, row, by, now)


def propose(session: Session, said: str, target: Target, lexicon: Lexicon, *, by: str, now: datetime) -> bool:
    """Put a word to the managers; False when it was proposed or taught before, or means something already."""
    try:
        word = _checked(said, lexicon)
    except UserError:
        return False
    if session.get(Alias, word) is not None:
        return False
    session.add(_row(word, said, target, by, now))
    return True


def approve(session: Session, said: str, *, by: str, now: datetime) -> OwnWord:
    """Make a proposed word count, as a manager. Raises `UserError` when nobody proposed it."""
    return _approve(session, _get(session, said), by, now)


def remove(session: Session, said: str, *, by: str, now: datetime) -> None:
    """Forget a word, taught or proposed. Raises `UserError` when it is not there."""
    row = _get(session, said)
    session.delete(row)
    session.add(Audit(at=now, actor=by, action="alias_removed", subject=row.said))


def listed(session: Session) -> Sequence[Alias]:
    return session.exec(select(Alias).order_by(col(Alias.word))).all()


def told(row: Alias, lang: Lang) -> str:
    """An alias as a line: what it stands for, who proposed and who approved it."""
    target = METRICS[row.field].words[lang][0] if row.role == "metric" else f"{row.field} {row.value}".strip()
    known = messages(lang).get(f"alias.by_{row.proposed_by}", row.proposed_by)
    if row.approved_at is None:
        return t("alias.proposed", lang, word=row.said, meant=target, by=known)
    on = row.approved_at.date().isoformat()
    return t("alias.approved", lang, word=row.said, meant=target, by=row.approved_by, on=on)


def approved(session: Session) -> tuple[OwnWord, ...]:
    """The words that count."""
    return tuple(_own_word(row) for row in listed(session) if row.approved_at is not None)


def _checked(said: str, lexicon: Lexicon) -> str:
    word = key(said)
    if not 1 < len(word) <= LONGEST or word.isdigit():
        raise UserError("alias_word", word=said)
    # What it means already it goes on meaning, unless that was an alias too.
    if any(one.own is None for one in lexicon.meanings(word)):
        raise UserError("alias_taken", word=said)
    return word


def _row(word: str, said: str, target: Target, by: str, now: datetime) -> Alias:
    return Alias(
        word=word,
        said=said.strip(),
        role=target.role,
        field=target.field,
        value=target.value,
        proposed_by=by,
        proposed_at=now,
    )


def _get(session: Session, said: str) -> Alias:
    row = session.get(Alias, key(said))
    if row is None:
        raise UserError("alias_missing", word=said)
    return row


def _approve(session: Session, row: Alias, by: str, now: datetime) -> OwnWord:
    row.approved_by, row.approved_at = by, now
    session.add(row)
    stands_for = {"role": row.role, "field": row.field, "value": row.value}
    session.add(Audit(at=now, actor=by, action="alias", subject=row.said, details=stands_for))
    return _own_word(row)


def _own_word(row: Alias) -> OwnWord:
    assert row.approved_at is not None
    return OwnWord.model_validate(
        {"said": row.said, "role": row.role, "field": row.field, "value": row.value}
        | {"approved_by": cast(str, row.approved_by), "approved_at": row.approved_at}
    )
