"""The relations that questions are answered from: their columns, and what they look like at an instant.

TIMESTAMP columns are UTC without a zone. The relations hold the complete history; whoever asks about
an instant `t` uses the table macros, which show what was known then:

* `stays_at(t)`: stays begun by `t`; one that ended later is still open, and what came next is unknown.
* `fields_at(t)`: one row per ticket, the values that held at `t`.
* `tickets_at(t)`: tickets created by `t`; a later deletion or merge has not happened yet.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Raise when the meaning of a column changes; snapshots of another layout are built anew.
LAYOUT = 2

Columns = Mapping[str, str]

#: Canonical ticket fields whose values are kept over time; text and links are not.
FIELD_NAMES = (
    "priority", "type", "product", "category", "subcategory", "customer", "tier", "region", "language", "channel",
    "tags",
)  # fmt: skip

#: Relations with a row per ticket or more: kept in the snapshot, replaced ticket by ticket. Of a stay,
#: `from_team` is the last team known before it (`prev_team` is that of the stay before, known or not), and
#: `born` is true for the one that the ticket was opened into: the first that lasted longer than an instant.
PER_TICKET: Mapping[str, Columns] = {
    "stays": {
        "ticket": "BIGINT", "seq": "INTEGER",
        "status": "VARCHAR", "stage": "VARCHAR", "class": "VARCHAR", "team": "VARCHAR", "assignee": "VARCHAR",
        "start_at": "TIMESTAMP", "end_at": "TIMESTAMP",
        "prev_status": "VARCHAR", "next_status": "VARCHAR", "prev_stage": "VARCHAR", "next_stage": "VARCHAR",
        "prev_class": "VARCHAR", "next_class": "VARCHAR", "prev_team": "VARCHAR", "next_team": "VARCHAR",
        "from_team": "VARCHAR", "from_assignee": "VARCHAR", "born": "BOOLEAN",
        "visit": "INTEGER", "business_start": "BIGINT", "business_end": "BIGINT",
    },
    "fields": {
        "ticket": "BIGINT", "start_at": "TIMESTAMP", "end_at": "TIMESTAMP",
        **dict.fromkeys(FIELD_NAMES, "VARCHAR"), "custom": "MAP(VARCHAR, VARCHAR)",
    },
    "tickets": {
        "ticket": "BIGINT", "source": "VARCHAR", "ext_id": "VARCHAR", "title": "VARCHAR", "url": "VARCHAR",
        "created_at": "TIMESTAMP", "deleted_at": "TIMESTAMP", "merged_at": "TIMESTAMP", "merged_into": "BIGINT",
    },
    "changes": {
        "ticket": "BIGINT", "seq": "INTEGER", "at": "TIMESTAMP", "kind": "VARCHAR", "actor": "VARCHAR",
        "actor_kind": "VARCHAR", "activity": "BOOLEAN",
    },
    "messages": {
        "ticket": "BIGINT", "at": "TIMESTAMP", "author": "VARCHAR", "author_kind": "VARCHAR", "public": "BOOLEAN",
        "business_at": "BIGINT",
    },
    "feedback": {"ticket": "BIGINT", "at": "TIMESTAMP", "score": "DOUBLE"},
}  # fmt: skip

#: Learned from all tickets when a snapshot is written.
LEARNED: Mapping[str, Columns] = {"timers": {"stage": "VARCHAR", "seconds": "BIGINT", "share": "DOUBLE"}}

#: Read from the store each time. `people` are agents and bots; customers are values of tickets.
LIVE: Mapping[str, Columns] = {
    "people": {"ext_id": "VARCHAR", "name": "VARCHAR", "kind": "VARCHAR", "team": "VARCHAR"},
    "teams": {"ext_id": "VARCHAR", "name": "VARCHAR", "calendar": "VARCHAR"},
}

#: What a stay's next state is called; unknown while the stay has not ended.
_NEXT = ("status", "stage", "class", "team")


def create_table(name: str, columns: Columns) -> str:
    """The statement that makes an empty table."""
    listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    return f"CREATE TABLE {name} ({listed})"


def macros() -> list[str]:
    """The statements that make the table macros; the relations have to exist."""
    ended = "s.end_at <= t"
    cut = ", ".join(f"CASE WHEN {ended} THEN s.{name} END AS {name}" for name in _cut_columns())
    return [
        f"CREATE MACRO stays_at(t) AS TABLE SELECT s.* REPLACE ({cut}) FROM stays s WHERE s.start_at <= t",
        "CREATE MACRO fields_at(t) AS TABLE SELECT f.* FROM fields f"
        " WHERE f.start_at <= t AND (f.end_at IS NULL OR f.end_at > t)",
        """CREATE MACRO tickets_at(t) AS TABLE SELECT k.* REPLACE (
            CASE WHEN k.deleted_at <= t THEN k.deleted_at END AS deleted_at,
            CASE WHEN k.merged_at <= t THEN k.merged_at END AS merged_at,
            CASE WHEN k.merged_at <= t THEN k.merged_into END AS merged_into
        ) FROM tickets k WHERE k.created_at <= t""",
    ]


def _cut_columns() -> list[str]:
    return ["end_at", "business_end", *(f"next_{name}" for name in _NEXT)]
