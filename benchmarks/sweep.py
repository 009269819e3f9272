"""What the minute sweep costs on a desk with very many open tickets, beside a full pass each minute.

    python benchmarks/sweep.py [--tickets 1000000] [--hour 9]

Makes a store of open tickets in the shape that `unstuck sync` leaves behind: two and a half changes each, a
third with a message, 200 teams, 5,000 people, two calendars; half of the tickets have stood still for longer
than usual. Made in bulk, about four minutes. Then, each in a process of its own: the first pass, a minute in which nothing happened, one in
which 1,000 tickets changed, and the baseline, which looks closely at every open ticket each minute (on a share
of them, reckoned up). Wall and processor seconds, and the most memory that the process ever held; the longest transaction
that wrote, the longest that somebody else waited who wanted to write, and the machine's load. The clock
of the sweeps stands at `--hour` of a Wednesday, UTC: by day there is more to find than at night.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, func, insert, select

from unstuck import deps
from unstuck.clock import FrozenClock, iso
from unstuck.deps import Deps
from unstuck.nudges.desk import Desk, read_desk
from unstuck.nudges.plan import plan_nudges
from unstuck.nudges.sweep import examine, look
from unstuck.settings import Settings
from unstuck.stalls.histories import histories
from unstuck.stalls.thresholds import Threshold
from unstuck.testing import a_change
from unstuck.testing_nudges import tell
from unstuck.tickets.database import reading
from unstuck.tickets.history import CHANGE, MESSAGE, TICKET
from unstuck.tickets.tables import Calendar, Person, Source, Stage, Team

TEAMS, PEOPLE = 200, 5000
CHANGED = 1000
#: The baseline looks at this many tickets.
SHARE = 20_000
DAY = datetime(2026, 1, 14, tzinfo=UTC)
STATUSES = {"New": 0.3, "Active": 0.4, "Wait_Customer": 0.15, "Wait_Vendor": 0.15}
WORDS = "The printer in room 12 does not start any more, could you please have a look at it? It worked on Monday."


def make(built: Deps, tickets: int) -> None:
    """Fill the store in bulk: what `store.apply` would have written one by one."""
    dice = random.Random(7)
    with built.sessions.begin() as session:
        session.add(Source(id=1, name="test", kind="test"))
        session.flush()
        hours = {str(day): [["09:00", "12:00"], ["13:00", "18:00"]] for day in range(5)}
        for name, zone in (("berlin", "Europe/Berlin"), ("shanghai", "Asia/Shanghai")):
            session.add(Calendar(name=name, timezone=zone, hours=hours, country=None, exceptions={}))
        for status in STATUSES:
            session.add(Stage(source_id=1, status=status, stage=status, stage_class=status.upper()))
        for number in range(TEAMS):
            calendar, lead = ("berlin", "shanghai")[number % 2], f"p{number}"
            session.add(Team(source_id=1, ext_id=f"t{number}", name=f"Team {number}", calendar=calendar, lead=lead))
        for number in range(PEOPLE):
            session.add(Person(source_id=1, ext_id=f"p{number}", kind="agent", name=f"Person {number}"))
    rows = (a_row(number, dice) for number in range(1, tickets + 1))
    with built.engine.begin() as connection:
        while some := list(islice(rows, 10_000)):
            connection.execute(insert(TICKET), [ticket for ticket, _, _ in some])
            connection.execute(insert(CHANGE), [change for _, changes, _ in some for change in changes])
            connection.execute(insert(MESSAGE), [message for _, _, messages in some for message in messages])


def a_row(number: int, dice: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """A ticket with its changes and messages, as rows."""
    team, created = dice.randrange(TEAMS), DAY - timedelta(days=dice.expovariate(1 / 9) + 0.01)
    values = {
        "status": "New", "team": f"t{team}", "priority": dice.choice("1234"), "title": f"Ticket {number}",
        **({"assignee": f"p{dice.randrange(PEOPLE // TEAMS) * TEAMS + team}"} if dice.random() < 0.85 else {}),
    }  # fmt: skip
    status = dice.choices(list(STATUSES), list(STATUSES.values()))[0]
    steps = [("created", values), *([("updated", {"status": status})] if status != "New" else [])]
    steps += [("message", {})] * (dice.random() < 0.33) + [("updated", {"category": "printer"})] * (
        dice.random() < 0.45
    )
    span, changes, messages, still = (DAY - created) / (len(steps) + 1), [], [], created
    for place, (kind, said) in enumerate(steps):
        at, key = created + span * place, number * 8 + place
        still = at if "status" in said else still
        changes.append({
            "id": key, "source_id": 1, "ticket_id": number, "change_key": f"c{key}", "at": at, "order": 0, "kind": kind,
            "actor": values.get("assignee"), "values": said, "ticket_created_at": created, "seen_at": at,
        })  # fmt: skip
        if kind == "message":
            who = dice.choice(("customer", "agent"))
            messages.append({
                "change_id": key, "ticket_id": number, "at": at, "author_kind": who, "public": True, "body": f"{WORDS} Number {number}."
            })  # fmt: skip
    ticket = {
        "id": number, "source_id": 1, "ext_id": f"T-{number}", "title": values["title"], "status": status,
        "stage_class": status.upper(), "team": values["team"], "assignee": values.get("assignee"),
        "values": {"priority": values["priority"]}, "created_at": created, "updated_at": changes[-1]["at"],
        "still_since": still, "revision": number // 10_000 + 1,
    }  # fmt: skip
    return ticket, changes, messages


def desk_of(built: Deps) -> Desk:
    """The desk, having learned: late after six to fifteen working days, by stage and team."""
    late = {
        (status, priority, f"Team {team}"): Threshold((4 + team % 6) * 8 * 3600, 0.9, 300, 40, "stage+priority+team")
        for status in STATUSES
        for priority in "1234"
        for team in range(TEAMS)
    }
    with reading(built.engine) as connection:
        return read_desk(connection, built.settings, {**late})


def sweep(built: Deps, desk: Desk) -> dict[str, Any]:
    with reading(built.engine) as connection:
        findings = look(connection, desk, built.clock.now())
    looked = time.perf_counter()
    planned = plan_nudges(built.sessions, findings, desk)
    counts = {"looked_at": planned.looked_at, "planned": planned.planned, "put_off": planned.put_off}
    return {**counts, "of_it_writing_s": round(time.perf_counter() - looked, 2)}


def baseline(built: Deps, desk: Desk) -> dict[str, Any]:
    """A close look at every open ticket, of which a share is timed."""
    start = time.process_time()
    with reading(built.engine) as connection:
        tickets = connection.execute(select(func.count()).select_from(TICKET)).scalar_one()
        chosen = sorted(random.Random(1).sample(range(1, tickets + 1), min(tickets, SHARE)))
        verdicts = [examine(one, (), desk, built.clock.now()) for one in histories(connection, chosen)]
    whole = (time.process_time() - start) * tickets / len(chosen)
    stalled = sum(one.stall is not None for one in verdicts)
    return {"looked_at": len(chosen), "stalled": stalled, "reckoned_up_cpu_s": round(whole, 1)}


def change(built: Deps, tickets: int) -> None:
    """1,000 tickets have changed in the last minute."""
    now = built.clock.now()
    chosen = random.Random(5).sample(range(1, tickets + 1), CHANGED)
    tell(built, [a_change(f"T-{one}", now, status="Active", actor="p1") for one in chosen])


STEPS: dict[str, tuple[int, Callable[[Deps, Desk], dict[str, Any]]]] = {
    "first pass": (0, sweep), "nothing happened": (1, sweep), "1,000 tickets changed": (2, sweep),
    "baseline: a full pass each minute": (3, baseline),
}  # fmt: skip


@contextmanager
def writing_timed(engine: Engine) -> Iterator[list[float]]:
    """How long each transaction that writes lasts meanwhile, in seconds."""
    lasted: list[float] = []
    begun: dict[int, float] = {}

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("only_reads"):
            begun[id(connection)] = time.perf_counter()

    def end(connection: Connection) -> None:
        if id(connection) in begun:
            lasted.append(time.perf_counter() - begun.pop(id(connection)))

    event.listen(engine, "begin", begin)
    event.listen(engine, "commit", end)
    yield lasted


@contextmanager
def somebody_writing(file: Path) -> Iterator[list[float]]:
    """How long somebody waits who has something small to write twenty times a second, in seconds."""
    waited, over = [0.0], threading.Event()

    def write() -> None:
        connection = sqlite3.connect(file, timeout=60, isolation_level=None)
        while not over.wait(0.05):
            start = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            waited.append(time.perf_counter() - start)
            connection.execute("COMMIT")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    yield waited
    over.set()
    writer.join()


def timed(built: Deps, step: str) -> None:
    desk = desk_of(built)
    wall, cpu = time.perf_counter(), time.process_time()
    with writing_timed(built.engine) as lasted, somebody_writing(built.settings.home / "unstuck.db") as waited:
        found = STEPS[step][1](built, desk)
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    took |= {"longest_write_s": max(lasted, default=0.0), "longest_wait_to_write_s": max(waited)}
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    rounded = {name: round(seconds, 2) for name, seconds in took.items()}
    loaded = {"peak_mb": memory, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps({"step": step, **rounded, **loaded, **found}), flush=True)


def opened(home: Path, minutes: int, hour: int) -> Deps:
    settings = Settings(home=home, managers="U1", timezone="Europe/Berlin")
    return deps.build(settings, clock=FrozenClock(DAY + timedelta(hours=hour, minutes=minutes)))


def all_steps(home: Path, tickets: int, hour: int) -> Iterator[Sequence[str]]:
    """Arguments of each step's own process."""
    start = time.perf_counter()
    built = opened(home, 0, hour)
    make(built, tickets)
    built.close()
    print(
        json.dumps(
            {"step": "made", "tickets": tickets, "wall_s": round(time.perf_counter() - start, 1), "at": iso(DAY)}
        )
    )
    sys.stdout.flush()
    for step, (minutes, _) in STEPS.items():
        if step.startswith("1,000"):
            built = opened(home, minutes, hour)
            change(built, tickets)
            built.close()
        yield ["--home", str(home), "--step", step, "--hour", str(hour)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--hour", type=int, default=9)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        built = opened(chosen.home, STEPS[chosen.step][0], chosen.hour)
        timed(built, chosen.step)
        built.close()
        return
    with tempfile.TemporaryDirectory() as directory:
        for arguments in all_steps(Path(directory), chosen.tickets, chosen.hour):
            subprocess.run([sys.executable, __file__, *arguments], check=True)


if __name__ == "__main__":
    main()
