"""When single people want to hear of their tickets, as they said in Slack themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from sqlalchemy import Connection, select

from unstuck.nudges.rules import Hours
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Preference

PREFERENCE = table_of(Preference)
_PREFIX = "person:"


def hours_of(value: Mapping[str, Any]) -> Hours | None:
    """The hours in somebody's preferences; None when they go by the desk's, or what is kept cannot be read."""
    try:
        kept: Mapping[str, Any] = value["hours"]
        return Hours(
            time.fromisoformat(kept["from"]), time.fromisoformat(kept["to"]), frozenset(kept["days"]), kept["timezone"]
        )
    except (TypeError, KeyError, ValueError):
        return None


def chosen(connection: Connection) -> dict[str, Hours]:
    """Everybody's own hours, by Slack id and by e-mail (lower case)."""
    rows = connection.execute(
        select(PREFERENCE.c.key, PREFERENCE.c.value).where(PREFERENCE.c.key.startswith(_PREFIX, autoescape=True))
    )
    found: dict[str, Hours] = {}
    for key, value in rows:
        if (hours := hours_of(value)) is not None:
            names = (key.removeprefix(_PREFIX), value.get("email"))
            found |= {name.lower(): hours for name in names if name}
    return found
