"""What a ticket system tells us: one `TicketChange` for each thing that happened to a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ChangeKind(StrEnum):
    """What a change says."""

    CREATED = "created"
    #: Values changed, or an update that changed none (which still is activity).
    UPDATED = "updated"
    MESSAGE = "message"
    FEEDBACK = "feedback"
    MERGED = "merged"
    DELETED = "deleted"
    RESTORED = "restored"


class StageClass(StrEnum):
    """The eight classes every ticket system's statuses are mapped to (METRICS.md, section 1)."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    WAIT_CUSTOMER = "WAIT_CUSTOMER"
    WAIT_INTERNAL = "WAIT_INTERNAL"
    WAIT_VENDOR = "WAIT_VENDOR"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"
    DROPPED = "DROPPED"

    @property
    def is_open(self) -> bool:
        """Whether a ticket in this class still needs somebody to move."""
        return self not in (StageClass.SOLVED, StageClass.CLOSED, StageClass.DROPPED)


#: Ticket fields with a meaning of their own; any other name in `TicketChange.values` is a custom field.
FIELDS = (
    "status", "team", "assignee", "priority", "type", "product", "category", "subcategory",
    "customer", "tier", "region", "language", "channel", "tags", "title", "description",
    "resolution", "url", "number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """Something somebody wrote on a ticket."""

    body: str
    #: `customer`, `agent` or `bot`.
    author_kind: str
    public: bool = True


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a customer thought of it."""

    #: On the source's own scale, `scale_min` worst and `scale_max` best.
    score: float | None
    text: str | None = None
    scale_min: float = 1
    scale_max: float = 5


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One thing that happened to one ticket, in the source's own ids and words."""

    #: The source's id of the ticket.
    ticket: str
    #: Unique within the source; the same id again is the same change.
    change_id: str
    #: When it happened, aware, UTC.
    at: datetime
    kind: ChangeKind
    #: The source's id of the person who did it, if known.
    actor: str | None = None
    #: Field values that hold from `at` on. `None` is a value that is unknown or empty; a field that is
    #: absent has not changed.
    values: Mapping[str, str | None] = field(default_factory=dict)
    message: Message | None = None
    feedback: Feedback | None = None
    #: The source's id of the ticket that this one was merged into.
    merged_into: str | None = None
    #: Order among changes of one ticket at the same instant, as the source tells them.
    order: int = 0
    #: When the ticket came into being, where the source states it with each change. The first change's
    #: values then hold from there on (METRICS.md, "Importing an event log").
    ticket_created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person as the source knows them now."""

    ext_id: str
    name: str
    #: `agent`, `customer`, `bot` or `unknown`.
    kind: str = "unknown"
    email: str | None = None
    #: The source's id of their team.
    team: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A group that tickets are assigned to, as the source knows it now."""

    ext_id: str
    name: str
    #: Slack channel id where the team is told about its tickets.
    slack_channel: str | None = None
    #: Name of the business calendar it works by.
    calendar: str | None = None
    #: `PersonRecord.ext_id` of its lead.
    lead: str | None = None
