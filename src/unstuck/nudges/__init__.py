"""Who hears about a stall, when, and exactly once."""

from unstuck.nudges.actions import false_alarm, mine, snooze, snooze_until
from unstuck.nudges.plan import Planned, plan_nudges
from unstuck.nudges.sweep import Findings, look
from unstuck.nudges.view import Evidence, NudgeView

__all__ = [
    "Evidence", "Findings", "NudgeView", "Planned", "false_alarm", "look", "mine", "plan_nudges", "snooze",
    "snooze_until",
]  # fmt: skip
