"""What a ticket system's statuses mean: its own word, the admin's, and how a renamed one stays the same stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from unstuck.connectors import StatusRecord
from unstuck.tickets import store
from unstuck.tickets.changes import StageClass
from unstuck.tickets.stages import guess
from unstuck.tickets.tables import Source

#: Stream under which the names that statuses had are kept.
_NAMES = "statuses"
_ENDS = frozenset({StageClass.SOLVED, StageClass.CLOSED, StageClass.DROPPED})


def meaning(status: StatusRecord) -> StageClass:
    """The class of a status by what its system says and by its name. Only an admin makes it certain."""
    by_name = guess(status.name)
    if status.stage_class is None:
        return by_name
    # A system that only knows "closed" leaves it to the name whether that is solved, closed or dropped.
    return by_name if status.stage_class is StageClass.CLOSED and by_name in _ENDS else status.stage_class


def put_statuses(
    session: Session, source: Source, statuses: Sequence[StatusRecord], classes: Mapping[str, StageClass], at: datetime
) -> None:
    """Store what statuses mean. One that was renamed keeps its old name in the history, under the new one's stage."""
    before: dict[str, list[str]] = json.loads(store.get_cursor(session, source, _NAMES) or "{}")
    names = {
        status.id: [*(name for name in before.get(status.id, []) if name != status.name), status.name]
        for status in statuses
    }
    said = {status: (status, meant) for status, meant in classes.items()}
    told = {status.name: (status.name, meaning(status)) for status in statuses if status.name not in said}
    for had in names.values():
        new = had[-1]
        stage, meant = said.get(new) or told[new]
        # The name that somebody else now has is theirs.
        for old in set(had[:-1]) - {name[-1] for name in names.values()}:
            (said if new in said else told)[old] = (stage, said.get(old, (old, meant))[1])
    store.put_stages(session, source, told, "recognised")
    store.put_stages(session, source, said, "map")
    kept = json.dumps({**before, **names}, ensure_ascii=False, sort_keys=True)
    store.put_cursor(session, source, _NAMES, kept, at=at)
