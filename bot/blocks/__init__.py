"""Values to Block Kit. Pure: no clock, no network, no store; every word is escaped in `text`."""

from bot.blocks.answers import answer, dont_know, which
from bot.blocks.digest import notice_of
from bot.blocks.insights import Finding, ask, chosen, insight, refuse
from bot.blocks.nudges import nudge, nudge_done
from bot.blocks.pages import Waiting, help_, notice, waiting_list
from bot.blocks.shapes import Drawn

__all__ = [
    "Drawn",
    "Finding",
    "Waiting",
    "answer",
    "ask",
    "chosen",
    "dont_know",
    "help_",
    "insight",
    "notice",
    "notice_of",
    "nudge",
    "nudge_done",
    "refuse",
    "waiting_list",
    "which",
]
