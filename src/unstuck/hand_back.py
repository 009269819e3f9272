"""Giving a ticket back to the queue: unassigned in the ticket system, with a note for whoever takes it next."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from unstuck.clock import Clock
from unstuck.connectors import Action, ActionKind
from unstuck.errors import UserError
from unstuck.i18n import Lang, format_instant, format_working, t
from unstuck.nudges import message
from unstuck.nudges.contract import GIVEN_UP, HAND_OVER, HANDED_BACK, REFUSED
from unstuck.nudges.desk import Desk
from unstuck.nudges.plan import look_again
from unstuck.nudges.sweep import NUDGE
from unstuck.nudges.view import Evidence, NudgeView
from unstuck.sources import config as configured
from unstuck.sources import write_back
from unstuck.sources.config import SourceConfig
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Audit, Source

SOURCE = table_of(Source)
#: A write that has not been done by then is given up anyway.
FOLLOWED_FOR = timedelta(days=7)
#: What must be allowed in the source's `[write]`.
NEEDED = frozenset({ActionKind.NOTE, ActionKind.ASSIGN})


def give_back(
    session: Session, desk: Desk, home: Path, nudge_id: int, clock: Clock, lang: Lang, *, by: str, name: str
) -> str:
    """Have the ticket of a nudge put back into the queue because `by` (a Slack user id, called `name`) says so.

    Returns `handed_back` when it will be (the next sync writes it), `given_up` when nothing may be written there
    and the lead is to hear of it, and what it is already when somebody was faster.
    """
    row = session.execute(_find(nudge_id).with_for_update(of=NUDGE)).one_or_none()
    if row is None:
        raise UserError("nudge_unknown", id=nudge_id)
    if row.outcome is not None:
        return str(row.outcome)
    config = _writable(home, row.source)
    if config is not None:
        _ask(session, desk, config, row, clock, lang, name)
    outcome = HANDED_BACK if config is not None else GIVEN_UP
    # To a lead who may not write either it stays a proposal, so that the message keeps its buttons.
    if config is not None or row.payload.get("ask") != HAND_OVER:
        _settle(session, row, outcome, by, clock)
    return outcome


def give_back_due(session: Session, desk: Desk, home: Path, clock: Clock, lang: Lang) -> int:
    """Put back what its owner was silent about, oldest first, where the rules say that it goes by itself."""
    if not desk.rules.contract.hand_back:
        return 0
    waiting = _find().where(NUDGE.c.payload["ask"].as_string() == HAND_OVER, NUDGE.c.outcome.is_(None))
    waiting = waiting.where(NUDGE.c.state.in_(("due", "sent"))).order_by(NUDGE.c.occasion, NUDGE.c.id)
    rows = session.execute(waiting.with_for_update(of=NUDGE, skip_locked=True)).all()
    given = 0
    for row in rows:
        config = _writable(home, row.source)
        if config is not None:
            _ask(session, desk, config, row, clock, lang, t("contract.the_rules", lang))
            _settle(session, row, HANDED_BACK, None, clock)
            given += 1
    return given


def tell_refused(session: Session, clock: Clock) -> int:
    """Say so on nudges whose ticket was to go back, where the ticket system would not have it; how many those are."""
    recent = NUDGE.c.outcome == HANDED_BACK, NUDGE.c.outcome_at > clock.now() - FOLLOWED_FOR
    told = 0
    for row in session.execute(_find().where(*recent).with_for_update(of=NUDGE, skip_locked=True)).all():
        asked = write_back.ROW.c.key == f"{_key(row)}-{ActionKind.ASSIGN.value}"
        if session.execute(select(write_back.ROW.c.state).where(asked)).scalar() == "refused":
            _settle(session, row, REFUSED, None, clock)
            told += 1
    return told


def _find(nudge_id: int | None = None) -> Any:
    found = (
        select(NUDGE, TICKET.c.ext_id, SOURCE.c.name.label("source"))
        .join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
        .join(SOURCE, SOURCE.c.id == TICKET.c.source_id)
    )
    return found if nudge_id is None else found.where(NUDGE.c.id == nudge_id)


def _writable(home: Path, source: str) -> SourceConfig | None:
    """The source's configuration where an admin has allowed what is needed."""
    try:
        config = configured.get(home, source)
    except UserError:
        # Imported from a file, or its configuration cannot be read: nothing can be written there.
        return None
    return config if config.writes >= NEEDED else None


def _ask(session: Session, desk: Desk, config: SourceConfig, row: Any, clock: Clock, lang: Lang, name: str) -> None:
    view = message.view(session.connection(), row.id, desk, lang)
    for kind, value in ((ActionKind.NOTE, note(view, desk.timezone, lang)), (ActionKind.ASSIGN, "")):
        action = Action(f"{_key(row)}-{kind.value}", row.ext_id, kind, value, name)
        write_back.ask(session, config, action, clock)


def _key(row: Any) -> str:
    return hashlib.sha256(f"hand_back:{row.id}:{row.key}".encode()).hexdigest()[:16]


def _settle(session: Session, row: Any, outcome: str, by: str | None, clock: Clock) -> None:
    now = clock.now()
    news = {"outcome": outcome, "outcome_by": by, "outcome_at": now, "redraw": True}
    session.execute(update(NUDGE).where(NUDGE.c.id == row.id).values(**news))
    session.add(Audit(at=now, actor=by, action="nudge", subject=row.key, details={"outcome": outcome}))
    look_again(session.connection(), row.ticket_id, now)


def note(view: NudgeView, timezone: str, lang: Lang) -> str:
    """What the next owner should know: for agents, in the ticket system itself."""
    waited = format_working(view.waited, view.working_day, lang)
    since = format_instant(view.still_since, timezone, lang)
    who = view.party or t("nudges.somebody", lang)
    promised = format_instant(view.promised_at, timezone, lang) if view.promised_at else "-"
    head = t("contract.note", lang, who=who, promised=promised, stage=view.stage, waited=waited, since=since)
    return "\n".join([head, *(_fact(fact, timezone, lang) for fact in view.evidence)])


def _fact(fact: Evidence, timezone: str, lang: Lang) -> str:
    known = "_by" if fact.who else ""
    at = format_instant(fact.at, timezone, lang)
    return "- " + t(f"bot.evidence_{fact.kind}{known}", lang, at=at, who=fact.who or "", what=fact.what or "")
