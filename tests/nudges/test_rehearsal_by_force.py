"""A rehearsal of the real log against a replay by force: every open ticket at every step, with books of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from unstuck.clock import FrozenClock, iso
from unstuck.deps import Deps
from unstuck.imports.mapping import read_map
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.ladder import Next, Told, next_nudge
from unstuck.nudges.rehearsal import as_json, rehearse
from unstuck.stalls import thresholds, visits
from unstuck.stalls.find import Stall, find
from unstuck.stalls.histories import History, histories
from unstuck.stalls.turn import whose_turn
from unstuck.testing import Databases, import_file, shared_data
from unstuck.testing_nudges import small_desk
from unstuck.tickets.database import reading
from unstuck.tickets.history import TICKET
from unstuck.tickets.timeline import Timeline

END = datetime(2016, 6, 1, 12, tzinfo=UTC)
STEP, A_DAY = timedelta(minutes=10), 144
LOG = "uci_incident_event_log"
#: Messages a day, lines of a digest, when a day begins and when its digests go out.
CAP, LINES, NINE, GATHERED = 5, 20, time(9), time(9, 10)


def may_wait(upcoming: Next) -> bool:
    """A person's first about it."""
    return upcoming.recipient.startswith("person:") and upcoming.step == 0 and "+" not in upcoming.occasion


def workday_after(day: date) -> date:
    return next(one for one in (day + timedelta(days=n) for n in range(1, 8)) if one.weekday() < 5)


@dataclass
class Past:
    """A ticket, folded anew whenever something happened to it."""

    history: History
    told: list[Told] = field(default_factory=list)
    #: For want of a place it is left alone until then, if nothing happens to it.
    rests: datetime | None = None
    _folded: dict[int, Timeline | None] = field(default_factory=dict)

    def at(self, now: datetime) -> Timeline | None:
        known = sum(change.at <= now for change in self.history.changes) if self._folded else 0
        known = known or self.history.known_at(now)
        if known not in self._folded:
            self._folded, self.rests = {known: self.history.first(known)}, None
        return self._folded[known]

    def mark(self, upcoming: Next, state: str, now: datetime) -> None:
        rest = [one for one in self.told if (one.occasion, one.step) != (upcoming.occasion, upcoming.step)]
        sent_at = now if state == "sent" else None
        self.told = [*rest, Told(upcoming.occasion, upcoming.step, upcoming.recipient, state, now, sent_at)]


@dataclass
class Digest:
    """What a person hears on one morning."""

    waiting: list[tuple[Past, Next]] = field(default_factory=list)
    sent: bool = False


