"""The demo desk's statuses, what they mean, and which may follow which."""

from __future__ import annotations

from unstuck.tickets.changes import StageClass

NEW = "New"
WORKING = "In progress"
WAIT_CUSTOMER = "Waiting for customer"
WAIT_PARTS = "Waiting for parts"
WAIT_WAREHOUSE = "Waiting for warehouse"
WAIT_FINANCE = "Waiting for finance"
SOLVED = "Solved"
CLOSED = "Closed"
SPAM = "Spam"
DUPLICATE = "Duplicate"

#: Status to stage class. Each status is a stage of its own.
STAGES = {
    NEW: StageClass.NEW,
    WORKING: StageClass.ACTIVE,
    WAIT_CUSTOMER: StageClass.WAIT_CUSTOMER,
    WAIT_PARTS: StageClass.WAIT_VENDOR,
    WAIT_WAREHOUSE: StageClass.WAIT_INTERNAL,
    WAIT_FINANCE: StageClass.WAIT_INTERNAL,
    SOLVED: StageClass.SOLVED,
    CLOSED: StageClass.CLOSED,
    SPAM: StageClass.DROPPED,
    DUPLICATE: StageClass.DROPPED,
}

#: Status to the statuses that may follow it.
MOVES = {
    NEW: {WORKING, SPAM, DUPLICATE},
    WORKING: {WAIT_CUSTOMER, WAIT_PARTS, WAIT_WAREHOUSE, WAIT_FINANCE, SOLVED},
    WAIT_CUSTOMER: {WORKING, CLOSED},
    WAIT_PARTS: {WORKING},
    WAIT_WAREHOUSE: {WORKING},
    WAIT_FINANCE: {WORKING},
    SOLVED: {WORKING, CLOSED},
    CLOSED: set(),
    SPAM: set(),
    DUPLICATE: set(),
}

#: What a problem's `wait` means.
STATUS_OF_WAIT = {"parts": WAIT_PARTS, "warehouse": WAIT_WAREHOUSE, "finance": WAIT_FINANCE}
