"""Rules whose nudges people call false: proposed to the admins for retirement, once a month while it holds."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from unstuck import notices
from unstuck.notices import Told
from unstuck.nudges.effect import effect
from unstuck.nudges.hours import next_decent
from unstuck.nudges.recipients import ADMIN
from unstuck.nudges.rules import FILE, Rules
from unstuck.tickets.database import reading

KIND = "retire"
#: What was said longer ago counts no more.
DAYS = 90


def propose(engine: Engine, rules: Rules, timezone: str, now: datetime) -> int:
    """Write down which rules should go; how many proposals are new."""
    with reading(engine) as connection:
        doomed = [one for one in effect(connection, rules, now, DAYS).rules if one.retire]
    on = {rule.name for rule in rules.rules if rule.enabled}
    month, due = now.astimezone(ZoneInfo(timezone)).strftime("%Y-%m"), next_decent(now, rules.hours, None, timezone)
    new = 0
    with Session(engine) as session, session.begin():
        for one in doomed:
            if one.rule in on:
                said = {"rule": one.rule, "n": one.false_alarms, "sent": one.sent, "share": one.share, "file": FILE}
                new += notices.put(session, Told(f"retire:{one.rule}:{month}", KIND, said, ADMIN), due)
    return new
