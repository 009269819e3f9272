"""Open tickets that are not late yet and may well be soon, each with what says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from unstuck.clock import iso
from unstuck.facts import timers
from unstuck.i18n import Lang, format_number, format_share, t
from unstuck.stalls import days_off, deadlines
from unstuck.stalls.clocks import Calendars
from unstuck.stalls.moments import Moments, read
from unstuck.stalls.questions import missing, overstaying
from unstuck.stalls.risk import Learner, Question, Reason, Risk
from unstuck.stalls.visits import NEVER
from unstuck.tickets.calendars import BusinessCalendar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from unstuck.facts import Facts

NO_CALENDARS = Calendars()
#: Less likely than this is not worth a manager's morning.
LIKELY = 0.5
#: Ages at which missing a deadline is asked about, in hours, the oldest first.
AGES = (72, 24, 4)


@dataclass(frozen=True, slots=True)
class AtRisk:
    """One ticket that may well be late soon."""

    #: The source's id of it, and ours.
    ticket: str
    ticket_id: int
    stage: str
    #: `overstay`, or the field whose unwritten deadline it may miss.
    what: str
    #: When it will be late if nothing happens (for deadlines: the last moment to solve it in time).
    due: datetime
    risk: Risk


def at_risk(facts: Facts, now: datetime, calendars: Calendars = NO_CALENDARS, least: float = LIKELY) -> list[AtRisk]:
    """Tickets open at `now` and not late yet, the likeliest first."""
    calendar = calendars.known(None)
    with closing(facts.connect()) as con:
        weekdays = days_off.find(con, now, calendars.shared).weekdays()
        found = [*_overstaying(con, now, calendar, weekdays, least), *_missing(con, now, calendar, weekdays, least)]
        names = dict(con.execute("SELECT ticket, ext_id FROM tickets").fetchall())
    named = [replace(one, ticket=names[one.ticket_id]) for one in found]
    return sorted(named, key=lambda one: (-one.risk.chance, one.ticket))


def _overstaying(
    con: DuckDBPyConnection, now: datetime, calendar: BusinessCalendar | None, weekdays: BusinessCalendar, least: float
) -> Iterator[AtRisk]:
    at = int(now.timestamp())
    entries = _as_of(read(con), at)
    if not len(entries):
        return
    question = overstaying(entries, np.ones(len(entries), dtype=np.bool_), at, calendar)
    yield from _judge(replace(question, weekdays=weekdays), "overstay", at, least, set())


def _missing(
    con: DuckDBPyConnection, now: datetime, calendar: BusinessCalendar | None, weekdays: BusinessCalendar, least: float
) -> Iterator[AtRisk]:
    at, clocks = int(now.timestamp()), timers.find(con, now)
    for rule in deadlines.find(con, calendar, now):
        seen: set[int] = set()
        for hours in AGES:
            question = missing(con, rule, clocks, hours * 3600, calendar, at)
            question = replace(question, moments=_asked_now(question.moments, at), weekdays=weekdays)
            yield from _judge(question, rule.field, at, least, seen)


def _judge(question: Question, what: str, at: int, least: float, seen: set[int]) -> Iterator[AtRisk]:
    """Rows still open; those seen at a greater age are passed over."""
    moments = question.moments
    still = np.flatnonzero((moments.end == NEVER) & (question.due > at))
    fresh = np.array([row for row in still if int(moments.ticket[row]) not in seen], dtype=np.int64)
    seen |= {int(moments.ticket[row]) for row in fresh}
    if not len(fresh):
        return
    learner, rows = Learner(question), np.arange(len(moments))
    forecast = learner.learn(rows, at, learner.choose(rows, at))
    likely = fresh[forecast.chances(fresh) >= least]
    stage = moments.facts["stage"]
    for row, risk in zip(likely, forecast.risks(likely), strict=True):
        due = datetime.fromtimestamp(int(question.due[row]), UTC)
        yield AtRisk("", int(moments.ticket[row]), stage.words[stage.codes[row]] or "", what, due, risk)


def _as_of(moments: Moments, at: int) -> Moments:
    """What was known at an instant: later moments are gone, those not ended by then still last."""
    known = moments.where(moments.asked <= at)
    return _asked_now(replace(known, end=np.where(known.end <= at, known.end, NEVER)), at)


def _asked_now(moments: Moments, at: int) -> Moments:
    """The same moments, those that still last asked about now."""
    return replace(moments, asked=np.where(moments.end == NEVER, at, moments.asked))


def as_json(one: AtRisk, lang: Lang) -> dict[str, Any]:
    risk = one.risk
    return {
        "ticket": one.ticket,
        "stage": one.stage,
        "what": one.what,
        "due": iso(one.due),
        "risk": round(risk.chance, 4),
        "group": [{"fact": fact, "value": value} for fact, value in risk.group],
        "comparables": risk.comparables,
        "rate": round(risk.rate, 4),
        "reasons": [reason_words(reason, lang) for reason in risk.reasons],
        "says": says(risk, lang),
    }


def says(risk: Risk, lang: Lang) -> str:
    """What a risk was reckoned from, in a sentence."""
    group = t("risk.and", lang).join(fact_words(fact, value, lang) for fact, value in risk.group)
    share, n = format_share(risk.rate, lang), format_number(risk.comparables, lang)
    return t("risk.compared", lang, group=group, n=n, share=share)


def reason_words(reason: Reason, lang: Lang) -> str:
    """A reason in words: what is known, and how comparable tickets fared."""
    names, values = reason.fact.split("+"), reason.value.split(" + ")
    known = t("risk.and", lang).join(fact_words(name, value, lang) for name, value in zip(names, values, strict=False))
    n = format_number(reason.comparables, lang)
    return t("risk.reason", lang, known=known, share=format_share(reason.rate, lang), n=n)


def fact_words(name: str, value: str, lang: Lang) -> str:
    """A fact as a reader would say it."""
    if not value:
        return t("risk.without", lang, name=_name(name, lang))
    match name:
        case "time":
            day, quarter = value.split()
            return t("risk.time", lang, day=t(f"risk.day_{day}", lang), quarter=t(f"risk.quarter_{quarter}", lang))
        case "age" | "changes":
            return t(f"risk.{name}", lang, span=_span(name, value, lang))
        case "before":
            stage, _, visit = value.rpartition(" ")
            return t("risk.before" if stage else "risk.first", lang, stage=stage, visit=visit)
        case _:
            return t("risk.fact", lang, name=_name(name, lang), value=value)


def _name(name: str, lang: Lang) -> str:
    return name.removeprefix("custom.") if name.startswith("custom.") else t(f"risk.name_{name}", lang)


def _span(name: str, value: str, lang: Lang) -> str:
    from unstuck.i18n import format_duration

    low, _, high = value.partition(" ")
    ends = [(format_duration(int(end), lang) if name == "age" else end) if end else "" for end in (low, high)]
    return t("risk.from", lang, low=ends[0]) if not high else t("risk.between", lang, low=ends[0], high=ends[1])


def proposals(
    con: DuckDBPyConnection, now: datetime, calendars: Calendars
) -> tuple[Sequence[timers.Timer], Sequence[deadlines.Deadline], days_off.DaysOff]:
    """Timers, unwritten deadlines and days off found in the history known at `now`."""
    rules = deadlines.find(con, calendars.known(None), now)
    return timers.find(con, now), rules, days_off.find(con, now, calendars.shared)
