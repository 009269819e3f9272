"""The tables. Everything derived (stays, facts, metrics) is rebuilt from `change` at any time.

All moments are UTC. SQLite forgets offsets, so `UtcDateTime` puts them back: no naive datetime
leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Integer, TypeDecorator, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

#: 64 bits on PostgreSQL; SQLite only numbers rows by itself when the type is plain INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on databases with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return _utc(value) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    # SQLite keeps text. A sweep reads and writes millions of moments, and the way through SQLAlchemy's own
    # `DateTime` to the same text takes many times as long.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError("a naive datetime reached the database")
    return at.astimezone(UTC)


def _as_text(at: datetime | None) -> str | None:
    """In UTC, without the offset: `2016-05-20 12:00:00.000000`."""
    return _utc(at).isoformat(" ", "microseconds")[:26] if at is not None else None


def _from_text(text: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text is not None else None


def _id() -> Any:
    return Field(default=None, sa_column=Column(Id, primary_key=True))


def _at(*, index: bool = False, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, index=index, nullable=nullable))


def _json() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Source(SQLModel, table=True):
    """Where tickets come from: a ticket system or an imported file."""

    id: int | None = _id()
    name: str = Field(unique=True)
    kind: str


class Person(SQLModel, table=True):
    """An agent, customer or bot, as the source knows them."""

    __table_args__ = (UniqueConstraint("source_id", "ext_id"),)
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    ext_id: str
    #: `agent`, `customer`, `bot` or `unknown`.
    kind: str = "unknown"
    name: str
    email: str | None = Field(default=None, index=True)
    team: str | None = None
    #: Slack user id, once matched by e-mail.
    slack_id: str | None = Field(default=None, index=True)
    active: bool = True


class Team(SQLModel, table=True):
    """A group that tickets are assigned to."""

    __table_args__ = (UniqueConstraint("source_id", "ext_id"),)
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    ext_id: str
    name: str
    #: Slack channel id where the team is told about its tickets.
    slack_channel: str | None = None
    calendar: str | None = None
    #: `Person.ext_id` of the team's lead.
    lead: str | None = None


class Stage(SQLModel, table=True):
    """What a source's status means: its stage and stage class."""

    __table_args__ = (UniqueConstraint("source_id", "status"),)
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    status: str
    stage: str
    stage_class: str
    #: `map` (the mapping file), `recognised` (by name) or `admin`.
    set_by: str = "recognised"


class Ticket(SQLModel, table=True):
    """A ticket as it stands now: the fold of its changes."""

    __table_args__ = (UniqueConstraint("source_id", "ext_id"),)
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    ext_id: str
    title: str | None = None
    description: str | None = None
    url: str | None = None
    status: str | None = None
    stage_class: str | None = Field(default=None, index=True)
    team: str | None = None
    assignee: str | None = None
    #: All other values that hold now, canonical and custom, by field name.
    values: dict[str, Any] = _json()
    created_at: datetime = _at(nullable=False)
    updated_at: datetime = _at(nullable=False)
    #: First instant of the current status, team and assignee.
    still_since: datetime = _at(nullable=False)
    solved_at: datetime | None = _at()
    closed_at: datetime | None = _at()
    deleted_at: datetime | None = _at()
    #: Rises with each batch that touched the ticket; facts and sweeps catch up by it.
    revision: int = Field(default=0, sa_column=Column(Id, index=True, nullable=False))


class Change(SQLModel, table=True):
    """Append-only history: what happened, once, as the source told it."""

    __table_args__ = (
        UniqueConstraint("source_id", "change_key"),
        Index("ix_change_ticket_at", "ticket_id", "at"),
    )
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    ticket_id: int = Field(sa_column=Column(Id, nullable=False))
    change_key: str
    at: datetime = _at(nullable=False)
    #: Order among changes of the ticket at the same instant.
    order: int = 0
    kind: str
    actor: str | None = None
    values: dict[str, Any] = _json()
    #: The ticket's creation, where the source states it with each change; `Ticket.created_at` is the fold.
    ticket_created_at: datetime | None = _at()
    #: When we stored it.
    seen_at: datetime = _at(nullable=False)


