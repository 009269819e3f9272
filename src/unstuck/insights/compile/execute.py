"""Runs a compiled statement: read back first, stopped when it takes too long."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unstuck.errors import UserError
from unstuck.insights.compile import guard

if TYPE_CHECKING:
    import duckdb

TIME_LIMIT_S = 20.0


def fetch(
    con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, object], *, limit_s: float = TIME_LIMIT_S
) -> Sequence[tuple[Any, ...]]:
    """All rows. Raises `UserError` when it takes longer than `limit_s` seconds."""
    import duckdb

    guard.check(sql)
    cursor = con.cursor()
    alarm = threading.Timer(limit_s, cursor.interrupt)
    alarm.start()
    try:
        return cursor.execute(sql, values).fetchall()
    except duckdb.InterruptException:
        raise UserError("question_too_slow", seconds=round(limit_s)) from None
    finally:
        alarm.cancel()
