"""History replayed: what sweeps and deliveries at every step would have done, if nobody had cared."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from unstuck.clock import iso
from unstuck.nudges.books import Books, Morning, key_of
from unstuck.nudges.desk import Desk
from unstuck.nudges.places import day_after, find_places
from unstuck.nudges.recheck import Fate, fate_of, look_once_more
from unstuck.nudges.sweep import Longest, Wanted, examine
from unstuck.nudges.told import base
from unstuck.stalls.histories import History, Known
from unstuck.stalls.thresholds import Group, Threshold
from unstuck.stalls.turn import whose_turn
from unstuck.tickets.timeline import Timeline

#: How often the rehearsal sweeps and delivers. The real one does so every minute; nudges wait for longer than that.
STEP = timedelta(minutes=10)
#: What late means is learned anew once a day, from what was known then.
RELEARN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """A nudge that would have gone out, and what became of its ticket."""

    ticket: str
    rule: str
    occasion: str
    step: int
    recipient: str
    at: datetime
    #: Whether the ticket had moved by then.
    too_late: bool
    #: When it moved next; None: not until the rehearsal's end.
    moved_at: datetime | None
    #: The digest whose line it was; None: a message of its own.
    digest: str | None = None


class Folded:
    """A history that remembers the last timeline it folded: sweeps ask for the same one again and again."""

    __slots__ = ("_history", "_kept", "_until")

    def __init__(self, history: History) -> None:
        self._history = history
        self._kept: Timeline | None = None
        #: Up to which change, by position, the kept timeline goes.
        self._until = -1

    @property
    def ticket(self) -> Known:
        return self._history.ticket

    def at(self, now: datetime) -> Timeline | None:
        known = self._history.known_at(now)
        if known != self._until:
            self._kept, self._until = self._history.first(known), known
        return self._kept

    def instants(self, start: datetime, end: datetime) -> list[datetime]:
        return self._history.instants(start, end)


@dataclass(slots=True)
class Replay:
    """A sweep and a delivery at every step, though only tickets to which something may have happened are looked at."""

    pasts: Sequence[Folded]
    desk: Desk
    learn: Callable[[datetime], Mapping[Group, Threshold]]
    start: datetime
    end: datetime
    #: Look at every ticket at every step: slow, and for tests only; must lead to the same.
    thorough: bool = False
    sent: list[Sent] = field(default_factory=list)
    #: Nudges that found no place on their day, and lines of digests whose ticket moved before the morning.
    put_off: set[tuple[int, str, int]] = field(default_factory=set)
    moved_before: int = 0
    _books: Books = field(default_factory=Books)
    _pasts: dict[int, Folded] = field(default_factory=dict)
    #: Which tickets to look at, by the number of the step, and in which of these something happens to which.
    _due: dict[int, set[int]] = field(default_factory=dict)
    _queue: list[int] = field(default_factory=list)
    _changed: dict[int, set[int]] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)
    #: The step before which nobody looks at a ticket that was put off, unless it changes.
    _rests: dict[int, int] = field(default_factory=dict)

    def run(self, progress: Callable[[float], None]) -> None:
        steps, daily = self._step(self.end), int(RELEARN / STEP)
        for step in range(0, steps + 1, daily):
            self._schedule(step, ())
        for past in self.pasts:
            ticket = past.ticket.id
            self._pasts[ticket] = past
            self._schedule(0, (ticket,))
            for at in past.instants(self.start, self.end):
                self._schedule(self._step(at), (ticket,))
                self._changed.setdefault(self._step(at), set()).add(ticket)
        while self._queue and (step := heapq.heappop(self._queue)) <= steps:
            due, changed = self._due.pop(step), self._changed.pop(step, set())
            if step % daily == 0:
                self.desk = self.desk.having_learned(self.learn(self._at(step)))
                due |= self._open
                self._rests.clear()
                progress(step / max(steps, 1))
            at_hand = self._pasts.keys() if self.thorough else due
            self._sweep([one for one in at_hand if self._rests.get(one, 0) <= step or one in changed], self._at(step))
            self._deliver(self._at(step))
            if self.thorough:
                self._schedule(step + 1, ())

    def _at(self, step: int) -> datetime:
        return self.start + step * STEP

    def _step(self, at: datetime) -> int:
        """The first sweep that sees what happened at `at`."""
        return max(0, -((self.start - at) // STEP))

    def _schedule(self, step: int, tickets: Iterable[int]) -> None:
        if step not in self._due:
            self._due[step] = set()
            heapq.heappush(self._queue, step)
        self._due[step].update(tickets)

    def _sweep(self, tickets: Collection[int], now: datetime) -> None:
        longest, left_out = Longest(self.desk.rules.most_at_once), []
        moved: list[Wanted] = []
        for ticket in tickets:
            wanted = self._look(ticket, now, moved)
            if wanted is not None:
                place = self.desk.situation(wanted.ticket.source_id, wanted.stall)
                least = longest.add(wanted, place.day(now, wanted.next.recipient)[0])
                left_out += [least] if least else []
        best = longest.best()
        heard = self._books.heard({one.whom for one in best}, now)
        places = find_places(best, heard, self._books.lines, self.desk, now)
        for one in moved:
            self._settle(one, "withdrawn", now)
        for one in places.alone:
            self._books.plan_alone(one)
        for line in places.lines:
            morning = self._books.plan_line(line)
            self._come_back(max(line.at, morning.due), now)
        for one in (*left_out, *places.left_out):
            self.put_off.add((one.ticket.id, one.next.occasion, one.next.step))
            self._rests[one.ticket.id] = self._step(day_after(one, self.desk, now))
            self._schedule(self._rests[one.ticket.id], (one.ticket.id,))

    def _look(self, ticket: int, now: datetime, moved: list[Wanted]) -> Wanted | None:
        """The nudge that a ticket asks for now; those on their way though the ticket has moved are added to `moved`."""
        self._rests.pop(ticket, None)
        past = self._pasts[ticket]
        verdict = examine(past, self._books.about(ticket), self.desk, now)
        (self._open.discard if verdict.still is None else self._open.add)(ticket)
        moved += [one for one in self._books.on_their_way(ticket) if base(one.next.occasion) != verdict.still]
        if verdict.stall and verdict.next and verdict.next.at <= now:
            return Wanted(past.ticket, verdict.stall, verdict.next)
        if verdict.look_at is not None and verdict.look_at <= self.end:
            self._come_back(verdict.look_at, now, ticket)
        return None

    def _deliver(self, now: datetime) -> None:
        for one, due in list(self._books.alone.values()):
            if due <= now and (at := self._may_go(one, now)) is not None:
                if at > now:
                    self._books.alone[key_of(one)] = one, at
                    self._come_back(at, now)
                else:
                    self._send([one], None, now)
        for morning in [one for one in self._books.open.values() if one.due <= now]:
            self._deliver_morning(morning, now)

    def _deliver_morning(self, morning: Morning, now: datetime) -> None:
        """As `digest.gather` has it: what still holds, once all of it may be told."""
        holding = [(one, at) for one in list(morning.waiting.values()) if (at := self._may_go(one, now)) is not None]
        decent_at = max((at for _, at in holding), default=now)
        if decent_at > now:
            morning.due = decent_at
            self._come_back(decent_at, now)
            return
        self._books.close(morning)
        if holding:
            self._send([one for one, _ in holding], morning.key, now)

    def _may_go(self, one: Wanted, now: datetime) -> datetime | None:
        """When a nudge that is due may be sent; None when it is not to be, which is noted."""
        told = self._books.about(one.ticket.id)
        seen = look_once_more(self._pasts[one.ticket.id], one.next, told, self.desk, now)
        fate = fate_of(seen, one.next, told, self.desk, now, asks=one.next.ask)
        if fate == "due":
            return seen.decent_at
        self._settle(one, fate, now)
        return None

    def _settle(self, one: Wanted, fate: Fate, now: datetime) -> None:
        self.moved_before += fate == "withdrawn"
        self._books.settle(one, fate, now)
        self._come_back(now, now, one.ticket.id)

    def _send(self, together: Sequence[Wanted], digest: str | None, now: datetime) -> None:
        """One message."""
        self._books.count_message(together[0].whom, now)
        for one in together:
            self._books.settle(one, "sent", now)
            self._come_back(now, now, one.ticket.id)
            self.sent.append(self._sent(one, digest, now))

    def _come_back(self, at: datetime, now: datetime, *tickets: int) -> None:
        """Stop at that instant, or at the next step."""
        self._schedule(max(self._step(at), self._step(now) + 1), tickets)

    def _sent(self, one: Wanted, digest: str | None, now: datetime) -> Sent:
        past, still = self._pasts[one.ticket.id], base(one.next.occasion)
        return Sent(
            ticket=one.ticket.ext_id,
            rule=one.next.rule,
            occasion=one.next.occasion,
            step=one.next.step,
            recipient=self.desk.directory(one.ticket.source_id).name(one.next.recipient),
            at=now,
            too_late=self._still(past, now) != still,
            moved_at=next((at for at in past.instants(now, self.end) if self._still(past, at) != still), None),
            digest=digest,
        )

    def _still(self, past: Folded, at: datetime) -> str | None:
        timeline = past.at(at)
        turn = whose_turn(timeline, self.desk.policy(past.ticket.source_id).bots) if timeline else None
        return iso(turn.still_since) if turn else None
