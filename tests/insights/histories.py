"""Generated histories: reopenings, merges, restores, same-second events, open spells, unknown teams, idle updates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from unstuck.tickets.changes import ChangeKind, TicketChange

START = datetime(2026, 3, 2, tzinfo=UTC)
CLASSES = {
    "New": "NEW", "Active": "ACTIVE", "Repair": "ACTIVE", "Asked": "WAIT_CUSTOMER", "Parts": "WAIT_VENDOR",
    "Held": "WAIT_INTERNAL", "Solved": "SOLVED", "Closed": "CLOSED", "Spam": "DROPPED",
}  # fmt: skip
TEAMS = ("Alpha", "Beta", "Gamma")
PEOPLE = ("Ana", "Bo", "陈")
PRIORITIES = ("P1", "P2", None)
#: Minutes between changes: none at all often, sometimes weeks.
GAPS = st.one_of(st.just(0), st.integers(0, 90), st.integers(0, 60 * 24 * 9))
STATUSES = st.sampled_from(
    ("New", "Active", "Active", "Repair", "Asked", "Parts", "Held", "Solved", "Solved", "Closed", "Spam")
)


@st.composite
def values(draw: st.DrawFn) -> dict[str, str | None]:
    """What a change says; a field that is absent has not changed."""
    chosen: dict[str, str | None] = {}
    if draw(st.booleans()):
        chosen["status"] = draw(STATUSES)
    if draw(st.integers(0, 2)) == 0:
        chosen["team"] = draw(st.sampled_from((*TEAMS, None)))
    if draw(st.integers(0, 2)) == 0:
        chosen["assignee"] = draw(st.sampled_from((*PEOPLE, None)))
    if draw(st.integers(0, 5)) == 0:
        chosen["priority"] = draw(st.sampled_from(PRIORITIES))
    return chosen


KINDS = st.sampled_from(
    [ChangeKind.UPDATED] * 12 + [ChangeKind.MERGED, ChangeKind.DELETED, ChangeKind.RESTORED, ChangeKind.RESTORED]
)


@st.composite
def ticket(draw: st.DrawFn, name: str) -> list[TicketChange]:
    at = START + timedelta(minutes=draw(st.integers(0, 60 * 24 * 60)))
    first = {
        "status": draw(st.sampled_from(("New", "New", "New", "Active", "Solved", "Spam"))),
        "team": draw(st.sampled_from((*TEAMS, None))),
    }
    first["priority"] = draw(st.sampled_from(PRIORITIES))
    changes = [TicketChange(name, f"{name}-0", at, ChangeKind.CREATED, values=first)]
    for order, (gap, kind, said) in enumerate(draw(st.lists(st.tuples(GAPS, KINDS, values()), max_size=9)), 1):
        at += timedelta(minutes=gap)
        changes.append(TicketChange(name, f"{name}-{order}", at, kind, values=said, order=order))
    return changes


@st.composite
def history(draw: st.DrawFn, most: int = 12) -> list[TicketChange]:
    """A desk's changes, in an order of no meaning: late events come last."""
    n = draw(st.integers(1, most))
    changes = [change for number in range(n) for change in draw(ticket(f"T-{number}"))]
    return changes[::2] + changes[1::2]


@st.composite
def windows(draw: st.DrawFn) -> tuple[datetime, datetime, datetime]:
    """Start, end, and now; now may lie before the end."""
    start = START + timedelta(hours=draw(st.integers(0, 24 * 60)))
    end = start + timedelta(hours=draw(st.integers(1, 24 * 30)))
    now = end + timedelta(hours=draw(st.integers(-24 * 10, 24 * 40)))
    return start, end, max(now, start + timedelta(minutes=1))
