"""The demo desk, made once for all tests."""

from __future__ import annotations

from collections import defaultdict

import pytest

from unstuck.demo.desk import Desk, generate
from unstuck.tickets.changes import TicketChange


@pytest.fixture(scope="session")
def desk() -> Desk:
    return generate()


@pytest.fixture(scope="session")
def histories(desk: Desk) -> dict[str, list[TicketChange]]:
    """Each ticket's changes, in the order the desk gives them."""
    found: dict[str, list[TicketChange]] = defaultdict(list)
    for change in desk.changes:
        found[change.ticket].append(change)
    return dict(found)
