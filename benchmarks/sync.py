"""How fast a first load goes from Zendesk's incremental export into the store, and how much memory it takes.

    python benchmarks/sync.py --tickets 100000        ten changes a ticket; --profile FILE says where the time goes

The export is `zendesk_export.py` beside this file, in a process of its own and without the ten requests a minute that
Zendesk allows; what is measured is everything on our side: HTTP, JSON, the connector, the store. At the end the tickets
and changes in the store are counted.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from zendesk_export import PAGE, PER_TICKET, TOKEN

from unstuck.clock import SystemClock
from unstuck.connectors.zendesk import Zendesk
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Progress, Pull, Pulled, Shown
from unstuck.tickets.store import open_store, reading

EXPORT = Path(__file__).with_name("zendesk_export.py")


@contextmanager
def exporting(tickets: int) -> Iterator[str]:
    """The address of an export, in a process of its own."""
    command = [sys.executable, str(EXPORT), "--tickets", str(tickets)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--database", help="a PostgreSQL URL; an SQLite file unless given")
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, exporting(given.tickets) as url:
        measure(given.tickets, url, given.database or f"sqlite:///{directory}/unstuck.db", given.profile)


def measure(tickets: int, url: str, database: str, profile: Path | None) -> None:
    engine = open_store(database)
    options = {"exports_per_minute": 1e9}
    config = SourceConfig("zendesk", Path("zendesk.toml"), "zendesk", url, SecretStr(TOKEN), options=options)
    pull = Pull(config, Zendesk(config.connection()), sessionmaker(engine, class_=Session), SystemClock())
    begun, cpu = time.perf_counter(), time.process_time()
    every = max(PAGE, tickets * PER_TICKET // 10)

    def show(far: Progress) -> None:
        if far.rows % every < PAGE:
            rate = far.rows / (time.perf_counter() - begun)
            print(f"{rate:.0f} changes/s after {far.rows}, {far.left} left", file=sys.stderr)

    pulled = profiled(pull, show, profile) if profile else pull.run(show)
    wall, spent = time.perf_counter() - begun, time.process_time() - cpu
    with reading(engine) as connection:
        stored = connection.execute(text("SELECT count(*), count(DISTINCT ticket_id) FROM change")).one()
    engine.dispose()
    assert tuple(stored) == (tickets * PER_TICKET, tickets), stored
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"changes": pulled.new_changes, "wall_s": round(wall, 1), "cpu_s": round(spent, 1), "peak_mb": round(memory)}
    rates = {"per_wall_s": round(pulled.new_changes / wall), "per_cpu_s": round(pulled.new_changes / spent)}
    print(json.dumps({**told, **rates}))


def profiled(pull: Pull, show: Shown, path: Path) -> Pulled:
    with cProfile.Profile() as profile:
        pulled = pull.run(show)
    profile.dump_stats(path)
    return pulled


if __name__ == "__main__":
    main()
