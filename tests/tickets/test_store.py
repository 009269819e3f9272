"""The store: each change once, whatever order and however often it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from unstuck.testing import NOON, a_change, a_ticket, store_changes
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, Feedback, Message, PersonRecord, StageClass, TeamRecord, TicketChange
from unstuck.tickets.history import timelines
from unstuck.tickets.tables import Merge, Person, Stage, Team, Ticket, TicketFeedback, TicketMessage


def snapshot(engine: Engine, source: str = "test") -> list[tuple[Any, ...]]:
    """All that a source's tickets are, without the numbers and stamps of their arrival."""
    with Session(engine) as session:
        tickets = session.connection().execute(
            text(
                "SELECT t.ext_id, t.title, t.status, t.stage_class, t.team, t.assignee, CAST(t.values AS TEXT),"
                " t.created_at, t.updated_at, t.still_since, t.solved_at, t.closed_at, t.deleted_at"
                " FROM ticket t JOIN source s ON s.id = t.source_id WHERE s.name = :source ORDER BY t.ext_id"
                if engine.dialect.name == "postgresql"
                else 'SELECT t.ext_id, t.title, t.status, t.stage_class, t.team, t.assignee, t."values",'
                " t.created_at, t.updated_at, t.still_since, t.solved_at, t.closed_at, t.deleted_at"
                " FROM ticket t JOIN source s ON s.id = t.source_id WHERE s.name = :source ORDER BY t.ext_id"
            ),
            {"source": source},
        )
        messages = session.connection().execute(
            text(
                "SELECT t.ext_id, c.change_key, m.body, m.public FROM message m JOIN change c ON c.id = m.change_id"
                " JOIN ticket t ON t.id = m.ticket_id JOIN source s ON s.id = t.source_id"
                " WHERE s.name = :source ORDER BY 2"
            ),
            {"source": source},
        )
        merges = session.connection().execute(
            text(
                "SELECT m.into_ext_id, m.into_ticket_id IS NULL, t.ext_id FROM merge m"
                " JOIN ticket t ON t.id = m.ticket_id JOIN source s ON s.id = t.source_id"
                " WHERE s.name = :source ORDER BY 3, 1"
            ),
            {"source": source},
        )
        return [tuple(row) for rows in (tickets, messages, merges) for row in rows]


STATUSES = ["New", "Active", "Awaiting User", "Resolved", "Closed", None]


@st.composite
def histories(draw: st.DrawFn) -> list[TicketChange]:
    kinds = st.sampled_from([ChangeKind.UPDATED] * 6 + [ChangeKind.DELETED, ChangeKind.RESTORED, ChangeKind.MERGED])
    changes = []
    for place in range(draw(st.integers(1, 14))):
        kind = draw(kinds)
        ticket = draw(st.sampled_from(["T-1", "T-2", "T-3"]))
        fields = draw(st.sets(st.sampled_from(["status", "team", "assignee", "priority", "title"])))
        values = {
            name: draw(st.sampled_from(STATUSES if name == "status" else ["a", "b", None])) for name in sorted(fields)
        }
        changes.append(
            a_change(
                ticket,
                draw(st.integers(0, 4)),
                change_id=f"c{place}",
                kind=kind,
                values=values,
                order=place,
                message=Message("hi", "agent") if draw(st.booleans()) and kind is ChangeKind.UPDATED else None,
                merged_into="T-2" if kind is ChangeKind.MERGED and ticket != "T-2" else None,
                ticket_created_at=NOON if draw(st.booleans()) else None,
            )
        )
    return changes


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), st.data())
def test_any_order_splitting_and_repetition_gives_the_same_store(
    engine: Engine, changes: list[TicketChange], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(changes + data.draw(st.lists(st.sampled_from(changes), max_size=5))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=4)))
    straight, shuffled = _fresh_names(engine)
    store_changes(engine, changes, source=straight)
    for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True):
        store_changes(engine, again[start:end], source=shuffled)
    assert snapshot(engine, straight) == snapshot(engine, shuffled)


def _fresh_names(engine: Engine) -> tuple[str, str]:
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM source")).scalar()
    return f"straight-{count}", f"shuffled-{count}"


def test_the_same_change_twice_is_one_change(engine: Engine) -> None:
    changes = a_ticket("T-1", (1, "Active"), (2, "Resolved"))
    assert store_changes(engine, changes) == store.Applied(changes=3, new_changes=3, messages=0)
    assert store_changes(engine, changes) == store.Applied(changes=3, new_changes=0, messages=0)
    assert store_changes(engine, changes + changes).new_changes == 0


def test_a_batch_may_repeat_itself(engine: Engine) -> None:
    changes = a_ticket("T-1", (1, "Active"))
    assert store_changes(engine, changes + changes).new_changes == 2


def test_only_touched_tickets_get_a_new_revision(engine: Engine) -> None:
    store_changes(engine, a_ticket("T-1") + a_ticket("T-2"))
    before = revisions(engine)
    store_changes(engine, a_ticket("T-1") + a_ticket("T-2", (1, "Active")))
    after = revisions(engine)
    assert after["T-1"] == before["T-1"]
    assert after["T-2"] > max(before.values())


