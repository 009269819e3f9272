"""What happens by itself to every source: reading it, following its webhooks, checking it at night.

One source that fails does not keep the others waiting; it is logged and comes again with the next round.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from unstuck.clock import Clock
from unstuck.connectors import Connector
from unstuck.errors import UnstuckError
from unstuck.sources import config as configured
from unstuck.sources import inbox, write_back
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import FEED, Pull, Sessions, engine_of, pull
from unstuck.sources.reconcile import Reconciled, reconcile
from unstuck.tickets.database import reading
from unstuck.tickets.history import table_of
from unstuck.tickets.tables import Cursor, Source

log = logging.getLogger("unstuck.sources")


def sync_all(home: Path, sessions: Sessions, clock: Clock, fresh_for: timedelta) -> None:
    """Read every source that no process has read within `fresh_for`, and carry out what is to be written there."""

    def sync(config: SourceConfig) -> None:
        connector = config.open()
        if not _is_fresh(config, sessions, clock, fresh_for):
            log.info("%s", pull(config, sessions, clock, connector))
        if config.writes:
            write_back.carry_out_due(config, connector, sessions, clock)

    for name in configured.names(home):
        _guarded(home, name, sync)


def follow_hooks(home: Path, sessions: Sessions, clock: Clock) -> None:
    """Read the sources that have said there is news, and drop what they sent."""
    due = inbox.due(sessions, clock)

    def follow(config: SourceConfig) -> None:
        log.info("%s", pull(config, sessions, clock))
        inbox.drop(sessions, config.name, due[config.name])

    for name in due:
        _guarded(home, name, follow)


def reconcile_all(home: Path, sessions: Sessions, clock: Clock) -> None:
    """Check every source against its ticket system; what was found is logged."""
    for name in configured.names(home):
        _guarded(home, name, lambda config: check(config, sessions, clock, config.open()))


def check(config: SourceConfig, sessions: Sessions, clock: Clock, connector: Connector) -> Reconciled:
    """Read one source, then compare it."""
    reading = Pull(config, connector, sessions, clock)
    reading.run()
    found = reconcile(reading, random.Random())  # noqa: S311 - a sample, no secret
    (log.info if found.is_complete else log.warning)("%s", found)
    return found


def _is_fresh(config: SourceConfig, sessions: Sessions, clock: Clock, fresh_for: timedelta) -> bool:
    read_at = _read_at(sessions, config.name)
    return read_at is not None and clock.now() - read_at < fresh_for


def _read_at(sessions: Sessions, name: str) -> datetime | None:
    cursor, source = table_of(Cursor), table_of(Source)
    wanted = select(cursor.c.updated_at).join(source, source.c.id == cursor.c.source_id)
    with reading(engine_of(sessions)) as connection:
        found: datetime | None = connection.execute(
            wanted.where(source.c.name == name, cursor.c.stream == FEED)
        ).scalar()
    return found


def _guarded(home: Path, name: str, work: Callable[[SourceConfig], object]) -> None:
    try:
        work(configured.get(home, name))
    except UnstuckError as error:
        log.warning("%s: %s: %s", name, type(error).__name__, error)
