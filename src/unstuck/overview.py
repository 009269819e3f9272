"""What a manager sees at a glance: where it is stuck now, and how much came and went in the last four weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from unstuck.i18n import Lang, t
from unstuck.insights import ask
from unstuck.insights.ask import Told
from unstuck.insights.plan import Answer, Grain, Kind, Plan, Scope, Window
from unstuck.nudges import surges
from unstuck.nudges.surges import Surge

if TYPE_CHECKING:
    from unstuck.deps import Deps

WEEKS = 4
#: Of each kind.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Week:
    """One week in numbers as they are read. The latest is still running."""

    label: str
    opened: str
    solved: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Sentences and numbers, all in the reader's language; they may quote the desk's own names."""

    stuck: str
    #: What was counted, and of what time.
    restatement: str
    weeks: tuple[Week, ...] = ()
    #: Stages that more tickets enter this week than usual, the least likely first.
    surges: tuple[Surge, ...] = ()


def overview(deps: Deps, scope: Scope, lang: Lang) -> Overview:
    """Computed now; nothing of it is remembered as an answer."""
    now, timezone = deps.clock.now(), deps.settings.timezone
    stuck = _told(deps, _stuck(deps, lang), scope, lang)
    month = Window(start=now - timedelta(weeks=WEEKS), end=now)
    opened, solved = (
        _told(deps, Plan(kind=Kind.TREND, metric=name, grain=Grain.WEEK, window=month, timezone=timezone), scope, lang)
        for name in ("opened", "solved")
    )
    came, went = ({row[0]: row[1] for row in told.rows} for told in (opened, solved))
    weeks = [Week(label, came.get(label, "0"), went.get(label, "0")) for label in dict.fromkeys([*came, *went])]
    return Overview(stuck.sentence, stuck.restatement, tuple(weeks[-SHOWN:]), _surges(deps, scope))


def _surges(deps: Deps, scope: Scope) -> tuple[Surge, ...]:
    """Of the whole desk: who sees some teams only is told none."""
    if scope.teams is not None:
        return ()
    facts = deps.facts.connect()
    try:
        return tuple(surges.find(facts, deps.clock.now(), deps.settings.timezone)[:SHOWN])
    finally:
        facts.close()


def _stuck(deps: Deps, lang: Lang) -> Plan:
    """What asking for it in words would compute: the page and an answer must not differ."""
    reading = ask.read(deps, t("bot.prompt_stuck_text", lang), lang=lang)
    if isinstance(reading, Answer):
        return reading.plan
    now = deps.clock.now()
    week = Window(start=now - timedelta(days=7), end=now)
    return Plan(kind=Kind.BOTTLENECK, metric="bottleneck", window=week, timezone=deps.settings.timezone)


def _told(deps: Deps, plan: Plan, scope: Scope, lang: Lang) -> Told:
    return ask.compute(deps, plan, scope=scope, lang=lang)
