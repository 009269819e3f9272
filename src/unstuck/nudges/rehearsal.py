"""`unstuck nudges rehearse`: the rules replayed over the past, as if every nudge had gone out and nobody had cared.

Nobody presses a button in a rehearsal, so nobody promises anything: the ownership contract, which begins with
"I'm on it", never does, and its questions are left out. So is what managers hear in the morning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from unstuck.clock import iso
from unstuck.nudges.desk import read_desk
from unstuck.nudges.replay import Folded, Replay, Sent
from unstuck.nudges.told import base
from unstuck.settings import Settings
from unstuck.stalls.histories import histories
from unstuck.stalls.thresholds import learn as learn_thresholds
from unstuck.stalls.visits import read as read_visits
from unstuck.tickets.database import reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from unstuck.facts import Facts

#: A ticket that moves so soon after its nudge would have moved without.
SOON = timedelta(hours=2)

_OPEN_BETWEEN = """
SELECT DISTINCT ticket FROM stays
WHERE start_at <= ?::TIMESTAMP AND (end_at IS NULL OR end_at > ?::TIMESTAMP)
    AND class NOT IN ('SOLVED', 'CLOSED', 'DROPPED')
ORDER BY ticket
"""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the rules would have done between two instants."""

    start: datetime
    end: datetime
    #: Every nudge that would have been told, by itself or as a line of a digest.
    sent: Sequence[Sent]
    #: Nudges that found no place on their day because of the caps.
    put_off: int
    #: Lines of a digest whose ticket moved before the morning: told to nobody.
    moved_before: int = 0

    def counts(self) -> dict[str, int]:
        """The figures of the rehearsal by name; hours are calendar hours."""
        lines = [one.digest for one in self.sent if one.digest is not None]
        return {
            "messages": sum(self.messages().values()),
            "digests": len(set(lines)),
            "lines": len(lines),
            "sent": len(self.sent),
            "tickets": len({one.ticket for one in self.sent}),
            "recipients": len({one.recipient for one in self.sent}),
            "after": sum(one.too_late for one in self.sent),
            "soon": sum(one.moved_at is not None and one.moved_at - one.at <= SOON for one in self.sent),
            "hours": round(self._avoidable().total_seconds() / 3600),
        }

    def messages(self) -> Counter[str]:
        """How many messages each recipient would have got; a digest is one."""
        return Counter(recipient for recipient, _ in self._messages())

    def _messages(self) -> Iterator[tuple[str, datetime]]:
        """To whom and when each message would have gone."""
        digests: set[str] = set()
        for one in self.sent:
            if one.digest is None or one.digest not in digests:
                yield one.recipient, one.at
            digests |= {one.digest} if one.digest else set()

    def _avoidable(self) -> timedelta:
        """How long tickets went on standing still after the first nudge of each occasion."""
        first: dict[tuple[str, str], Sent] = {}
        for one in self.sent:
            first.setdefault((one.ticket, base(one.occasion)), one)
        return sum(((one.moved_at or self.end) - one.at for one in first.values()), timedelta())

    def busiest(self) -> tuple[str, int, int]:
        """Who would have got most messages, how many, and how many on their worst day (UTC)."""
        name, n = self.messages().most_common(1)[0]
        return name, n, max(Counter(at.date() for recipient, at in self._messages() if recipient == name).values())


def as_json(found: Rehearsal) -> dict[str, Any]:
    """The rehearsal as JSON: `sent` are nudges, told by themselves or as lines of digests; a digest is one message."""
    counts, nudges, messages = found.counts(), Counter(one.recipient for one in found.sent), found.messages()
    return {
        "from": iso(found.start),
        "until": iso(found.end),
        "messages": counts["messages"],
        "digests": counts["digests"],
        "lines": counts["lines"],
        "sent": counts["sent"],
        "tickets": counts["tickets"],
        "recipients": [{"recipient": name, "n": n, "messages": messages[name]} for name, n in nudges.most_common()],
        "by_step": {str(step): n for step, n in sorted(Counter(one.step for one in found.sent).items())},
        "by_rule": dict(Counter(one.rule for one in found.sent)),
        "after_moved": counts["after"],
        "moved_within_2h": counts["soon"],
        "moved_before": found.moved_before,
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
    return Rehearsal(start, now, replay.sent, len(replay.put_off), replay.moved_before)


def _open_between(connection: DuckDBPyConnection, start: datetime, end: datetime) -> list[int]:
    bounds = [end.replace(tzinfo=None), start.replace(tzinfo=None)]
    return [row[0] for row in connection.execute(_OPEN_BETWEEN, bounds).fetchall()]
