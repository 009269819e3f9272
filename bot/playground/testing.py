"""A playground on a small desk: opens in a second, needs no embedding model. For tests and photographs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bot.playground.opening import Open, opened
from bot.playground.standin import SlackStandIn
from bot.testing import TODAY, small_desk
from knowledge.cards import Card
from knowledge.replies import Model
from unstuck.clock import RunningClock
from unstuck.testing import a_ticket
from unstuck.testing_nudges import HASTY, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

#: Two products that one question fits.
LEAKS = (
    Card("L-1", "Water under the machine", "There is water under the machine.", "Open the valve.", product="HX-200"),
    Card("L-2", "Water under the machine", "There is water under the machine.", "Bleed it.", product="Boiler 9"),
)
#: Each team's lead comes first.
STAFF = {
    "Repairs": ("Lea Brandt", "Ana Costa", "Ivo Marek"),
    "Billing": ("林静", "周晓"),
    "Logistics": ("Max Admin", "Tom Hale"),
}


@contextmanager
def small_playground(home: Path, *, port: int = 0, model: Model | None = None, jobs: bool = True) -> Iterator[Open]:
    """Seven people in three teams; three tickets of Ana Costa's and one of 周晓's stand still."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "nudges.toml").write_text(HASTY, encoding="utf-8")
    with SlackStandIn() as nobody, small_desk(home, nobody, clock=RunningClock(TODAY), model=model) as deps:
        deps.knowledge.learn(LEAKS)
        people = [
            PersonRecord(_id(name), name, kind="agent", email=f"p{number}@desk.example", team=team)
            for team, names in STAFF.items()
            for number, name in enumerate(names, start=10 * len(team))
        ]
        teams = [TeamRecord(team, team, lead=_id(names[0])) for team, names in STAFF.items()]
        tell(deps, [], people, teams)
        for number, (title, who) in enumerate(_WAITING, start=1):
            start = TODAY - timedelta(days=1 + number)
            team = next(team for team, names in STAFF.items() if who in names)
            tell(deps, a_ticket(f"W-{number}", start=start, team=team, assignee=_id(who), title=title))
        with opened(deps, port, zones={"en": "Europe/Berlin", "zh": "Asia/Shanghai"}, jobs=jobs) as page:
            yield page


_WAITING = (
    ("Dishwasher stops with E24", "Ana Costa"),
    ("<!channel> pump *is* loud & <b>leaks</b>", "Ana Costa"),
    ("Oven door does not close", "Ana Costa"),
    ("退款一直没有到账", "周晓"),
)


def _id(name: str) -> str:
    return name.lower().replace(" ", ".")
