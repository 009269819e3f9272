"""How fast the facts are built, kept up and opened, beside a plain GROUP BY on the SQLite store.

    python benchmarks/facts.py LOG.csv.gz MAP.toml      the real log: build, 100 changed tickets, connect
    python benchmarks/facts.py --stays 1700000          made-up stays: what opening and asking cost at that size

Wall and processor seconds, best of three where a step can be repeated. Each process starts cold.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text

from unstuck.facts import Facts
from unstuck.facts.stages import stage_table
from unstuck.imports.mapping import read_map
from unstuck.testing import a_change, import_file, store_changes
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.store import open_store, reading

AS_OF = datetime(2100, 1, 1, tzinfo=UTC)

# What one writes without us: a table of stays in SQLite, folded with window functions for each question.
FOLD = """WITH states AS (
    SELECT ticket_id, at, "order", json_extract("values", '$.status') AS status FROM change
), moves AS (
    SELECT *, lag(status) OVER w AS before FROM states WHERE status IS NOT NULL
    WINDOW w AS (PARTITION BY ticket_id ORDER BY at, "order")
), visits AS (
    SELECT status, unixepoch(lead(at) OVER w) - unixepoch(at) AS seconds FROM moves WHERE status IS NOT before
    WINDOW w AS (PARTITION BY ticket_id ORDER BY at, "order")
) SELECT status, count(seconds), avg(seconds) FROM visits GROUP BY status"""


def timed(step: str, work: Callable[[], object], repeat: int = 1) -> None:
    """Run `work` and print the best wall and processor seconds."""
    best: tuple[float, float] | None = None
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        took = time.perf_counter() - wall, time.process_time() - cpu
        best = min(best, took) if best else took
    assert best is not None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": step, "wall_s": round(best[0], 4), "cpu_s": round(best[1], 4), "peak_mb": round(memory)}))
    sys.stdout.flush()


def ask(facts: Facts) -> None:
    with closing(facts.connect()) as con:
        stage_table(con, AS_OF)


def real_log(directory: Path, log: Path, mapping: Path) -> None:
    engine = open_store(f"sqlite:///{directory / 'store.db'}")
    timed("import (for scale)", lambda: import_file(engine, log, read_map(mapping)))
    facts = Facts(engine, directory / "facts")
    timed("build the snapshot", facts.refresh)
    timed("connect, nothing changed", lambda: facts.connect().close(), repeat=3)
    timed("connect and stage table", lambda: ask(facts), repeat=3)
    store_changes(engine, some_changes(engine), source="import")
    timed("connect after 100 changed tickets, first time", lambda: facts.connect().close())
    timed("connect after 100 changed tickets, again", lambda: facts.connect().close(), repeat=3)
    timed(
        "connect after 100 changed tickets, another process",
        lambda: Facts(engine, directory / "facts").connect().close(),
    )
    timed("new snapshot from the old one and 100 tickets", facts.refresh)
    with reading(engine) as connection:
        timed("baseline: stage table by SQL on the store", lambda: connection.execute(text(FOLD)).all(), repeat=3)
    engine.dispose()


def some_changes(engine: Engine) -> Iterator[TicketChange]:
    """One change for each of 100 tickets."""
    with reading(engine) as connection:
        tickets = connection.execute(text("SELECT ext_id FROM ticket ORDER BY id LIMIT 100")).scalars().all()
    for ticket in tickets:
        yield a_change(ticket, datetime(2017, 3, 1, tzinfo=UTC), status="Active")


def made_up(directory: Path, stays: int) -> None:
    """Stays without a store behind them, nine a ticket: the cost of opening and asking alone."""
    from unstuck.facts import snapshot as snapshots

    cache = directory / "facts"
    with snapshots.building(cache) as new:
        new.con.execute(
            f"""INSERT INTO stays SELECT i // 9, i % 9, s, s, 'ACTIVE', 'Group ' || hash(i + 3) % 90,
            'Person ' || hash(i + 5) % 300, start_at, lead(start_at) OVER w, lag(s) OVER w, lead(s) OVER w,
            lag(s) OVER w, lead(s) OVER w, 'ACTIVE', 'ACTIVE', NULL, NULL, NULL, NULL, i % 9 = 0, i % 9, NULL, NULL
            FROM (SELECT i, 'Status ' || hash(i) % 9 AS s,
                TIMESTAMP '2024-01-01' + to_seconds(i * 20 + hash(i) % 20) AS start_at
                FROM range({stays}) t(i)) WINDOW w AS (PARTITION BY i // 9 ORDER BY i)"""
        )
        new.con.execute(
            """INSERT INTO tickets (ticket, ext_id, created_at)
            SELECT ticket, ticket, min(start_at) FROM stays GROUP BY ticket"""
        )
        made = new.publish("made up", 1, [])
    import duckdb

    def opened() -> duckdb.DuckDBPyConnection:
        con = duckdb.connect()
        snapshots.attach(con, cache, made)
        return con

    timed(f"open {stays} stays", lambda: opened().close(), repeat=3)
    con = opened()
    query = "SELECT stage, team, count(*), sum(epoch(end_at - start_at)) FROM {} GROUP BY ALL"
    timed("group by stage and team, snapshot", lambda: con.execute(query.format("snap.stays")).fetchall(), repeat=3)
    con.execute(f"COPY snap.stays TO '{directory}/stays.parquet'")
    timed("the same on Parquet", lambda: con.execute(query.format(f"'{directory}/stays.parquet'")).fetchall(), repeat=3)
    timed(
        "load the Parquet into memory",
        lambda: con.execute(f"CREATE OR REPLACE TABLE m AS FROM '{directory}/stays.parquet'"),
    )
    sqlite = create_engine(f"sqlite:///{directory / 'plain.db'}")
    with sqlite.begin() as plain:
        fill_plain(plain, con)
        slow = text("SELECT stage, team, count(*), sum(seconds) FROM stays GROUP BY stage, team")
        timed("baseline: the same GROUP BY in SQLite", lambda: plain.execute(slow).all(), repeat=3)
    sqlite.dispose()


def fill_plain(plain: Connection, con: object) -> None:
    plain.execute(text("CREATE TABLE stays (stage TEXT, team TEXT, seconds REAL)"))
    cursor = con.execute("SELECT stage, team, epoch(end_at - start_at) FROM snap.stays")  # type: ignore[attr-defined]
    while rows := cursor.fetchmany(50_000):
        plain.connection.cursor().executemany("INSERT INTO stays VALUES (?, ?, ?)", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--stays", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.stays:
            made_up(Path(directory), arguments.stays)
        else:
            real_log(Path(directory), *arguments.files)


if __name__ == "__main__":
    main()
