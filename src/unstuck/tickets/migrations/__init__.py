"""Alembic migrations of the ticket store; `python -m unstuck.tickets.migrations` rewrites the first one."""
