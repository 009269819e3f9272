"""Metrics by replay: plain Python that walks raw changes one by one. No SQL, no stays.

Slow and literal on purpose; what it says is what METRICS.md says. Durations in seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from unstuck.tickets.changes import ChangeKind, TicketChange

OPEN = {"NEW", "ACTIVE", "WAIT_CUSTOMER", "WAIT_INTERNAL", "WAIT_VENDOR"}
DONE = {"SOLVED", "CLOSED"}
ALL_OPEN = OPEN


@dataclass(frozen=True)
class State:
    """A ticket between two changes."""

    status: str | None
    team: str | None
    assignee: str | None
    dropped: bool
    kind: str | None

    @property
    def open(self) -> bool:
        return self.kind in OPEN or self.kind is None


@dataclass
class Spell:
    """Something that started; how long it has lasted, and whether it ended as meant."""

    ticket: str
    start: datetime
    seconds: float
    ending: str
    key: str | None = None


@dataclass
class Replay:
    """A desk's history up to `now`."""

    changes: list[TicketChange]
    classes: Mapping[str, str]
    now: datetime
    #: Working seconds of a team between two instants; None: every hour counts.
    hours: Callable[[str | None, datetime, datetime], float] | None = None
    tickets: dict[str, list[TicketChange]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        by_ticket: dict[str, list[TicketChange]] = defaultdict(list)
        for change in self.changes:
            if change.at <= self.now:
                by_ticket[change.ticket].append(change)
        self.tickets = {name: sorted(found, key=lambda c: (c.at, c.order)) for name, found in by_ticket.items()}

    # --- walking ---

    def steps(self, ticket: str) -> Iterator[tuple[datetime, State | None, State]]:
        """Each change: when, the state before it (None at creation), the state after it."""
        before: State | None = None
        for change in self.tickets[ticket]:
            after = self.after(before, change)
            yield change.at, before, after
            before = after

    def after(self, before: State | None, change: TicketChange) -> State:
        status = change.values.get("status") or (before.status if before else None)
        team = change.values.get("team", before.team if before else None)
        who = change.values.get("assignee", before.assignee if before else None)
        dropped = before.dropped if before else False
        if change.kind in (ChangeKind.MERGED, ChangeKind.DELETED):
            dropped = True
        if change.kind is ChangeKind.RESTORED:
            dropped = False
        return State(status, team, who, dropped, "DROPPED" if dropped else self.classes.get(str(status)))

    def spans(self, ticket: str) -> Iterator[tuple[datetime, datetime, State]]:
        """The time between changes, the last one up to now."""
        steps = list(self.steps(ticket))
        ends = [at for at, _, _ in steps[1:]] + [self.now]
        for (at, _, state), end in zip(steps, ends, strict=True):
            yield at, end, state

    def at(self, ticket: str, instant: datetime) -> State | None:
        found = None
        for at, _, after in self.steps(ticket):
            if at <= instant:
                found = after
        return found

    def last(self, ticket: str) -> State:
        return list(self.steps(ticket))[-1][2]

    def created(self, ticket: str) -> datetime:
        return self.tickets[ticket][0].at

    # --- events ---

    def opened(self, start: datetime, end: datetime) -> list[str]:
        return [t for t in self.tickets if start <= self.created(t) < end and not self.last(t).dropped
                and self.last(t).kind != "DROPPED"]  # fmt: skip

    def entries(self, ticket: str) -> list[datetime]:
        """Instants at which the ticket got done: from open (or nothing, or dropped) to solved or closed."""
        return [at for at, before, after in self.steps(ticket)
                if after.kind in DONE and (before is None or before.kind not in DONE)]  # fmt: skip

    def solved(self, start: datetime, end: datetime, *, last: bool = False) -> list[str]:
        found = []
        for ticket in self.tickets:
            entries = self.entries(ticket)
            if entries and start <= entries[-1 if last else 0] < end:
                found.append(ticket)
        return found

    def closed(self, start: datetime, end: datetime) -> list[str]:
        found = []
        for ticket in self.tickets:
            first = next((at for at, _, after in self.steps(ticket) if after.kind == "CLOSED"), None)
            if first is not None and start <= first < end:
                found.append(ticket)
        return found

    def reopenings(self, ticket: str) -> list[datetime]:
        return [at for at, before, after in self.steps(ticket) if before and before.kind in DONE and after.open]

    def reopened(self, start: datetime, end: datetime) -> list[str]:
        return [t for t in self.tickets for at in self.reopenings(t) if start <= at < end]

    def handoffs(self, ticket: str, owner: str = "team") -> list[tuple[datetime, str, str]]:
        """Changes between known owners; instants with an unknown one in between do not count twice."""
        known: str | None = None
        found = []
        for at, _, after in self.steps(ticket):
            new = getattr(after, owner)
            if new is None:
                continue
            if known is not None and new != known:
                found.append((at, known, new))
            known = new
        return found

    def bounced(self, ticket: str) -> list[datetime]:
        """Returns to a team that had the ticket before."""
        seen: set[str] = set()
        found = []
        moves = self.handoffs(ticket)
        if moves:
            seen.add(moves[0][1])
        for at, _, new in moves:
            if new in seen:
                found.append(at)
            seen.add(new)
        return found

    def reopen_rate(self, start: datetime, end: datetime) -> tuple[int, int, int]:
        """Reopened within 7 days, out of how many, and how many were solved too recently to tell."""
        hits = n = recent = 0
        for ticket in self.solved(start, end):
            at = self.entries(ticket)[0]
            if at + timedelta(days=7) > self.now:
                recent += 1
                continue
            n += 1
            hits += any(at <= back <= at + timedelta(days=7) for back in self.reopenings(ticket))
        return hits, n, recent

    def net_flow(self, start: datetime, end: datetime) -> int:
        """Literally the steps into and out of the backlog."""
        flow = 0
        for ticket in self.tickets:
            for at, before, after in self.steps(ticket):
                if start <= at < end:
                    flow += after.open - (before.open if before else False)
        return flow

    # --- states ---

    def backlog(self, instant: datetime) -> list[str]:
        found = []
        for ticket in self.tickets:
            state = self.at(ticket, instant)
            if state is not None and state.open:
                found.append(ticket)
        return found

    def idle(self, ticket: str, instant: datetime) -> float:
        return (instant - max(c.at for c in self.tickets[ticket] if c.at <= instant)).total_seconds()

    # --- durations ---

    def lasted(self, ticket: str, start: datetime, end: datetime) -> float:
        """Seconds from one instant to another; working seconds of whichever team had the ticket."""
        if self.hours is None:
            return (end - start).total_seconds()
        parts = ((max(left, start), min(right, end), state.team) for left, right, state in self.spans(ticket))
        return sum(self.hours(team, left, right) for left, right, team in parts if left < right)

    def ages(self, instant: datetime) -> list[float]:
        return sorted(self.lasted(t, self.created(t), instant) for t in self.backlog(instant))

    def first_responses(self, start: datetime, end: datetime) -> list[Spell]:
        """Creation to the first public message of an agent, or the second if an agent opened the ticket."""
        found = []
        for ticket, changes in self.tickets.items():
            born = self.created(ticket)
            if not start <= born < end:
                continue
            said = [c.at for c in changes if c.message and c.message.public and c.message.author_kind == "agent"]
            skipped = 1 if (changes[0].actor or "").startswith("agent") else 0
            ended = [right for _, right, state in self.spans(ticket) if state.open]
            if len(said) > skipped:
                until, ending = said[skipped], "finished"
            else:
                until, ending = (ended[-1] if ended else born), "open" if self.last(ticket).open else "dropped"
            found.append(Spell(ticket, born, self.lasted(ticket, born, until), ending))
        return found

    def occupancy(self, start: datetime, end: datetime) -> Counter[str]:
        """Seconds inside the window by stage, dropped tickets left out."""
        total: Counter[str] = Counter()
        for ticket in self.tickets:
            for left, right, state in self.spans(ticket):
                since, until = max(left, start), min(right, end, self.now)
                if since < until and state.kind != "DROPPED":
                    total[str(state.status)] += self.lasted(ticket, since, until)  # type: ignore[assignment]
        return total

    def lead_times(self, start: datetime, end: datetime) -> list[Spell]:
        found = []
        for ticket in self.tickets:
            born = self.created(ticket)
            if not start <= born < end:
                continue
            steps = list(self.steps(ticket))
            entries = self.entries(ticket)
            left_open = [at for at, before, after in steps if before and before.open and not after.open]
            if self.last(ticket).open:
                found.append(Spell(ticket, born, self.lasted(ticket, born, self.now), "open"))
            elif entries and not any(after.open for at, _, after in steps[_index(steps, entries[-1], self) + 1 :]):
                found.append(Spell(ticket, born, self.lasted(ticket, born, entries[-1]), "finished"))
            else:
                until = left_open[-1] if left_open else born
                found.append(Spell(ticket, born, self.lasted(ticket, born, until), "dropped"))
        return found

    def visits(self, team: str | None = None) -> list[Spell]:
        """Visits to a status; with a team, the parts of them with that team."""
        found = []
        for ticket in self.tickets:
            current: Spell | None = None
            for at, _, after in self.steps(ticket):
                key = None if after.kind == "DROPPED" or (team is not None and after.team != team) else after.status
                if current is not None and key != current.key:
                    current.seconds = self.lasted(ticket, current.start, at)
                    current.ending = "dropped" if after.kind == "DROPPED" else "finished"
                    found.append(current)
                    current = None
                if current is None and key is not None:
                    current = Spell(ticket, at, 0.0, "open", key)
            if current is not None:
                current.seconds = self.lasted(ticket, current.start, self.now)
                found.append(current)
        return found

    def bottleneck(self, start: datetime, end: datetime) -> dict[str, tuple[float, float, int]]:
        """Excess, occupancy, waiting by status; no timers."""
        until = min(end, self.now)
        visits = [v for v in self.visits() if self.classes.get(str(v.key)) in ALL_OPEN]
        result = {}
        for key in {v.key for v in visits}:
            mine = [v for v in visits if v.key == key]
            usual = quantile([_as_of(v, start) for v in mine if start - timedelta(weeks=8) <= v.start < start], 0.5)
            inside = []
            for v in mine:
                stop = v.start + timedelta(seconds=v.seconds)
                inside.append(max((min(stop, until) - max(v.start, start)).total_seconds(), 0.0))
            excess = sum(max(0.0, x - usual) for x in inside) if usual is not None else 0.0
            waiting = sum(
                v.start < until and (v.ending == "open" or v.start + timedelta(seconds=v.seconds) > until) for v in mine
            )
            result[str(key)] = (excess, sum(inside), waiting)
        return result


def _index(steps: list[tuple[datetime, State | None, State]], at: datetime, replay: Replay) -> int:
    """The step of the last entry to done."""
    return max(
        i for i, (when, before, after) in enumerate(steps)
        if when == at and after.kind in DONE and (before is None or before.kind not in DONE)
    )  # fmt: skip


def _as_of(spell: Spell, instant: datetime) -> Spell:
    """A spell as it stood at `instant`."""
    stop = spell.start + timedelta(seconds=spell.seconds)
    if spell.ending == "open" or stop > instant:
        return Spell(spell.ticket, spell.start, (instant - spell.start).total_seconds(), "open", spell.key)
    return spell


def quantile(spells: Iterable[Spell], share: float) -> float | None:
    """Kaplan-Meier in exact fractions; None where the curve does not get there."""
    left = sorted(spells, key=lambda s: s.seconds)
    survival, target = Fraction(1), 1 - Fraction(str(share))
    while left:
        shortest = left[0].seconds
        ended = sum(s.seconds == shortest and s.ending == "finished" for s in left)
        survival *= 1 - Fraction(ended, len(left))
        if ended and survival <= target:
            return shortest
        left = [s for s in left if s.seconds != shortest]
    return None


def nearest_rank(values: Iterable[float], share: float) -> float:
    """The empirical quantile: the value at rank ceil(share * n)."""
    listed = sorted(values)
    rank = -(-Fraction(str(share)) * len(listed) // 1)
    return listed[max(int(rank), 1) - 1]
