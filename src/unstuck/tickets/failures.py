"""Database errors in the reader's words: which of them a person can mend, and the key of the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from unstuck.errors import UserError

# What the drivers say, tried in order; the first clue that occurs in the message wins.
_CLUES: tuple[tuple[str, str], ...] = (
    ("password authentication failed", "store_password"),
    ("no password supplied", "store_password"),
    ("does not exist", "store_no_database"),
    ("database is locked", "store_locked"),
    ("readonly database", "store_read_only"),
    ("read-only", "store_read_only"),
    ("unable to open database file", "store_read_only"),
    ("file is not a database", "store_damaged"),
    ("malformed", "store_damaged"),
    ("disk is full", "store_full"),
    ("no space left", "store_full"),
)


@contextmanager
def in_plain_words(url: str) -> Iterator[None]:
    """Turn a database failure that a person can mend into a `UserError`; let the others pass.

    `url` names the database in the message, its password hidden.
    """
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserError("store_bad_url") from error
    except DBAPIError as error:
        key = _key(error)
        if key is None:
            raise
        raise UserError(key, where=where(url)) from error
    except OSError as error:
        raise UserError("store_read_only", where=where(url)) from error


def where(url: str) -> str:
    """The file of a SQLite database, or the URL without its password."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.database or ":memory:"
    return parsed.render_as_string(hide_password=True)


def _key(error: DBAPIError) -> str | None:
    text = str(error.orig).casefold()
    for clue, key in _CLUES:
        if clue in text:
            return key
    is_server = "psycopg" in type(error.orig).__module__
    return "store_unreachable" if is_server and isinstance(error, OperationalError) else None
