"""The tables of the knowledge base, in the ticket store's database or in one of their own."""

from __future__ import annotations

import sqlalchemy as sa

#: Raised when a table changes in a way that an older program cannot read.
SCHEMA = 1

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
    sa.Column("space", sa.Text, primary_key=True),
    sa.Column("number", _Number, primary_key=True, autoincrement=False),
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
