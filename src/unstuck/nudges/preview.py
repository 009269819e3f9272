"""`unstuck nudges preview`: what would go out now, without sending anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from unstuck.clock import iso
from unstuck.i18n import Lang
from unstuck.nudges.at_risk import AtRisk, reason_words
from unstuck.nudges.desk import Desk
from unstuck.nudges.message import party_name, reason, recipient_name
from unstuck.nudges.places import by_overdue, find_places
from unstuck.nudges.plan import as_payload, spent
from unstuck.nudges.sweep import Wanted, examine, told_of
from unstuck.stalls.clocks import working_day
from unstuck.stalls.histories import histories
from unstuck.tickets.database import reading
from unstuck.tickets.history import chunks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from unstuck.facts import Facts

#: States of a nudge that has reached somebody, or is on its way.
_SENT = ("sending", "sent")
_OPEN_AT = """
SELECT DISTINCT ticket FROM stays
WHERE start_at <= ?::TIMESTAMP AND (end_at IS NULL OR end_at > ?::TIMESTAMP)
    AND class NOT IN ('SOLVED', 'CLOSED', 'DROPPED')
ORDER BY ticket
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """The nudges that would go out, the longest overdue first."""

    #: When: now, or the next decent hour of most teams.
    at: datetime
    wanted: Sequence[Wanted]
    #: By ticket: when the morning's message is due that these wait for.
    mornings: Mapping[int, datetime]
    #: Stalls that the caps put off to another day.
    put_off: int


def open_tickets(connection: DuckDBPyConnection, now: datetime) -> list[int]:
    """Tickets that were open at `now`."""
    at = now.replace(tzinfo=None)
    return [row[0] for row in connection.execute(_OPEN_AT, [at, at]).fetchall()]


def preview(engine: Engine, facts: Facts, desk: Desk, now: datetime) -> Preview:
    """What would be sent at `now`, or at the next decent hour if nothing happens until then.

    Nudges that a sweep has written down already count as not sent until they are.
    """
    with facts.connect() as relations:
        tickets = open_tickets(relations, now)
    wanted = list(_wanted(engine, tickets, desk, now))
    with reading(engine) as connection:
        heard = spent(connection, now, states=_SENT)
    found = find_places(wanted, heard, lambda _digests: {}, desk, now)
    mornings = {line.one.ticket.id: line.at for line in found.lines}
    chosen = by_overdue([*found.alone, *(line.one for line in found.lines)])
    at = max((one.next.at for one in found.alone), default=now)
    return Preview(at, chosen, mornings, len(found.left_out))


def _wanted(engine: Engine, tickets: Sequence[int], desk: Desk, now: datetime) -> Iterator[Wanted]:
    with reading(engine) as connection:
        for some in chunks(tickets):
            told = told_of(connection, some)
            for history in histories(connection, some):
                mine = told.get(history.ticket.id, {}).values()
                earlier = [one for one in mine if one.due_at <= now and one.state != "due"]
                verdict = examine(history, earlier, desk, now)
                # At night the first rung is due in the morning; a later rung has a wait of its own.
                if verdict.stall and verdict.next:
                    place = desk.situation(history.ticket.source_id, verdict.stall)
                    if verdict.next.at <= place.decent(now, verdict.next.recipient):
                        yield Wanted(history.ticket, verdict.stall, verdict.next)


def as_json(
    one: Wanted, desk: Desk, lang: Lang, risk: AtRisk | None = None, morning: datetime | None = None
) -> dict[str, Any]:
    """A line of the preview; times in seconds of business time.

    `risk` is there only where a deadline may be missed, `morning` (UTC) where it stands in a morning's message.
    """
    directory, stall = desk.directory(one.ticket.source_id), one.stall
    day = working_day(desk.policy(one.ticket.source_id).calendar_of(stall.team))
    kind = stall.waiting_on.kind.value
    return {
        "ticket": one.ticket.ext_id,
        "rule": one.next.rule,
        "waiting_on": kind,
        "party": party_name(kind, stall.waiting_on.id, directory),
        "stage": stall.stage,
        "waited": stall.waited,
        "threshold": stall.threshold,
        **({"risk": round(risk.risk.chance, 4), "risk_reasons": _reasons(risk, lang)} if risk else {}),
        "step": one.next.step,
        "recipient": recipient_name(one.next.recipient, directory, lang),
        "reason": reason(as_payload(stall), lang, day),
        **({"morning": iso(morning)} if morning else {}),
    }


def _reasons(risk: AtRisk, lang: Lang) -> list[str]:
    return [reason_words(reason, lang) for reason in risk.risk.reasons]
