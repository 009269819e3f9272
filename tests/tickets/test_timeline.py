"""The fold of METRICS.md, section 1: one ticket's changes become stays and a standing."""

from __future__ import annotations

from datetime import timedelta

from unstuck.testing import NOON, a_change, a_ticket
from unstuck.tickets.changes import ChangeKind, StageClass
from unstuck.tickets.timeline import ordered, standing, stays, timeline

STAGES = {
    "New": ("New", StageClass.NEW),
    "Active": ("Active", StageClass.ACTIVE),
    "Awaiting User": ("Awaiting User", StageClass.WAIT_CUSTOMER),
    "Resolved": ("Resolved", StageClass.SOLVED),
    "Closed": ("Closed", StageClass.CLOSED),
}


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_a_stay_lasts_until_status_team_or_assignee_change() -> None:
    changes = [
        a_change(at=0, status="New", team="A"),
        a_change(at=1, status="New", team="A", assignee="Ann"),
        a_change(at=2, status="Active", team="A", assignee="Ann"),
        a_change(at=3, status="Active", team="B", assignee="Ann"),
    ]
    history = stays(ordered(changes), STAGES)
    assert [(stay.status, stay.team, stay.assignee) for stay in history] == [
        ("New", "A", None),
        ("New", "A", "Ann"),
        ("Active", "A", "Ann"),
        ("Active", "B", "Ann"),
    ]
    assert [stay.end_at for stay in history] == [NOON + hours(1), NOON + hours(2), NOON + hours(3), None]


def test_values_of_the_first_row_hold_from_creation() -> None:
    row = a_change(at=5, status="Active", ticket_created_at=NOON)
    assert stays([row], STAGES)[0].start_at == NOON


def test_a_creation_after_the_first_row_gives_way_to_it() -> None:
    row = a_change(at=5, status="Active", ticket_created_at=NOON + hours(7))
    assert stays([row], STAGES)[0].start_at == NOON + hours(5)


def test_rows_of_the_same_instant_keep_their_order_and_visits_of_zero_length_count() -> None:
    rows = [a_change(at=0, status=status, order=place) for place, status in enumerate(["New", "Active", "Resolved"])]
    history = stays(ordered(reversed(rows)), STAGES)
    assert [stay.status for stay in history] == ["New", "Active", "Resolved"]
    assert history[1].start_at == history[1].end_at


def test_an_update_that_changes_nothing_is_activity_but_no_stay() -> None:
    story = timeline(1, [a_change(at=0, status="New"), a_change(at=1, status="New", urgency="high")], STAGES)
    assert len(story.stays) == 1
    assert len(story.activities) == 2


def test_a_field_that_is_absent_has_not_changed_and_a_null_team_is_nobody() -> None:
    changes = [a_change(at=0, status="New", team="A"), a_change(at=1, status="Active"), a_change(at=2, team=None)]
    assert [(stay.status, stay.team) for stay in stays(changes, STAGES)] == [
        ("New", "A"),
        ("Active", "A"),
        ("Active", None),
    ]


def test_a_null_status_keeps_the_one_before() -> None:
    changes = [a_change(at=0, status="Active"), a_change(at=1, values={"status": None})]
    assert [stay.status for stay in stays(changes, STAGES)] == ["Active"]


def test_a_merge_drops_a_ticket_until_it_is_restored() -> None:
    changes = [
        *a_ticket(),
        a_change(at=1, kind=ChangeKind.MERGED, merged_into="T-2"),
        a_change(at=2, kind=ChangeKind.RESTORED),
    ]
    assert [stay.stage_class for stay in stays(changes, STAGES)] == ["NEW", "DROPPED", "NEW"]


def test_standing_of_a_reopened_ticket_is_not_solved() -> None:
    changes = a_ticket("T-1", (1, "Resolved"), (2, "Active"))
    now = standing(changes, STAGES)
    assert (now.solved_at, now.closed_at, now.still_since) == (None, None, NOON + hours(2))


def test_standing_remembers_the_last_solution_through_closing() -> None:
    changes = a_ticket("T-1", (1, "Resolved"), (2, "Active"), (3, "Resolved"), (4, "Closed"))
    now = standing(changes, STAGES)
    assert (now.solved_at, now.closed_at) == (NOON + hours(3), NOON + hours(4))


def test_a_ticket_that_goes_straight_to_closed_counts_as_solved_then() -> None:
    now = standing(a_ticket("T-1", (3, "Closed")), STAGES)
    assert now.solved_at == now.closed_at == NOON + hours(3)


def test_a_deleted_ticket_says_since_when() -> None:
    now = standing([*a_ticket(), a_change(at=4, kind=ChangeKind.DELETED)], STAGES)
    assert (now.stage_class, now.deleted_at) == (StageClass.DROPPED, NOON + hours(4))
