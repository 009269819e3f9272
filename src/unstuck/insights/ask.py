"""A manager's question from words to a told answer: read, computed, remembered, written to the audit log.

`read` gives the reading, `tell` computes an accepted plan, `picture` draws it; `answer` does the first two
for people and programs that want one reply.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlmodel import Session, select

from unstuck.clock import Clock, iso, parse_instant
from unstuck.errors import UserError
from unstuck.i18n import Lang, t
from unstuck.insights import aliases
from unstuck.insights.plan import Answer, Grain, Kind, Option, OwnWord, Plan, Reading, Refuse, Result, Scope
from unstuck.insights.restate import changes, restate
from unstuck.tickets.calendars import BusinessCalendar, load_calendars
from unstuck.tickets.tables import Audit, Thread, Ticket

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from sqlalchemy.orm import sessionmaker

    from unstuck.facts import Facts
    from unstuck.insights.chart_series import Series
    from unstuck.insights.question.lexicon import Lexicon
    from unstuck.insights.question.meaning import Meaning
    from unstuck.insights.question.proposals import PlanModel
    from unstuck.settings import Settings

#: For those who may see everything: whoever runs the command line owns the database anyway.
EVERYTHING = Scope(persons=True)


class Desk(Protocol):
    """What questions need of `Deps`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def model(self) -> PlanModel | None: ...
    @property
    def sessions(self) -> sessionmaker[Session]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A computed plan in words and in numbers."""

    plan: Plan
    result: Result
    sentence: str
    restatement: str
    #: Heads and rows as they are read: durations and numbers in the reader's language.
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_rows: int
    notes: tuple[str, ...]
    #: "Now", as of which it was computed.
    at: datetime
    #: The answer's number in the audit log, by which it can be asked for again; None for one that was not kept.
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything about one question; `as_json` is the command line's document."""

    status: str
    restatement: str
    told: Told | None = None
    plan: Plan | None = None
    options: tuple[Option, ...] = ()
    unexplained: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line's contract, in its order."""
        result = self.told.result if self.told else None
        document: dict[str, Any] = {
            "status": self.status,
            "restatement": self.restatement,
            "plan": _plain(self.plan),
            "sql": result.sql if result else None,
            "columns": list(result.columns) if result else [],
            "rows": _rows(self.plan, result) if result and self.plan else [],
            "n": result.n if result else 0,
        }
        if result is not None and result.n_open is not None:
            document["n_open"] = result.n_open
        document |= {"unit": result.unit if result else None, "notes": list(self.notes)}
        if self.options:
            document["options"] = [{"label": one.label, "plan": _plain(one.plan)} for one in self.options]
        if self.status == "refuse":
            document["unexplained"] = list(self.unexplained)
        if self.told is not None and self.told.number is not None:
            document["number"] = self.told.number
        return document


def _rows(plan: Plan, result: Result) -> list[list[Any]]:
    """Rows for scripts. Buckets longer than an hour are named by their first day on the reader's clock."""
    rows = [list(row) for row in result.rows]
    if plan.kind is Kind.TREND and plan.grain is not Grain.HOUR:
        zone = ZoneInfo(plan.timezone)
        for row in rows:
            row[0] = parse_instant(str(row[0])).astimezone(zone).date().isoformat()
    return rows


def _plain(plan: Plan | None) -> dict[str, Any] | None:
    return None if plan is None else plan.model_dump(mode="json", exclude_defaults=True) | {"kind": plan.kind.value}


# --- reading ---


def read(
    desk: Desk,
    text: str,
    *,
    lang: Lang,
    thread: str | None = None,
    now: datetime | None = None,
    con: DuckDBPyConnection | None = None,
) -> Reading:
    """What the planner makes of `text`, as a follow-up of what was last answered under `thread`."""
    from unstuck.insights.question import read as plan_of

    with _connected(desk, con) as facts:
        words = lexicon(desk, facts)
    now, previous = now or desk.clock.now(), last_plan(desk, thread)
    zone, business = desk.settings.timezone, _keeps_hours(desk)
    reading = plan_of(text, lexicon=words, now=now, timezone=zone, lang=lang, previous=previous, business=business)
    if isinstance(reading, Answer) and not _has_tickets(desk):
        # "Nothing is stuck" would be no lie and yet wrong.
        return Refuse(unexplained=(), reason=t("insights.no_tickets", lang))
    # Only what the words alone do not tell is shown to a model, and nothing that was refused by name.
    if isinstance(reading, Refuse) and reading.unexplained and previous is None and desk.model is not None:
        from unstuck.insights.question.proposals import propose

        def learn(said: str, meaning: Meaning) -> None:
            _put_to_managers(desk, said, meaning, words)

        proposed = propose(
            text, reading, desk.model, lexicon=words, now=now, timezone=zone, lang=lang, business=business, learn=learn
        )
        return proposed or reading
    return reading


def _has_tickets(desk: Desk) -> bool:
    with desk.sessions() as session:
        return session.execute(select(Ticket.id).limit(1)).first() is not None