class TicketMessage(SQLModel, table=True):
    """What somebody wrote; `public` is what the customer can see."""

    __tablename__ = "message"
    id: int | None = _id()
    change_id: int = Field(sa_column=Column(Id, unique=True, nullable=False))
    ticket_id: int = Field(sa_column=Column(Id, index=True, nullable=False))
    at: datetime = _at(nullable=False)
    author: str | None = None
    author_kind: str
    public: bool
    body: str


class TicketFeedback(SQLModel, table=True):
    """A customer's score and words about a ticket."""

    __tablename__ = "feedback"
    id: int | None = _id()
    change_id: int = Field(sa_column=Column(Id, unique=True, nullable=False))
    ticket_id: int = Field(sa_column=Column(Id, index=True, nullable=False))
    at: datetime = _at(nullable=False)
    score: float | None = None
    scale_min: float
    scale_max: float
    text: str | None = None


class Merge(SQLModel, table=True):
    """Ticket `ticket_id` went on as `into_ticket_id`, which is empty until that ticket arrives too."""

    id: int | None = _id()
    change_id: int = Field(sa_column=Column(Id, unique=True, nullable=False))
    ticket_id: int = Field(sa_column=Column(Id, index=True, nullable=False))
    source_id: int = Field(foreign_key="source.id")
    #: `Ticket.ext_id` of the ticket it was merged into.
    into_ext_id: str = Field(index=True)
    into_ticket_id: int | None = Field(default=None, sa_column=Column(Id, index=True))
    at: datetime = _at(nullable=False)


class KnowledgeUse(SQLModel, table=True):
    """A resolution that was cited in an answer about a ticket or a question."""

    __tablename__ = "knowledge_use"
    id: int | None = _id()
    card_id: str = Field(index=True)
    ticket_id: int | None = Field(default=None, sa_column=Column(Id, index=True))
    asked_by: str | None = None
    question: str
    #: Where it was told: a Slack conversation and the `ts` of the thread's first message.
    channel: str | None = None
    thread_ts: str | None = None
    at: datetime = _at(nullable=False)
    #: `good`, `bad` or nothing yet.
    verdict: str | None = None
    reason: str | None = None
    #: What the person wrote beside the reason, redacted.
    comment: str | None = None


class Cursor(SQLModel, table=True):
    """How far a stream of a source has been stored."""

    __table_args__ = (UniqueConstraint("source_id", "stream"),)
    id: int | None = _id()
    source_id: int = Field(foreign_key="source.id")
    stream: str
    value: str
    updated_at: datetime = _at(nullable=False)


class Delivery(SQLModel, table=True):
    """A webhook as it arrived: a hint that a source has news. Gone once a pull that began later has ended."""

    __table_args__ = (UniqueConstraint("source", "key"),)
    id: int | None = _id()
    #: `Source.name`, which may not have been pulled yet.
    source: str
    #: The delivery's own id, or the hash of its body.
    key: str
    body: bytes
    received_at: datetime = _at(index=True, nullable=False)


class WriteBack(SQLModel, table=True):
    """Something that somebody told Unstuck to do in a ticket system."""

    __tablename__ = "write_back"
    __table_args__ = (UniqueConstraint("key"),)
    id: int | None = _id()
    #: `Action.key`: also what is left in the ticket system to find it by.
    key: str
    #: `Source.name`.
    source: str
    #: `Ticket.ext_id`.
    ticket: str
    #: `note`, `reply`, `assign`, `status`.
    kind: str
    value: str
    by: str
    #: `due` (not tried, or nobody knows whether it got through), `done`, `refused`.
    state: str = Field(default="due", index=True)
    attempts: int = 0
    asked_at: datetime = _at(nullable=False)
    #: When it may be tried (again): later than now while somebody is at it.
    due_at: datetime = _at(index=True, nullable=False)
    error: str | None = None


class Calendar(SQLModel, table=True):
    """Business hours of a team: weekly intervals, time zone, holidays."""

    name: str = Field(primary_key=True)
    timezone: str
    #: Weekday (`"0"` = Monday) to a list of `["09:00", "12:00"]` intervals.
    hours: dict[str, Any] = _json()
    #: ISO country code whose public holidays (and make-up working days) apply.
    country: str | None = None
    #: Further days: ISO date to `"off"` or to a list of intervals.
    exceptions: dict[str, Any] = _json()


