"""Writing to a ticket system: somebody's explicit act, allowed per source and kind, done once, and on record.

The row comes first. After an ambiguous failure it stays due; the connector then looks for what it left in the
ticket system before it writes again.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from unstuck.clock import Clock
from unstuck.connectors import Action, ActionKind, Connector
from unstuck.errors import ConnectorError, Forbidden, NotThere, Refused, UserError
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Sessions
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Audit, WriteBack

ROW = table_of(WriteBack)
#: Nobody else takes an action up while it is being tried.
LEASE = timedelta(minutes=5)
#: First wait after a failure that leaves open what happened; it doubles.
RETRY_AFTER = timedelta(seconds=30)
_ATTEMPTS = 8
#: Trying again would not help.
_FINAL = (Refused, Forbidden, NotThere)


def check(config: SourceConfig, action: Action) -> None:
    """Raises `UserError` where the admin has not allowed this kind for this source."""
    if action.kind not in config.writes:
        raise UserError("write_off", kind=action.kind.value, name=config.name, path=config.path)


def ask(session: Session, config: SourceConfig, action: Action, clock: Clock) -> None:
    """Write down what somebody wants done; asking twice with one key is asking once.

    Raises `UserError` where the admin has not allowed this kind for this source.
    """
    check(config, action)
    now = clock.now()
    if session.execute(select(ROW.c.id).where(ROW.c.key == action.key)).first() is not None:
        return
    session.add(
        WriteBack(
            key=action.key, source=config.name, ticket=action.ticket, kind=action.kind.value, value=action.value,
            by=action.by, asked_at=now, due_at=now,
        )
    )  # fmt: skip
    _audit(session, action, config.name, clock, "asked")


def carry_out(config: SourceConfig, connector: Connector, sessions: Sessions, clock: Clock, key: str) -> str:
    """Try an action that is due; its state then. What somebody else is at, or is settled, is left alone."""
    action = _claim(config, sessions, clock, key)
    if action is None:
        return _state(sessions, key)
    outcome: str = "refused"
    error: str | None = None
    try:
        outcome = connector.write(action).state
    except _FINAL as failure:
        error = str(failure)
    except ConnectorError as failure:
        return _leave_due(config, sessions, clock, action, failure)
    with sessions.begin() as session:
        settled = "refused" if outcome == "refused" else "done"
        session.execute(update(ROW).where(ROW.c.key == key).values(state=settled, error=error))
        _audit(session, action, config.name, clock, outcome)
    return settled


def carry_out_due(config: SourceConfig, connector: Connector, sessions: Sessions, clock: Clock) -> int:
    """Try everything of a source that is due; how much that was."""
    with sessions.begin() as session:
        due = ROW.c.state == "due", ROW.c.due_at <= clock.now(), ROW.c.source == config.name
        keys = session.execute(select(ROW.c.key).where(*due).order_by(ROW.c.id)).scalars().all()
    for key in keys:
        carry_out(config, connector, sessions, clock, key)
    return len(keys)


def _claim(config: SourceConfig, sessions: Sessions, clock: Clock, key: str) -> Action | None:
    now = clock.now()
    with sessions.begin() as session:
        mine = ROW.c.key == key, ROW.c.source == config.name, ROW.c.state == "due", ROW.c.due_at <= now
        claimed = session.execute(
            update(ROW).where(*mine).values(due_at=now + LEASE, attempts=ROW.c.attempts + 1).returning(*ROW.c)
        ).first()
    if claimed is None:
        return None
    return Action(claimed.key, claimed.ticket, ActionKind(claimed.kind), claimed.value, claimed.by)


def _leave_due(config: SourceConfig, sessions: Sessions, clock: Clock, action: Action, failure: ConnectorError) -> str:
    with sessions.begin() as session:
        attempts = session.execute(select(ROW.c.attempts).where(ROW.c.key == action.key)).scalar_one()
        state = "due" if attempts < _ATTEMPTS else "refused"
        due_at = clock.now() + RETRY_AFTER * 2 ** (attempts - 1)
        session.execute(
            update(ROW).where(ROW.c.key == action.key).values(state=state, due_at=due_at, error=str(failure))
        )
        _audit(session, action, config.name, clock, "failed" if state == "due" else "given up")
    return state


def _state(sessions: Sessions, key: str) -> str:
    with sessions.begin() as session:
        return str(session.execute(select(ROW.c.state).where(ROW.c.key == key)).scalar_one())


def _audit(session: Session, action: Action, source: str, clock: Clock, outcome: str) -> None:
    """Who had what done; the text itself is the ticket system's to keep."""
    details = {"kind": action.kind.value, "outcome": outcome, "key": action.key}
    session.add(
        Audit(
            at=clock.now(), actor=action.by, action="write_back", subject=f"{source}/{action.ticket}", details=details
        )
    )
