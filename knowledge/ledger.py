"""What upkeep keeps, in SQL: proposals, unanswered questions, pairs that clash, and who cares for which card."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.cards import Card
from knowledge.contradictions import Clash
from knowledge.folding import digest, digest_of
from knowledge.outcomes import said_by
from knowledge.schema import care_table, pairs_table, proposals_table, questions_table

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that found no answer."""

    text: str
    lang: str
    #: `public` when it was asked in a channel, `internal` when nobody read along.
    visibility: str
    asked_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cards that clash, as they were found."""

    one: str
    other: str
    kind: str
    one_says: str
    other_says: str
    #: Names what both said.
    said: str
    decision: str


@dataclass(frozen=True, slots=True)
class Care:
    """What people settled about a card."""

    owner: str | None = None
    team: str | None = None
    review_days: int | None = None
    reviewed_at: datetime | None = None
    retired: str | None = None


class Ledger:
    """Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- proposals -----------------------------------------------------------------------------

    def propose(self, cards: Sequence[Card], at: datetime) -> int:
        """Keep cards for a decision; how many are new. One that was decided on as it is now stays decided."""
        with self._engine.begin() as connection:
            names = [card.id for card in cards]
            known = {row.card: row.digest for row in _rows(connection, proposals_table, names)}
            fresh = [card for card in cards if known.get(card.id) != digest_of(card)]
            for card in fresh:
                row = {"card": card.id, "digest": digest_of(card), "value": _to_json(card), "at": _iso(at)}
                _upsert(connection, proposals_table, ["card"], row | {"decision": "", "by": ""})
            return len(fresh)

    def proposed(self, limit: int = 100) -> list[Card]:
        """Cards that wait, the one that waits longest first."""
        query = sa.select(proposals_table.c.value).where(proposals_table.c.decision == "")
        with self._reading() as connection:
            ordered = query.order_by(proposals_table.c.at, proposals_table.c.card).limit(limit)
            return [_from_json(value) for value in connection.scalars(ordered)]

    def waiting(self, card_id: str) -> Card | None:
        """The proposed card, as long as nobody has decided on it."""
        here = (proposals_table.c.card == card_id) & (proposals_table.c.decision == "")
        with self._reading() as connection:
            value = connection.scalar(sa.select(proposals_table.c.value).where(here))
        return _from_json(value) if value is not None else None

    def decide_proposal(self, card_id: str, decision: str, by: str) -> bool:
        """`False` when somebody was faster, or there is no such proposal."""
        waiting = (proposals_table.c.card == card_id) & (proposals_table.c.decision == "")
        statement = sa.update(proposals_table).where(waiting).values(decision=decision, by=by)
        with self._engine.begin() as connection:
            return bool(connection.execute(statement).rowcount)

    def take_back(self, ids: Collection[str]) -> None:
        """Forget proposals: their tickets are open again."""
        with self._engine.begin() as connection:
            for some in _groups(list(ids)):
                connection.execute(sa.delete(proposals_table).where(proposals_table.c.card.in_(some)))

    # -- questions -----------------------------------------------------------------------------

    def add_question(self, asked: Asked) -> None:
        with self._engine.begin() as connection:
            row = {**asdict(asked), "at": _iso(asked.at)}
            connection.execute(sa.insert(questions_table).values(**row))

    def questions(self, since: datetime) -> list[Asked]:
        """What was asked in vain, oldest first."""
        query = sa.select(questions_table).where(questions_table.c.at >= _iso(since))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(questions_table.c.at, questions_table.c.number))
            return [
                Asked(row.text, row.lang, row.visibility, row.asked_by, datetime.fromisoformat(row.at)) for row in rows
            ]

    def forget_questions(self, *, before: datetime | None = None, asked_by: str | None = None) -> int:
        """Erase questions: old ones, or all of one person."""
        old = questions_table.c.at < _iso(before) if before else sa.false()
        theirs = questions_table.c.asked_by == asked_by if asked_by else sa.false()
        with self._engine.begin() as connection:
            return int(connection.execute(sa.delete(questions_table).where(old | theirs)).rowcount)

    # -- pairs ---------------------------------------------------------------------------------

    def add_pair(self, one: Card, other: Card, clash: Clash, at: datetime) -> bool:
        """Write a clash down; `False` when it is known, decided on or not."""
        (one, one_says), (other, other_says) = sorted(
            ((one, clash.one), (other, clash.other)), key=lambda side: side[0].id
        )
        said = said_of(one, other)
        with self._engine.begin() as connection:
            here = (pairs_table.c.one == one.id) & (pairs_table.c.other == other.id)
            if connection.scalar(sa.select(pairs_table.c.said).where(here)) == said:
                return False
            row = {"one": one.id, "other": other.id, "kind": clash.kind, "one_says": one_says, "other_says": other_says}
            blank = {"said": said, "found_at": _iso(at), "decision": "", "by": "", "decided_at": ""}
            _upsert(connection, pairs_table, ["one", "other"], row | blank)
            return True

    def pairs(self, *, decided: bool = False) -> list[Pair]:
        """Pairs that wait for a decision, or those decided on."""
        state = pairs_table.c.decision != "" if decided else pairs_table.c.decision == ""
        with self._reading() as connection:
            rows = connection.execute(sa.select(pairs_table).where(state).order_by(pairs_table.c.found_at))
            return [Pair(r.one, r.other, r.kind, r.one_says, r.other_says, r.said, r.decision) for r in rows]

    def decide_pair(self, one: str, other: str, decision: str, by: str, at: datetime) -> bool:
        """`False` when there is no such pair that waits."""
        first, second = sorted((one, other))
        here = (pairs_table.c.one == first) & (pairs_table.c.other == second) & (pairs_table.c.decision == "")
        values = {"decision": decision, "by": by, "decided_at": _iso(at)}
        with self._engine.begin() as connection:
            return bool(connection.execute(sa.update(pairs_table).where(here).values(**values)).rowcount)

    # -- care ----------------------------------------------------------------------------------

    def care(self, ids: Collection[str]) -> dict[str, Care]:
        with self._reading() as connection:
            return {
                row.card: Care(row.owner, row.team, row.review_days, _at(row.reviewed_at), row.retired)
                for row in _rows(connection, care_table, list(ids))
            }

    def put_care(self, card_id: str, **values: Any) -> None:
        """Settle some fields of `Care`; the others stay as they are."""
        row = {"card": card_id, **{k: _iso(v) if isinstance(v, datetime) else v for k, v in values.items()}}
        with self._engine.begin() as connection:
            _upsert(connection, care_table, ["card"], row)

    def retired(self, cards: Sequence[Card]) -> set[str]:
        """Ids of cards that somebody took out of use as they are."""
        known = self.care([card.id for card in cards])
        return {card.id for card in cards if card.id in known and known[card.id].retired == said_by(card)}

    def _reading(self) -> Any:
        return self._engine.connect().execution_options(only_reads=True)


def said_of(one: Card, other: Card) -> str:
    """Names what two cards say, in whichever order."""
    return digest("\n".join(sorted(f"{card.id}\n{card.symptom}\n{card.steps}" for card in (one, other))))


def _rows(connection: Connection, table: sa.Table, names: Sequence[str]) -> Iterator[Any]:
    for some in _groups(names):
        yield from connection.execute(sa.select(table).where(table.c.card.in_(some)))


def _groups(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), _AT_ONCE):
        yield values[first : first + _AT_ONCE]


def _upsert(connection: Connection, table: sa.Table, key: list[str], row: Mapping[str, Any]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    news = {name: value for name, value in row.items() if name not in key}
    connection.execute(insert(table).values(**row).on_conflict_do_update(index_elements=key, set_=news))


def _to_json(card: Card) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(card).items()}


def _from_json(value: Mapping[str, Any]) -> Card:
    known = {field.name for field in fields(Card)}
    given = {name: kept for name, kept in value.items() if name in known}
    given |= {name: _at(given.get(name)) for name in ("created", "valid_until")}
    return Card(**{**given, "comments": tuple(given.get("comments", ()))})


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
