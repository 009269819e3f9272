"""Customers and scores put to their tickets: by which key, from when on, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.customers import link
from unstuck.customers.link import Linked
from unstuck.customers.records import CustomerRecord, Keys, Record, Said, ScoreRecord
from unstuck.errors import UserError
from unstuck.testing import NOON, FrozenClock
from unstuck.tickets import store
from unstuck.tickets.changes import ChangeKind, Feedback, PersonRecord, TicketChange
from unstuck.tickets.store import reading

HOUR = timedelta(hours=1)


class Desk:
    """Two customers: cy with tickets 1 (closed) and 2, di with ticket 3."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.clock = engine, FrozenClock(NOON + 10 * HOUR)
        self.sessions = sessionmaker(engine, class_=Session)
        with self.sessions.begin() as session:
            source = store.get_source(session, "desk", "rt")
            store.put_people(
                session, source,
                [PersonRecord("c9", "Cy", "customer", "Cy@Acme.example"), PersonRecord("c8", "Di", "customer", "di@acme.example")],
            )  # fmt: skip
            tickets = (("1", "c9", "A-100", "closed"), ("2", "c9", "A-200", "open"), ("3", "c8", None, "open"))
            changes = [
                TicketChange(
                    number, f"{number}:created", NOON + hour * HOUR, ChangeKind.CREATED,
                    values={"status": status, "customer": customer, "order": order},
                )
                for hour, (number, customer, order, status) in enumerate(tickets)
            ]  # fmt: skip
            store.apply(session, source, changes, seen_at=NOON)

    def put(self, *records: Record, **given: str) -> Linked:
        with self.sessions.begin() as session:
            said = [Said(row, record) for row, record in enumerate(records, start=2)]
            return link.put(session, said, self.clock, **given)  # type: ignore[arg-type]

    def values(self, name: str) -> dict[str, str | None]:
        with reading(self.engine) as connection:
            rows = connection.execute(text('SELECT ext_id, "values" FROM ticket')).all()
        import json

        return {ticket: (json.loads(held) if isinstance(held, str) else held).get(name) for ticket, held in rows}

    def scores(self) -> list[tuple[str, float | None]]:
        query = "SELECT ext_id, score FROM feedback JOIN ticket ON ticket.id = feedback.ticket_id ORDER BY ext_id"
        with reading(self.engine) as connection:
            return [(str(row[0]), row[1]) for row in connection.execute(text(query))]


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def gold(**keys: str) -> CustomerRecord:
    return CustomerRecord(Keys(**keys), {"tier": "gold"})


def score(value: float, hours: float = 5, **keys: str) -> ScoreRecord:
    return ScoreRecord(Keys(**keys), NOON + hours * HOUR, Feedback(value))


@pytest.mark.parametrize(
    ("keys", "tickets"),
    [
        ({"customer": "c9"}, {"1", "2"}),
        ({"email": "cy@acme.example"}, {"1", "2"}),
        ({"order": "a-200"}, {"2"}),
        ({"ticket": "3"}, {"3"}),
        ({"email": "nobody@acme.example"}, set()),
    ],
)
def test_a_tier_reaches_the_customers_tickets_by_any_key(desk: Desk, keys: dict[str, str], tickets: set[str]) -> None:
    found = desk.put(gold(**keys))
    assert {ticket for ticket, tier in desk.values("tier").items() if tier == "gold"} == tickets
    assert (found.customers, found.tickets, found.new_changes) == (1, len(tickets), len(tickets))


def test_saying_it_again_changes_nothing(desk: Desk) -> None:
    desk.put(gold(customer="c9"), score(4, ticket="1"))
    again = desk.put(gold(customer="c9"), score(4, ticket="1"))
    assert again.new_changes == 0
    assert desk.scores() == [("1", 4)]


def test_a_tier_that_changes_is_a_change_of_today_and_of_open_tickets_only(desk: Desk) -> None:
    desk.put(gold(customer="c9"))
    desk.put(CustomerRecord(Keys(customer="c9"), {"tier": "silver"}))
    assert desk.values("tier") == {"1": "gold", "2": "silver", "3": None}
    query = "SELECT at FROM change WHERE change_key LIKE 'crm:2:%' ORDER BY at"
    with reading(desk.engine) as connection:
        moments = [str(row[0])[:13].replace("T", " ") for row in connection.execute(text(query))]
    assert moments == ["2026-01-14 13", "2026-01-14 22"]
    desk.clock.tick(HOUR)
    desk.put(gold(customer="c9"))
    assert desk.values("tier")["2"] == "gold"


def test_of_two_rows_about_one_customer_the_later_one_counts(desk: Desk) -> None:
    rows = gold(email="cy@acme.example"), CustomerRecord(Keys(customer="c9"), {"tier": "silver"})
    desk.put(*rows)
    assert desk.values("tier")["2"] == "silver"
    assert desk.put(*rows).new_changes == 0


def test_a_score_is_about_the_last_ticket_before_it(desk: Desk) -> None:
    desk.put(score(2, hours=0.5, email="cy@acme.example"), score(5, hours=4, email="cy@acme.example"))
    assert desk.scores() == [("1", 2), ("2", 5)]


def test_a_score_without_a_ticket_is_told(desk: Desk) -> None:
    found = desk.put(score(2, hours=-1, customer="c9"), score(3, ticket="77"), score(3, ticket="3"))
    assert [(one.row, one.problem) for one in found.rejected] == [(2, "no_ticket"), (3, "no_ticket")]
    assert found.scores == 1


def test_what_a_crm_says_is_no_sign_of_life(desk: Desk) -> None:
    desk.put(gold(customer="c9"))
    with reading(desk.engine) as connection:
        kind = connection.execute(text("SELECT kind FROM person WHERE ext_id = 'unstuck:crm'")).scalar()
        actors = set(connection.execute(text("SELECT actor FROM change WHERE change_key LIKE 'crm:%'")).scalars())
    assert kind == "bot"
    assert actors == {"unstuck:crm"}


def test_there_must_be_tickets(desk: Desk) -> None:
    with pytest.raises(UserError, match="customers_no_tickets"):
        desk.put(gold(customer="c9"), source="elsewhere")
