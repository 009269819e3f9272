"""Who has been told what, and what is on its way: in memory, as the tables of nudges and notices keep it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from unstuck.nudges.mornings import GATHER
from unstuck.nudges.places import RECENT, Line
from unstuck.nudges.recheck import Fate
from unstuck.nudges.sweep import Wanted, Whom
from unstuck.nudges.told import Told

#: A nudge: ticket, rule, occasion, step.
Key = tuple[int, str, str, int]


def key_of(one: Wanted) -> Key:
    return one.ticket.id, one.next.rule, one.next.occasion, one.next.step


@dataclass(slots=True)
class Morning:
    """A digest."""

    key: str
    whom: Whom
    #: Its day's first decent instant, by which the caps count it, and when it is due.
    at: datetime
    due: datetime
    #: Lines that wait for it, and how many it has with those that were sent.
    waiting: dict[Key, Wanted] = field(default_factory=dict)
    lines: int = 0


@dataclass(slots=True)
class Books:
    """What was planned, and what became of it."""

    #: Nudges that go out by themselves, with when.
    alone: dict[Key, tuple[Wanted, datetime]] = field(default_factory=dict)
    #: Digests to come, by key.
    open: dict[str, Morning] = field(default_factory=dict)
    _mornings: dict[str, Morning] = field(default_factory=dict)
    #: By ticket.
    _told: dict[int, dict[Key, Told]] = field(default_factory=dict)
    _due: dict[int, dict[Key, Wanted]] = field(default_factory=dict)
    #: When messages were sent, in order, and the digests that lines wait for.
    _messages: dict[Whom, list[datetime]] = field(default_factory=dict)
    _gathering: dict[Whom, set[str]] = field(default_factory=dict)

    def about(self, ticket: int) -> list[Told]:
        """All nudges about a ticket."""
        return list(self._told.get(ticket, {}).values())

    def on_their_way(self, ticket: int) -> list[Wanted]:
        """Those of them that are due."""
        return list(self._due.get(ticket, {}).values())

    def heard(self, whom: Iterable[Whom], now: datetime) -> dict[Whom, list[datetime]]:
        """When each of them got, or is about to get, messages in the last days."""
        found = {}
        for one in whom:
            sent = self._messages.get(one, [])
            awaited = (self._mornings[digest].at for digest in self._gathering.get(one, ()))
            found[one] = [*sent[bisect_right(sent, now - RECENT) :], *awaited]
        return found

    def lines(self, digests: Collection[str]) -> dict[str, int]:
        """How many lines digests have already, by key."""
        return {digest: self._mornings[digest].lines for digest in digests if digest in self._mornings}

    def plan_alone(self, one: Wanted) -> None:
        self._write(one, one.next.at)
        self.alone[key_of(one)] = one, one.next.at

    def plan_line(self, line: Line) -> Morning:
        """A line of a digest; a nudge by itself where that is over."""
        one, key = line.one, key_of(line.one)
        self._write(one, line.at)
        if line.digest not in self._mornings:
            new = Morning(line.digest, one.whom, line.at, line.at + GATHER)
            self._mornings[line.digest] = self.open[line.digest] = new
        morning = self._mornings[line.digest]
        morning.lines += 1
        if line.digest not in self.open:
            self.alone[key] = one, line.at
        else:
            morning.waiting[key] = one
            self._gathering.setdefault(one.whom, set()).add(line.digest)
        return morning

    def _write(self, one: Wanted, due: datetime) -> None:
        told = Told(one.next.occasion, one.next.step, one.next.recipient, "due", due)
        self._told.setdefault(one.ticket.id, {})[key_of(one)] = told
        self._due.setdefault(one.ticket.id, {})[key_of(one)] = one

    def settle(self, one: Wanted, fate: Fate | Literal["sent"], now: datetime) -> None:
        """It has been sent, held back, taken back, or reaches nobody."""
        key, about = key_of(one), self._told[one.ticket.id]
        about[key] = replace(about[key], state=fate, sent_at=now if fate in ("sent", "held") else None)
        del self._due[one.ticket.id][key]
        self.alone.pop(key, None)
        for digest in list(self._gathering.get(one.whom, ())):
            morning = self._mornings[digest]
            if morning.waiting.pop(key, None) and fate != "sent":
                morning.lines -= 1
            if not morning.waiting:
                self._gathering[one.whom].remove(digest)

    def close(self, morning: Morning) -> None:
        """It is sent now, or there is nothing left to tell."""
        del self.open[morning.key]

    def count_message(self, whom: Whom, now: datetime) -> None:
        self._messages.setdefault(whom, []).append(now)
