"""Where each nudge finds a place: today by itself, in a morning's digest, or another day. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from unstuck.nudges.desk import Desk
from unstuck.nudges.mornings import is_mild, may_wait, morning_of, next_morning_of
from unstuck.nudges.rules import DIGEST_LINES
from unstuck.nudges.sweep import Wanted, Whom

#: How far back messages may count against a day's cap.
RECENT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Line:
    """A nudge that a digest will tell."""

    one: Wanted
    #: The digest's key, and its day's first decent instant.
    digest: str
    at: datetime


@dataclass(slots=True)
class Places:
    """What a sweep wants, by where it goes."""

    alone: list[Wanted] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    #: For another day.
    left_out: list[Wanted] = field(default_factory=list)


def find_places(
    wanted: Sequence[Wanted],
    heard: dict[Whom, list[datetime]],
    waiting: Callable[[Collection[str]], Mapping[str, int]],
    desk: Desk,
    now: datetime,
) -> Places:
    """A place for each, the longest overdue first.

    `heard` are the messages of the last days, to which digests that begin here are added; `waiting` says how many
    lines digests have already, by key.
    """
    found, gathering = Places(), _Gathering(heard, waiting, desk, now)
    no_room = gathering.take([one for one in wanted if is_mild(one, desk)], morning_of)
    found.left_out += gathering.take(no_room, next_morning_of)
    found.alone, over = within_caps([one for one in wanted if not is_mild(one, desk)], heard, desk, now)
    found.left_out += [one for one in over if not may_wait(one, desk)]
    found.left_out += gathering.take([one for one in over if may_wait(one, desk)], next_morning_of)
    found.lines = gathering.lines
    return found


@dataclass(slots=True)
class _Gathering:
    """Nudges that wait for a morning's digest."""

    heard: dict[Whom, list[datetime]]
    waiting: Callable[[Collection[str]], Mapping[str, int]]
    desk: Desk
    now: datetime
    lines: list[Line] = field(default_factory=list)
    _n: Counter[str] = field(default_factory=Counter)

    def take(
        self, some: Iterable[Wanted], when: Callable[[Wanted, Desk, datetime], tuple[str, datetime]]
    ) -> list[Wanted]:
        """Find a place for each, the longest overdue first; those for which there is none.

        A digest is added to what its reader has heard: once, for it is one message, and only where its day has room.
        """
        left_out: list[Wanted] = []
        placed = [Line(one, *when(one, self.desk, self.now)) for one in by_overdue(some)]
        if unknown := {line.digest for line in placed} - self._n.keys():
            self._n.update(self.waiting(unknown))
        for line in placed:
            lines = self._n[line.digest]
            if lines >= DIGEST_LINES or (not lines and not self._has_room(line)):
                left_out.append(line.one)
                continue
            if not lines:
                self.heard.setdefault(line.one.whom, []).append(line.at)
            self._n[line.digest] += 1
            self.lines.append(line)
        return left_out

    def _has_room(self, line: Line) -> bool:
        """Whether its reader may get one more message on the digest's day."""
        start, end = self.desk.situation(line.one.ticket.source_id, line.one.stall).day(
            line.at, line.one.next.recipient
        )
        heard = sum(start <= at < end for at in self.heard.get(line.one.whom, ()))
        return heard < self.desk.rules.person_per_day


def by_overdue(some: Iterable[Wanted]) -> list[Wanted]:
    """The longest overdue first."""
    return sorted(some, key=lambda one: (-one.overdue, one.ticket.id))


def within_caps(
    wanted: Iterable[Wanted], spent: Mapping[Whom, Sequence[datetime]], desk: Desk, now: datetime
) -> tuple[list[Wanted], list[Wanted]]:
    """Nudges that may go out today and those put off: the longest overdue first, so many to a recipient."""
    chosen: list[Wanted] = []
    put_off: list[Wanted] = []
    today: Counter[Whom] = Counter()
    for one in by_overdue(wanted):
        start, end = desk.situation(one.ticket.source_id, one.stall).day(now, one.next.recipient)
        before = sum(start <= at < end for at in spent.get(one.whom, ()))
        if before + today[one.whom] < desk.rules.person_per_day:
            today[one.whom] += 1
            chosen.append(one)
        else:
            put_off.append(one)
    return chosen, put_off


def day_after(one: Wanted, desk: Desk, now: datetime) -> datetime:
    """When the caps leave room again: the next decent hour of another day."""
    return desk.situation(one.ticket.source_id, one.stall).next_day(now, one.next.recipient)
