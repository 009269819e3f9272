"""The cards, in SQL: the one place that must not be lost. Every index is rebuilt from here.

Each write takes the next number of one counter, the revision, in its own transaction. The counter's
row stays locked until the commit, so revisions become visible in order and an index that has read up
to revision n has missed nothing below n.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from knowledge import folding
from knowledge.cards import Card
from knowledge.errors import NewerBase
from knowledge.schema import SCHEMA, cards_table, metadata, state_table, vectors_table

#: SQLite binds at most 32,766 values in a statement; smaller groups also keep memory flat.
_AT_ONCE = 1_000
#: Vectors deleted in one transaction.
_DELETED_AT_ONCE = 5_000
#: Built once: making a statement of twenty columns takes longer than running it.
_INSERT_CARD = sa.insert(cards_table).returning(cards_table.c.number)


@dataclass(frozen=True, slots=True)
class Stored:
    """A card as the catalogue holds it."""

    number: int
    card: Card
    revision: int
    withdrawn: bool
    #: Number of the card that this one repeats.
    head: int | None
    tickets: int

    @property
    def live(self) -> bool:
        """Whether it can be found: not withdrawn and not folded into another."""
        return not self.withdrawn and self.head is None


@dataclass(frozen=True, slots=True)
class Written:
    """How many cards a write added or changed, and how many of them repeat a known card."""

    changed: int
    folded: int


class Catalogue:
    """Reads and writes cards. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        return self._engine

    def create_tables(self) -> None:
        """Create what is missing, also in an older base. Raises `NewerBase` when a newer version wrote this one."""
        version = self._version()
        if version is None:
            with self._engine.begin() as connection:
                metadata.create_all(connection)
                first = [{"key": "revision", "number": 0}, {"key": "schema", "number": SCHEMA}]
                _insert_ignoring(connection, state_table, first)
        elif version > SCHEMA:
            raise NewerBase("newer_base", f"version {version}, this program knows {SCHEMA}")
        elif version < SCHEMA:
            self._upgrade()

    def _upgrade(self) -> None:
        """Add the tables that an older base lacks."""
        older = (state_table.c.key == "schema") & (state_table.c.number < SCHEMA)
        with self._engine.begin() as connection:
            # The update comes first: another process that opens the same base waits here and then finds it done.
            if connection.execute(sa.update(state_table).where(older).values(number=SCHEMA)).rowcount:
                metadata.create_all(connection)

    def _version(self) -> int | None:
        """Version of the tables, `None` when there are none yet."""
        with self._reading() as connection:
            if not sa.inspect(connection).has_table(state_table.name):
                return None
            return connection.scalar(sa.select(state_table.c.number).where(state_table.c.key == "schema"))

    # -- writing -------------------------------------------------------------------------------

    def put(self, cards: Sequence[Card]) -> Written:
        """Add or replace cards by id, in one transaction. A card that says nothing new changes nothing."""
        with self._writing() as (connection, revision):
            known = self._rows(connection, cards_table.c.id.in_([card.id for card in cards]))
            folds = folding.Folds(self._heads(connection, cards))
            changed = folded = 0
            for card in {card.id: card for card in cards}.values():
                before = known.get(card.id)
                row = _row_of(card)
                if before is not None and before.live_digest == row["digest"]:
                    continue
                head = folds.head_of(card)
                self._put_one(connection, card, row | {"revision": revision, "head": head}, before, folds)
                changed += 1
                folded += head is not None
            self._recount(connection, set(folds.touched))
        return Written(changed, folded)

    def withdraw(self, ids: Collection[str]) -> int:
        """Take cards out of sight; the oldest card that was folded into one takes its place."""
        present = [name for name, stored in self.by_id(ids).items() if not stored.withdrawn]
        if not present:
            return 0
        with self._writing() as (connection, revision):
            rows = [row for row in self._rows(connection, cards_table.c.id.in_(present)).values() if not row.withdrawn]
            for row in rows:
                self._withdraw_one(connection, row, revision)
        return len(rows)

    def put_vectors(self, space: str, vectors: Iterable[tuple[int, str, NDArray[np.float32]]]) -> None:
        """Store (card number, digest of the text, vector); a vector whose text has changed since is dropped."""
        with self._writing() as (connection, revision):
            rows = list(vectors)
            numbers = [number for number, _, _ in rows]
            query = sa.select(cards_table.c.number, cards_table.c.symptom_digest)
            found = connection.execute(query.where(cards_table.c.number.in_(numbers)))
            current = {row.number: row.symptom_digest for row in found}
            fresh = [(number, vector) for number, digest, vector in rows if current.get(number) == digest]
            if not fresh:
                return
            connection.execute(
                sa.delete(vectors_table).where(
                    vectors_table.c.space == space, vectors_table.c.number.in_([number for number, _ in fresh])
                )
            )
            connection.execute(
                sa.insert(vectors_table),
                [
                    {"space": space, "number": number, "revision": revision, "vector": vector.astype("<f2").tobytes()}
                    for number, vector in fresh
                ],
            )

    def put_state(self, key: str, value: Any) -> None:
        """Keep a JSON value under `key`. It is a change of the base like any other: the revision goes up."""
        with self._writing() as (connection, _):
            _put_state(connection, key, value)

    def swap_state(self, key: str, before: Any, after: Any) -> bool:
        """Put `after` in the place of `before`; nothing is done, and `False` returned, where something else stands."""
        with self._writing() as (connection, _):
            if connection.scalar(sa.select(state_table.c.value).where(state_table.c.key == key)) != before:
                return False
            _put_state(connection, key, after)
        return True

    def drop_vectors(self, space: str) -> None:
        """Delete the vectors of a space, a few at a time: others write in between."""
        here = vectors_table.c.space == space
        some = sa.select(vectors_table.c.number).where(here).limit(_DELETED_AT_ONCE).scalar_subquery()
        query, deleted = sa.delete(vectors_table).where(here, vectors_table.c.number.in_(some)), 1
        while deleted:
            with self._engine.begin() as connection:
                deleted = connection.execute(query).rowcount

    # -- reading -------------------------------------------------------------------------------

    def state(self, key: str) -> Any:
        with self._reading() as connection:
            return connection.scalar(sa.select(state_table.c.value).where(state_table.c.key == key))

    def revision(self) -> int:
        with self._reading() as connection:
            return int(connection.scalar(sa.select(state_table.c.number).where(state_table.c.key == "revision")) or 0)

    def repeated(self, cards: Sequence[Card]) -> set[str]:
        """Ids of those of `cards` that say what a card in use says already."""
        with self._reading() as connection:
            folds = folding.Folds(self._heads(connection, cards))
            known = self._rows(connection, cards_table.c.id.in_([card.id for card in cards]))
        same = {card.id for card in cards if card.id in known and known[card.id].live_digest == folding.digest_of(card)}
        return same | {card.id for card in cards if folds.head_of(card) is not None}

    def count(self, space: str | None = None) -> int:
        """Cards that can be found; with `space`, those of them that have a vector there."""
        query = sa.select(sa.func.count()).select_from(cards_table).where(_live())
        if space is not None:
            query = query.where(_has_vector(space))
        with self._reading() as connection:
            return int(connection.scalar(query) or 0)

    def count_changed(self, since: int, most: int | None = None) -> int:
        """Cards changed after revision `since`, withdrawn ones too; counting stops at `most`."""
        changed = sa.select(cards_table.c.number).where(cards_table.c.revision > since).limit(most).subquery()
        with self._reading() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(changed)) or 0)

    def changed(self, since: int, limit: int) -> list[Stored]:
        """Cards changed after revision `since`, withdrawn ones too, oldest change first; whole revisions only.

        A revision is never split: the result is longer than `limit` when one revision holds more.
        """
        with self._reading() as connection:
            until = _end_of_group(connection, cards_table.c.revision, cards_table.c.revision > since, limit)
            if until is None:
                return []
            where = cards_table.c.revision.between(since + 1, until)
            rows = connection.execute(sa.select(cards_table).where(where).order_by(cards_table.c.revision))
            return [_stored(row) for row in rows]

    def gone_since(self, since: int) -> list[int]:
        """Cards that went out of sight after revision `since`."""
        query = sa.select(cards_table.c.number).where(cards_table.c.revision > since, ~_live())
        with self._reading() as connection:
            return list(connection.scalars(query))

    def by_number(self, numbers: Collection[int]) -> dict[int, Stored]:
        return {stored.number: stored for stored in self._find(cards_table.c.number, numbers)}

    def by_id(self, ids: Collection[str]) -> dict[str, Stored]:
        return {stored.card.id: stored for stored in self._find(cards_table.c.id, ids)}

    def twin(self, card_id: str) -> str | None:
        """The card that this one repeats, or the oldest that repeats it."""
        own = sa.select(cards_table.c.number, cards_table.c.head).where(cards_table.c.id == card_id).subquery()
        same = (cards_table.c.number == own.c.head) | (cards_table.c.head == own.c.number)
        query = sa.select(cards_table.c.id).join(own, same).order_by(cards_table.c.number).limit(1)
        with self._reading() as connection:
            return connection.scalar(query)

    def group(self, card_id: str) -> list[Stored]:
        """The card, the one that it repeats, and all that repeat that one; withdrawn ones left out."""
        own = self.by_id([card_id]).get(card_id)
        if own is None:
            return []
        lead = own.head or own.number
        same = (cards_table.c.number == lead) | (cards_table.c.head == lead)
        query = sa.select(cards_table).where(same, cards_table.c.withdrawn.is_(False))
        with self._reading() as connection:
            return [_stored(row) for row in connection.execute(query.order_by(cards_table.c.number))]

    def live(self) -> Iterator[Stored]:
        """Every card that can be found, a group at a time."""
        after = 0
        query = sa.select(cards_table).where(_live()).order_by(cards_table.c.number).limit(_AT_ONCE)
        while True:
            with self._reading() as connection:
                rows = [_stored(row) for row in connection.execute(query.where(cards_table.c.number > after))]
            if not rows:
                return
            yield from rows
            after = rows[-1].number

    def products(self) -> list[str]:
        """Products that live cards are about."""
        query = sa.select(cards_table.c.product).where(_live(), cards_table.c.product.is_not(None)).distinct()
        with self._reading() as connection:
            return sorted(connection.scalars(query))

    def sample(self, n: int) -> list[Stored]:
        """Up to `n` live cards of each language, spread over all of the base; as it grows, mostly the same ones."""
        with self._reading() as connection:
            languages = list(connection.scalars(sa.select(cards_table.c.lang).where(_live()).distinct()))
            chosen = [number for lang in languages for number in self._some_of(connection, lang, n)]
        found = self.by_number(chosen)
        return [found[number] for number in chosen]

    def _some_of(self, connection: Connection, lang: str, n: int) -> list[int]:
        numbers = sa.select(cards_table.c.number).where(_live(), cards_table.c.lang == lang)
        every = np.fromiter(connection.scalars(numbers), np.uint64)
        # A fixed order that looks like chance (Fibonacci hashing): a new card takes the place of one at most.
        order = np.argsort(every * np.uint64(0x9E3779B97F4A7C15), kind="stable")
        return [int(number) for number in every[order[:n]]]

    def unembedded(self, space: str, since: int, limit: int) -> tuple[int, list[Stored]]:
        """Looks at about `limit` cards changed after revision `since`: those without a vector in `space`, and how far."""
        with self._reading() as connection:
            until = _end_of_group(connection, cards_table.c.revision, cards_table.c.revision > since, limit)
            if until is None:
                return since, []
            looked_at = cards_table.c.revision.between(since + 1, until)
            query = sa.select(cards_table).where(looked_at, _live(), ~_has_vector(space)).order_by(cards_table.c.number)
            return until, [_stored(row) for row in connection.execute(query)]

    def have_vectors(self, space: str, numbers: Collection[int]) -> set[int]:
        """Those of `numbers` that have a vector in `space`."""
        query = sa.select(vectors_table.c.number).where(
            vectors_table.c.space == space, vectors_table.c.number.in_(numbers)
        )
        with self._reading() as connection:
            return set(connection.scalars(query))

    def vectors(self, space: str, numbers: Collection[int]) -> dict[int, NDArray[np.float32]]:
        """Vectors of those of `numbers` that have one."""
        found: dict[int, NDArray[np.float32]] = {}
        with self._reading() as connection:
            for some in _groups(sorted(numbers)):
                query = sa.select(vectors_table.c.number, vectors_table.c.vector).where(
                    vectors_table.c.space == space, vectors_table.c.number.in_(some)
                )
                found |= {number: _vector(blob) for number, blob in connection.execute(query)}
        return found

    def vectors_since(
        self, space: str, since: int, limit: int
    ) -> tuple[int, list[tuple[int, str, NDArray[np.float32]]]]:
        """Up to which revision was read, and (card number, language, vector) of live cards since; `since` at the end."""
        later = (vectors_table.c.space == space) & (vectors_table.c.revision > since)
        with self._reading() as connection:
            until = _end_of_group(connection, vectors_table.c.revision, later, limit)
            if until is None:
                return since, []
            query = (
                sa.select(cards_table.c.number, cards_table.c.lang, vectors_table.c.vector)
                .join(vectors_table, vectors_table.c.number == cards_table.c.number)
                .where(later, vectors_table.c.revision <= until, _live())
                .order_by(vectors_table.c.revision)
            )
            return until, [(number, lang, _vector(blob)) for number, lang, blob in connection.execute(query)]

    def spaces(self) -> Iterator[str]:
        """Spaces that have vectors. Each is looked up by the index; `DISTINCT` would read all of it."""
        space: str | None = ""
        while space is not None:
            query = sa.select(sa.func.min(vectors_table.c.space)).where(vectors_table.c.space > space)
            with self._reading() as connection:
                space = connection.scalar(query)
            if space is not None:
                yield space

    # -- inside --------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        # An engine whose transactions take SQLite's write lock at the start understands this option.
        with self._engine.connect().execution_options(only_reads=True) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, int]]:
        with self._engine.begin() as connection:
            here = state_table.c.key == "revision"
            # The update comes first: it takes the lock that keeps revisions in order.
            connection.execute(sa.update(state_table).where(here).values(number=state_table.c.number + 1))
            yield connection, int(connection.scalar(sa.select(state_table.c.number).where(here)) or 0)

    def _put_one(
        self,
        connection: Connection,
        card: Card,
        row: dict[str, Any],
        before: folding.Known | None,
        folds: folding.Folds,
    ) -> None:
        if before is None:
            number = connection.execute(_INSERT_CARD, row).scalar_one()
        else:
            number = before.number
            if before.head is None and not before.withdrawn:
                self._free_followers(connection, number, row["revision"])
            connection.execute(sa.update(cards_table).where(cards_table.c.number == number).values(**row, tickets=1))
            if before.symptom_digest != row["symptom_digest"]:
                connection.execute(sa.delete(vectors_table).where(vectors_table.c.number == number))
            self._touch_vectors(connection, number, row["revision"])
            folds.drop(card)
            if before.head is not None:
                folds.touched.add(before.head)
        folds.remember(card, number, row["head"])

    def _withdraw_one(self, connection: Connection, row: folding.Known, revision: int) -> None:
        here = cards_table.c.number == row.number
        connection.execute(sa.update(cards_table).where(here).values(withdrawn=True, revision=revision, head=None))
        if row.head is not None:
            self._recount(connection, {row.head})
        else:
            self._free_followers(connection, row.number, revision)

    def _free_followers(self, connection: Connection, number: int, revision: int) -> None:
        """Let the oldest card folded into `number` lead the others."""
        followers = list(
            connection.scalars(
                sa.select(cards_table.c.number).where(cards_table.c.head == number).order_by(cards_table.c.number)
            )
        )
        if not followers:
            return
        lead, *others = followers
        lead_row = cards_table.c.number == lead
        connection.execute(sa.update(cards_table).where(lead_row).values(head=None, revision=revision))
        self._touch_vectors(connection, lead, revision)
        for some in _groups(others):
            connection.execute(
                sa.update(cards_table).where(cards_table.c.number.in_(some)).values(head=lead, revision=revision)
            )
        self._recount(connection, {lead})

    def _touch_vectors(self, connection: Connection, number: int, revision: int) -> None:
        """Show the card's vectors to the vector index again: it may have been taken out of there."""
        connection.execute(sa.update(vectors_table).where(vectors_table.c.number == number).values(revision=revision))

    def _recount(self, connection: Connection, heads: set[int]) -> None:
        """Count a head's tickets anew: its own and those of the cards folded into it."""
        for head in heads:
            followers = sa.select(sa.func.count()).where(cards_table.c.head == head).scalar_subquery()
            connection.execute(sa.update(cards_table).where(cards_table.c.number == head).values(tickets=1 + followers))

    def _rows(self, connection: Connection, where: sa.ColumnElement[bool]) -> dict[str, folding.Known]:
        columns = (cards_table.c.id, *(cards_table.c[name] for name in folding.KNOWN_COLUMNS))
        return {row[0]: folding.Known(*row[1:]) for row in connection.execute(sa.select(*columns).where(where))}

    def _heads(self, connection: Connection, cards: Sequence[Card]) -> list[tuple[int, Card]]:
        """Live heads that one of `cards` might repeat."""
        query = sa.select(cards_table).where(cards_table.c.fold_key.in_({folding.key(card) for card in cards}), _live())
        return [(row.number, _stored(row).card) for row in connection.execute(query.order_by(cards_table.c.number))]

    def _find(self, column: sa.Column[Any], values: Collection[Any]) -> Iterator[Stored]:
        with self._reading() as connection:
            for some in _groups(list(values)):
                yield from map(_stored, connection.execute(sa.select(cards_table).where(column.in_(some))))