@dataclass
class Force:
    """What would have been sent, by looking at everything all the time. Five days a week from nine on, no calendars."""

    desk: Desk
    pasts: list[Past]
    zone: ZoneInfo
    sent: list[tuple[Past, Next, datetime]] = field(default_factory=list)
    put_off: set[tuple[int, str, int]] = field(default_factory=set)
    moved_before: int = 0
    digests: defaultdict[tuple[str, date], Digest] = field(default_factory=lambda: defaultdict(Digest))
    #: Messages of one nudge each.
    alone: Counter[tuple[str, date]] = field(default_factory=Counter)

    def step(self, now: datetime) -> None:
        wanted = sorted(self._wanted(now), key=lambda one: (-one[1].waited / max(one[1].threshold, 1), one[1].ticket))
        today, before = now.astimezone(self.zone).date(), Counter[str]()
        mild, others = [], []
        for past, stall, upcoming in wanted:
            before[upcoming.recipient] += 1
            if before[upcoming.recipient] > CAP + LINES:
                self._leave(past, upcoming, today)
            elif may_wait(upcoming) and stall.waited < 1.5 * max(stall.threshold, 1):
                mild.append((past, upcoming))
            else:
                others.append((past, upcoming))
        early = today.weekday() < 5 and now.astimezone(self.zone).time() < GATHERED
        for past, upcoming in mild:
            if not early or not self._write(past, upcoming, today):
                self._write_or_leave(past, upcoming, today)
        over = [one for one in others if not self._send_alone(*one, today, now)]
        for past, upcoming in over:
            if may_wait(upcoming):
                self._write_or_leave(past, upcoming, today)
            else:
                self._leave(past, upcoming, today)
        for digest in self.digests.values():
            digest.waiting = [one for one in digest.waiting if self._holds(*one, now)]
        for (_, day), digest in self.digests.items():
            if digest.waiting and (day < today or (day == today and now.astimezone(self.zone).time() >= GATHERED)):
                self._send_together(digest, now)

    def _wanted(self, now: datetime) -> Iterator[tuple[Past, Stall, Next]]:
        for past in self.pasts:
            timeline, source = past.at(now), past.history.ticket.source_id
            stall = find(timeline, self.desk.policy(source), now) if timeline else None
            if stall is None or (past.rests is not None and now < past.rests):
                continue
            upcoming = next_nudge(stall, past.told, self.desk.situation(source, stall), now)
            if upcoming is not None and upcoming.at <= now:
                yield past, stall, upcoming

    def _send_alone(self, past: Past, upcoming: Next, today: date, now: datetime) -> bool:
        whose = upcoming.recipient, today
        digest = self.digests.get(whose)
        if self.alone[whose] + bool(digest and (digest.sent or digest.waiting)) >= CAP:
            return False
        self.alone[whose] += 1
        past.mark(upcoming, "sent", now)
        self.sent.append((past, upcoming, now))
        return True

    def _write_or_leave(self, past: Past, upcoming: Next, today: date) -> None:
        if not self._write(past, upcoming, workday_after(today)):
            self._leave(past, upcoming, today)

    def _write(self, past: Past, upcoming: Next, morning: date) -> bool:
        """Into a morning's digest, unless that is full, or would be one message too many."""
        digest, alone = self.digests[upcoming.recipient, morning], self.alone[upcoming.recipient, morning]
        if len(digest.waiting) == LINES or (not digest.waiting and not digest.sent and alone >= CAP):
            return False
        digest.waiting.append((past, upcoming))
        past.mark(upcoming, "due", upcoming.at)
        return True

    def _leave(self, past: Past, upcoming: Next, today: date) -> None:
        past.rests = datetime.combine(workday_after(today), NINE, self.zone)
        self.put_off.add((past.history.ticket.id, upcoming.occasion, upcoming.step))

    def _holds(self, past: Past, upcoming: Next, now: datetime) -> bool:
        timeline = past.at(now)
        turn = whose_turn(timeline) if timeline else None
        if turn is None or iso(turn.still_since) != upcoming.occasion:
            past.mark(upcoming, "withdrawn", now)
            self.moved_before += 1
            return False
        return True

    def _send_together(self, digest: Digest, now: datetime) -> None:
        for past, upcoming in digest.waiting:
            timeline = past.at(now)
            assert timeline is not None
            turn = whose_turn(timeline)
            meant = turn is not None and upcoming.recipient == f"person:{turn.assignee}"
            past.mark(upcoming, "sent" if meant else "failed", now)
            if meant:
                self.sent.append((past, upcoming, now))
                digest.sent = True
        digest.waiting = []

    def counts(self, start: datetime, end: datetime) -> dict[str, Any]:
        moved = [self._moved_at(past, upcoming, at, end) for past, upcoming, at in self.sent]
        pairs = list(zip(self.sent, moved, strict=True))
        first: dict[tuple[int, str], timedelta] = {}
        for (past, upcoming, at), then in pairs:
            occasion = upcoming.occasion.partition("+")[0]
            first.setdefault((past.history.ticket.id, occasion), (then or end) - at)
        nudges = Counter(upcoming.recipient for _, upcoming, _ in self.sent)
        mornings = Counter(recipient for (recipient, _), digest in self.digests.items() if digest.sent)
        messages = Counter(mornings)
        for (recipient, _), n in self.alone.items():
            messages[recipient] += n
        return {
            "from": iso(start),
            "until": iso(end),
            "messages": messages.total(),
            "digests": mornings.total(),
            "lines": len(self.sent) - self.alone.total(),
            "sent": len(self.sent),
            "tickets": len({past.history.ticket.id for past, _, _ in self.sent}),
            "recipients": sorted((n, messages[recipient]) for recipient, n in nudges.items()),
            "by_step": dict(sorted(Counter(str(upcoming.step) for _, upcoming, _ in self.sent).items())),
            "by_rule": dict(Counter(upcoming.rule for _, upcoming, _ in self.sent)),
            "after_moved": 0,
            "moved_within_2h": sum(then is not None and then - at <= timedelta(hours=2) for (_, _, at), then in pairs),
            "moved_before": self.moved_before,
            "avoidable_hours": round(sum(first.values(), timedelta()).total_seconds() / 3600),
            "put_off": len(self.put_off),
        }

    def _moved_at(self, past: Past, upcoming: Next, at: datetime, end: datetime) -> datetime | None:
        """When the ticket's standing still was over."""
        for change in past.history.changes:
            if at < change.at <= end:
                timeline = past.history.at(change.at)
                turn = whose_turn(timeline) if timeline else None
                if turn is None or iso(turn.still_since) != upcoming.occasion.partition("+")[0]:
                    return change.at
        return None


def by_force(deps: Deps, start: datetime, end: datetime) -> dict[str, Any]:
    with deps.facts.connect() as relations, reading(deps.engine) as connection:
        desk = read_desk(connection, deps.settings, {})
        seen = visits.read(relations, desk.calendars)
        tickets = list(connection.execute(TICKET.select().with_only_columns(TICKET.c.id)).scalars())
        pasts = [Past(one) for one in histories(connection, tickets)]
    found = Force(desk, [], ZoneInfo(deps.settings.timezone))
    for number in range((end - start) // STEP + 1):
        now = start + number * STEP
        if number % A_DAY == 0:
            found.desk = desk.having_learned(thresholds.learn(seen, now))
            # Nothing more happens to what was over before this day began and is not touched in it.
            until = now + timedelta(days=1)
            found.pasts = [past for past in pasts if past.at(now) is None or lives(past, now, until)]
            for past in found.pasts:
                past.rests = None
        found.step(now)
    return found.counts(start, end)


def lives(past: Past, start: datetime, end: datetime) -> bool:
    timeline = past.at(start)
    touched = any(start <= change.at < end for change in past.history.changes)
    return touched or (timeline is not None and timeline.current.stage_class.is_open)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("days", [21])
def test_the_rehearsal_counts_what_a_replay_by_force_counts(databases: Databases, tmp_path: Path, days: int) -> None:
    log, mapping = (shared_data(f"tickets/{LOG}{end}", Path(__file__).parents[2]) for end in (".csv.gz", ".map.toml"))
    if log is None or mapping is None:
        pytest.skip("the real log is not here")
    with small_desk(databases.sqlite(), tmp_path / "home", rules="", clock=FrozenClock(END)) as deps:
        import_file(deps.engine, log, read_map(mapping))
        found = as_json(rehearse(deps.engine, deps.facts, deps.settings, END, days))
        found["recipients"] = sorted((one["n"], one["messages"]) for one in found["recipients"])
        assert found["sent"] > 100
        assert found["digests"] > 100
        assert found["moved_before"] > 10
        assert found == by_force(deps, END - timedelta(days=days), END)
