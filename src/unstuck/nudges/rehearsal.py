"""`unstuck nudges rehearse`: the rules replayed over the past, as if every nudge had gone out and nobody had cared."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from unstuck.clock import iso
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.ladder import Told, base
from unstuck.nudges.places import day_after, within_caps
from unstuck.nudges.sweep import Wanted, Whom, examine
from unstuck.settings import Settings
from unstuck.stalls.histories import History, Known, histories
from unstuck.stalls.thresholds import Group, Threshold
from unstuck.stalls.thresholds import learn as learn_thresholds
from unstuck.stalls.turn import whose_turn
from unstuck.stalls.visits import read as read_visits
from unstuck.tickets.database import reading
from unstuck.tickets.timeline import Timeline

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from unstuck.facts import Facts

#: How often the rehearsal sweeps. The real one does so every minute; nudges wait for longer than that.
STEP = timedelta(minutes=10)
#: What late means is learned anew once a day, from what was known then.
RELEARN = timedelta(days=1)
#: A ticket that moves so soon after its nudge would have moved without.
SOON = timedelta(hours=2)

_OPEN_BETWEEN = """
SELECT DISTINCT ticket FROM stays
WHERE start_at <= ?::TIMESTAMP AND (end_at IS NULL OR end_at > ?::TIMESTAMP)
    AND class NOT IN ('SOLVED', 'CLOSED', 'DROPPED')
ORDER BY ticket
"""


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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the rules would have done between two instants."""

    start: datetime
    end: datetime
    sent: Sequence[Sent]
    #: Nudges that had to wait for another day because of the caps.
    put_off: int

    def counts(self) -> dict[str, int]:
        """The figures of the rehearsal by name; hours are calendar hours."""
        return {
            "sent": len(self.sent),
            "tickets": len({one.ticket for one in self.sent}),
            "recipients": len({one.recipient for one in self.sent}),
            "after": sum(one.too_late for one in self.sent),
            "soon": sum(one.moved_at is not None and one.moved_at - one.at <= SOON for one in self.sent),
            "hours": round(self._avoidable().total_seconds() / 3600),
        }

    def _avoidable(self) -> timedelta:
        """How long tickets went on standing still after the first nudge of each occasion."""
        first: dict[tuple[str, str], Sent] = {}
        for one in self.sent:
            first.setdefault((one.ticket, base(one.occasion)), one)
        return sum(((one.moved_at or self.end) - one.at for one in first.values()), timedelta())

    def busiest(self) -> tuple[str, int, int]:
        """Who would have heard most, how often, and how often on their worst day (UTC)."""
        name, n = Counter(one.recipient for one in self.sent).most_common(1)[0]
        return name, n, max(Counter(one.at.date() for one in self.sent if one.recipient == name).values())


def as_json(found: Rehearsal) -> dict[str, Any]:
    counts, recipients = found.counts(), Counter(one.recipient for one in found.sent)
    return {
        "from": iso(found.start),
        "until": iso(found.end),
        "sent": counts["sent"],
        "tickets": counts["tickets"],
        "recipients": [{"recipient": name, "n": n} for name, n in recipients.most_common()],
        "by_step": {str(step): n for step, n in sorted(Counter(one.step for one in found.sent).items())},
        "by_rule": dict(Counter(one.rule for one in found.sent)),
        "after_moved": counts["after"],
        "moved_within_2h": counts["soon"],
        "avoidable_hours": counts["hours"],
        "put_off": found.put_off,
    }


