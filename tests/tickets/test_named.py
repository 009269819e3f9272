"""Which ticket a text names."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from unstuck.testing import a_ticket, store_changes
from unstuck.tickets.named import ticket_named
from unstuck.tickets.tables import Ticket


@pytest.fixture
def session(engine: Engine):  # type: ignore[no-untyped-def]
    changes = [change for name in ("INC0010023", "SUP-12", "4711") for change in a_ticket(name, (1, "Solved"))]
    store_changes(engine, changes)
    with Session(engine) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("why is INC0010023 stuck?", "INC0010023"),
        ("SUP-12的打印机还是不行", "SUP-12"),
        ("see ticket 4711, it leaks", "4711"),
        ("#4711 leaks", "4711"),
        ("工单4711又漏水了", "4711"),
        ("工单号：4711 又漏水了", "4711"),
        ("error 4711 on the display", None),
        ("SUP-123 leaks", None),
        ("XSUP-12 leaks", None),
        ("INC0010023 and SUP-12 leak", None),
        ("' OR 1=1 --", None),
        ("", None),
    ],
)
def test_the_one_ticket_that_a_text_names(session: Session, text: str, named: str | None) -> None:
    found = ticket_named(session, text)
    ticket = session.get(Ticket, found) if found is not None else None
    assert (ticket.ext_id if ticket else None) == named
