"""Visits in SQL are the visits of `whose_turn`, and business time is the team's."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from unstuck.facts import Facts
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.histories import histories
from unstuck.stalls.turn import whose_turn
from unstuck.stalls.visits import NEVER, read
from unstuck.testing import NOON, Databases, a_change, a_ticket, store_changes
from unstuck.tickets.calendars import load_calendars
from unstuck.tickets.changes import TicketChange
from unstuck.tickets.database import reading
from unstuck.tickets.store import open_store, put_calendars
from unstuck.tickets.tables import Calendar

STATUSES = ["New", "In progress", "Waiting for vendor", "Waiting for customer", "Resolved"]


def a_life(name: str, dice: random.Random) -> list[TicketChange]:
    changes = a_ticket(name, start=NOON, team=dice.choice(["t1", "t2"]), priority="P3")
    at = 0.0
    for _ in range(dice.randrange(8)):
        at += dice.uniform(0.1, 40)
        values: dict[str, str | None] = {"status": dice.choice(STATUSES), "team": dice.choice(["t1", "t2", None])}
        keep = dice.sample(sorted(values), dice.randrange(3))
        changes.append(a_change(name, NOON + timedelta(hours=at), values={key: values[key] for key in keep}))
    return changes


def test_sql_and_python_agree_on_what_a_visit_is(tmp_path: Path, databases: Databases) -> None:
    dice, engine, now = random.Random(7), open_store(databases.sqlite()), NOON + timedelta(days=99)
    store_changes(engine, [change for number in range(60) for change in a_life(f"T-{number}", dice)])
    hours = {str(day): [["09:00", "18:00"]] for day in range(5)}
    calendar = Calendar(name="default", timezone="Asia/Shanghai", hours=hours)
    with Session(engine) as session, session.begin():
        put_calendars(session, [calendar])
    with Facts(engine, tmp_path / "facts").connect() as relations, reading(engine) as connection:
        calendars = Calendars(load_calendars(connection))
        visits = read(relations, calendars)
        lines = [one.at(now) for one in histories(connection, range(1, 61))]
        turns = [whose_turn(line) for line in lines if line is not None]
    last = np.flatnonzero(visits.end == NEVER)
    assert len(last) > 20
    stage, team = visits.stage, visits.team
    in_sql = Counter((stage.words[stage.codes[row]], team.words[team.codes[row]], visits.start[row]) for row in last)
    assert in_sql == Counter((turn.stage, turn.team, int(turn.since.timestamp())) for turn in turns if turn)
    seen, office = visits.seen_at(now), calendars.of(None)
    for row in last:
        began = datetime.fromtimestamp(int(seen.start[row]), UTC)
        assert seen.lasted[row] == office.between(began, now)