class Nudge(SQLModel, table=True):
    """One message about one stall: unique per ticket, rule and occasion. It is its own outbox row."""

    __table_args__ = (UniqueConstraint("key"), Index("ix_nudge_recipient_due_at", "recipient", "due_at"))
    id: int | None = _id()
    #: `rule:source/ticket:occasion:step`; also the opaque id in Slack's message metadata.
    key: str
    ticket_id: int = Field(sa_column=Column(Id, index=True, nullable=False))
    rule: str
    #: The stay that stalls: the ticket's `still_since` when the stall was found.
    occasion: str
    #: Rung of the ladder: 0 owner, 1 team, 2 lead, 3 manager.
    step: int = 0
    recipient: str
    #: `due`, `sending`, `sent`, `withdrawn`, `failed`, `held` (held back to see whether nudges help: never sent).
    state: str = Field(default="due", index=True)
    due_at: datetime = _at(index=True, nullable=False)
    snoozed_until: datetime | None = _at()
    #: What the message says: stage, party, waited, threshold, reason.
    payload: dict[str, Any] = _json()
    attempts: int = 0
    #: First post whose result nobody knows: the key is looked up in Slack before the next one.
    tried_at: datetime | None = _at()
    lease_until: datetime | None = _at()
    leased_by: str | None = None
    slack_channel: str | None = None
    slack_ts: str | None = None
    sent_at: datetime | None = _at()
    #: `mine`, `snoozed`, `false_alarm`, `moved`, … and when.
    outcome: str | None = None
    outcome_by: str | None = None
    outcome_at: datetime | None = _at()
    #: The message in Slack no longer shows what holds.
    redraw: bool = Field(default=False, index=True)
    #: `Notice.key` of the digest that tells it among others; empty: a message of its own.
    digest: str | None = Field(default=None, index=True)
    #: First move of the ticket after it was told (or held back), and the ticket's revision up to which that is known.
    moved_at: datetime | None = _at()
    followed: int | None = Field(default=None, sa_column=Column(Id))
    error: str | None = None


class Notice(SQLModel, table=True):
    """One message to one recipient that is no nudge: unique by key, its own outbox row."""

    __table_args__ = (UniqueConstraint("key"),)
    id: int | None = _id()
    #: Also the opaque id in Slack's message metadata.
    key: str
    #: `feedback`, `digest`, `upkeep`, `morning`, `early`, `retire`: how it is drawn.
    kind: str
    #: The source whose ids `recipient` and `team` are; empty: managers alone.
    source_id: int | None = None
    #: As a nudge's: `person:<id>`, `team:<id>`, `manager`.
    recipient: str
    team: str | None = None
    payload: dict[str, Any] = _json()
    #: `due`, `sent`, `failed`, `withdrawn` (what it was to tell holds no longer).
    state: str = Field(default="due", index=True)
    due_at: datetime = _at(index=True, nullable=False)
    attempts: int = 0
    #: First post whose result nobody knows: the key is looked up in Slack before the next one.
    tried_at: datetime | None = _at()
    lease_until: datetime | None = _at()
    leased_by: str | None = None
    slack_channel: str | None = None
    slack_ts: str | None = None
    sent_at: datetime | None = _at()
    error: str | None = None


class TicketRisk(SQLModel, table=True):
    """The chance that an open ticket will be late, as it was last reckoned. Replaced as a whole every hour."""

    __tablename__ = "risk"
    __table_args__ = (UniqueConstraint("ticket_id", "what"),)
    id: int | None = _id()
    ticket_id: int = Field(sa_column=Column(Id, nullable=False))
    #: `overstay`, or the field whose unwritten deadline the ticket may miss.
    what: str
    chance: float
    #: When it will be late if nothing happens.
    due_at: datetime = _at(nullable=False)
    #: Group, comparable tickets, their rate and the strongest reasons.
    said: dict[str, Any] = _json()
    reckoned_at: datetime = _at(nullable=False)


class Watch(SQLModel, table=True):
    """When the minute sweep looks at an open ticket again, if nothing happens before."""

    ticket_id: int = Field(sa_column=Column(Id, primary_key=True, autoincrement=False))
    #: `Ticket.revision` that was looked at.
    revision: int = Field(sa_column=Column(Id, nullable=False))
    #: Empty: only a change of the ticket is worth a look.
    look_at: datetime | None = _at(index=True)


