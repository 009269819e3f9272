"""What people chose for themselves, and admins for channels: a few values by key, in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from unstuck.i18n import LANGS, Lang
from unstuck.tickets.tables import Audit, Preference

PERSON, CHANNEL = "person:", "channel:"


def find(sessions: sessionmaker[Session], key: str) -> dict[str, Any]:
    """What is set; empty when nothing is."""
    with sessions() as session:
        row = session.get(Preference, key)
        return dict(row.value) if row is not None else {}


def every(sessions: sessionmaker[Session], prefix: str) -> dict[str, dict[str, Any]]:
    """What is set under a prefix, by the rest of the key."""
    with sessions() as session:
        rows = session.exec(select(Preference).where(col(Preference.key).startswith(prefix)))
        return {row.key.removeprefix(prefix): dict(row.value) for row in rows}


def put(sessions: sessionmaker[Session], key: str, news: Mapping[str, Any], by: str, now: datetime) -> None:
    """Set some values and leave the others; `None` takes one back."""
    with sessions.begin() as session:
        row = session.get(Preference, key)
        before = dict(row.value) if row is not None else {}
        value = {name: one for name, one in {**before, **news}.items() if one is not None}
        session.merge(Preference(key=key, value=value, by=by, updated_at=now))
        # Who changed what, without what it was changed to: an address may be among it.
        session.add(Audit(at=now, actor=by, action="preference", subject=key, details={"set": sorted(news)}))


def lang_of(sessions: sessionmaker[Session], user_id: str) -> Lang | None:
    """The language that somebody chose; None: that of their Slack."""
    chosen = find(sessions, PERSON + user_id).get("lang")
    return next((lang for lang in LANGS if lang == chosen), None)
