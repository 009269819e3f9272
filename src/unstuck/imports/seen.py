"""What one file has shown so far, on disk: counting must not need more memory for a larger file."""

from __future__ import annotations

import hashlib
import sqlite3


def digest(*parts: str | None) -> str:
    """A short name for content: the same for the same parts, in any run and on any machine."""
    text = "\x1f".join("\x00" if part is None else part for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class Seen:
    """Counts of names, in a private temporary database that SQLite removes by itself."""

    def __init__(self) -> None:
        # An empty name is SQLite's own for a temporary file; 20 MB of it stay in memory.
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._scratch.execute("PRAGMA journal_mode=OFF")
        self._scratch.execute("PRAGMA cache_size=-20000")
        self._scratch.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID")
        self._scratch.execute("BEGIN")
        self._last_ticket: str | None = None
        #: Different tickets so far.
        self.tickets = 0

    def times(self, name: str) -> int:
        """How often `name` came before; it counts as seen once more."""
        count = self._scratch.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n", (bytes.fromhex(name),)
        )
        return int(count.fetchone()[0]) - 1

    def unique(self, *parts: str | None) -> str:
        """A change id by content; equals within the file are told apart by their number."""
        name = digest(*parts)
        before = self.times(name)
        return f"{name}-{before}" if before else name

    def ticket(self, ticket: str) -> None:
        if ticket == self._last_ticket:
            return
        self._last_ticket = ticket
        if self.times(digest("ticket", ticket)) == 0:
            self.tickets += 1

    def close(self) -> None:
        self._scratch.close()