class TicketThread(SQLModel, table=True):
    """A conversation in Slack that somebody tied to a ticket."""

    __tablename__ = "ticket_thread"
    __table_args__ = (UniqueConstraint("channel", "thread_ts"),)
    id: int | None = _id()
    ticket_id: int = Field(sa_column=Column(Id, index=True, nullable=False))
    channel: str
    #: The `ts` of the thread's first message.
    thread_ts: str
    #: Where it can be read, by those who may.
    url: str | None = None
    by: str
    at: datetime = _at(nullable=False)


class Preference(SQLModel, table=True):
    """What somebody chose for themselves, or an admin for a channel."""

    #: `person:<Slack user id>` or `channel:<Slack channel id>`.
    key: str = Field(primary_key=True)
    value: dict[str, Any] = _json()
    by: str
    updated_at: datetime = _at(nullable=False)


class Thread(SQLModel, table=True):
    """The last accepted plan of a conversation, so that follow-ups survive a restart."""

    key: str = Field(primary_key=True)
    plan: dict[str, Any] = _json()
    updated_at: datetime = _at(nullable=False)


class Alias(SQLModel, table=True):
    """A word of the workspace's own for something that questions can name: "RMA" for the category Returns."""

    #: As it is looked up: half-width, simplified, lower case.
    word: str = Field(primary_key=True)
    #: As it was typed.
    said: str
    #: `value`, `metric` or `dimension`.
    role: str
    #: A value's dimension, else the id of the metric or dimension.
    field: str
    value: str = ""
    #: A person, `model` or `spelling`.
    proposed_by: str
    proposed_at: datetime = _at(nullable=False)
    #: Until a manager approves it, an alias is only a proposal and no question uses it.
    approved_by: str | None = None
    approved_at: datetime | None = _at()


class SeenEvent(SQLModel, table=True):
    """A Slack event that somebody has taken up: Slack sends an event again when unsure."""

    __tablename__ = "seen_event"
    key: str = Field(primary_key=True)
    at: datetime = _at(index=True, nullable=False)
    #: The errand that claimed it: done again after a crash, it meets its own claim.
    by: str | None = None


class Errand(SQLModel, table=True):
    """What Slack was promised by an acknowledgement. Done, it is a key that says so; until then it can be done again."""

    #: What makes it one: a message's place, an event's id, the trigger of a command or button.
    key: str = Field(primary_key=True)
    at: datetime = _at(index=True, nullable=False)
    #: The workspace it came from.
    team: str | None = None
    #: The request, encrypted. Empty once the errand is done.
    body: bytes | None = None
    attempts: int = 1
    #: How many of its workers ended without a word.
    crashes: int = 0
    #: Until when its worker holds it, and who that is. Empty once it is done.
    lease_until: datetime | None = _at(index=True)
    leased_by: str | None = None
    #: `ts` of a message that was being streamed for it.
    growing: str | None = None


class Installation(SQLModel, table=True):
    """A Slack workspace, or a whole organisation, that installed the app by itself."""

    #: Team id; an organisation's id when it installed the app for all of its workspaces.
    place: str = Field(primary_key=True)
    enterprise_id: str | None = None
    team_id: str | None = None
    name: str | None = None
    app_id: str | None = None
    bot_user: str
    #: Bot token and refresh token, encrypted.
    tokens: bytes
    #: When the token ends, where tokens rotate, and until when somebody is exchanging it.
    expires_at: datetime | None = _at(index=True)
    exchanging_until: datetime | None = _at()
    installed_by: str | None = None
    installed_at: datetime = _at(nullable=False)


class Trouble(SQLModel, table=True):
    """Something that did not get through to Slack, counted for an admin to see. Holds no text of anybody's."""

    __table_args__ = (UniqueConstraint("kind", "place", "word"),)
    id: int | None = _id()
    #: What it was: `app_mention`, `chart`, `app_home_opened`, …
    kind: str
    #: The Slack channel or person, if one is known.
    place: str = ""
    #: Slack's word for it, or the name of what broke.
    word: str
    times: int = 1
    first_at: datetime = _at(nullable=False)
    last_at: datetime = _at(index=True, nullable=False)


class Audit(SQLModel, table=True):
    """Who did what with which result; never holds secrets or ticket text."""

    id: int | None = _id()
    at: datetime = _at(index=True, nullable=False)
    actor: str | None = None
    #: `ask`, `answer`, `nudge`, `import`, …
    action: str
    subject: str | None = None
    details: dict[str, Any] = _json()
