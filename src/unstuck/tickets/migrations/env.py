"""Alembic's entry: run the migrations on the connection that the caller opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from unstuck.tickets import tables


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Our own types by their short names; everything else as Alembic writes it."""
    if kind == "type" and isinstance(item, tables.UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
