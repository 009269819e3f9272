"""A stall is late and still; the next look is exactly when it becomes one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.stalls.clocks import ROUND_THE_CLOCK, Calendars, Span
from unstuck.stalls.find import Policy, find, next_look
from unstuck.stalls.thresholds import Target, Thresholds
from unstuck.stalls.turn import whose_turn
from unstuck.testing import NOON, a_change, a_ticket
from unstuck.tickets.calendars import BusinessCalendar, make
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.timeline import Timeline, ordered, timeline

OFFICE = make("Asia/Shanghai", {str(n): [["09:00", "18:00"]] for n in range(5)}, "CN")


def policy(hours: float, *, quiet: float = 8, calendar: BusinessCalendar = ROUND_THE_CLOCK) -> Policy:
    return Policy(
        Thresholds(targets=[Target(Span(seconds=int(hours * 3600)))]),
        Calendars({None: calendar}),
        quiet=Span(seconds=int(quiet * 3600)),
    )


def a_timeline(changes: list[TicketChange]) -> Timeline:
    return timeline(1, ordered(changes), {})


def test_late_and_still_is_a_stall() -> None:
    stall = find(a_timeline(a_ticket(assignee="ana")), policy(10), NOON + timedelta(hours=11))
    assert stall is not None
    assert (stall.waited, stall.threshold, stall.compared_by) == (11 * 3600, 10 * 3600, "fixed")
    assert stall.evidence[0].kind == "stay"


def test_late_but_touched_an_hour_ago_is_none() -> None:
    line = a_timeline([*a_ticket(assignee="ana"), a_change(at=10, actor="ana")])
    assert find(line, policy(10), NOON + timedelta(hours=11)) is None
    assert find(line, policy(10), NOON + timedelta(hours=19)) is not None


def test_weekends_and_holidays_do_not_count() -> None:
    wednesday_night = a_timeline(a_ticket(assignee="ana"))
    late = policy(20, calendar=OFFICE)
    assert find(wednesday_night, late, NOON + timedelta(days=4)) is None
    assert find(wednesday_night, late, NOON + timedelta(days=5)) is not None


def test_without_comparables_nothing_stalls() -> None:
    assert find(a_timeline(a_ticket(assignee="ana")), Policy(Thresholds()), NOON + timedelta(days=99)) is None


@pytest.mark.parametrize("calendar", [ROUND_THE_CLOCK, OFFICE])
@given(hours=st.floats(0.5, 200), touched=st.floats(0, 100), quiet=st.floats(0.5, 30))
def test_the_next_look_is_the_first_instant_of_the_stall(
    calendar: BusinessCalendar, hours: float, touched: float, quiet: float
) -> None:
    line = a_timeline([*a_ticket(assignee="ana"), a_change(at=touched, actor="ana")])
    turn, rule = whose_turn(line), policy(hours, quiet=quiet, calendar=calendar)
    assert turn is not None
    at = next_look(turn, line, rule)
    assert at is not None
    assert find(line, rule, at) is not None
    assert find(line, rule, at - timedelta(seconds=1)) is None
