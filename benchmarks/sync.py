"""How fast changes go from a connector into the store, and how much memory that takes.

    python benchmarks/sync.py --tickets 100000        ten changes a ticket, in pages of 1,000 as exports give them

The connector makes its pages up in this process: no network and no ticket system is measured, only what Unstuck does.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from unstuck.clock import SystemClock
from unstuck.connectors import Action, Capabilities, Description, Page, Since, Written
from unstuck.sources.config import SourceConfig
from unstuck.sources.pull import Progress, Pull
from unstuck.testing import NOON
from unstuck.tickets.changes import ChangeKind, Message, TicketChange
from unstuck.tickets.store import open_store

PER_TICKET, PAGE = 10, 1000


class MadeUp:
    """An export of so many tickets, oldest change first: at any time a few hundred of them are being worked on."""

    capabilities = Capabilities("Made up", deletes="told", writes=frozenset())

    def __init__(self, tickets: int) -> None:
        self.tickets = tickets

    def describe(self) -> Description:
        return Description("")

    def changes(self, since: Since) -> Iterator[Page]:
        total, alive = self.tickets * PER_TICKET, 500
        for first in range(int(since or 0) if not isinstance(since, tuple) else 0, total, PAGE):  # type: ignore[arg-type]
            rows = [self._change(number, alive) for number in range(first, min(total, first + PAGE))]
            yield Page(rows, str(first + len(rows)), left=total - first - len(rows), rows=len(rows))

    def _change(self, number: int, alive: int) -> TicketChange:
        generation, within = divmod(number, alive * PER_TICKET)
        step, place = divmod(within, alive)
        ticket, at = str(generation * alive + place), NOON + timedelta(seconds=number * 30)
        if step == 0:
            values = {
                "status": "new",
                "team": str(place % 7),
                "title": f"Case {ticket}",
                "description": "It hums. " * 20,
            }
            return TicketChange(ticket, f"c{number}", at, ChangeKind.CREATED, "cust", values)
        if step % 2:
            said = Message("We are looking into it. " * 8, "agent", public=step % 4 == 1)
            return TicketChange(ticket, f"c{number}", at, ChangeKind.MESSAGE, "ana", message=said)
        return TicketChange(
            ticket, f"c{number}", at, ChangeKind.UPDATED, "ana", {"status": ("open", "pending", "solved")[step % 3]}
        )

    def write(self, action: Action) -> Written:
        raise NotImplementedError(action)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, default=100_000)
    tickets = parser.parse_args().tickets
    with tempfile.TemporaryDirectory() as directory:
        engine = open_store(f"sqlite:///{directory}/unstuck.db")
        config = SourceConfig("made-up", Path(directory), "made-up", "https://x.example", SecretStr("t"))
        pull = Pull(config, MadeUp(tickets), sessionmaker(engine, class_=Session), SystemClock())
        begun, cpu = time.perf_counter(), time.process_time()
        every = max(1, tickets * PER_TICKET // 10)

        def show(far: Progress) -> None:
            if far.rows % every < PAGE:
                print(f"{far.rows / (time.perf_counter() - begun):.0f} changes/s after {far.rows}", file=sys.stderr)

        pulled = pull.run(show)
        wall, spent = time.perf_counter() - begun, time.process_time() - cpu
        engine.dispose()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"changes": pulled.new_changes, "wall_s": round(wall, 1), "cpu_s": round(spent, 1), "peak_mb": round(memory)}
    rates = {"per_wall_s": round(pulled.new_changes / wall), "per_cpu_s": round(pulled.new_changes / spent)}
    print(json.dumps({**told, **rates}))


if __name__ == "__main__":
    main()
