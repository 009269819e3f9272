"""What somebody does to a ticket from Slack: written back where the admin allows it, else kept here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from unstuck.connectors import Action, ActionKind
from unstuck.connectors.registry import connector_of
from unstuck.connectors.words import marked
from unstuck.errors import UserError
from unstuck.sources import config as configured
from unstuck.sources import write_back
from unstuck.sources.config import SourceConfig
from unstuck.tickets.database import reading
from unstuck.tickets.history import TICKET, table_of
from unstuck.tickets.tables import Nudge, Person, Source, Team

if TYPE_CHECKING:
    from unstuck.deps import Deps

NUDGE, PERSON, SOURCE, TEAM = table_of(Nudge), table_of(Person), table_of(Source), table_of(Team)


@dataclass(frozen=True, slots=True)
class Target:
    """The ticket of a nudge, and what may be done to it."""

    nudge_id: int
    ticket_id: int
    #: As the ticket system calls it.
    ticket: str
    title: str | None
    url: str | None
    source_id: int
    source: str
    #: None for tickets that no ticket system is connected for.
    config: SourceConfig | None
    #: Where the nudge stands in Slack.
    channel: str | None
    ts: str | None

    def may(self, kind: ActionKind) -> bool:
        """Whether an admin allows it and the ticket system can do it."""
        if self.config is None or kind not in self.config.writes:
            return False
        return kind in connector_of(self.config.system).capabilities.writes


def find(deps: Deps, nudge_id: int) -> Target | None:
    columns = (
        NUDGE.c.id, TICKET.c.id, TICKET.c.ext_id, TICKET.c.title, TICKET.c.url, TICKET.c.source_id, SOURCE.c.name,
        NUDGE.c.slack_channel, NUDGE.c.slack_ts,
    )  # fmt: skip
    wanted = select(*columns).join(TICKET, TICKET.c.id == NUDGE.c.ticket_id)
    wanted = wanted.join(SOURCE, SOURCE.c.id == TICKET.c.source_id).where(NUDGE.c.id == nudge_id)
    with reading(deps.engine) as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    nudge, ticket, ext_id, title, url, source_id, source, channel, ts = row
    return Target(nudge, ticket, ext_id, title, url, source_id, source, _config(deps, source), channel, ts)


def _config(deps: Deps, source: str) -> SourceConfig | None:
    try:
        return configured.get(deps.settings.directory, source)
    except UserError:
        return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody, or a team, that a ticket can be given to."""

    #: `person:<id>` or `team:<id>`.
    recipient: str
    name: str
    email: str | None = None
    slack_id: str | None = None


def candidates(deps: Deps, source_id: int, typed: str, most: int) -> Sequence[Candidate]:
    """Agents and teams of a source whose name holds what was typed; people first."""
    like = f"%{typed.strip().lower()}%"
    people = select(PERSON.c.ext_id, PERSON.c.name, PERSON.c.email, PERSON.c.slack_id)
    here = PERSON.c.source_id == source_id, PERSON.c.active, PERSON.c.kind.not_in(("customer", "bot"))
    teams = select(TEAM.c.ext_id, TEAM.c.name).where(TEAM.c.source_id == source_id, func.lower(TEAM.c.name).like(like))
    with reading(deps.engine) as connection:
        named = people.where(*here, func.lower(PERSON.c.name).like(like)).order_by(PERSON.c.name).limit(most)
        found = [Candidate(f"person:{ext}", *rest) for ext, *rest in connection.execute(named)]
        found += [Candidate(f"team:{ext}", name) for ext, name in connection.execute(teams.order_by(TEAM.c.name))]
    return found[:most]


def candidate(deps: Deps, source_id: int, recipient: str) -> Candidate | None:
    """One of them by its id; None when there is no such person or team."""
    kind, _, ext_id = recipient.partition(":")
    person = select(PERSON.c.name, PERSON.c.email, PERSON.c.slack_id)
    person = person.where(PERSON.c.source_id == source_id, PERSON.c.ext_id == ext_id, PERSON.c.kind != "customer")
    team = select(TEAM.c.name).where(TEAM.c.source_id == source_id, TEAM.c.ext_id == ext_id)
    with reading(deps.engine) as connection:
        row = connection.execute(team if kind == "team" else person).first()
    return Candidate(recipient, *row) if row is not None and kind in ("person", "team") else None


def write(deps: Deps, target: Target, action: Action) -> str:
    """Write it down and try it at once: `done`, `due` (nobody knows yet; it is tried again) or `refused`.

    The same key again is the same act. Raises `UserError` where the admin has not allowed it.
    """
    if target.config is None:
        raise UserError("no_such_source", name=target.source, known="-")
    with deps.sessions.begin() as session:
        write_back.ask(session, target.config, action, deps.clock)
    return write_back.carry_out(target.config, target.config.open(), deps.sessions, deps.clock, action.key)


def as_read(action: Action) -> str:
    """A note or reply, character by character as it will stand there."""
    return marked(action)
