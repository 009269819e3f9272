"""What one file has shown so far, on disk: counting must not need more memory for a larger file."""

from __future__ import annotations

import hashlib
import sqlite3


def digest(*parts: str | None) -> str:
    """A short name for content: the same for the same parts, in any run and on any machine."""
    text = "\x1f".join("\x00" if part is None else part for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class Seen:
    """Counts of names: the latest in memory, the rest in a temporary database that SQLite removes by itself."""

    def __init__(self, in_memory: int = 200_000) -> None:
        self._limit = in_memory
        self._counts: dict[bytes, int] = {}
        self._spilled = False
        # An empty name is SQLite's own for a private temporary file.
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._scratch.execute("PRAGMA journal_mode=OFF")
        self._scratch.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID")
        self._last_ticket: str | None = None
        #: Different tickets so far.
        self.tickets = 0

    def times(self, name: str) -> int:
        """How often `name` came before; it counts as seen once more."""
        key = bytes.fromhex(name)
        before = self._counts.get(key)
        if before is None:
            before = self._spilled_count(key) if self._spilled else 0
        if len(self._counts) >= self._limit:
            self._spill()
        self._counts[key] = before + 1
        return before

    def _spilled_count(self, key: bytes) -> int:
        row = self._scratch.execute("SELECT n FROM seen WHERE name = ?", (key,)).fetchone()
        return int(row[0]) if row else 0

    def _spill(self) -> None:
        self._scratch.execute("BEGIN")
        self._scratch.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", sorted(self._counts.items()))
        self._scratch.execute("COMMIT")
        self._counts.clear()
        self._spilled = True

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
