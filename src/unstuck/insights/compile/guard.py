"""Reads back what was compiled, with a parser that is not ours, before it runs."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import expressions as exp
from sqlglot.optimizer.scope import traverse_scope

from unstuck.insights.compile.draft import LASTING

#: Relations of `unstuck.facts` that a question may read.
RELATIONS = frozenset({"stays", "fields", "tickets", "changes", "messages", "feedback"})
#: Holds no ticket: the asker's scope does not apply.
OPEN_RELATIONS = frozenset({"timers"})


#: Parts that cut `stays` to scope and time, besides `known_stays`.
CUTTING = ("visible", LASTING)


class UnsafeSqlError(AssertionError):
    """A compiled statement is not what a compiled statement must be: a defect of ours, never the asker's."""


@lru_cache(maxsize=256)
def check(sql: str) -> None:
    """One SELECT; base relations only inside the parts that cut them to scope and time.

    Raises `UnsafeSqlError`.
    """
    statements = sqlglot.parse(sql, read="duckdb")
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise UnsafeSqlError("not one SELECT")
    select = statements[0]
    parts = {cte.alias for cte in select.find_all(exp.CTE)}
    for table in select.find_all(exp.Table):
        _check_table(table, parts)
    if not traverse_scope(select):
        raise UnsafeSqlError("no scope")


def _check_table(table: exp.Table, parts: set[str]) -> None:
    if not isinstance(table.this, exp.Identifier) or table.db or table.catalog:
        raise UnsafeSqlError(f"not a plain relation: {table.sql('duckdb')}")
    if table.name in parts or table.name in OPEN_RELATIONS:
        return
    if table.name not in RELATIONS:
        raise UnsafeSqlError(f"unknown relation {table.name}")
    holder = table.find_ancestor(exp.CTE)
    if holder is None or holder.alias not in (f"known_{table.name}", *CUTTING):
        raise UnsafeSqlError(f"{table.name} is read without the asker's scope")
