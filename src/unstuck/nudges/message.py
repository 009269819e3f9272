"""What a nudge says, in the reader's language: names for ids, a sentence for the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from unstuck.clock import parse_instant
from unstuck.errors import UserError
from unstuck.i18n import Lang, format_number, format_share, format_working, t
from unstuck.nudges import risks
from unstuck.nudges.desk import Desk
from unstuck.nudges.recipients import MANAGER, Directory
from unstuck.nudges.sweep import NUDGE
from unstuck.nudges.told import base
from unstuck.nudges.view import Evidence, NudgeView
from unstuck.stalls.clocks import working_day
from unstuck.stalls.find import ANSWERED
from unstuck.stalls.thresholds import LATE
from unstuck.stalls.turn import PartyKind
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Source

#: Characters of a ticket that are enough to tell its problem.
MOST_ASKED = 600


def view(
    connection: Connection,
    nudge_id: int,
    desk: Desk,
    lang: Lang,
    *,
    now: datetime | None = None,
    waited: int | None = None,
    note: str | None = None,
) -> NudgeView:
    """The nudge as its message shows it; `waited` overrules what the ticket had waited when it was found.

    With `now` it tells the ticket's risk too, as far as it is known. Raises `UserError("nudge_unknown")`.
    """
    columns = [*NUDGE.c, *(TICKET.c[name] for name in ("ext_id", "source_id", "title", "url"))]
    columns.append(TICKET.c["values"].label("ticket_values"))
    found = select(*columns).join(TICKET, TICKET.c.id == NUDGE.c.ticket_id).where(NUDGE.c.id == nudge_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise UserError("nudge_unknown", id=nudge_id)
    drawn = _view(row, desk, lang)
    if drawn.ask:
        drawn = replace(drawn, promised_at=_promised_at(connection, row))
    drawn = replace(drawn, note=note or _away(row, desk.directory(row.source_id), lang))
    if now is not None and row.outcome is None:
        known = risks.read(connection, now, [row.ticket_id])
        drawn = replace(drawn, risk=risks.as_view(known[0], lang) if known else None)
    return drawn if waited is None else replace(drawn, waited=waited)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a ticket is about, to ask what solved such a one before. Foreign text."""

    #: As cards learned from it are named.
    ticket: str
    text: str


def stands_in(connection: Connection, nudge_id: int, channel: str | None) -> bool:
    """Whether the nudge is told in that channel. Ids come back from clients: one of elsewhere is not for this reader."""
    here = select(NUDGE.c.id).where(NUDGE.c.id == nudge_id, NUDGE.c.slack_channel == channel)
    return connection.execute(here).first() is not None


def question(connection: Connection, nudge_id: int) -> Problem | None:
    """What the ticket of a nudge is about; None when it says nothing."""
    source = table_of(Source)
    columns = source.c.name, TICKET.c.ext_id, TICKET.c.title, TICKET.c.description
    found = select(*columns).select_from(NUDGE).join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
    row = connection.execute(
        found.join(source, source.c.id == TICKET.c.source_id).where(NUDGE.c.id == nudge_id)
    ).one_or_none()
    if row is None or not (text := "\n".join(part for part in (row.title, row.description) if part)[:MOST_ASKED]):
        return None
    return Problem(f"{row.name}/{row.ext_id}", text)


def _view(row: Any, desk: Desk, lang: Lang) -> NudgeView:
    said, customer, directory = row.payload, (row.ticket_values or {}).get("customer"), desk.directory(row.source_id)
    day, hint = working_day(desk.policy(row.source_id).calendar_of(said["team"])), said.get("hint") or {}
    return NudgeView(
        nudge_id=row.id,
        key=row.key,
        ticket=row.ext_id,
        title=row.title,
        url=row.url,
        stage=said["stage"],
        waiting_on=said["waiting_on"]["kind"],
        party=party_name(said["waiting_on"]["kind"], said["waiting_on"]["id"], directory),
        waited=said["waited"],
        threshold=said["threshold"],
        still_since=parse_instant(said["still_since"]),
        priority=said["priority"],
        customer=customer,
        comparables=said["comparables"],
        compared_by=said["compared_by"],
        reason=reason(said, lang, day),
        evidence=tuple(_evidence(fact, directory) for fact in said["evidence"]),
        rule=row.rule,
        step=row.step,
        recipient=row.recipient,
        recipient_name=recipient_name(row.recipient, directory, lang),
        working_day=day,
        hint_title=hint.get("title"),
        hint_url=hint.get("url"),
        outcome="withdrawn" if row.state == "withdrawn" else row.outcome,
        outcome_by=row.outcome_by,
        snoozed_until=row.snoozed_until,
        until_reply=bool(said.get("until_reply")),
        snoozes=desk.rules.snoozes,
        ask=said.get("ask"),
    )


def _promised_at(connection: Connection, row: Any) -> datetime | None:
    """When somebody last said that they are on it, while the ticket stood still as it does."""
    said = NUDGE.c.ticket_id == row.ticket_id, NUDGE.c.outcome == "mine", NUDGE.c.id < row.id
    same = NUDGE.c.occasion.startswith(base(row.occasion), autoescape=True)
    found: datetime | None = connection.execute(select(func.max(NUDGE.c.outcome_at)).where(*said, same)).scalar()
    return found


def _evidence(fact: dict[str, Any], directory: Directory) -> Evidence:
    who = directory.any_name(fact["who"]) if fact["who"] else None
    return Evidence(fact["kind"], parse_instant(fact["at"]), who, fact["what"])


def _away(row: Any, directory: Directory, lang: Lang) -> str | None:
    """Why a rung above the owner's hears it although the owner has it: the owner is gone."""
    owner = row.payload.get("assignee")
    person = directory.people.get(owner) if owner else None
    if person is None or person.active or row.recipient == f"person:{owner}":
        return None
    return t("nudges.note_away", lang, name=person.name)


def party_name(kind: str, ext_id: str | None, directory: Directory) -> str | None:
    """What people call the party; None for the customer, the vendor and nobody."""
    if ext_id is None:
        return None
    if kind == PartyKind.AGENT:
        return directory.people[ext_id].name if ext_id in directory.people else ext_id
    return directory.teams[ext_id].name if ext_id in directory.teams else ext_id


def recipient_name(recipient: str, directory: Directory, lang: Lang) -> str:
    return t("nudges.manager", lang) if recipient == MANAGER else directory.name(recipient)


def reason(said: dict[str, Any], lang: Lang, day: int = 86_400) -> str:
    """Why it is late, in one sentence; `said` is a stall as `plan.as_payload` writes it.

    `day`: seconds of a working day on the clock by which it waits.
    """
    threshold = format_working(said["threshold"], day, lang)
    if said["compared_by"] == ANSWERED:
        return t("nudges.reason_answered", lang, threshold=threshold)
    if said["rate"] is None:
        return t("nudges.reason_fixed", lang, threshold=threshold)
    by = t("nudges.and", lang).join(t(f"nudges.by_{name}", lang) for name in said["compared_by"].split("+"))
    share, n = format_share(said["rate"], lang), format_number(said["comparables"], lang)
    key = "nudges.reason" if said["rate"] >= LATE - 1e-9 else "nudges.reason_partly"
    return t(key, lang, share=share, n=n, by=by, threshold=threshold)


def unreached(directory: Directory, recipient: str, lang: Lang) -> str:
    """The note on a message that its recipient could not get."""
    return t("nudges.note_unreached", lang, name=recipient_name(recipient, directory, lang))