def rehearse(
    engine: Engine,
    facts: Facts,
    settings: Settings,
    now: datetime,
    days: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Rehearsal:
    """Replay the `days` before `now` with the rules, people and calendars of today.

    Each threshold is learned from what was known on its day. `progress` is told the share done.
    """
    start = now - timedelta(days=days)
    with facts.connect() as relations, reading(engine) as connection:
        desk = read_desk(connection, settings, {})
        visits = read_visits(relations, desk.calendars)
        pasts = [Folded(one) for one in histories(connection, _open_between(relations, start, now))]
    replay = Replay(pasts, desk, lambda at: learn_thresholds(visits, at), start, now)
    replay.run(progress)
    return Rehearsal(start, now, replay.sent, len(replay.put_off))


def _open_between(connection: DuckDBPyConnection, start: datetime, end: datetime) -> list[int]:
    bounds = [end.replace(tzinfo=None), start.replace(tzinfo=None)]
    return [row[0] for row in connection.execute(_OPEN_BETWEEN, bounds).fetchall()]


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
    """A sweep at every step, though only tickets to which something may have happened are looked at."""

    pasts: Sequence[Folded]
    desk: Desk
    learn: Callable[[datetime], Mapping[Group, Threshold]]
    start: datetime
    end: datetime
    #: Look at every ticket at every step: slow, and for tests only; must lead to the same.
    thorough: bool = False
    sent: list[Sent] = field(default_factory=list)
    put_off: set[tuple[int, str, int]] = field(default_factory=set)
    _told: dict[int, list[Told]] = field(default_factory=dict)
    _heard: dict[Whom, list[datetime]] = field(default_factory=dict)
    #: Which tickets to look at, by the number of the step.
    _due: dict[int, set[int]] = field(default_factory=dict)
    _queue: list[int] = field(default_factory=list)
    _open: set[int] = field(default_factory=set)

    def run(self, progress: Callable[[float], None]) -> None:
        steps, daily = self._step(self.end), int(RELEARN / STEP)
        for step in range(0, steps + 1, daily):
            self._schedule(step, ())
        for position, past in enumerate(self.pasts):
            self._schedule(0, (position,))
            for at in past.instants(self.start, self.end):
                self._schedule(self._step(at), (position,))
        while self._queue and (step := heapq.heappop(self._queue)) <= steps:
            due = self._due.pop(step)
            if step % daily == 0:
                self.desk = self.desk.having_learned(self.learn(self._at(step)))
                due |= self._open
                progress(step / max(steps, 1))
            self._sweep(range(len(self.pasts)) if self.thorough else sorted(due), self._at(step))
            if self.thorough:
                self._schedule(step + 1, ())

    def _at(self, step: int) -> datetime:
        return self.start + step * STEP

    def _step(self, at: datetime) -> int:
        """The first sweep that sees what happened at `at`."""
        return max(0, -((self.start - at) // STEP))

    def _schedule(self, step: int, positions: Iterable[int]) -> None:
        if step not in self._due:
            self._due[step] = set()
            heapq.heappush(self._queue, step)
        self._due[step].update(positions)

    def _sweep(self, positions: Iterable[int], now: datetime) -> None:
        wanted: dict[int, tuple[int, Wanted]] = {}
        for position in positions:
            past = self.pasts[position]
            verdict = examine(past, self._told.get(past.ticket.id, ()), self.desk, now)
            (self._open.discard if verdict.still is None else self._open.add)(position)
            if verdict.stall and verdict.next and verdict.next.at <= now:
                wanted[past.ticket.id] = position, Wanted(past.ticket, verdict.stall, verdict.next)
            elif verdict.look_at is not None and verdict.look_at <= self.end:
                self._schedule(max(self._step(verdict.look_at), self._step(now) + 1), (position,))
        chosen, put_off = within_caps((one for _, one in wanted.values()), self._heard, self.desk, now)
        for one in chosen:
            self._send(one, self.pasts[wanted[one.ticket.id][0]], now)
            self._schedule(self._step(now) + 1, (wanted[one.ticket.id][0],))
        for one in put_off:
            self.put_off.add((one.ticket.id, one.next.occasion, one.next.step))
            self._schedule(self._step(day_after(one, self.desk, now)), (wanted[one.ticket.id][0],))

    def _send(self, one: Wanted, past: Folded, now: datetime) -> None:
        told = Told(one.next.occasion, one.next.step, one.next.recipient, "sent", now, now)
        self._told.setdefault(one.ticket.id, []).append(told)
        self._heard.setdefault((one.ticket.source_id, one.next.recipient), []).append(now)
        still, directory = base(one.next.occasion), self.desk.directory(one.ticket.source_id)
        moved_at = next((at for at in past.instants(now, self.end) if self._still(past, at) != still), None)
        self.sent.append(
            Sent(
                ticket=one.ticket.ext_id,
                rule=one.next.rule,
                occasion=one.next.occasion,
                step=one.next.step,
                recipient=directory.name(one.next.recipient),
                at=now,
                too_late=self._still(past, now) != still,
                moved_at=moved_at,
            )
        )

    def _still(self, past: Folded, at: datetime) -> str | None:
        timeline = past.at(at)
        turn = whose_turn(timeline, self.desk.policy(past.ticket.source_id).bots) if timeline else None
        return iso(turn.still_since) if turn else None
