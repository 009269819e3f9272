"""The tables of the knowledge base, in the ticket store's database or in one of their own."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

#: How long a writer waits for another one.
_BUSY_TIMEOUT_S = 30

#: Raised when a table is added, or changes in a way that an older program cannot read.
#: 2: outcomes of cards, and what upkeep keeps.
SCHEMA = 2

metadata = sa.MetaData()

#: 64 bits on PostgreSQL; SQLite only numbers rows by itself when the type is plain INTEGER.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

cards_table = sa.Table(
    "knowledge_card",
    metadata,
    sa.Column("number", _Number, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("lang", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("created", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("team", sa.Text),
    sa.Column("product", sa.Text),
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    # The card that this one repeats; only heads are searched.
    sa.Column("head", _Number, index=True),
    sa.Column("tickets", sa.Integer, nullable=False, default=1),
    sa.Column("fold_key", sa.Text, nullable=False, index=True),
    sa.Column("symptom_digest", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("revision", _Number, nullable=False, index=True),
)

#: Half precision: the cosine's error is below 0.001 and a million cards take 0.8 GB.
vectors_table = sa.Table(
    "knowledge_vector",
    metadata,
    # In this order in the key: a card that changes is looked up in every space.
    sa.Column("number", _Number, primary_key=True, autoincrement=False),
    sa.Column("space", sa.Text, primary_key=True),
    sa.Column("revision", _Number, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Index("ix_knowledge_vector_revision", "space", "revision"),
)

#: `revision` and `schema` are numbers; other keys hold JSON: what was measured on the base.
state_table = sa.Table(
    "knowledge_state",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("number", _Number, nullable=False),
    sa.Column("value", sa.JSON),
)

#: What became of cards, append-only. `by` and `about` are empty rather than null: null is never the same as null.
outcomes_table = sa.Table(
    "knowledge_outcome",
    metadata,
    sa.Column("number", _Number, primary_key=True),
    # By id and not by number: what happened to a card stays true when it is forgotten and learned again.
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    # Names the steps that it is about.
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.UniqueConstraint("card", "by", "about", "outcome", "said"),
)

#: Two cards that tell people different things; `one` is the smaller id.
pairs_table = sa.Table(
    "knowledge_pair",
    metadata,
    sa.Column("one", sa.Text, primary_key=True),
    sa.Column("other", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    # The words of either card that clash.
    sa.Column("one_says", sa.Text, nullable=False),
    sa.Column("other_says", sa.Text, nullable=False),
    # Names what both cards said: when one changes, a decision no longer holds.
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("found_at", sa.Text, nullable=False),
    # Empty while nobody has decided.
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Text, nullable=False),
)

#: Cards that wait for somebody's yes: kept apart from the cards, so that no search can find them.
proposals_table = sa.Table(
    "knowledge_proposal",
    metadata,
    sa.Column("card", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    # Empty, `approved` or `rejected`.
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
)

#: Questions that found no answer, redacted.
questions_table = sa.Table(
    "knowledge_question",
    metadata,
    sa.Column("number", _Number, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("lang", sa.Text, nullable=False),
    # Who could read along: `public` in a channel, `internal` alone.
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

#: What people said about the care for a card; learning the card again leaves it alone.
care_table = sa.Table(
    "knowledge_care",
    metadata,
    sa.Column("card", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text),
    sa.Column("team", sa.Text),
    sa.Column("review_days", sa.Integer),
    sa.Column("reviewed_at", sa.Text),
    # Names what the card said when somebody took it out of use: it stays out until it says something else.
    sa.Column("retired", sa.Text),
)


def open_engine(url: str) -> sa.Engine:
    """An engine for a base that does not share the ticket store's. On SQLite writers wait for each other."""
    # At DEBUG it would log the rows that it reads: what customers wrote.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    if sa.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's driver opens transactions too late (at the first write); `_begin_sqlite` does it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails when somebody else wrote in between.
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