def _put_to_managers(desk: Desk, said: str, meaning: Meaning, words: Lexicon) -> None:
    """What a model took a word for, until a manager says that it always means that."""
    target = aliases.Target("metric" if meaning.role.value == "metric" else "dimension", meaning.id, "")
    with desk.sessions.begin() as session:
        aliases.propose(session, said, target, words, by=aliases.MODEL, now=desk.clock.now())


def take_guess(desk: Desk, guess: tuple[str, str]) -> None:
    """Somebody chose what a word nobody knew was taken for: put it to the managers."""
    said, meant = guess
    with _connected(desk, None) as facts:
        words = lexicon(desk, facts)
    with suppress(UserError), desk.sessions.begin() as session:
        target = aliases.target_of(meant, words)
        aliases.propose(session, said, target, words, by=aliases.SPELLING, now=desk.clock.now())


_known: dict[Path, tuple[tuple[int, int, tuple[OwnWord, ...]], Lexicon]] = {}
_building = threading.Lock()


def lexicon(desk: Desk, con: DuckDBPyConnection) -> Lexicon:
    """The desk's live values; built anew when tickets have changed since."""
    from unstuck.insights.question.lexicon import build

    with desk.sessions.begin() as session:
        row = session.execute(select(func.max(Ticket.revision), func.count())).one()
        own_words = aliases.approved(session)
    revision = (int(row[0] or 0), int(row[1]), own_words)
    place = desk.settings.directory
    with _building:
        known = _known.get(place)
        if known is None or known[0] != revision:
            known = _known[place] = (revision, build(con, own_words))
        return known[1]


@contextmanager
def _connected(desk: Desk, con: DuckDBPyConnection | None) -> Iterator[DuckDBPyConnection]:
    if con is not None:
        yield con
        return
    opened = desk.facts.connect()
    try:
        yield opened
    finally:
        opened.close()


def last_plan(desk: Desk, thread: str | None) -> Plan | None:
    """The plan that was last answered in a conversation; None when there is none (or of an older version)."""
    if thread is None:
        return None
    with desk.sessions.begin() as session:
        row = session.get(Thread, thread)
        saved = dict(row.plan) if row is not None else None
    try:
        return None if saved is None else Plan.model_validate(saved)
    except ValueError:
        return None


# --- telling ---


def tell(
    desk: Desk,
    plan: Plan,
    *,
    scope: Scope,
    lang: Lang,
    thread: str | None = None,
    now: datetime | None = None,
    asker: str | None = None,
    con: DuckDBPyConnection | None = None,
) -> Told:
    """Compute an accepted plan, say it in words, remember it for follow-ups, and write it to the audit log.

    Raises `UserError` where the plan cannot be computed for this asker.
    """
    from unstuck.insights.compile import run

    now = now or desk.clock.now()
    before = last_plan(desk, thread)
    with _connected(desk, con) as facts:
        result = run(facts, plan, scope, now, calendars=_calendars(desk, plan))
    number = _remember(desk, plan, result, thread, asker, scope, now)
    return replace(told(plan, result, lang, now, before), number=number)


def compute(desk: Desk, plan: Plan, *, scope: Scope, lang: Lang) -> Told:
    """A plan computed and told for a glance: kept as nobody's answer."""
    from unstuck.insights.compile import run

    now = desk.clock.now()
    with _connected(desk, None) as facts:
        result = run(facts, plan, scope, now, calendars=_calendars(desk, plan))
    return told(plan, result, lang, now)


def replay(
    desk: Desk,
    number: int,
    *,
    lang: Lang,
    within: Scope = EVERYTHING,
    every_row: bool = False,
    con: DuckDBPyConnection | None = None,
) -> Reply:
    """An answer of before, computed again: its plan, at its time, for whoever asked then.

    Whoever replays it sees no more than they may see themselves (`within`). `every_row` is for files: a list holds
    all its tickets. A note says if the numbers are no longer the same: late changes have come in, or tickets were
    erased. Raises `UserError` when there is no such answer, or one of an older version.
    """
    from unstuck.insights.compile import run
    from unstuck.insights.compile.desk import MOST_ROWS, MOST_SAVED

    plan, asked, now, digest = _kept(desk, number)
    scope = _narrower(asked, within)
    most = MOST_SAVED if every_row else MOST_ROWS
    with _connected(desk, con) as facts:
        result = run(facts, plan, scope, now, calendars=_calendars(desk, plan), most_rows=most)
    found = replace(told(plan, result, lang, now), number=number)
    if every_row or scope != asked:
        return Reply("answer", found.restatement, found, plan, notes=(found.sentence, *found.notes))
    note = t("insights.replayed" if _digest(result) == digest else "insights.replayed_differs", lang, number=number)
    return Reply("answer", found.restatement, found, plan, notes=(found.sentence, note, *found.notes))


