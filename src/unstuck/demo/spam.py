"""Mail that is no ticket: it arrives, somebody looks, it is dropped."""

from __future__ import annotations

from datetime import datetime
from random import Random

from unstuck.demo.diary import Diary
from unstuck.demo.lives import HOUR, Office
from unstuck.demo.people import AUTOMATION
from unstuck.demo.stages import NEW, SPAM
from unstuck.demo.wording import phrase
from unstuck.i18n import Lang
from unstuck.tickets.changes import TicketChange


def live_spam(ticket: str, at: datetime, lang: Lang, office: Office, random: Random) -> list[TicketChange]:
    """The short life of an unwanted mail. The sender is no customer of the desk's."""
    team = office.teams["front-desk" if lang == "en" else "kefu"]
    number = random.randrange(9000)
    diary = Diary(ticket)
    values = {
        "title": phrase("customer.spam_title", lang, random),
        "description": phrase("customer.spam", lang, random, email=f"offer{number}@bulk.invalid.test"),
        "status": NEW, "team": team.id, "assignee": None, "priority": "Normal", "language": lang, "channel": "Email",
        "url": f"https://desk.tidewell.test/tickets/{ticket}", "number": ticket,
    }  # fmt: skip
    diary.create(at.timestamp(), AUTOMATION, values)
    agent = office.people[random.choice(team.members)]
    seen_at = office.after(team.calendar, at.timestamp(), random.uniform(0.2, 3) * HOUR)
    diary.update(seen_at, agent, status=SPAM)
    return diary.changes