def _put_state(connection: Connection, key: str, value: Any) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(state_table).values(key=key, number=0, value=value)
    connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value}))


def _end_of_group(
    connection: Connection, revision: sa.Column[int], where: sa.ColumnElement[bool], limit: int
) -> int | None:
    """The revision with which a group of about `limit` rows ends, so that none is split; `None` when there is no row."""
    group = sa.select(revision).where(where).order_by(revision).limit(limit).subquery()
    until: int | None = connection.scalar(sa.select(sa.func.max(group.c[0])))
    return until


def _live() -> sa.ColumnElement[bool]:
    # Not `head IS NULL`: SQLite would take its index for that, which nearly every card matches, in place of a
    # narrow one, and read the whole base for one new card.
    return cards_table.c.withdrawn.is_(False) & (sa.func.coalesce(cards_table.c.head, 0) == 0)


def _has_vector(space: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(vectors_table.c.number == cards_table.c.number, vectors_table.c.space == space)


def _row_of(card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "title": card.title,
        "text": card.text,
        "steps": card.steps,
        "lang": card.lang,
        "url": card.url,
        "created": card.created.isoformat() if card.created else None,
        "owner": card.owner,
        "team": card.team,
        "product": card.product,
        "visibility": card.visibility,
        "source": card.source,
        "details": _details_of(card),
        "withdrawn": False,
        "fold_key": folding.key(card),
        "symptom_digest": folding.digest(card.symptom),
        "digest": folding.digest_of(card),
    }


#: Fields that are kept together in one JSON column: nothing is searched by them.
_DETAILS = ("environment", "cause", "outcome", "verified_by")


def _details_of(card: Card) -> dict[str, Any]:
    """What the card says beyond the columns; only what it does say."""
    kept = {name: value for name in _DETAILS if (value := getattr(card, name))}
    if card.valid_until is not None:
        kept["valid_until"] = card.valid_until.isoformat()
    return kept | ({"comments": list(card.comments)} if card.comments else {})


def _from_details(kept: Mapping[str, Any]) -> dict[str, Any]:
    until = kept.get("valid_until")
    return {
        **{name: kept[name] for name in _DETAILS if name in kept},
        "valid_until": datetime.fromisoformat(until) if until else None,
        "comments": tuple(kept.get("comments", ())),
    }


def _stored(row: Any) -> Stored:
    card = Card(
        id=row.id,
        title=row.title,
        text=row.text,
        steps=row.steps,
        lang=row.lang,
        url=row.url,
        created=datetime.fromisoformat(row.created) if row.created else None,
        owner=row.owner,
        team=row.team,
        product=row.product,
        visibility=row.visibility,
        source=row.source,
        **_from_details(row.details),
    )
    return Stored(row.number, card, row.revision, row.withdrawn, row.head, row.tickets)


def _vector(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f2").astype(np.float32)


def _groups(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(values), _AT_ONCE):
        yield values[first : first + _AT_ONCE]


def _insert_ignoring(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(table).on_conflict_do_nothing(), rows)