def revisions(engine: Engine) -> dict[str, int]:
    with Session(engine) as session:
        return {ticket.ext_id: ticket.revision for ticket in session.execute(select(Ticket)).scalars()}


def one(engine: Engine, model: type[Any]) -> Any:
    with Session(engine) as session:
        return session.execute(select(model)).scalars().one()


def test_what_is_not_a_column_is_in_values(engine: Engine) -> None:
    store_changes(engine, [a_change(status="New", priority="P1", title="缺货", colour="red", assignee=None)])
    ticket = one(engine, Ticket)
    assert ticket.title == "缺货"
    assert ticket.values == {"priority": "P1", "colour": "red"}


def test_times_come_back_aware_and_in_utc(engine: Engine) -> None:
    store_changes(engine, [a_change(status="New")])
    ticket = one(engine, Ticket)
    assert ticket.created_at == NOON
    assert ticket.created_at.utcoffset().total_seconds() == 0


def test_messages_and_feedback_are_stored_once(engine: Engine) -> None:
    changes = [
        a_change(kind=ChangeKind.MESSAGE, message=Message("try this", "agent", public=False), actor="ann"),
        a_change(at=1, kind=ChangeKind.FEEDBACK, feedback=Feedback(1, "bad", 1, 5)),
    ]
    store_changes(engine, changes)
    store_changes(engine, changes)
    message, feedback = one(engine, TicketMessage), one(engine, TicketFeedback)
    assert (message.author, message.author_kind, message.public, message.body) == ("ann", "agent", False, "try this")
    assert (feedback.score, feedback.text) == (1, "bad")


def test_a_merge_finds_its_target_even_when_that_arrives_later(engine: Engine) -> None:
    store_changes(engine, [*a_ticket("T-1"), a_change("T-1", 1, kind=ChangeKind.MERGED, merged_into="T-2")])
    assert one(engine, Merge).into_ticket_id is None
    store_changes(engine, a_ticket("T-2"))
    assert one(engine, Merge).into_ticket_id is not None


def test_unknown_statuses_are_classed_by_name_and_marked(engine: Engine) -> None:
    store_changes(engine, [a_change(status="等待客户回复"), a_change(at=1, status="Pending vendor")])
    with Session(engine) as session:
        stages = {stage.status: (stage.stage_class, stage.set_by) for stage in session.execute(select(Stage)).scalars()}
    assert stages == {
        "等待客户回复": ("WAIT_CUSTOMER", "recognised"),
        "Pending vendor": ("WAIT_VENDOR", "recognised"),
    }


def put_stages(engine: Engine, meaning: dict[str, tuple[str, StageClass]], set_by: str) -> None:
    with Session(engine) as session, session.begin():
        store.put_stages(session, store.get_source(session, "test", "test"), meaning, set_by)


def test_a_new_meaning_refolds_the_tickets(engine: Engine) -> None:
    store_changes(engine, a_ticket("T-1", (1, "Parked")))
    before = revisions(engine)["T-1"]
    put_stages(engine, {"Parked": ("Parked", StageClass.SOLVED)}, "map")
    ticket = one(engine, Ticket)
    assert (ticket.stage_class, ticket.solved_at is not None) == ("SOLVED", True)
    assert ticket.revision > before


def test_the_map_does_not_overrule_an_admin(engine: Engine) -> None:
    put_stages(engine, {"Parked": ("Parked", StageClass.WAIT_VENDOR)}, "admin")
    put_stages(engine, {"Parked": ("Parked", StageClass.ACTIVE)}, "map")
    assert one(engine, Stage).stage_class == "WAIT_VENDOR"


def test_people_and_teams_keep_what_a_later_record_does_not_know(engine: Engine) -> None:
    def put(people: Sequence[PersonRecord], teams: Sequence[TeamRecord]) -> None:
        with Session(engine) as session, session.begin():
            source = store.get_source(session, "test", "test")
            store.put_people(session, source, people)
            store.put_teams(session, source, teams)

    put([PersonRecord("1", "Ann", kind="agent", email="ann@example.org")], [TeamRecord("7", "Billing", lead="1")])
    put([PersonRecord("1", "Ann Li")], [TeamRecord("7", "Billing")])
    person, team = one(engine, Person), one(engine, Team)
    assert (person.name, person.kind, person.email) == ("Ann Li", "agent", "ann@example.org")
    assert team.lead == "1"


def test_cursors_are_kept_with_the_data(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        source = store.get_source(session, "test", "test")
        assert store.get_cursor(session, source, "tickets") is None
        store.put_cursor(session, source, "tickets", "41", at=NOON)
        store.put_cursor(session, source, "tickets", "42", at=NOON)
        assert store.get_cursor(session, source, "tickets") == "42"


def test_timelines_come_back_with_messages(engine: Engine) -> None:
    message = a_change(at=1, kind=ChangeKind.MESSAGE, message=Message("hello", "customer"), actor="carl")
    store_changes(engine, [*a_ticket("T-1", (2, "Resolved")), message])
    with store.reading(engine) as connection:
        (story,) = timelines(connection, [one(engine, Ticket).id])
    assert [stay.status for stay in story.stays] == ["New", "Resolved"]
    assert [(activity.actor, activity.body) for activity in story.messages] == [("carl", "hello")]