def _kept(desk: Desk, number: int) -> tuple[Plan, Scope, datetime, str]:
    """Plan, scope, time and digest of an answer. Raises `UserError` when there is none of that number."""
    with desk.sessions() as session:
        row = session.get(Audit, number)
        details = dict(row.details) if row is not None and row.action == "ask" else None
    try:
        assert details is not None
        plan, scope = Plan.model_validate(details["plan"]), Scope.model_validate(details["scope"])
        return plan, scope, parse_instant(details["now"]), str(details["sha256"])
    except (AssertionError, KeyError, ValueError):
        raise UserError("no_such_number", number=number) from None


def _narrower(one: Scope, other: Scope) -> Scope:
    """What both may see."""
    teams = one.teams if other.teams is None else other.teams
    if one.teams is not None and other.teams is not None:
        teams = tuple(team for team in one.teams if team in other.teams)
    return Scope(teams=teams, persons=one.persons and other.persons)


def _keeps_hours(desk: Desk) -> bool:
    """Whether a business calendar is set up for the whole desk."""
    with desk.sessions() as session:
        return None in load_calendars(session)


def _calendars(desk: Desk, plan: Plan) -> dict[str | None, BusinessCalendar]:
    if plan.clock == "calendar":
        return {}
    with desk.sessions() as session:
        return load_calendars(session)


def told(plan: Plan, result: Result, lang: Lang, now: datetime, before: Plan | None = None) -> Told:
    """A result in words."""
    from unstuck.insights import explain, labels

    notes = [*explain.notes(plan, result, lang)]
    if before is not None and before != plan and (changed := changes(before, plan, lang, now=now)):
        notes.insert(0, t("insights.changed", lang, what=changed))
    return Told(
        plan=plan,
        result=result,
        sentence=explain.sentence(plan, result, lang),
        restatement=restate(plan, lang, now=now),
        columns=labels.column_names(result, lang),
        rows=tuple(_cells(plan, result, row, lang) for row in result.rows),
        n_rows=len(result.rows),
        notes=tuple(notes),
        at=now,
    )


def _cells(plan: Plan, result: Result, row: tuple[str | int | float | bool | None, ...], lang: Lang) -> tuple[str, ...]:
    from unstuck.insights import labels

    named = zip(result.columns, row, strict=True)
    return tuple("" if value is None else labels.cell(name, value, plan, result, lang) for name, value in named)


def _digest(result: Result) -> str:
    return hashlib.sha256(json.dumps(result.rows, ensure_ascii=False).encode()).hexdigest()


def _remember(
    desk: Desk, plan: Plan, result: Result, thread: str | None, asker: str | None, scope: Scope, now: datetime
) -> int:
    """Write the answer to the audit log, and the plan to its thread; the answer's number."""
    at = desk.clock.now()
    saved = plan.model_dump(mode="json")
    details = {"plan": saved, "sql": result.sql, "rows": len(result.rows), "sha256": _digest(result)}
    details |= {"now": iso(now), "scope": scope.model_dump(mode="json")}
    with desk.sessions.begin() as session:
        kept = Audit(at=at, actor=asker, action="ask", subject=thread, details=details)
        session.add(kept)
        session.flush()
        number = kept.id
        if thread is not None and plan.kind not in (Kind.HELP, Kind.DATA_QUALITY):
            session.merge(Thread(key=thread, plan=saved, updated_at=at))
    assert number is not None
    return number


def picture(plan: Plan, told: Told, lang: Lang) -> bytes | None:
    """The chart as PNG; None for answers that have no shape to draw."""
    if plan.kind not in DRAWN or len(told.result.rows) < 2:
        return None
    from unstuck.insights import chart

    return chart.png(plan, told.result, lang, told.at)


def series(plan: Plan, told: Told, lang: Lang) -> Series | None:
    """The chart as numbers, for places that draw it themselves; None where only the picture will do."""
    if plan.kind not in DRAWN or len(told.result.rows) < 2:
        return None
    from unstuck.insights import chart_series

    return chart_series.series(plan, told.result, lang)


DRAWN = {
    Kind.BREAKDOWN,
    Kind.TOP,
    Kind.TREND,
    Kind.DISTRIBUTION,
    Kind.COMPARE,
    Kind.BOTTLENECK,
    Kind.WHY,
    Kind.MAP,
}


def answer(
    desk: Desk,
    text: str,
    *,
    lang: Lang,
    scope: Scope = EVERYTHING,
    thread: str | None = None,
    asker: str | None = None,
    now: datetime | None = None,
    con: DuckDBPyConnection | None = None,
) -> Reply:
    """One question, one reply: the answer, what to choose from, or what was not understood."""
    now = now or desk.clock.now()
    with _connected(desk, con) as facts:
        reading = read(desk, text, lang=lang, thread=thread, now=now, con=facts)
        if isinstance(reading, Answer):
            found = tell(desk, reading.plan, scope=scope, lang=lang, thread=thread, now=now, asker=asker, con=facts)
            return Reply("answer", found.restatement, found, reading.plan, notes=(found.sentence, *found.notes))
    if isinstance(reading, Refuse):
        return Reply("refuse", reading.reason, options=reading.options, unexplained=reading.unexplained)
    return Reply("ask", reading.prompt, options=reading.options)
